"""What a client does in its life: a random choice of everything that can be asked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ib_async import Contract, Order
from ib_async.util import UNSET_DOUBLE

from tests.soak.client import Question, SoakClient

TAGS = (("NetLiquidation",), ("NetLiquidation", "BuyingPower"), ("Cushion",))
SCANS = ("TOP_PERC_GAIN", "MOST_ACTIVE")
GENERIC_TICKS = ("", "", "233", "221,233")
"""Lists that are legal for all kinds of contract."""

AT_ONCE = 6
"""Questions that a client has open at one time."""

QUOTES_WEIGHT = 25
"""How many times as often as another stream a market data line is asked for."""

STREAMS = 50
"""Streams that a client has at one time, at most."""

LIFE_ACTIONS = (20, 200)
"""Fewest and most that a client does before it leaves."""

FAR_BELOW = 1.0


@dataclass(frozen=True)
class Market:
    """What there is to ask about.

    Attributes:
        stocks: conId and symbol.
        lines: conId and exchange of what has quotes, as many as the login has lines.
        options: those of the lines that are options.
    """

    stocks: list[tuple[int, str]]
    lines: list[tuple[int, str]]
    options: list[tuple[int, str]]


Step = Callable[[], Coroutine[Any, Any, None]]


@dataclass(eq=False)
class Program:
    """One life of a client.

    Attributes:
        client: the connection.
        market: what there is to ask about.
        dice: where chance comes from.
        streams: request id -> what ends it.
    """

    client: SoakClient
    market: Market
    dice: random.Random
    streams: dict[int, tuple[object, ...]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Ask things until it is enough or `stop` is set; then leave, one way or another."""
        steps: tuple[tuple[Step, int], ...] = (
            (self._one_shot, 40),
            (self._change_of_mind, 5),
            (self._stream, 30),
            (self._end_stream, 20),
            (self._without_id, 10),
            (self._order, 6),
            (self._account, 4),
        )
        for _ in range(self.dice.randint(*LIFE_ACTIONS)):
            if stop.is_set():
                break
            [step] = self.dice.choices([each for each, _ in steps], [w for _, w in steps])
            await step()
        self._go()

    def _go(self) -> None:
        if self.dice.random() < 0.3:
            for req_id in list(self.streams):
                self.client.say(*self.streams.pop(req_id))
        if self.dice.random() < 0.2:
            self.client.vanish()
        else:
            self.client.leave()

    def _stock(self) -> tuple[int, str, tuple[object, ...]]:
        con_id, symbol = self.dice.choice(self.market.stocks)
        return (
            con_id,
            symbol,
            (con_id, symbol, "STK", "", 0.0, "", "", "SMART", "", "USD", "", ""),
        )

    def _by_number(self, contracts: list[tuple[int, str]]) -> tuple[int, tuple[object, ...]]:
        con_id, exchange = self.dice.choice(contracts)
        return con_id, (con_id, *[""] * 3, 0.0, "", "", exchange, *[""] * 4)

    # questions with an answer

    async def _one_shot(self) -> None:
        """Ask some things at once, and wait for all."""
        count = self.dice.randint(1, AT_ONCE)
        questions = [self.dice.choice(self._one_shots)(self) for _ in range(count)]
        for each in questions:
            await self.client.end_of(each)

    def _details(self) -> Question:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        row = (8, req_id, *contract, 0, "", "", "", "")
        return self.client.ask(9, req_id, row, con_id, ("52",))

    def _symbols(self) -> Question:
        _, symbol, _ = self._stock()
        req_id = self.client.new_id()
        return self.client.ask(81, req_id, (req_id, symbol), symbol, ("79",))

    def _history(self) -> Question:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        row = (req_id, *contract, 0, "", "1 hour", "2 D", 1, "TRADES", 1, 0, "")
        return self.client.ask(20, req_id, row, con_id, ("17",))

    def _head(self) -> Question:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        return self.client.ask(87, req_id, (req_id, *contract, 0, 1, "TRADES", 1), con_id, ("88",))

    def _histogram(self) -> Question:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        return self.client.ask(88, req_id, (req_id, *contract, 0, 1, "1 day"), con_id, ("89",))

    def _chain(self) -> Question:
        con_id, symbol, _ = self._stock()
        req_id = self.client.new_id()
        return self.client.ask(78, req_id, (req_id, symbol, "", "STK", con_id), con_id, ("76",))

    def _headlines(self) -> Question:
        con_id, _, _ = self._stock()
        req_id = self.client.new_id()
        return self.client.ask(86, req_id, (req_id, con_id, "BRFG", "", "", 5, ""), con_id, ("87",))

    def _fundamentals(self) -> Question:
        con_id, symbol, _ = self._stock()
        req_id = self.client.new_id()
        contract = (con_id, symbol, "STK", "SMART", "", "USD", "")
        return self.client.ask(
            52, req_id, (2, req_id, *contract, "ReportSnapshot", 0, ""), con_id, ("51",)
        )

    def _snapshot(self) -> Question:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        return self.client.ask(1, req_id, (11, req_id, *contract, 0, "", 1, 0, ""), con_id, ("57",))

    def _small(self) -> Question:
        kind, end, *more = self.dice.choice(
            ((79, "77"), (83, "82", "9c0001"), (104, "107"), (84, "83", "BRFG", "BRFG$none", ""))
        )
        req_id = self.client.new_id()
        return self.client.ask(int(kind), req_id, (req_id, *more), "", (str(end),))

    def _calculation(self) -> Question:
        con_id, contract = self._by_number(self.market.options)
        req_id, kind = self.client.new_id(), self.dice.choice((54, 55))
        value = {54: 5.0, 55: 0.3}[kind]
        return self.client.ask(
            kind, req_id, (3, req_id, *contract[:-1], "", value, 250.0, 0, ""), con_id, ("21",)
        )

    def _calendar_kinds(self) -> Question:
        req_id = self.client.new_id()
        return self.client.ask(100, req_id, (req_id,), "", ("104",))

    def _groups(self) -> Question:
        req_id = self.client.new_id()
        return self.client.ask(67, req_id, (1, req_id), "", ("67",))

    def _past_ticks(self) -> Question:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        kind, end = self.dice.choice((("TRADES", "98"), ("BID_ASK", "97"), ("MIDPOINT", "96")))
        row = (req_id, *contract, 0, "", "20260410 15:00:00 US/Eastern", 9, kind, 1, 0, "")
        return self.client.ask(96, req_id, row, con_id, (end,))

    def _executions(self) -> Question:
        req_id = self.client.new_id()
        return self.client.ask(7, req_id, (3, req_id, 0, "", "", "", "", "", ""), "", ("55",))

    async def _change_of_mind(self) -> None:
        """Ask something and cancel it at once."""
        ask, cancel = self.dice.choice(
            (
                (self._history, (25, 1)),
                (self._head, (90,)),
                (self._histogram, (89,)),
                (self._fundamentals, (53, 1)),
            )
        )
        ask()
        self.client.say(*cancel, self.client.last_id)
        await asyncio.sleep(0)

    _one_shots = (
        _details, _symbols, _history, _head, _histogram, _chain, _headlines, _fundamentals,
        _snapshot, _small, _groups, _past_ticks, _executions, _calculation, _calendar_kinds,
    )  # fmt: skip

    # streams

    async def _stream(self) -> None:
        if len(self.streams) >= STREAMS:
            await self._end_stream()
        self.dice.choice(self._stream_kinds)(self)
        await asyncio.sleep(0)

    async def _end_stream(self) -> None:
        if self.streams:
            req_id = self.dice.choice(list(self.streams))
            self.client.say(*self.streams.pop(req_id))
        await asyncio.sleep(0)

    def _quotes(self) -> None:
        con_id, contract = self._by_number(self.market.lines)
        req_id = self.client.new_id()
        ticks = self.dice.choice(GENERIC_TICKS)
        self.client.ask(1, req_id, (11, req_id, *contract, 0, ticks, 0, 0, ""), con_id)
        self.streams[req_id] = (2, 2, req_id)

    def _book(self) -> None:
        con_id, _, contract = self._stock()
        req_id, is_smart = self.client.new_id(), self.dice.randint(0, 1)
        self.client.ask(10, req_id, (5, req_id, *contract, 5, is_smart, ""), con_id)
        self.streams[req_id] = (11, 1, req_id, is_smart)

    def _bars(self) -> None:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        self.client.ask(50, req_id, (3, req_id, *contract, 5, "TRADES", 0, ""), con_id)
        self.streams[req_id] = (51, 1, req_id)

    def _live_history(self) -> None:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        row = (req_id, *contract, 0, "", "1 min", "1800 S", 0, "TRADES", 1, 1, "")
        self.client.ask(20, req_id, row, con_id)
        self.streams[req_id] = (25, 1, req_id)

    def _ticks(self) -> None:
        con_id, _, contract = self._stock()
        req_id = self.client.new_id()
        self.client.ask(97, req_id, (req_id, *contract, "AllLast", 0, 0), con_id)
        self.streams[req_id] = (98, 1, req_id)

    def _scan(self) -> None:
        req_id, code = self.client.new_id(), self.dice.choice(SCANS)
        row = (req_id, 10, "STK", "STK.US.MAJOR", code, *[""] * 19)
        self.client.ask(22, req_id, row, code)
        self.streams[req_id] = (23, 1, req_id)

    def _pnl(self) -> None:
        req_id, account = self.client.new_id(), self.client.account
        self.client.ask(92, req_id, (req_id, account, ""), account)
        self.streams[req_id] = (93, req_id)

    def _pnl_single(self) -> None:
        con_id, _, _ = self._stock()
        req_id = self.client.new_id()
        self.client.ask(94, req_id, (req_id, self.client.account, "", con_id), con_id)
        self.streams[req_id] = (95, req_id)

    def _summary(self) -> None:
        req_id, tags = self.client.new_id(), self.dice.choice(TAGS)
        self.client.ask(62, req_id, (1, req_id, "All", ",".join(tags)), tags=tags)
        self.streams[req_id] = (63, 1, req_id)

    def _positions_multi(self) -> None:
        req_id = self.client.new_id()
        self.client.ask(74, req_id, (1, req_id, self.client.account, ""))
        self.streams[req_id] = (75, 1, req_id)

    def _updates_multi(self) -> None:
        req_id = self.client.new_id()
        self.client.ask(76, req_id, (1, req_id, self.client.account, "", 0))
        self.streams[req_id] = (77, 1, req_id)

    def _display(self) -> None:
        req_id = self.client.new_id()
        self.client.ask(68, req_id, (1, req_id, 1))
        self.client.say(69, 1, req_id, f"{self._stock()[0]}@SMART")
        self.streams[req_id] = (70, 1, req_id)

    _stream_kinds = (
        *[_quotes] * QUOTES_WEIGHT, _book, _bars, _live_history, _ticks, _scan, _pnl,
        _pnl_single, _summary, _positions_multi, _updates_multi, _display,
    )  # fmt: skip

    # without a request id

    async def _without_id(self) -> None:
        kind, end, *fields = self.dice.choice(
            (
                (49, "49", 1),
                (82, "80"),
                (85, "85"),
                (91, "93", self.dice.choice((26, 32))),
                (17, "15", 1),
                (8, "9", 1, 1),
                (5, "53", 1),
                (16, "53", 1),
                (99, "102", 0),
            )
        )
        await self.client.ask_without_id(int(kind), str(end), *fields)

    async def _account(self) -> None:
        match self.dice.randrange(9):
            case 5:
                self.client.say(59, 1, self.dice.choice((1, 3)))
            case 6:
                self.client.say(14, 1, 2)
            case 7:
                self.client.say(15, 1, 1)
            case 8:
                await self.client.ask_without_id(24, "19", 1)
            case 0:
                await self.client.ask_without_id(61, "62", 1)
            case 1:
                self.client.say(64, 1)
            case 2:
                await self.client.ask_without_id(6, "54", 2, 1, self.client.account)
            case 3:
                self.client.say(12, 1, 1)
            case _:
                self.client.say(13, 1)

    async def _order(self) -> None:
        """Place an order that rests, or one that fills; cancel one of them, or all."""
        con_id, symbol, _ = self._stock()
        match self.dice.randrange(6):
            case 0:
                self._place(con_id, symbol, "MKT", UNSET_DOUBLE)
            case 1:
                self.client.say(58, 1)
            case 2 | 3 if self.client.orders:
                order_id = self.dice.choice(sorted(self.client.orders))
                self.client.say(4, 1, order_id, "")
            case _:
                self._place(con_id, symbol, "LMT", FAR_BELOW)
        await asyncio.sleep(0)

    def _place(self, con_id: int, symbol: str, kind: str, price: float) -> None:
        order = Order(action="BUY", totalQuantity=1, orderType=kind, tif="GTC")
        order.lmtPrice = price
        contract = Contract(conId=con_id, symbol=symbol, secType="STK", exchange="SMART")
        self.client.place(contract, order)
