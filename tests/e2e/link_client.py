"""A program that connects, follows SPY, and does what it is told, line by line, in JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
from typing import Any

from ib_async import IB, LimitOrder, MarketOrder, Option

from ibproxy import RemoteIB
from tests.e2e.line import SPY, ends_of, quotes_of

FAR_BELOW = 1.0
TIMEOUT_S = 20.0


class Follower:
    """The program."""

    def __init__(self, strategy: str, client_id: int, door: int) -> None:
        self.errors: list[int] = []
        self.asked: list[asyncio.Future[Any]] = []
        self.ib = IB() if door else RemoteIB()
        if isinstance(self.ib, RemoteIB):
            self.ib.strategy = strategy
        self.ib.errorEvent += lambda _id, code, *_: self.errors.append(code)
        self.ib.connect("127.0.0.1", door or 7497, clientId=client_id, timeout=TIMEOUT_S)
        self.ends = ends_of(self.ib)
        self.quotes = quotes_of(self.ib)

    async def place(self, quantity: int) -> int:
        """Place an order that stays open; return its id."""
        trade = self.ib.placeOrder(SPY, LimitOrder("BUY", quantity, FAR_BELOW))
        await self._until(lambda: trade.orderStatus.status == "Submitted")
        return trade.order.orderId

    async def buy(self, quantity: int) -> int:
        """Buy at once; return the order's id."""
        trade = self.ib.placeOrder(SPY, MarketOrder("BUY", quantity))
        await self._until(trade.isDone)
        return trade.order.orderId

    async def watch(self) -> float:
        """Subscribe to SPY's market data; return the first bid."""
        ticker = self.ib.reqMktData(SPY)
        await self._until(ticker.hasBidAsk)
        return ticker.bid

    async def bid(self) -> float:
        """Return the bid that it sees."""
        ticker = self.ib.ticker(SPY)
        assert ticker
        return ticker.bid

    async def ask_much(self, count: int, seconds: float) -> int:
        """Ask so often for all of SPY's options, some 4 MB each time, and do not read them."""
        for _ in range(count):
            asking = self.ib.reqContractDetailsAsync(Option("SPY"))
            self.asked.append(asyncio.ensure_future(asking))
        await asyncio.sleep(0)  # now they are asked
        time.sleep(seconds)  # noqa: ASYNC251 - as below
        return count

    async def compute(self, seconds: float) -> float:
        """Do something else meanwhile."""
        time.sleep(seconds)  # noqa: ASYNC251 - it blocks the loop: that is what it is for
        return seconds

    async def ended(self) -> list[str]:
        """Tell why it was disconnected."""
        return self.ends

    async def report(self) -> dict[str, Any]:
        """Tell what it has seen."""
        return {
            "is_connected": self.ib.isConnected(),
            "ends": self.ends,
            "errors": self.errors,
            "quotes": self.quotes,
            "open": {t.order.orderId: t.order.totalQuantity for t in self.ib.openTrades()},
            "fills": sorted({fill.execution.execId for fill in self.ib.fills()}),
        }

    async def _until(self, condition: Any) -> None:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.01)


async def obey(follower: Follower, lines: asyncio.Queue[str]) -> None:
    """Do what it is told, one thing after the other."""
    while True:
        word, *arguments = json.loads(await lines.get())
        tell(await getattr(follower, word)(*arguments))


def read(lines: asyncio.Queue[str], loop: asyncio.AbstractEventLoop) -> None:
    """Put what comes on the standard input into the queue."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)


def tell(answer: Any) -> None:
    """Say something."""
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    one = Follower(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    tell(one.ib.managedAccounts())
    told: asyncio.Queue[str] = asyncio.Queue()
    threading.Thread(target=read, args=(told, asyncio.get_event_loop()), daemon=True).start()
    while True:
        with contextlib.suppress(ConnectionError):  # so ib_async ends what runs at a disconnect
            one.ib.run(obey(one, told))
