"""What a program does with its `IB`: the same straight on a gateway and through the proxy.

`tests/judges/test_ib_async.py` runs both ways too; there it is about what the answers say.
A handler that blocks is tested in `tests/client/test_nested.py` only: straight on a socket
ib_async waits for ever then.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import ContractDetails, MarketOrder, StartupFetch, Stock, util

QUICK = {"fetchFields": StartupFetch(0)}
SPY = Stock("SPY", "SMART", "USD")


def details(ib: Any) -> ContractDetails:
    """Ask something that is answered by one row."""
    [row] = ib.reqContractDetails(SPY)
    return row  # type: ignore[no-any-return]


def test_what_connect_has_fetched(connect: Callable[..., Any], reach: Any) -> None:
    """After a connect the program knows its account, and the object says where it is."""
    ib = connect(7)
    assert ib.managedAccounts() == ["DU1000001"]
    assert {each.account for each in ib.accountValues()} == {"DU1000001"}
    assert (ib.positions(), ib.portfolio(), ib.openTrades(), ib.fills()) == ([], [], [], [])
    host, port = reach.address
    assert repr(ib).endswith(f"IB connected to {host}:{port} clientId=7>")
    assert ib.client.getReqId() >= 1


def test_connecting_again_and_again(connect: Callable[..., Any], reach: Any) -> None:
    """One object connects, disconnects and connects again at once, under the same client id."""
    ib = connect(**QUICK)
    ends: list[bool] = []
    ib.disconnectedEvent += lambda: ends.append(ib.isConnected())
    for number in range(10):
        assert details(ib).contract.symbol == "SPY"  # type: ignore[union-attr]
        ib.disconnect()
        assert not ib.isConnected()
        ib.connect(*reach.address, clientId=1, **QUICK)
        assert len(ends) == number + 1


def test_without_a_connection(connect: Callable[..., Any]) -> None:
    """A request says that there is no connection."""
    ib = connect(**QUICK)
    ib.disconnect()
    with pytest.raises(ConnectionError, match="Not connected"):
        ib.reqCurrentTime()


def test_a_client_id_that_is_taken(connect: Callable[..., Any], reach: Any) -> None:
    """The second one with an id is refused with 326, and the first one lives on."""
    first, second = connect(5, **QUICK), reach.kind()
    errors: list[int] = []
    second.errorEvent += lambda _id, code, *_: errors.append(code)
    with pytest.raises((ConnectionError, TimeoutError, asyncio.TimeoutError)):
        second.connect(*reach.address, clientId=5, timeout=2)
    assert 326 in errors
    assert not second.isConnected()
    assert details(first)


def test_one_object_on_several_loops(reach: Any) -> None:
    """An object works in one asyncio.run after the other."""
    ib = reach.kind()

    async def once() -> None:
        await ib.connectAsync(*reach.address, clientId=1, **QUICK)
        assert await ib.reqContractDetailsAsync(SPY)
        ib.disconnect()
        await asyncio.sleep(0)

    asyncio.run(once())
    asyncio.run(once())


def test_in_another_thread(reach: Any) -> None:
    """A thread with a loop of its own uses an object of its own."""
    found: list[Any] = []

    def run() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        ib = reach.kind()
        ib.connect(*reach.address, clientId=3, **QUICK)
        found.append(details(ib))
        ib.disconnect()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=15)
    assert found


def test_several_objects(connect: Callable[..., Any], until: Callable[..., None]) -> None:
    """Objects of one process are clients of their own; each gets its own answers."""
    one, two = connect(1, **QUICK), connect(2, **QUICK)
    amd = Stock("AMD", "SMART", "USD")
    both = util.run(asyncio.wait_for(_ask_both(one, two, amd), 15))
    assert [[row.contract.symbol for row in rows] for rows in both] == [["SPY"], ["AMD"]]
    tickers = [one.reqMktData(each) for each in one.qualifyContracts(SPY)]
    until(lambda: all(each.hasBidAsk() for each in tickers), one)
    assert two.tickers() == []


async def _ask_both(one: Any, two: Any, amd: Stock) -> tuple[list[Any], list[Any]]:
    first, second = one.reqContractDetailsAsync(SPY), two.reqContractDetailsAsync(amd)
    return await first, await second


def test_a_subclass_of_the_old_style(reach: Any) -> None:
    """A class that calls `IB.__init__` and connects in its constructor."""

    class Mine(reach.kind):  # type: ignore[misc]
        def __init__(self) -> None:
            reach.kind.__init__(self)
            self.connect(*reach.address, clientId=4, **QUICK)

    ib = Mine()
    assert details(ib)
    ib.disconnect()


def test_events_of_a_trade(connect: Callable[..., Any], until: Callable[..., None]) -> None:
    """Handlers that are attached after placeOrder hear of fill, commission and end, in order."""
    ib = connect()
    [spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
    trade = ib.placeOrder(spy, MarketOrder("BUY", 10))
    heard: list[str] = []
    for name in ("fillEvent", "filledEvent", "commissionReportEvent"):
        event = getattr(trade, name)
        event += lambda *_, name=name: heard.append(name)
    until(lambda: "commissionReportEvent" in heard and trade.isDone(), ib)
    assert heard[0] == "fillEvent"
    assert sorted(set(heard)) == ["commissionReportEvent", "fillEvent", "filledEvent"]
    assert ib.trades() == [trade]
    assert trade in ib.trades()
    assert [each.contract.symbol for each in ib.positions()] == ["SPY"]


def test_an_unknown_contract(connect: Callable[..., Any]) -> None:
    """Error 200 arrives with the request's id and contract, and the request ends empty."""
    ib = connect(**QUICK)
    errors: list[tuple[int, str]] = []
    ib.errorEvent += lambda _id, code, _text, contract: errors.append((code, contract.symbol))
    assert ib.reqContractDetails(Stock("NOSUCH", "SMART", "USD")) == []
    assert errors == [(200, "NOSUCH")]


def test_a_read_only_gateway(
    connect: Callable[..., Any], until: Callable[..., None], reach: Any
) -> None:
    """An order is refused under its id, a question for completed orders without one (1.43-1.45)."""
    ib = connect(**QUICK)
    [spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
    errors: list[tuple[int, int]] = []
    ib.errorEvent += lambda req_id, code, *_: errors.append((req_id, code))
    reach.sim.control.fault("read_only")
    trade = ib.placeOrder(spy, MarketOrder("BUY", 10))
    until(lambda: errors, ib)
    assert errors == [(trade.order.orderId, 321)]
    errors.clear()

    async def ask() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(ib.reqCompletedOrdersAsync(apiOnly=False), 0.5)

    util.run(ask())
    assert errors == [(-1, 321)]
    reach.sim.control.mend("read_only")
    assert ib.reqCompletedOrders(apiOnly=False) == []


def test_a_gateway_that_goes_away(
    connect: Callable[..., Any], until: Callable[..., None], reach: Any
) -> None:
    """Who waits for an answer is told at once, and the object says that it is not connected."""
    ib = connect(**QUICK)
    ends: list[str] = []
    ib.disconnectedEvent += lambda: ends.append("end")
    reach.sim.gateway.handlers["9"] = lambda *_: None  # it is busy with something else

    async def ask() -> None:
        asking = asyncio.ensure_future(ib.reqContractDetailsAsync(SPY))
        await asyncio.sleep(0)
        reach.end()
        await asyncio.wait_for(asking, 10)

    with pytest.raises(ConnectionError):
        util.run(ask())
    until(lambda: ends, ib)
    assert not ib.isConnected()
