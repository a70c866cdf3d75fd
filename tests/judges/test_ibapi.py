"""IBKR's own client, at the version that it negotiates itself, decodes every answer.

It offers `v100..226` and is answered 178. What it asks stands in `ibapi_asks.py`, row by row.
ibapi 9.81, which is answered 157, does the same in a process of its own: see `test_ibapi_981.py`.
"""

from __future__ import annotations

import inspect
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ibapi")

from ibapi.client import EClient
from ibapi.execution import ExecutionFilter
from ibapi.message import OUT

from tests.judges.ibapi_asks import AAPL, AMD, AMD_STOCK, ASKS, STREAMS, WITHOUT_ID, Ask, Stream
from tests.judges.ibapi_client import (
    ACCOUNT,
    CANCEL,
    EXERCISE,
    IS_OLD,
    NEXT,
    Recorder,
    connected,
    contract,
    order,
)

SECOND_WAY = "door"
"""By a door of the proxy's, which speaks the same protocol."""

NOTICES = {2104, 2106, 2107, 2108, 2119, 2150, 2152, 2158}
NOT_AT_178 = {105, 106, 107, 108, 109}
"""reqCurrentTimeInMillis and what came after it: the client itself refuses them below their
versions."""
NEVER_FOR_CLIENTS = {65, 66, 72, 73}
"""IBKR's own: verification of other programs (fact 8.23)."""

ELSEWHERE = {
    "placeOrder", "cancelOrder", "reqGlobalCancel", "exerciseOptions", "calculateOptionPrice",
    "calculateImpliedVolatility", "cancelCalculateOptionPrice", "reqMarketDataType", "startApi",
    "cancelCalculateImpliedVolatility", "setServerLogLevel", "cancelPositions", "reqWshEventData",
    "cancelNewsBulletins", "reqNewsBulletins", "cancelWshMetaData", "cancelWshEventData",
    "cancelHeadTimeStamp", "cancelHistogramData", "updateDisplayGroup", "subscribeToGroupEvents",
    "unsubscribeFromGroupEvents", "requestFA", "replaceFA", "reqAutoOpenOrders", "reqNewsArticle",
    "cancelFundamentalData",
}  # fmt: skip
"""Methods that the tests below call by name."""

VERSION = 157 if IS_OLD else 178

GROUPS = "<ListOfGroups>{}</ListOfGroups>"
GROUP = (
    "<Group><name>{}</name><ListOfAccts varName='list'><String>{}</String></ListOfAccts>"
    "<defaultMethod>Equal</defaultMethod></Group>"
)


@pytest.fixture(scope="module")
def client(bench: Any) -> Iterator[Recorder]:
    """A connected client whose account holds something."""
    with connected(bench, 77) as client:
        [[next_id]] = client.named("nextValidId")
        client.placeOrder(next_id, AMD_STOCK, order("BUY", 5, "MKT"))
        client.until("commissionAndFeesReport")
        client.ask("nextValidId", "reqIds", 1)
        yield client


def test_every_request_of_the_client_is_covered() -> None:
    """No method that sends a text message is left out."""
    covered = {row.method for row in (*ASKS, *WITHOUT_ID)} | ELSEWHERE
    covered |= {name for row in STREAMS for name in (row.method, row.cancel)}
    missing = {}
    for name, method in inspect.getmembers(EClient, inspect.isfunction):
        found = re.search(r"(?:self\.sendMsg|make_field)\(OUT\.(\w+)", inspect.getsource(method))
        number = int(getattr(OUT, found[1])) if found else 0
        if number and number not in NOT_AT_178 | NEVER_FOR_CLIENTS and name not in covered:
            missing[name] = number
    assert missing == {}
    here = Path(__file__).read_text() + Path(__file__).with_name("ibapi_asks.py").read_text()
    called = set(re.findall(r'client\.(?:ask\("\w+", ")?(\w+)', here))
    assert ELSEWHERE - called == {"startApi"}  # which connecting sends


def only_newer(test: Any) -> Any:
    """Leave a test to the clients that know what it is about."""
    test.__test__ = not IS_OLD
    return test


def order_id(client: Recorder) -> int:
    """The next free order id."""
    return int(client.ask("nextValidId", "reqIds", 1)[0])


def test_it_negotiates_the_text_protocol(client: Recorder) -> None:
    """178 is the answer to `v100..226`, 157 to `v100..157`; the bootstrap is complete."""
    assert client.serverVersion() == VERSION
    assert client.named("managedAccounts")[0][0].rstrip(",") == "DU1000001,DU1000002"
    assert {row[2] for row in client.named("error")} <= NOTICES


@pytest.mark.parametrize("ask", ASKS, ids=[f"{n}-{row.method}" for n, row in enumerate(ASKS)])
def test_a_request_with_one_answer(client: Recorder, bench: Any, ask: Ask) -> None:
    """It ends with its callback, without an error, and says the truth."""
    req_id = next(NEXT)
    getattr(client, ask.method)(req_id, *ask.arguments)
    client.until(ask.end, req_id)
    ask.truth(client, bench, req_id)
    assert client.named("error", req_id) == []


@pytest.mark.parametrize("ask", WITHOUT_ID, ids=[row.method for row in WITHOUT_ID])
def test_a_request_without_an_id(client: Recorder, bench: Any, ask: Ask) -> None:
    """Its answer comes, and says the truth."""
    mark = len(client.calls)
    client.ask(ask.end, ask.method, *ask.arguments)
    ask.truth(client, bench, mark)
    assert {row[2] for row in client.since(mark, "error")} <= NOTICES
    if ask.method == "reqAccountUpdates":
        client.reqAccountUpdates(False, ACCOUNT)
    if ask.method == "reqPositions":
        client.cancelPositions()


@pytest.mark.parametrize(
    "stream", STREAMS, ids=[f"{n}-{row.method}" for n, row in enumerate(STREAMS)]
)
def test_a_stream(client: Recorder, bench: Any, stream: Stream) -> None:
    """It runs, and says the truth, until it is cancelled."""
    req_id = next(NEXT)
    getattr(client, stream.method)(req_id, *stream.arguments)
    client.until(stream.callback, req_id)
    stream.truth(client, bench, req_id)
    getattr(client, stream.cancel)(req_id, *stream.rest)
    client.settle()
    wrong = [e for e in client.named("error", req_id) if e[2] not in NOTICES | {162}]
    assert not wrong


def test_the_requests_without_answers(client: Any, bench: Any) -> None:
    """Modes and cancels leave the connection as it was; bulletins come as they are published."""
    client.setServerLogLevel(2)
    for kind in (2, 3, 4, 1):
        client.reqMarketDataType(kind)
    client.reqNewsBulletins(True)
    client.settle()
    bench.sim.call(lambda: bench.sim.simulation.bulletins.publish(1, "It is open.", "NYSE"))
    client.settle()
    true = bench.sim.call(lambda: list(bench.sim.simulation.bulletins.today))
    assert client.named("updateNewsBulletin") == [tuple(bulletin) for bulletin in true]
    assert true[-1].text == "It is open."
    client.cancelNewsBulletins()
    if IS_OLD:
        client.cancelFundamentalData(next(NEXT))
    else:
        client.cancelWshMetaData(next(NEXT))
        client.cancelWshEventData(next(NEXT))
    client.cancelHeadTimeStamp(next(NEXT))
    client.cancelHistogramData(next(NEXT))
    client.settle()


def test_display_groups(client: Recorder) -> None:
    """A group says what it shows, and what it is changed to."""
    req_id = next(NEXT)
    client.subscribeToGroupEvents(req_id, 1)
    client.until("displayGroupUpdated", req_id)
    client.updateDisplayGroup(req_id, f"{AMD}@SMART")
    client.until("displayGroupUpdated", req_id, 2)
    client.unsubscribeFromGroupEvents(req_id)
    client.settle()
    shown = [row[1] for row in client.named("displayGroupUpdated", req_id)]
    assert shown == ["none", f"{AMD}@SMART"]
    assert client.named("error", req_id) == []


@only_newer
def test_events_of_a_calendar(client: Recorder) -> None:
    """Events come once the kinds of events are known (fact 8.21), and are the contract's."""
    from ibapi.common import WshEventData  # noqa: PLC0415 - 9.81 has none

    first, second = next(NEXT), next(NEXT)
    client.reqWshMetaData(first)
    client.until("wshMetaData", first)
    wanted = WshEventData()
    wanted.conId = AMD
    client.reqWshEventData(second, wanted)
    [[_, text]] = client.until("wshEventData", second)
    rows = json.loads(text)
    assert rows
    assert {row["con_id"] for row in rows} == {AMD}
    assert client.named("error", second) == []


def test_an_advisors_data(advisor_bench: Any) -> None:
    """Groups are shown, replaced, and shown as they were replaced."""
    with connected(advisor_bench, 5) as client:
        kind, text = client.ask("receiveFA", "requestFA", 1)
        [group] = ET.fromstring(text).iter("Group")
        members = [node.text for node in group.iter("String")]
        assert (kind, members) == (1, ["DU1000001", "DU1000002"])
        req_id = next(NEXT)
        client.replaceFA(req_id, 1, GROUPS.format(GROUP.format("mine", "DU1000002")))
        client.until("replaceFAEnd", req_id)
        _, text = client.ask("receiveFA", "requestFA", 1)
        assert [node.text for node in ET.fromstring(text).iter("name")] == ["mine"]
        assert advisor_bench.sim.simulation.advisors.groups["mine"].accounts == ("DU1000002",)
        _, text = client.ask("receiveFA", "requestFA", 3)
        accounts = [node.text for node in ET.fromstring(text).iter("account")]
        assert accounts == list(advisor_bench.sim.gateway.settings.accounts)
        assert {row[2] for row in client.named("error")} <= NOTICES


def test_client_0_is_given_what_was_entered_by_hand(bench: Any) -> None:
    """Once it has asked for it, an order by hand gets an id, and is told as its own."""
    with connected(bench, 0) as client:
        client.reqAutoOpenOrders(True)
        client.settle()
        simulation, amd = bench.sim.simulation, bench.instrument(AMD)
        placed = bench.sim.call(lambda: simulation.manual.enter(ACCOUNT, amd, "BUY", 3, 10.0))
        [[perm_id, client_id, bound_id]] = client.until("orderBound")
        assert (perm_id, client_id, bound_id) == (placed.perm_id, 0, placed.order_id)
        _, shown, terms, _ = client.until("openOrder", bound_id)[0]
        assert (shown.conId, terms.permId, float(terms.totalQuantity)) == (AMD, perm_id, 3.0)
        mark = len(client.calls)
        client.cancelOrder(bound_id, *CANCEL)
        client.until_status(bound_id, "Cancelled")
        client.settle()
        assert [row[2] for row in client.since(mark, "error")] == [202]


def chosen_call(client: Recorder) -> Any:
    """A call on AAPL in the middle of the strikes."""
    req_id = next(NEXT)
    client.reqSecDefOptParams(req_id, "AAPL", "", "STK", AAPL)
    client.until("securityDefinitionOptionParameterEnd", req_id)
    rows = client.named("securityDefinitionOptionParameter", req_id)
    _, _, _, _, _, expirations, strikes = next(row for row in rows if row[1] == "SMART")
    option = contract("AAPL", "OPT", right="C", strike=sorted(strikes)[len(strikes) // 2])
    option.lastTradeDateOrContractMonth = sorted(expirations)[3]
    return option


@pytest.mark.only_direct("the proxy refuses to exercise options")
def test_an_option_is_exercised(client: Recorder, bench: Any) -> None:
    """It turns into shares at its strike, and its executions say so."""
    option = chosen_call(client)
    bought = order_id(client)
    client.placeOrder(bought, option, order("BUY", 1, "MKT"))
    client.until_status(bought, "Filled")
    req_id = order_id(client)
    client.exerciseOptions(req_id, option, 1, 1, ACCOUNT, 1, *EXERCISE)
    client.until_status(req_id, "Filled")
    client.settle()
    fills = [row for row in client.named("execDetails") if row[2].orderId == req_id]
    [shares] = [execution for _, traded, execution in fills if traded.secType == "STK"]
    assert (float(shares.shares), shares.price) == (100.0, option.strike)
    assert bench.account(ACCOUNT).positions[AAPL].quantity == 100
    sold = order_id(client)
    client.placeOrder(sold, contract("AAPL"), order("SELL", 100, "MKT"))
    client.until_status(sold, "Filled")
    nothing = next(NEXT)
    client.exerciseOptions(nothing, option, 1, 1, ACCOUNT, 0, *EXERCISE)
    assert client.until("error", nothing)[0][2] == 322  # fact 3.117


def test_option_prices(client: Recorder) -> None:
    """Greeks are decoded, and both calculations agree."""
    option = chosen_call(client)
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


def test_orders(client: Recorder, bench: Any) -> None:
    """Placed, filled, executed, asked about, cancelled: each callback states the truth."""
    filled, resting, child, margin = (order_id(client) + n for n in range(4))
    client.placeOrder(filled, AMD_STOCK, order("BUY", 5, "MKT", orderRef="ref"))
    client.until_status(filled, "Filled")
    client.until("commissionAndFeesReport", count=len(client.named("execDetails", -1)))
    _, shown, execution = client.until("execDetails", -1)[-1]
    true = bench.sim.simulation.trading.books.executions[-1]
    assert (shown.conId, execution.execId, float(execution.shares)) == (AMD, true.exec_id, 5.0)
    assert execution.price == pytest.approx(true.price)
    client.settle()
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
    client.cancelOrder(child, *CANCEL)
    client.settle()
    client.until("error", req_id=child)
    client.reqGlobalCancel(*CANCEL)
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
    bought = order_id(client)
    client.placeOrder(bought, contract("MSFT"), order("BUY", 3, "MKT"))
    client.until_status(bought, "Filled")
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
