"""IBKR's own client, at the version that it negotiates itself, decodes every answer.

It offers `v100..226` and is answered 178; its decoder drops, and only logs, a message whose count
of fields is not exactly what it expects, so its log is part of the judgement.
"""

from __future__ import annotations

import inspect
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("ibapi")

from ibapi.client import EClient
from ibapi.common import WshEventData
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.message import OUT
from ibapi.order import Order
from ibapi.order_cancel import OrderCancel
from ibapi.scanner import ScannerSubscription
from ibapi.wrapper import EWrapper

AMD, AAPL = 4391, 265598
ACCOUNT = "DU1000001"
PATIENCE_S = 10.0
NOTICES = {2104, 2106, 2107, 2108, 2119, 2150, 2152, 2158}
NOT_AT_178 = {105, 106, 107, 108, 109}
"""reqCurrentTimeInMillis and what came after it: the client itself refuses them below their
versions."""
NEVER_FOR_CLIENTS = {65, 66, 72, 73}
NEXT = iter(range(1000, 9999))


class Recorder(EWrapper, EClient):  # type: ignore[misc] # ibapi has no types
    """A client that writes down each callback.

    Attributes:
        calls: (name, arguments), oldest first.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        EClient.__init__(self, wrapper=self)

    def named(self, name: str, req_id: int | None = None) -> list[tuple[Any, ...]]:
        """The arguments of each call of a callback, of one request if given."""
        return [a for n, a in self.calls if n == name and (req_id is None or a[0] == req_id)]

    def until(
        self, *names: str, req_id: int | None = None, count: int = 1
    ) -> list[tuple[Any, ...]]:
        """Wait for one of these callbacks and return its calls."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            for name in names:
                found = self.named(name, req_id)
                if len(found) >= count:
                    return found
            time.sleep(0.005)  # the client's own thread decodes meanwhile
        raise AssertionError(f"none of {names} for {req_id}: {self.named('error')[-5:]}")


def _recording(name: str) -> Callable[..., None]:
    def record(self: Recorder, *args: Any) -> None:
        self.calls.append((name, args))

    return record


for _name, _method in inspect.getmembers(EWrapper, inspect.isfunction):
    if not _name.startswith(("_", "log")):
        setattr(Recorder, _name, _recording(_name))


@pytest.fixture(scope="module")
def client(bench: Any) -> Iterator[Recorder]:
    """A connected client whose log says nothing bad."""
    complaints: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING or record.getMessage() == "BadMessage":
                complaints.append(record.getMessage())

    log = logging.getLogger("ibapi")
    listener = Listener()
    log.addHandler(listener)
    log.setLevel(logging.INFO)
    client = Recorder()
    client.connect(bench.sim.host, bench.sim.port, 77)
    reading = threading.Thread(target=client.run, name="ibapi", daemon=True)
    reading.start()
    [[next_id]] = client.until("nextValidId")
    client.placeOrder(next_id, AMD_STOCK, order("BUY", 5, "MKT"))  # a position to be shown
    client.until("commissionAndFeesReport")
    client.reqIds(1)
    client.until("nextValidId", count=2)
    yield client
    client.setConnState(EClient.DISCONNECTED)  # its thread hangs up once all is decoded
    reading.join(PATIENCE_S)
    log.removeHandler(listener)
    log.setLevel(logging.NOTSET)
    assert not complaints


def contract(symbol: str, sec_type: str = "STK", exchange: str = "SMART", **more: Any) -> Any:
    """A contract."""
    made = Contract()
    made.symbol, made.secType, made.exchange, made.currency = symbol, sec_type, exchange, "USD"
    for name, value in more.items():
        setattr(made, name, value)
    return made


def order(action: str, quantity: int, kind: str, **more: Any) -> Any:
    """An order of the first account."""
    made = Order()
    made.action, made.totalQuantity, made.orderType = action, quantity, kind
    made.account = ACCOUNT
    for name, value in more.items():
        setattr(made, name, value)
    return made


AMD_STOCK = contract("AMD")
SCAN = ScannerSubscription()
SCAN.instrument, SCAN.locationCode, SCAN.scanCode = "STK", "STK.US.MAJOR", "MOST_ACTIVE"
SCAN.numberOfRows = 3
CALL = contract("AAPL", "OPT", lastTradeDateOrContractMonth="", right="C", strike=0.0)
"""Completed when the chain is known."""

Ask = tuple[str, tuple[Any, ...], tuple[str, ...]]
END = "end"
ASKS: tuple[Ask, ...] = (
    # method, arguments behind the request id, one of these callbacks ends it
    ("reqContractDetails", (AMD_STOCK,), ("contractDetailsEnd",)),
    ("reqContractDetails", (contract("ES", "FUT", "CME"),), ("contractDetailsEnd",)),
    ("reqContractDetails", (contract("EUR", "CASH", "IDEALPRO"),), ("contractDetailsEnd",)),
    ("reqMatchingSymbols", ("AMD",), ("symbolSamples",)),
    ("reqSecDefOptParams", ("AAPL", "", "STK", AAPL), ("securityDefinitionOptionParameterEnd",)),
    ("reqSmartComponents", ("9c0001",), ("smartComponents",)),
    ("reqSoftDollarTiers", (), ("softDollarTiers",)),
    ("reqUserInfo", (), ("userInfo",)),
    ("reqHeadTimeStamp", (AMD_STOCK, "TRADES", 1, 1), ("headTimestamp",)),
    ("reqHistogramData", (AMD_STOCK, True, "3 days"), ("histogramData",)),
    (
        "reqHistoricalData",
        (AMD_STOCK, "", "2 D", "1 hour", "TRADES", 1, 1, False, []),
        ("historicalDataEnd",),
    ),
    (
        "reqHistoricalData",
        (AMD_STOCK, "", "5 D", "1 day", "SCHEDULE", 1, 1, False, []),
        ("historicalSchedule",),
    ),
    *(
        (
            "reqHistoricalTicks",
            (AMD_STOCK, "20260410 15:00:00 US/Eastern", "", 20, what, 1, True, []),
            (callback,),
        )
        for what, callback in (
            ("TRADES", "historicalTicksLast"),
            ("BID_ASK", "historicalTicksBidAsk"),
            ("MIDPOINT", "historicalTicks"),
        )
    ),
    ("reqExecutions", (ExecutionFilter(),), ("execDetailsEnd",)),
    ("reqHistoricalNews", (AMD, "BRFG", "", "", 5, []), ("historicalNewsEnd", "error")),
    ("reqNewsArticle", ("BRFG", "BRFG$0", []), ("newsArticle", "error")),
    ("reqWshMetaData", (), ("wshMetaData", "error")),
    ("queryDisplayGroups", (), ("displayGroupList", "error")),
    ("replaceFA", (1, "<?xml version='1.0'?><ListOfGroups/>"), ("replaceFAEnd", "error")),
)
CALLBACK_WITHOUT_ID: tuple[Ask, ...] = (
    ("reqCurrentTime", (), ("currentTime",)),
    ("reqIds", (1,), ("nextValidId",)),
    ("reqManagedAccts", (), ("managedAccounts",)),
    ("reqFamilyCodes", (), ("familyCodes",)),
    ("reqMktDepthExchanges", (), ("mktDepthExchanges",)),
    ("reqNewsProviders", (), ("newsProviders",)),
    ("reqScannerParameters", (), ("scannerParameters",)),
    ("reqMarketRule", (26,), ("marketRule",)),
    ("reqOpenOrders", (), ("openOrderEnd",)),
    ("reqAllOpenOrders", (), ("openOrderEnd",)),
    ("reqCompletedOrders", (False,), ("completedOrdersEnd",)),
    ("reqPositions", (), ("positionEnd",)),
    ("reqAccountUpdates", (True, ACCOUNT), ("accountDownloadEnd",)),
    ("requestFA", (1,), ("receiveFA", "error")),
    ("reqAutoOpenOrders", (True,), ("error",)),
)
STREAMS: tuple[tuple[str, tuple[Any, ...], str, str, tuple[Any, ...]], ...] = (
    # method, arguments, a callback that comes, method that ends it, its further arguments
    ("reqMktData", (AMD_STOCK, "233,236", False, False, []), "tickPrice", "cancelMktData", ()),
    ("reqMktDepth", (AMD_STOCK, 5, False, []), "updateMktDepth", "cancelMktDepth", (False,)),
    ("reqMktDepth", (AMD_STOCK, 5, True, []), "updateMktDepthL2", "cancelMktDepth", (True,)),
    (
        "reqRealTimeBars",
        (AMD_STOCK, 5, "TRADES", False, []),
        "realtimeBar",
        "cancelRealTimeBars",
        (),
    ),
    *(
        (
            "reqTickByTickData",
            (contract(symbol), kind, 0, False),
            callback,
            "cancelTickByTickData",
            (),
        )
        for symbol, kind, callback in (
            ("AMD", "Last", "tickByTickAllLast"),
            ("AAPL", "AllLast", "tickByTickAllLast"),
            ("SPY", "BidAsk", "tickByTickBidAsk"),
            ("MSFT", "MidPoint", "tickByTickMidPoint"),
        )
    ),
    (
        "reqHistoricalData",
        (AMD_STOCK, "", "600 S", "5 secs", "TRADES", 0, 1, True, []),
        "historicalDataUpdate",
        "cancelHistoricalData",
        (),
    ),
    ("reqScannerSubscription", (SCAN, [], []), "scannerDataEnd", "cancelScannerSubscription", ()),
    ("reqAccountSummary", ("All", "$LEDGER:ALL"), "accountSummaryEnd", "cancelAccountSummary", ()),
    ("reqPositionsMulti", (ACCOUNT, ""), "positionMultiEnd", "cancelPositionsMulti", ()),
    (
        "reqAccountUpdatesMulti",
        (ACCOUNT, "", False),
        "accountUpdateMultiEnd",
        "cancelAccountUpdatesMulti",
        (),
    ),
    ("reqPnL", (ACCOUNT, ""), "pnl", "cancelPnL", ()),
    ("reqPnLSingle", (ACCOUNT, "", AMD), "pnlSingle", "cancelPnLSingle", ()),
    ("subscribeToGroupEvents", (1,), "", "unsubscribeFromGroupEvents", ()),
)
ELSEWHERE = {
    "placeOrder", "cancelOrder", "reqGlobalCancel", "exerciseOptions", "calculateOptionPrice",
    "calculateImpliedVolatility", "cancelCalculateOptionPrice", "reqMarketDataType", "startApi",
    "cancelCalculateImpliedVolatility", "setServerLogLevel", "cancelPositions", "reqWshEventData",
    "cancelNewsBulletins", "reqNewsBulletins", "cancelWshMetaData", "cancelWshEventData",
    "cancelHeadTimeStamp", "cancelHistogramData", "updateDisplayGroup",
}  # fmt: skip
"""Methods that the tests below call by name."""


def is_refusal(error: tuple[Any, ...]) -> bool:
    """Whether it is the gateway that refuses, not the client that cannot decode."""
    code = error[2]
    return code in {162, 320, 321, 322, 327, 330, 331, 585} or 10000 <= code < 10400


def test_every_request_of_the_client_is_covered() -> None:
    """No method that sends a text message is left out."""
    covered = {row[0] for row in (*ASKS, *CALLBACK_WITHOUT_ID)} | ELSEWHERE
    covered |= {name for row in STREAMS for name in (row[0], row[3])}
    missing = {}
    for name, method in inspect.getmembers(EClient, inspect.isfunction):
        found = re.search(r"self\.sendMsg\(OUT\.(\w+)", inspect.getsource(method))
        number = int(getattr(OUT, found[1])) if found else 0
        if number and number not in NOT_AT_178 | NEVER_FOR_CLIENTS and name not in covered:
            missing[name] = number
    assert missing == {}


def test_it_negotiates_the_text_protocol(client: Recorder) -> None:
    """178 is the answer to `v100..226`; the bootstrap is complete."""
    assert client.serverVersion() == 178
    assert client.named("managedAccounts")[0][0].rstrip(",") == "DU1000001,DU1000002"
    assert {row[2] for row in client.named("error")} <= NOTICES


@pytest.mark.parametrize(
    ("method", "arguments", "ends"), ASKS, ids=[f"{n}-{row[0]}" for n, row in enumerate(ASKS)]
)
def test_a_request_with_one_answer(
    client: Recorder, method: str, arguments: Any, ends: Any
) -> None:
    """It ends with its callback, or with the gateway's own refusal where that is allowed."""
    req_id = next(NEXT)
    before = len(client.named("error"))
    getattr(client, method)(req_id, *arguments)
    if "error" in ends:
        settle(client)  # a refusal may come without the id of its request (fact 1.45)
    if "error" not in ends or len(client.named("error")) == before:
        client.until(*ends, req_id=req_id)
    errors = client.named("error", req_id)
    assert not errors or ("error" in ends and all(map(is_refusal, errors)))


@pytest.mark.parametrize(
    ("method", "arguments", "ends"),
    CALLBACK_WITHOUT_ID,
    ids=[row[0] for row in CALLBACK_WITHOUT_ID],
)
def test_a_request_without_an_id(client: Recorder, method: str, arguments: Any, ends: Any) -> None:
    """Its answer comes; a refusal has the request id -1."""
    before = {name: len(client.named(name)) for name in ends}
    getattr(client, method)(*arguments)
    deadline_s = time.monotonic() + PATIENCE_S
    while all(len(client.named(name)) == count for name, count in before.items()):
        assert time.monotonic() < deadline_s, f"no {ends}"
        time.sleep(0.005)
    if method == "reqAccountUpdates":
        client.reqAccountUpdates(False, ACCOUNT)
    if method == "reqPositions":
        client.cancelPositions()


@pytest.mark.parametrize(
    ("method", "arguments", "callback", "cancel", "rest"),
    STREAMS,
    ids=[f"{n}-{row[0]}" for n, row in enumerate(STREAMS)],
)
def test_a_stream(
    client: Recorder, method: str, arguments: Any, callback: str, cancel: str, rest: Any
) -> None:
    """It runs until it is cancelled."""
    req_id = next(NEXT)
    getattr(client, method)(req_id, *arguments)
    if callback:
        client.until(callback, req_id=req_id)
    if method == "subscribeToGroupEvents":
        client.updateDisplayGroup(req_id, f"{AMD}@SMART")
    getattr(client, cancel)(req_id, *rest)
    settle(client)
    wrong = [e for e in client.named("error", req_id) if e[2] not in NOTICES | {162, 320}]
    assert not wrong


def settle(client: Recorder) -> None:
    """Wait until all that was sent before is answered."""
    before = len(client.named("marketRule"))
    client.reqMarketRule(26)
    client.until("marketRule", count=before + 1)


def test_the_requests_without_answers(client: Recorder) -> None:
    """Modes and cancels leave the connection as it was."""
    client.setServerLogLevel(2)
    for kind in (2, 3, 4, 1):
        client.reqMarketDataType(kind)
    client.reqNewsBulletins(True)
    client.cancelNewsBulletins()
    for name in ("cancelWshMetaData", "cancelWshEventData", "cancelHeadTimeStamp"):
        getattr(client, name)(next(NEXT))
    client.cancelHistogramData(next(NEXT))
    settle(client)


def test_option_prices(client: Recorder) -> None:
    """Greeks are decoded, and both calculations agree."""
    req_id = next(NEXT)
    client.reqSecDefOptParams(req_id, "AAPL", "", "STK", AAPL)
    client.until("securityDefinitionOptionParameterEnd", req_id=req_id)
    rows = client.named("securityDefinitionOptionParameter", req_id)
    _, _, _, _, _, expirations, strikes = next(row for row in rows if row[1] == "SMART")
    option = contract("AAPL", "OPT", right="C", strike=sorted(strikes)[len(strikes) // 2])
    option.lastTradeDateOrContractMonth = sorted(expirations)[3]
    greeks, priced, solved = next(NEXT), next(NEXT), next(NEXT)
    client.reqMktData(greeks, option, "", True, False, [])
    client.until("tickSnapshotEnd", req_id=greeks)
    models = [row for row in client.named("tickOptionComputation", greeks) if row[1] == 13]
    assert 0 < models[0][4] < 1
    client.calculateOptionPrice(priced, option, 0.4, option.strike, [])
    price = client.until("tickOptionComputation", req_id=priced)[0][5]
    client.calculateImpliedVolatility(solved, option, price, option.strike, [])
    volatility = client.until("tickOptionComputation", req_id=solved)[0][3]
    assert abs(volatility - 0.4) < 0.01
    client.cancelCalculateOptionPrice(priced)
    client.cancelCalculateImpliedVolatility(solved)
    exercise = next(NEXT)
    client.exerciseOptions(exercise, option, 1, 1, ACCOUNT, 0, "", "", False)
    assert client.until("error", req_id=exercise)[0][2] == 322


def test_orders(client: Recorder, bench: Any) -> None:
    """Placed, filled, executed, asked about, cancelled: each callback states the truth."""
    filled, resting, child, margin = (int(client.named("nextValidId")[-1][0]) + n for n in range(4))
    client.placeOrder(filled, AMD_STOCK, order("BUY", 5, "MKT", orderRef="ref"))
    client.until("commissionAndFeesReport", count=2)
    _, shown, execution = client.until("execDetails", req_id=-1)[-1]
    true = bench.sim.simulation.trading.books.executions[-1]
    assert (shown.conId, execution.execId, float(execution.shares)) == (AMD, true.exec_id, 5.0)
    assert execution.price == pytest.approx(true.price)
    settle(client)
    assert client.named("orderStatus", filled)[-1][1] == "Filled"
    client.placeOrder(resting, AMD_STOCK, order("BUY", 5, "LMT", lmtPrice=10.0, transmit=False))
    client.placeOrder(child, AMD_STOCK, order("SELL", 5, "STP", auxPrice=1.0, parentId=resting))
    parent = client.until("openOrder", req_id=resting)[0][2]
    assert client.until("openOrder", req_id=child)[0][2].ocaGroup == str(parent.permId)
    client.placeOrder(margin, AMD_STOCK, order("BUY", 50, "MKT", whatIf=True))
    state = client.until("openOrder", req_id=margin)[0][3]
    assert float(state.initMarginChange) > 0
    client.reqOpenOrders()
    client.until("openOrderEnd")
    client.cancelOrder(child, OrderCancel())
    settle(client)
    client.until("error", req_id=child)
    client.reqGlobalCancel(OrderCancel())
    client.until("error", req_id=resting)
    assert {row[2] for row in client.named("error", resting)} <= {202, 399}
    req_id = next(NEXT)
    client.reqExecutions(req_id, ExecutionFilter())
    client.until("execDetailsEnd", req_id=req_id)
    assert true.exec_id in [row[2].execId for row in client.named("execDetails", req_id)]
    before = len(client.named("completedOrdersEnd"))
    client.reqCompletedOrders(False)
    client.until("completedOrdersEnd", count=before + 1)
    done = {row[1].permId for row in client.named("completedOrder")}
    assert {true.perm_id, parent.permId} <= done


def test_its_account_is_the_books(client: Recorder, bench: Any) -> None:
    """Positions and values after a trade are the simulation's own."""
    order_id = int(client.named("nextValidId")[-1][0]) + 100
    client.placeOrder(order_id, contract("MSFT"), order("BUY", 3, "MKT"))
    client.until("orderStatus", req_id=order_id)
    settle(client)
    books = bench.account(ACCOUNT)
    before = len(client.named("positionEnd"))
    client.reqPositions()
    client.until("positionEnd", count=before + 1)
    shown = {row[1].conId: float(row[2]) for row in client.named("position") if row[0] == ACCOUNT}
    assert shown == {c: p.quantity for c, p in books.positions.items()}
    before = len(client.named("accountDownloadEnd"))
    client.reqAccountUpdates(True, ACCOUNT)
    client.until("accountDownloadEnd", count=before + 1)
    values = {row[:1] + row[2:3]: row[1] for row in client.named("updateAccountValue")}
    assert float(values["TotalCashBalance", "USD"]) == round(books.cash["USD"], 2)
    rows = {row[0].conId: row for row in client.named("updatePortfolio")}
    low, high = bench.price_range(272093)
    assert low <= rows[272093][2] <= high
    assert rows[272093][2] * 3 == pytest.approx(rows[272093][3], rel=0.001)
    client.reqAccountUpdates(False, ACCOUNT)


def test_events_of_a_calendar_need_its_metadata_first(client: Recorder) -> None:
    """Answered, or refused with the code of its own (fact 8.21)."""
    req_id = next(NEXT)
    wanted = WshEventData()
    wanted.conId = AMD
    client.reqWshEventData(req_id, wanted)
    client.until("wshEventData", "error", req_id=req_id)
    assert all(map(is_refusal, client.named("error", req_id)))
