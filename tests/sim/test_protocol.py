"""Every request that ib_async's client can make, at the versions where layouts change.

The requests are read from ib_async itself, so that a new one cannot slip by. Each is sent by
ib_async's own encoder and answered by the right kinds of messages, which ib_async and, where it
is installed, the official ibapi decode without a complaint, and which have as many fields as
the wire table says.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import ib_async
import pytest
from ib_async import (
    Bag,
    ComboLeg,
    Contract,
    Crypto,
    ExecutionFilter,
    Forex,
    Index,
    LimitOrder,
    MarketOrder,
    Option,
    Order,
    ScannerSubscription,
    Stock,
    WshEventData,
)
from ib_async.client import Client

from ibproxy.wire.framing import frame
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.settings import Settings

VERSIONS = (157, 163, 164, 170, 176, 177, 178)
MONDAY_S = 1776092400.0
REQ = 9001
AMD = Stock("AMD", "SMART", "USD")
OPTION = Option("SPX", "20260416", 6000.0, "C", "SMART", tradingClass="SPX")
COMBO = Bag(  # type: ignore[no-untyped-call]
    symbol="AAPL,AMD", exchange="SMART", currency="USD",
    comboLegs=[ComboLeg(4391, 1, "BUY", "SMART"), ComboLeg(265598, 1, "SELL", "SMART")],
)  # fmt: skip
FA, PLAIN = "DF1", "DU1"
GROUPS = (
    "<ListOfGroups><Group><name>G</name><ListOfAccts><String>DU1</String></ListOfAccts>"
    "<defaultMethod>Equal</defaultMethod></Group></ListOfGroups>"
)

Arguments = tuple[Any, ...]


class Case(NamedTuple):
    """One way to make a request.

    Attributes:
        arguments: of the method.
        answers: kinds of messages that come, all of these and none but `more`; an error is
            written 4/code.
        wait_s: how long it takes.
        before: requests to make first; what they bring is not looked at.
        more: kinds that may come too.
    """

    arguments: Arguments
    answers: tuple[str, ...]
    wait_s: float = 0.0
    before: tuple[tuple[str, Arguments], ...] = ()
    more: tuple[str, ...] = ()


def order(**more: object) -> Order:
    """An order that rests."""
    return LimitOrder("BUY", 1, 1.0, account=PLAIN, **more)


def bond(cusip: str) -> Contract:
    """A bond by its CUSIP."""
    return Contract(secType="BOND", symbol=cusip, exchange="SMART", currency="USD")


MARKET_DATA: Arguments = (AMD, "", False, False, [])
BARS = ("", "1 D", "1 hour", "TRADES", True, 1)
STREAM = ("reqMktData", (REQ, *MARKET_DATA))
TICKS = ("1", "2", "45", "46")
OPTION_TICKS = (*TICKS, "21")
ORDER_ID = 500
PLACED = ("placeOrder", (ORDER_ID, AMD, order()))
KINDS_KNOWN = ("reqWshMetaData", (REQ - 1,))
HELD = ("placeOrder", (ORDER_ID, OPTION, MarketOrder("BUY", 1, account=PLAIN)))

CASES: dict[str, tuple[Case, ...]] = {
    "reqMktData": (
        Case((REQ, *MARKET_DATA), ("58", "81", *TICKS)),
        Case((REQ, AMD, "", True, False, []), ("58", "81", *TICKS, "57")),
        Case((REQ, AMD, "", False, True, []), ("58", "81", *TICKS, "57")),
        Case((REQ, AMD, "mdoff,292", False, False, []), ("58", "81", "84")),
        Case((REQ, AMD, "292:XYZ", False, False, []), ("58", "81", *TICKS, "4/10094")),
        Case((REQ, AMD, "999", False, False, []), ("4/321",)),
        Case((REQ, OPTION, "", False, False, []), ("58", "81", *OPTION_TICKS)),
        Case((REQ, Forex("EURUSD"), "", False, False, []), ("58", "81", "1", "2", "45")),
        Case((REQ, Index("SPX", "CBOE"), "", False, False, []), ("58", "81", "1", "45", "46")),
        Case((REQ, COMBO, "", False, False, []), ("58", "81", "1", "2", "45", "46")),
        Case((REQ, Contract(secType="CFD", symbol="AMD", exchange="SMART"), "", False, False, []),
             ("91",)),
        Case((REQ, Stock("NONE", "SMART", "USD"), "", False, False, []), ("4/200",)),
    ),
    "cancelMktData": (
        Case((REQ,), (), 1.0, before=(STREAM,)),
        Case((REQ,), ("4/300",)),
    ),
    "placeOrder": (
        Case((ORDER_ID, AMD, order()), ("5", "3"), 1.0),
        Case((ORDER_ID, AMD, MarketOrder("BUY", 1, account=PLAIN)), ("5", "3", "11", "59"), 1.0),
        Case((ORDER_ID, AMD, order(whatIf=True)), ("5",), 1.0),
        Case((ORDER_ID, AMD, order(transmit=False)), (), 1.0),
        Case((ORDER_ID, Stock("NONE"), order()), ("4/321",)),
        Case((ORDER_ID, AMD, Order(orderType="XXX", action="BUY", totalQuantity=1)), ("4/321",)),
        Case((ORDER_ID, COMBO, MarketOrder("BUY", 1, account=PLAIN)), ("5", "3", "11", "59"), 1.0),
        Case((ORDER_ID, bond("459200KB6"), order()),
             ("5", "3"), 1.0),
        Case((ORDER_ID, Crypto("BTC", "PAXOS", "USD"), order()), ("5", "3"), 1.0),
    ),
    "cancelOrder": (
        Case((ORDER_ID,), ("3", "4/202"), 1.0, before=(PLACED,), more=("5",)),
        Case((ORDER_ID,), ("4/10147",)),
    ),
    "reqOpenOrders": (Case((), ("5", "3", "53"), before=(PLACED,)),),
    "reqAllOpenOrders": (Case((), ("5", "3", "53"), before=(PLACED,)),),
    "reqAutoOpenOrders": (Case((True,), ("4/327",)),),
    "reqAccountUpdates": (
        Case((True, PLAIN), ("6", "8", "54")),
        Case((False, PLAIN), ("4/2100",), before=(("reqAccountUpdates", (True, PLAIN)),)),
        Case((True, "XX"), ("4/321",)),
    ),
    "reqExecutions": (
        Case((REQ, ExecutionFilter(symbol="NONE")), ("55",)),
        Case((REQ, ExecutionFilter()), ("11", "59", "55"), before=(HELD,)),
    ),
    "reqIds": (Case((1,), ("9",)),),
    "reqContractDetails": (
        Case((REQ, AMD), ("10", "52")),
        Case((REQ, Stock("AMD")), ("10", "52")),
        Case((REQ, bond("912810TM0")), ("18", "52")),
        Case((REQ, Contract(secType="FOP", symbol="ES", exchange="CME")), ("10", "52")),
        Case((REQ, Contract(secIdType="ISIN", secId="US0378331005", exchange="SMART")),
             ("10", "52")),
        Case((REQ, COMBO), ("4/321",)),
        Case((REQ, Stock("NONE")), ("4/200",)),
    ),
    "reqMktDepth": (
        Case((REQ, AMD, 5, False, []), ("12",)),
        Case((REQ, AMD, 5, True, []), ("4/2152", "13")),
        Case((REQ, Contract(secType="CFD", symbol="AMD", exchange="SMART"), 5, False, []), ("92",)),
        Case((REQ, COMBO, 5, False, []), ("4/321",)),
    ),
    "cancelMktDepth": (
        Case((REQ, False), (), 1.0, before=(("reqMktDepth", (REQ, AMD, 5, False, [])),)),
        Case((REQ, False), ("4/310",)),
    ),
    "reqNewsBulletins": (Case((True,), ("14",)), Case((False,), ())),
    "cancelNewsBulletins": (Case((), (), before=(("reqNewsBulletins", (True,)),)),),
    "setServerLogLevel": (Case((5,), ()), Case((9,), ("4/321",))),
    "reqManagedAccts": (Case((), ("15",)),),
    "requestFA": (
        Case((1,), ("16",)), Case((3,), ("16",)), Case((2,), ("4/585",)),
        Case((1,), ("4/10230",), before=(("replaceFA", (REQ, 1, GROUPS)),)),
    ),
    "replaceFA": (
        Case((REQ, 1, GROUPS), ("103",), 1.0),
        Case((REQ, 3, "<x/>"), ("4/10262",)),
        Case((REQ, 1, "<x"), ("4/10261",)),
    ),
    "reqHistoricalData": (
        Case((REQ, AMD, *BARS, False, []), ("17",)),
        Case((REQ, AMD, *BARS, True, []), ("17", "90"), 5.0),
        Case((REQ, AMD, "", "1 D", "1 day", "SCHEDULE", True, 1, False, []), ("106",)),
        Case((REQ, COMBO, *BARS, False, []), ("17",)),
        Case((REQ, COMBO, *BARS, True, []), ("4/321",)),
        Case((REQ, AMD, "20260410 15:00:00", *BARS[1:], False, []), ("4/2174", "17")),
    ),
    "cancelHistoricalData": (
        Case((REQ,), ("4/162",), before=(("reqHistoricalData", (REQ, AMD, *BARS, True, [])),)),
        Case((REQ,), ("4/366",)),
    ),
    "exerciseOptions": (
        Case((REQ, OPTION, 1, 1, PLAIN, 1), ("4/322",)),
        Case((REQ, OPTION, 1, 1, PLAIN, 1), ("5", "3", "11", "59"), 1.0, before=(HELD,)),
    ),
    "reqScannerSubscription": (
        Case((REQ, ScannerSubscription(5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN"), [], []),
             ("20",)),
    ),
    "cancelScannerSubscription": (Case((REQ,), ("4/365",)),),
    "reqScannerParameters": (Case((), ("19",)),),
    "reqCurrentTime": (Case((), ("49",)),),
    "reqRealTimeBars": (Case((REQ, AMD, 5, "TRADES", True, []), ("50",), 6.0),),
    "cancelRealTimeBars": (
        Case((REQ,), (), 6.0, before=(("reqRealTimeBars", (REQ, AMD, 5, "TRADES", True, [])),)),
        Case((REQ,), ("4/300",)),
    ),
    "reqFundamentalData": (
        Case((REQ, AMD, "ReportSnapshot", []), ("51",)),
        Case((REQ, Stock("SPY", "SMART", "USD"), "ReportSnapshot", []), ("4/430",)),
    ),
    "cancelFundamentalData": (Case((REQ,), ()),),
    "calculateImpliedVolatility": (Case((REQ, OPTION, 900.0, 6800.0, []), ("21",)),),
    "calculateOptionPrice": (Case((REQ, OPTION, 0.2, 6000.0, []), ("21",)),),
    "cancelCalculateImpliedVolatility": (Case((REQ,), ()),),
    "cancelCalculateOptionPrice": (Case((REQ,), ()),),
    "reqGlobalCancel": (Case((), ("3", "4/202"), 1.0, before=(PLACED,), more=("5",)),),
    "reqMarketDataType": (Case((3,), ()),),
    "reqPositions": (Case((), ("61", "62"), before=(HELD,)),),
    "reqAccountSummary": (
        Case((REQ, "All", "NetLiquidation"), ("63", "64")),
        Case((REQ, "", "NetLiquidation"), ("4/321",)),
    ),
    "cancelAccountSummary": (Case((REQ,), ()),),
    "cancelPositions": (Case((), ()),),
    "verifyRequest": (Case(("x", "1"), ("4/10095",)),),
    "verifyMessage": (Case(("x",), ("4/10095",)),),
    "queryDisplayGroups": (Case((REQ,), ("67",)),),
    "subscribeToGroupEvents": (Case((REQ, 1), ("68",)), Case((REQ, 99), ("4/321",))),
    "updateDisplayGroup": (
        Case((REQ, "4391@SMART"), ("68",), before=(("subscribeToGroupEvents", (REQ, 1)),)),
        Case((REQ, "4391@SMART"), ("4/321",)),
    ),
    "unsubscribeFromGroupEvents": (
        Case((REQ,), (), before=(("subscribeToGroupEvents", (REQ, 1)),)),
    ),
    "verifyAndAuthRequest": (Case(("x", "1", "k"), ("4/10095",)),),
    "verifyAndAuthMessage": (Case(("x", "y"), ("4/10095",)),),
    "reqPositionsMulti": (Case((REQ, PLAIN, ""), ("71", "72"), before=(HELD,)),),
    "cancelPositionsMulti": (Case((REQ,), ()),),
    "reqAccountUpdatesMulti": (Case((REQ, PLAIN, "", False), ("73", "74")),),
    "cancelAccountUpdatesMulti": (Case((REQ,), ()),),
    "reqSecDefOptParams": (
        Case((REQ, "SPX", "", "IND", 416904), ("75", "76")),
        Case((REQ, "SPX", "", "IND", 1), ("4/321",)),
    ),
    "reqSoftDollarTiers": (Case((REQ,), ("77",)),),
    "reqFamilyCodes": (Case((), ("78",)),),
    "reqMatchingSymbols": (Case((REQ, "A"), ("79",)),),
    "reqMktDepthExchanges": (Case((), ("80",)),),
    "reqSmartComponents": (Case((REQ, "9c0001"), ("82",)), Case((REQ, ""), ("4/322",))),
    "reqNewsArticle": (Case((REQ, "BRFG", "BRFG$none", []), ("4/10172",)),),
    "reqNewsProviders": (Case((), ("85",)),),
    "reqHistoricalNews": (
        Case((REQ, 4391, "BRFG+DJNL", "", "", 5, []), ("86", "87")),
        Case((REQ, 4391, "XX", "", "", 5, []), ("4/10173",)),
    ),
    "reqHeadTimeStamp": (Case((REQ, AMD, "TRADES", True, 1), ("88",)),),
    "reqHistogramData": (Case((REQ, AMD, True, "1 day"), ("89",)),),
    "cancelHistogramData": (Case((REQ,), ()),),
    "cancelHeadTimeStamp": (Case((REQ,), ()),),
    "reqMarketRule": (Case((26,), ("93",)), Case((9999,), ("4/322",))),
    "reqPnL": (Case((REQ, PLAIN, ""), ("94",)), Case((REQ, "", ""), ("4/321",))),
    "cancelPnL": (Case((REQ,), ("4/10185",)),),
    "reqPnLSingle": (
        Case((REQ, PLAIN, "", 4391), ()),
        Case((REQ, PLAIN, "", 4391), ("95",), before=(
            ("placeOrder", (ORDER_ID, AMD, MarketOrder("BUY", 1, account=PLAIN))),
        )),
    ),
    "cancelPnLSingle": (Case((REQ,), ("4/10186",)),),
    "reqHistoricalTicks": (
        *(
            Case((REQ, AMD, "", "20260413 11:00:00 US/Eastern", 9, what, True, False, []), (kind,))
            for what, kind in (("TRADES", "98"), ("BID_ASK", "97"), ("MIDPOINT", "96"))
        ),
        Case((REQ, AMD, "", "soon", 9, "TRADES", True, False, []), ("4/10314",)),
    ),
    "reqTickByTickData": (
        *(
            Case((REQ, AMD, kind, 0, False), ("99",), 20.0)
            for kind in ("Last", "AllLast", "BidAsk", "MidPoint")
        ),
        Case((REQ, AMD, "Last", 5, False), ("98", "99")),
        Case((REQ, AMD, "BidAsk", 5, False), ("97", "99"), 20.0),
        Case((REQ, AMD, "MidPoint", 5, False), ("96", "99"), 20.0),
        Case((REQ, AMD, "Last", 0, False), ("4/10190",), before=(
            ("reqTickByTickData", (REQ - 1, AMD, "Last", 0, False)),
            ("cancelTickByTickData", (REQ - 1,)),
        )),
    ),
    "cancelTickByTickData": (Case((REQ,), ("4/300",)),),
    "reqCompletedOrders": (
        Case((False,), ("101", "102"), 1.0, before=(HELD,)),
        Case((True,), ("102",), 1.0),
    ),
    "reqWshMetaData": (Case((REQ,), ("104",), 1.0),),
    "cancelWshMetaData": (
        Case((REQ,), (), 1.0, before=(("reqWshMetaData", (REQ,)),)), Case((REQ,), ("4/10280",)),
    ),
    "reqWshEventData": (
        Case((REQ, WshEventData(conId=4391)), ("105",), 1.0, before=(KINDS_KNOWN,)),
        Case((REQ, WshEventData(conId=4391)), ("4/10282",)),
    ),
    "cancelWshEventData": (Case((REQ,), ("4/10284",)),),
    "reqUserInfo": (Case((REQ,), ("107",)),),
}  # fmt: skip
"""How each request is made, and by what it is answered."""

FIELDS: dict[str, tuple[int, bool]] = {
    "1": (7, True), "2": (5, True), "3": (12, True), "6": (6, True), "7": (20, True),
    "8": (3, True), "9": (3, True), "12": (8, True), "13": (10, True), "14": (6, True),
    "15": (3, True), "16": (4, True), "17": (5, False), "19": (3, True), "20": (4, False),
    "21": (12, True), "45": (5, True), "46": (5, True), "49": (3, True), "50": (11, True),
    "51": (4, True), "52": (3, True), "53": (2, True), "54": (3, True), "55": (3, True),
    "57": (3, True), "58": (4, True), "59": (8, True), "61": (16, True), "62": (2, True),
    "63": (7, True), "64": (3, True), "67": (4, True), "68": (4, True), "71": (18, True),
    "72": (3, True), "73": (8, True), "74": (3, True), "75": (8, False), "76": (2, True),
    "77": (3, False), "78": (2, False), "79": (3, False), "80": (2, False), "81": (5, True),
    "82": (3, False), "83": (4, True), "84": (7, True), "85": (2, False), "86": (6, True),
    "87": (3, True), "88": (3, True), "89": (3, False), "90": (10, True), "91": (4, True),
    "92": (4, True), "93": (3, False), "94": (5, True), "95": (7, True), "96": (4, False),
    "97": (4, False), "98": (4, False), "99": (5, False), "102": (1, True), "103": (3, True),
    "104": (3, True), "105": (3, True), "106": (6, False), "107": (3, True),
}  # fmt: skip
"""Fields of a message, and whether that is all there may be (wire table, section 3)."""

CHANGING: dict[str, tuple[tuple[int, int], ...]] = {
    "4": ((157, 5), (166, 6)),
    "10": ((157, 39), (163, 40), (164, 40)),
    "18": ((157, 35), (164, 36)),
    "11": ((157, 31), (178, 32)),
    "5": ((157, 128), (158, 129), (160, 130), (162, 131), (170, 136), (177, 135)),
    "101": ((157, 96), (170, 101), (177, 100)),
}
"""Fields from each version on, of messages whose layout changes; groups of rows come on top."""

ROWS_ON_TOP = frozenset({"10", "18", "5", "101"})


def requests_of_the_client() -> list[str]:
    """The methods of ib_async's client that send a message."""
    return [
        name
        for name, method in vars(Client).items()
        if inspect.isfunction(method)
        and "self.send(" in inspect.getsource(method)
        and name not in {"send", "startApi"}
    ]


def test_every_request_has_a_case() -> None:
    """One that ib_async adds, or takes away, is noticed here."""
    assert set(requests_of_the_client()) == set(CASES)


class Speaker:
    """A client of the stand-in whose requests ib_async writes."""

    def __init__(self, sim: Simulation, client_id: int, version: int) -> None:
        self.raw = RawClient(sim, client_id=client_id, version=version)
        self.raw.sim.gateway.order_ids[client_id] = ORDER_ID
        encoder: Any = Client(ib_async.IB().wrapper)  # type: ignore[no-untyped-call]
        encoder._serverVersion = version
        encoder.isConnected = lambda: True
        encoder.sendMsg = lambda text: self.raw.feed(frame(text.encode()))
        self._encoder = encoder

    def ask(self, method: str, arguments: Arguments) -> None:
        """Make a request."""
        getattr(self._encoder, method)(*arguments)


def answers(sim: Simulation, client_id: int, version: int, method: str, case: Case) -> Any:
    """What a case brings, as messages."""
    speaker = Speaker(sim, client_id, version)
    for before in case.before:
        speaker.ask(*before)
        speaker.raw.wait(0.5 if before[0] != "replaceFA" else 0.0)
    speaker.raw.read()
    speaker.ask(method, case.arguments)
    found = [*speaker.raw.read(), *(speaker.raw.wait(case.wait_s) if case.wait_s else [])]
    assert not speaker.raw.client.closing
    speaker.raw.leave()
    return found


def kind_of(message: list[str]) -> str:
    """Its id, and an error's code."""
    return f"4/{message[3]}" if message[0] == "4" else message[0]


def check_fields(message: list[str], version: int) -> None:
    """It has as many fields as the wire table says."""
    kind = message[0]
    if kind in CHANGING:
        least = max(pair for pair in CHANGING[kind] if pair[0] <= version)[1]
        is_exact = kind not in ROWS_ON_TOP
    else:
        least, is_exact = FIELDS[kind]
    assert len(message) == least if is_exact else len(message) >= least, message


@cache
def every_answer(version: int) -> dict[tuple[str, int], list[list[str]]]:
    """The answers to every case; each client finds an account without positions or orders."""
    settings = Settings(accounts=(FA, PLAIN))
    found: dict[tuple[str, int], list[list[str]]] = {}
    for method, cases in CASES.items():
        for number, case in enumerate(cases):
            sim = make_simulation(settings, MONDAY_S)
            found[method, number] = answers(sim, 1 + number, version, method, case)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_is_answered(version: int, decode: Callable[..., Any]) -> None:
    """By the right messages, of the right length, which ib_async decodes without a complaint."""
    for (method, number), messages in every_answer(version).items():
        case = CASES[method][number]
        kinds = {kind_of(message) for message in messages}
        assert set(case.answers) <= kinds <= {*case.answers, *case.more}, (method, number, kinds)
        for message in messages:
            check_fields(message, version)
        decode(messages, version)


IBAPI_LACKS = frozenset({"51"})
"""Messages that the official client has no handler for any more (wire table, section 5)."""


class Recorder:
    """A wrapper for the official decoder: it writes down errors, and takes everything else."""

    def __init__(self) -> None:
        self.errors: list[tuple[object, ...]] = []

    def error(self, *arguments: object) -> None:
        """The decoder's or the stand-in's; the decoder's own are 5xx."""
        self.errors.append(arguments)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args: None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_official_decoder_agrees(version: int, caplog: pytest.LogCaptureFixture) -> None:
    """The same messages, decoded by ibapi."""
    decoder_of = pytest.importorskip("ibapi.decoder", reason="ibapi is not installed").Decoder
    wrapper: Any = pytest.importorskip("ibapi.wrapper").EWrapper

    class Judge(Recorder, wrapper):  # type: ignore[misc]
        """The decoder looks at the wrapper's own signatures."""

    caplog.set_level(logging.WARNING, logger="ibapi")
    judge = Judge()
    decoder = decoder_of(judge, version)
    for messages in every_answer(version).values():
        for message in messages:
            if message[0] in IBAPI_LACKS:
                continue
            fields = [field.encode() for field in message]
            decoder.interpret(fields[1:], int(message[0]))
    assert not caplog.records
    assert not [e for e in judge.errors if e[2] in {501, 505, 509}]
