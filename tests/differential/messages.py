"""What clients say: every message as ib_async itself writes it.

An entry of `ALPHABET` is a name and a call of `ib_async.Client`; the ids and the subjects are
drawn from small pools, so that clients collide. `TALKS` says which requests and cancels belong
together. It is written by hand: one wrong index must not hide in both tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ib_async import (
    Client,
    Contract,
    ExecutionFilter,
    Forex,
    MarginCondition,
    Order,
    PriceCondition,
    ScannerSubscription,
    Stock,
    TimeCondition,
    WshEventData,
)

VERSION = 176
MONDAY_S = 1776092400.0
"""2026-04-13 11:00 in New York."""

NOT_PERMITTED = "MSFT"
"""Without a subscription to live data: 354, or 10167 and delayed data."""

CONTRACTS = (
    Stock("AMD", "SMART", "USD"),
    Stock("SPY", "SMART", "USD"),
    Forex("EURUSD"),
    Stock(NOT_PERMITTED, "SMART", "USD"),
)
CON_IDS = (4391, 756733, 12087792, 272093)
NOTHING = Stock("NOSUCHSYMBOL", "SMART", "USD")


SCANS = (
    ScannerSubscription(5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN"),
    ScannerSubscription(3, "STK", "STK.US.MAJOR", "TOP_PERC_LOSE"),
)


class Subject(NamedTuple):
    """What a request is about: drawn from pools of two to four.

    Attributes:
        id: request id.
        symbol: index of a contract.
        account: account that is named where one has to be.
        client_id: client id of a filter.
    """

    id: int
    symbol: int
    account: str
    client_id: int

    @property
    def contract(self) -> Contract:
        """The contract."""
        return CONTRACTS[self.symbol]


class Pen(Client):
    """An ib_async client that is connected to nothing and keeps what it writes."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[no-untyped-call]
        self.connState, self._serverVersion = self.CONNECTED, VERSION
        self.written: list[list[str]] = []

    def sendMsg(self, msg: str) -> None:  # noqa: N802 - ib_async's name
        """Keep a message."""
        self.written.append(msg.split("\0")[:-1])


Write = Callable[[Any, Subject], object]

ALPHABET: Mapping[str, Write] = {
    # streams
    "market data": lambda to, s: to.reqMktData(s.id, s.contract, "", False, False, []),
    "market data with volume": lambda to, s: to.reqMktData(
        s.id, s.contract, "233", False, False, []
    ),
    "snapshot": lambda to, s: to.reqMktData(s.id, s.contract, "", True, False, []),
    "cancel market data": lambda to, s: to.cancelMktData(s.id),
    "depth": lambda to, s: to.reqMktDepth(s.id, s.contract, 5, False, []),
    "cancel depth": lambda to, s: to.cancelMktDepth(s.id, False),
    "trades": lambda to, s: to.reqTickByTickData(s.id, s.contract, "Last", 0, False),
    "quotes": lambda to, s: to.reqTickByTickData(s.id, s.contract, "BidAsk", 0, False),
    "cancel tick by tick": lambda to, s: to.cancelTickByTickData(s.id),
    "real-time bars": lambda to, s: to.reqRealTimeBars(s.id, s.contract, 5, "MIDPOINT", 0, []),
    "cancel real-time bars": lambda to, s: to.cancelRealTimeBars(s.id),
    "scanner": lambda to, s: to.reqScannerSubscription(s.id, SCANS[s.symbol % 2], [], []),
    "cancel scanner": lambda to, s: to.cancelScannerSubscription(s.id),
    "group": lambda to, s: to.subscribeToGroupEvents(s.id, 1),
    "cancel group": lambda to, s: to.unsubscribeFromGroupEvents(s.id),
    "live bars": lambda to, s: to.reqHistoricalData(
        s.id, s.contract, "", "600 S", "1 min", "MIDPOINT", 0, 1, True, []
    ),
    # questions
    "history": lambda to, s: to.reqHistoricalData(
        s.id, s.contract, "", "1 D", "1 hour", "MIDPOINT", 1, 1, False, []
    ),
    "schedule": lambda to, s: to.reqHistoricalData(
        s.id, s.contract, "", "2 D", "1 day", "SCHEDULE", 1, 1, False, []
    ),
    "history of nothing": lambda to, s: to.reqHistoricalData(
        s.id, CONTRACTS[2], "", "1 D", "1 hour", "TRADES", 1, 1, False, []
    ),
    "cancel history": lambda to, s: to.cancelHistoricalData(s.id),
    "details": lambda to, s: to.reqContractDetails(s.id, s.contract),
    "details of futures": lambda to, s: to.reqContractDetails(
        s.id, Contract(secType="FUT", symbol="ES", exchange="CME")
    ),
    "details of nothing": lambda to, s: to.reqContractDetails(s.id, NOTHING),
    "head time stamp": lambda to, s: to.reqHeadTimeStamp(s.id, s.contract, "MIDPOINT", 1, 1),
    "cancel head time stamp": lambda to, s: to.cancelHeadTimeStamp(s.id),
    "histogram": lambda to, s: to.reqHistogramData(s.id, s.contract, True, "1 day"),
    "cancel histogram": lambda to, s: to.cancelHistogramData(s.id),
    "past ticks": lambda to, s: to.reqHistoricalTicks(
        s.id, s.contract, "", "20260413 14:00:00 UTC", 5, "BID_ASK", 1, False, []
    ),
    "matching": lambda to, s: to.reqMatchingSymbols(s.id, "AM"),
    "option parameters": lambda to, s: to.reqSecDefOptParams(s.id, "SPY", "", "STK", CON_IDS[1]),
    "past news": lambda to, s: to.reqHistoricalNews(
        s.id, CON_IDS[s.symbol], "BRFG+DJNL", "", "", 3, []
    ),
    "components": lambda to, s: to.reqSmartComponents(s.id, "9c0001"),
    "soft dollars": lambda to, s: to.reqSoftDollarTiers(s.id),
    "groups": lambda to, s: to.queryDisplayGroups(s.id),
    "user": lambda to, s: to.reqUserInfo(s.id),
    "fundamentals": lambda to, s: to.reqFundamentalData(s.id, s.contract, "ReportSnapshot", []),
    "calendar": lambda to, s: to.reqWshMetaData(s.id),
    "events": lambda to, s: to.reqWshEventData(
        s.id, WshEventData(conId=CON_IDS[s.symbol], totalLimit=3)
    ),
    # questions without an id
    "rule": lambda to, s: to.reqMarketRule((26, 32, 239, 999)[s.symbol]),
    "depth exchanges": lambda to, _: to.reqMktDepthExchanges(),
    "news providers": lambda to, _: to.reqNewsProviders(),
    "scanner parameters": lambda to, _: to.reqScannerParameters(),
    "time": lambda to, _: to.reqCurrentTime(),
    "ids": lambda to, _: to.reqIds(1),
    "accounts": lambda to, _: to.reqManagedAccts(),
    "delayed data": lambda to, _: to.reqMarketDataType(3),
    "live data": lambda to, _: to.reqMarketDataType(1),
    "bulletins": lambda to, _: to.reqNewsBulletins(False),
    "all bulletins": lambda to, _: to.reqNewsBulletins(True),
    "cancel bulletins": lambda to, _: to.cancelNewsBulletins(),
    # accounts
    "account updates": lambda to, s: to.reqAccountUpdates(True, s.account),
    "no account updates": lambda to, s: to.reqAccountUpdates(False, s.account),
    "positions": lambda to, _: to.reqPositions(),
    "cancel positions": lambda to, _: to.cancelPositions(),
    "summary": lambda to, s: to.reqAccountSummary(
        min(s.id, MOST_SUMMARIES), "All", "NetLiquidation,TotalCashValue"
    ),
    "cancel summary": lambda to, s: to.cancelAccountSummary(min(s.id, MOST_SUMMARIES)),
    "positions multi": lambda to, s: to.reqPositionsMulti(s.id, s.account, ""),
    "cancel positions multi": lambda to, s: to.cancelPositionsMulti(s.id),
    "account multi": lambda to, s: to.reqAccountUpdatesMulti(s.id, s.account, "", False),
    "cancel account multi": lambda to, s: to.cancelAccountUpdatesMulti(s.id),
    "p&l": lambda to, s: to.reqPnL(s.id, s.account, ""),
    "p&l of no account": lambda to, s: to.reqPnL(s.id + FREE_IDS, "", ""),
    "cancel p&l": lambda to, s: to.cancelPnL(s.id),
    "one p&l": lambda to, s: to.reqPnLSingle(s.id + OTHER_IDS, s.account, "", CON_IDS[s.symbol]),
    "cancel one p&l": lambda to, s: to.cancelPnLSingle(s.id + OTHER_IDS),
    # orders
    "open orders": lambda to, _: to.reqOpenOrders(),
    "all open orders": lambda to, _: to.reqAllOpenOrders(),
    "completed orders": lambda to, _: to.reqCompletedOrders(False),
    "executions": lambda to, s: to.reqExecutions(s.id, ExecutionFilter()),
    "executions of a client": lambda to, s: to.reqExecutions(
        s.id, ExecutionFilter(clientId=s.client_id)
    ),
    "executions of a symbol": lambda to, s: to.reqExecutions(
        s.id, ExecutionFilter(symbol=s.contract.symbol)
    ),
    "executions of a side": lambda to, s: to.reqExecutions(s.id, ExecutionFilter(side="BUY")),
    "executions of an account": lambda to, s: to.reqExecutions(
        s.id, ExecutionFilter(acctCode=s.account)
    ),
    "global cancel": lambda to, _: to.reqGlobalCancel(),
    # what cannot be read
    "no number": lambda to, _: to.send(1, 11, "x", CONTRACTS[0], False, "", False, False, ""),
    "unknown message": lambda to, _: to.send(999, 1, 1),
    "half a message": lambda to, _: to.send(2, 2),
}
"""Name -> how it is written."""

OTHER_IDS = 3
"""Added to ids of P&L of one position: whether they may be those of P&L is not known (2.39)."""

FREE_IDS = 6
"""Added to ids of what has a fault already: of two faults each side may name another."""

UNDRAWN = {"calendar", "events"}
"""One of a kind may be under way in a connection (fact 8.21): see the known differences."""

MOST_SUMMARIES = 2
"""A gateway takes two from a client (fact 2.22); through the proxy equal ones count once."""


@dataclass(frozen=True)
class Talk:
    """A request and what belongs to it.

    Attributes:
        family: name of the conversation.
        id_at: index of the request id.
        is_cancel: whether it ends the conversation.
        can_cancel: whether there is such a message; without one a second question under an id
            in flight just goes on, and both are answered.
        is_stream: whether it goes on until it is cancelled, and a second one is refused.
    """

    family: str
    id_at: int
    is_cancel: bool = False
    can_cancel: bool = True
    is_stream: bool = False


def _pair(family: str, ask: str, ask_at: int, cancel: str, cancel_at: int) -> dict[str, Talk]:
    return {
        ask: Talk(family, ask_at, is_stream=family in STREAMS),
        cancel: Talk(family, cancel_at, is_cancel=True),
    }


def _question(family: str, ask: str, ask_at: int) -> dict[str, Talk]:
    return {ask: Talk(family, ask_at, can_cancel=False)}


STREAMS = {"depth", "scanner", "real-time bars", "group", "account multi", "p&l", "one p&l"}

TALKS: Mapping[str, Talk] = {
    **_pair("market data", "1", 2, "2", 2),
    **_pair("depth", "10", 2, "11", 2),
    **_pair("history", "20", 1, "25", 2),
    **_pair("scanner", "22", 1, "23", 2),
    **_pair("real-time bars", "50", 2, "51", 2),
    **_pair("fundamentals", "52", 2, "53", 2),
    **_pair("summary", "62", 2, "63", 2),
    **_pair("group", "68", 2, "70", 2),
    **_pair("positions multi", "74", 2, "75", 2),
    **_pair("account multi", "76", 2, "77", 2),
    **_pair("head", "87", 1, "90", 1),
    **_pair("histogram", "88", 1, "89", 1),
    **_pair("p&l", "92", 1, "93", 1),
    **_pair("one p&l", "94", 1, "95", 1),
    **_pair("tick by tick", "97", 1, "98", 1),
    **_pair("calendar", "100", 1, "101", 1),
    **_pair("events", "102", 1, "103", 1),
    **_question("executions", "7", 2),
    **_question("details", "9", 2),
    **_question("groups", "67", 2),
    **_question("option parameters", "78", 1),
    **_question("soft dollars", "79", 1),
    **_question("matching", "81", 1),
    **_question("components", "83", 1),
    **_question("past news", "86", 1),
    **_question("past ticks", "96", 1),
    **_question("user", "104", 1),
}
"""Message id -> conversation."""


@lru_cache(maxsize=4096)
def message(name: str, subject: Subject) -> tuple[str, ...]:
    """Return the fields of a message of the alphabet."""
    pen = _pen()
    ALPHABET[name](pen, subject)
    return tuple(pen.written.pop())


class OrderWish(NamedTuple):
    """An order, drawn from small pools.

    Attributes:
        symbol: index of a contract.
        action: BUY or SELL.
        kind: MKT, LMT or STP.
        price: its price; those of the pool are never reached, or at once.
        quantity: how many.
        account: account that it names.
        parent_id: order id of its parent, or 0.
        group: OCA group.
        condition: what it waits for.
        is_what_if: whether it only asks for margin.
        is_transmitted: whether it leaves at once.
        ref: order reference, by which the test knows it again.
    """

    symbol: int
    action: str = "BUY"
    kind: str = "MKT"
    price: float = 1.0
    quantity: int = 5
    account: str = ""
    parent_id: int = 0
    group: str = ""
    condition: str = ""
    is_what_if: bool = False
    is_transmitted: bool = True
    ref: str = ""


CONDITIONS = {
    "price": PriceCondition(isMore=True, price=1.0, conId=CON_IDS[0], exch="SMART"),
    "no price": PriceCondition(isMore=False, price=1.0, conId=CON_IDS[0], exch="SMART"),
    "time": TimeCondition(isMore=True, time="20260413 15:00:05 UTC"),
    "margin": MarginCondition(isMore=True, percent=99),
}
"""Met at once, never, soon, and never while there are no positions to speak of."""


@lru_cache(maxsize=4096)
def placed(order_id: int, wish: OrderWish) -> tuple[str, ...]:
    """Return the fields of placeOrder."""
    pen = _pen()
    order = Order(
        action=wish.action,
        orderType=wish.kind,
        totalQuantity=wish.quantity,
        tif="DAY",
        account=wish.account,
        parentId=wish.parent_id,
        ocaGroup=wish.group,
        whatIf=wish.is_what_if,
        transmit=wish.is_transmitted,
        orderRef=wish.ref,
    )
    if wish.kind == "LMT":
        order.lmtPrice = wish.price
    elif wish.kind == "STP":
        order.auxPrice = wish.price
    if wish.condition:
        order.conditions = [CONDITIONS[wish.condition]]
    pen.placeOrder(order_id, CONTRACTS[wish.symbol], order)  # type: ignore[no-untyped-call]
    return tuple(pen.written.pop())


def ended(family: str, request_id: str) -> tuple[str, ...]:
    """Return the fields of the cancel that ends a conversation."""
    kind, talk = next(
        (kind, talk) for kind, talk in TALKS.items() if talk.is_cancel and talk.family == family
    )
    version = ("2" if kind == "2" else "1",) if talk.id_at == 2 else ()
    tail = ("0",) if kind == "11" else ()
    return (kind, *version, request_id, *tail)


def cancelled(order_id: int) -> tuple[str, ...]:
    """Return the fields of cancelOrder."""
    return ("4", "1", str(order_id), "")


@lru_cache(maxsize=1)
def _pen() -> Pen:
    return Pen()
