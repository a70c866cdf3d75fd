"""A strategy of the chaos run: it trades without pause, and connects again when it is cut off.

    python -m tests.chaos.strategy NAME LIFE SEED DIARY SYMBOLS PAUSE_S

It is written as a user would write it, on ib_async's `IB` and nothing of the proxy's. What it
places carries an orderRef of its own, `NAME-LIFE-N`, so that an order is known by what it is and
not by its ids. A line on its standard input changes what it does: `quiet` ends its trading, `end`
the program, as the end of the input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ib_async.ib
from ib_async import BracketOrder, Contract, LimitOrder, MarketOrder, Order, Stock, StopOrder

from ibproxy import RemoteIB
from tests.chaos.accounts import CLIENT_ID
from tests.chaos.recording import Diary, RecordingWrapper

CONNECT_S, RETRY_S = 15.0, 0.3
MOST_OPEN = 12
"""When more of its orders are open, it cancels one instead of placing another."""

MOST_UNANSWERED = 10
"""When the gateway has not said a word of more of them, it waits."""

MANY = 12
LEAVES = 0.2
"""How often it leaves when it thinks of it."""

REFUSED, AFTER_REFUSAL_S = 201, 0.4
"""When an order was refused it waits for so long, and tries another one."""

LOST, RESTORED, DATA_LOST = 1100, (1101, 1102), 1101
WORKING = ("PreSubmitted", "Submitted")


class Strategy:
    """One life of it."""

    def __init__(self, name: str, life: int, seed: str, diary: Diary, symbols: list[str]) -> None:
        self.is_quiet = self.is_ended = False
        self._name = name
        self._life = life
        self._dice = random.Random(f"{seed}/{name}/{life}")
        self._diary = diary
        self._contracts = [Stock(symbol, "SMART", "USD") for symbol in symbols]
        self._prices: dict[str, float] = {}
        self._placed = 0
        self._is_cut_off = False
        self._not_before_s = 0.0
        self._questions: set[asyncio.Future[Any]] = set()
        # a careful one waits while the gateway is cut off from IB, another one trades on
        self._is_careful = int(name.lstrip("s")) % 2 == 0
        RecordingWrapper.diary = diary
        self._ib: Any = RemoteIB()
        self._ib.strategy = name
        self._ib.disconnectedEvent += lambda: diary.note("disconnected")
        self._ib.errorEvent += self._on_error
        self._ib.pendingTickersEvent += self._on_tickers
        self._actions: list[tuple[int, Callable[[], None]]] = [
            (40, self._place_limit),
            (12, self._place_market),
            (8, self._place_bracket),
            (20, self._change),
            (20, self._cancel),
            (2, self._ask_wrongly),
            (2, self._place_wrongly),
            (1, self._place_many),
            (1, self._leave),
        ]

    async def run(self, pause_s: float) -> None:
        """Trade until it is told to end."""
        self._diary.note("life", pid=os.getpid())
        while not self.is_ended:
            if not self._ib.isConnected():
                await self._connect()
                continue
            if not self.is_quiet and not (self._is_careful and self._is_cut_off):
                self._act()
            await asyncio.sleep(self._dice.uniform(0, 2 * pause_s))
        self._diary.note("end", is_connected=self._ib.isConnected())
        self._ib.disconnect()

    async def _connect(self) -> None:
        self._diary.connection += 1
        self._is_cut_off = False
        self._diary.note("connect")
        try:
            await self._ib.connectAsync(clientId=CLIENT_ID, timeout=CONNECT_S, raiseSyncErrors=True)
            await asyncio.wait_for(self._ib.qualifyContractsAsync(*self._contracts), CONNECT_S)
            self._subscribe()
        except (OSError, asyncio.TimeoutError) as error:
            self._diary.note("not connected", why=str(error))
            await asyncio.sleep(RETRY_S)
            return
        self._diary.note("connected")

    def _subscribe(self) -> None:
        for contract in self._contracts:
            self._ib.reqMktData(contract)

    def _on_error(self, _id: int, code: int, _text: str, _contract: object) -> None:
        if code == REFUSED:
            self._not_before_s = time.monotonic() + AFTER_REFUSAL_S
        if code == LOST:
            self._is_cut_off = True
        elif code in RESTORED:
            self._is_cut_off = False
        if code == DATA_LOST:
            for contract in self._contracts:
                self._ib.cancelMktData(contract)
            self._subscribe()

    def _on_tickers(self, tickers: Any) -> None:
        for ticker in tickers:
            price = ticker.marketPrice()
            if math.isfinite(price) and price > 0:
                self._prices[ticker.contract.symbol] = price

    def _act(self) -> None:
        statuses = [each.orderStatus.status for each in self._ib.openTrades()]
        is_early = time.monotonic() < self._not_before_s
        if is_early or statuses.count("PendingSubmit") > MOST_UNANSWERED:
            return
        weights, actions = zip(*self._actions, strict=True)
        [action] = self._dice.choices(actions, weights)
        with contextlib.suppress(ConnectionError):  # just cut off: the loop connects again
            action()

    # what it does

    def _place_limit(self) -> None:
        contract, action, price = self._draw()
        if price:
            away = self._dice.choice((-0.003, -0.003, 0.0005, 0.001, 0.002, 0.05))
            limit = price * (1 - away if action == "BUY" else 1 + away)
            self._place(contract, LimitOrder(action, self._dice.randint(1, 20), round(limit, 2)))

    def _place_market(self) -> None:
        contract, action, price = self._draw()
        if price:
            self._place(contract, MarketOrder(action, self._dice.randint(1, 20)))

    def _place_wrongly(self) -> None:
        """Place what the gateway refuses at once, by an error alone: a price off its steps."""
        contract, action, price = self._draw()
        if price:
            self._place(contract, LimitOrder(action, 1, round(price, 2) + 0.0037))

    def _place_bracket(self) -> None:
        contract, action, price = self._draw()
        if not price:
            return
        sign, other = (1, "SELL") if action == "BUY" else (-1, "BUY")
        quantity = self._dice.randint(1, 20)
        steps = 1 + sign * self._dice.choice((-0.002, 0.003)), 1 + sign * 0.004, 1 - sign * 0.004
        entry, target, stop = (round(price * step, 2) for step in steps)
        family = BracketOrder(
            LimitOrder(action, quantity, entry, transmit=False),
            LimitOrder(other, quantity, target, transmit=False),
            StopOrder(other, quantity, stop, transmit=True),
        )
        parent = self._place(contract, family.parent)
        for child in family[1:]:
            child.parentId = family.parent.orderId
            self._place(contract, child, parent)

    def _place_many(self) -> None:
        """Place more at once than the gateway takes in a fifth of a second."""
        for _ in range(MANY):
            self._place_limit()

    def _draw(self) -> tuple[Contract, str, float]:
        """Return what to trade, which way, and at about what price; 0 if nothing is to be placed.

        It is 0 as well if so many orders are open already; then one of them is cancelled.
        """
        contract = self._dice.choice(self._contracts)
        action = self._dice.choice(("BUY", "SELL"))
        if len(self._open_trades()) > MOST_OPEN:
            self._cancel()
            return contract, action, 0.0
        return contract, action, self._prices.get(contract.symbol, 0.0)

    def _place(self, contract: Contract, order: Order, parent: str = "") -> str:
        self._placed += 1
        order.orderRef = f"{self._name}-{self._life}-{self._placed}"
        order.orderId = self._ib.client.getReqId()
        self._diary.note(
            "place",
            ref=order.orderRef,
            id=order.orderId,
            client=CLIENT_ID,
            transmit=order.transmit,
            parent=parent,
        )
        self._ib.placeOrder(contract, order)
        return order.orderRef

    def _open_trades(self) -> list[Any]:
        return [each for each in self._ib.openTrades() if each.orderStatus.status in WORKING]

    def _change(self) -> None:
        trades = [each for each in self._open_trades() if each.order.orderType == "LMT"]
        if not trades:
            return
        trade = self._dice.choice(trades)
        order = trade.order
        order.lmtPrice = round(
            order.lmtPrice * self._dice.choice((0.998, 0.9995, 1.0005, 1.002)), 2
        )
        order.transmit = True
        self._diary.note("change", ref=order.orderRef, id=order.orderId, client=CLIENT_ID)
        self._ib.placeOrder(trade.contract, order)

    def _cancel(self) -> None:
        trades = self._open_trades()
        if not trades:
            return
        order = self._dice.choice(trades).order
        self._diary.note("cancel", ref=order.orderRef, id=order.orderId, client=CLIENT_ID)
        self._ib.cancelOrder(order)

    def _leave(self) -> None:
        """Leave with a goodbye, whatever is under way; it comes back at once."""
        if self._dice.random() < LEAVES:
            self._ib.disconnect()

    def _ask_wrongly(self) -> None:
        """Ask about what does not exist: its error has a request id, not an order's."""
        nothing = Stock(f"NO{self._dice.randint(100, 999)}", "SMART", "USD")
        asked = asyncio.ensure_future(self._ib.reqContractDetailsAsync(nothing))
        self._questions.add(asked)
        asked.add_done_callback(self._answered)

    def _answered(self, asked: asyncio.Future[Any]) -> None:
        self._questions.discard(asked)
        if not asked.cancelled():
            asked.exception()  # it may have been cut off


def _obey(strategy: Strategy) -> None:
    for line in sys.stdin:
        strategy.is_quiet |= line.strip() in {"quiet", "end"}
        strategy.is_ended |= line.strip() == "end"
    strategy.is_quiet = strategy.is_ended = True


def main(name: str, life: str, seed: str, diary: str, symbols: str, pause_s: str) -> None:
    """Live once."""
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    vars(ib_async.ib)["Wrapper"] = RecordingWrapper
    written = Diary(Path(diary), int(life))
    strategy = Strategy(name, int(life), seed, written, symbols.split(","))
    threading.Thread(target=_obey, args=(strategy,), daemon=True, name="standard input").start()
    asyncio.run(strategy.run(float(pause_s)))
    written.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
