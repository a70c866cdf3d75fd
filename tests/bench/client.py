"""A client of the benchmarks: one measurement, printed as JSON."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import Any

import ib_async

import ibproxy

ACCOUNT = "DU1000001"
TIMEOUT_S = 60.0


def connect(library: str, port: int, client_id: int) -> Any:
    """Return a connected IB of one of the two libraries, without ib_async's own throttle."""
    ib: Any = (ib_async if library == "direct" else ibproxy).IB()
    ib.client.MaxRequests = 0
    ib.connect("127.0.0.1", port, client_id, fetchFields=ib_async.StartupFetchNONE)
    return ib


def round_trip(library: str, port: int, count: int, request: str) -> dict[str, float]:
    """Measure the median time of a request and its answer, in seconds."""
    ib = connect(library, port, 11)
    spy = ib_async.Stock("SPY", "SMART", "USD")
    calls = {
        "user": ib.reqUserInfo,
        "details": lambda: ib.reqContractDetails(spy),
    }
    call, times_s = calls[request], []
    call()
    for _ in range(count):
        began_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - began_s)
    ib.disconnect()
    return {"value": statistics.median(times_s)}


def ticks(library: str, port: int, clients: int, count: int) -> dict[str, float]:
    """Measure how many ticks a second all clients together are given, and decode."""
    ibs = [connect(library, port, 20 + number) for number in range(clients)]
    spy = ib_async.Stock(conId=756733, symbol="SPY", exchange="SMART", currency="USD")
    before = [ib.client.connectionStats().numMsgRecv for ib in ibs]
    for ib in ibs:
        ib.reqMktData(spy)

    def received() -> list[int]:
        return [
            ib.client.connectionStats().numMsgRecv - start
            for ib, start in zip(ibs, before, strict=True)
        ]

    async def run() -> float:
        deadline_s = time.monotonic() + TIMEOUT_S
        began_s, began_with = time.perf_counter(), 0
        while time.monotonic() < deadline_s:
            now = received()
            if max(now) <= 100:  # the flood has not begun
                began_s, began_with = time.perf_counter(), sum(now)
            if min(now) >= count:
                return (sum(now) - began_with) / (time.perf_counter() - began_s)
            await asyncio.sleep(0.001)
        raise TimeoutError(f"{min(received())} of {count} ticks in {TIMEOUT_S} s")

    value = ib_async.util.run(run())
    for ib in ibs:
        ib.disconnect()
    return {"value": value}


def orders(library: str, port: int, count: int, at_once: int) -> dict[str, float]:
    """Measure how many orders a second are placed and cancelled, so many of them at a time."""
    ib = connect(library, port, 12)
    [spy] = ib.qualifyContracts(ib_async.Stock("SPY", "SMART", "USD"))

    def place() -> None:
        trades = [ib.placeOrder(spy, ib_async.LimitOrder("BUY", 1, 1.0)) for _ in range(at_once)]
        for trade in trades:
            ib.cancelOrder(trade.order)
        deadline_s = time.monotonic() + TIMEOUT_S
        while not all(each.isDone() for each in trades):
            assert time.monotonic() < deadline_s, trades
            ib.waitOnUpdate(0.1)

    place()
    began_s = time.perf_counter()
    for _ in range(count // at_once):
        place()
    value = count / (time.perf_counter() - began_s)
    ib.reqGlobalCancel()
    ib.disconnect()
    return {"value": value}


if __name__ == "__main__":
    kind, library, port, *numbers = sys.argv[1:]
    if kind == "ticks":
        result = ticks(library, int(port), int(numbers[0]), int(numbers[1]))
    elif kind == "orders":
        result = orders(library, int(port), int(numbers[0]), int(numbers[1]))
    else:
        result = round_trip(library, int(port), int(numbers[0]), kind)
    print(json.dumps(result))  # noqa: T201 - read by the parent
