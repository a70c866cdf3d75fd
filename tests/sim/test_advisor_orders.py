"""An advisor's orders for a group: who gets what of them, and who hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import LimitOrder, MarketOrder, Order, Stock
from ib_async.client import Client as IbClient

from ibproxy.wire.framing import frame
from ibproxy_sim.build import Simulation
from ibproxy_sim.orders.allocation import Allocation
from ibproxy_sim.scenario import load_scenario
from ibproxy_sim.testing import RawClient

NOW_S = 1776092400.0
AMD = Stock("AMD", "SMART", "USD")
A, B, C, D = "DU1000001", "DU1000002", "DU1000003", "DU1000004"


@pytest.fixture(name="sim")
def _sim() -> Simulation:
    return load_scenario("advisor").build(NOW_S)


def place(client: RawClient, order_id: int, order: Order) -> list[list[str]]:
    """Send an order as ib_async writes it, and read what becomes of it."""
    pen: Any = IbClient(wrapper=None)  # type: ignore[no-untyped-call]
    pen._serverVersion, pen.connState = client.version, IbClient.CONNECTED
    pen.sendMsg = lambda text: client.feed(frame(text.encode()))
    pen.placeOrder(order_id, AMD, order)
    return client.wait(5.0)


def grouped(shares: float, group: str = "All", action: str = "BUY", **more: object) -> Order:
    """A market order for a group."""
    order: Order = MarketOrder(action, shares, faGroup=group)
    for name, value in more.items():
        setattr(order, name, value)
    return order


def given_to(sim: Simulation) -> dict[str, float]:
    """What the last order came to, by account."""
    allocation = sim.trading.books.orders[-1].allocation
    assert allocation
    return allocation.given


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (grouped(400), {A: 100, B: 100, C: 100, D: 100}),
        (grouped(402), {A: 101, B: 101, C: 100, D: 100}),
        (grouped(1), {A: 1}),
        (grouped(100, "TwoToOne"), {A: 67, B: 33}),
        (grouped(90, "TwoToOne", faMethod="Equal"), {A: 45, B: 45}),
        (grouped(0, faMethod="PctChange", faPercentage="50"), {A: 50, C: 20}),
        (grouped(0, action="SELL", faMethod="PctChange", faPercentage="-100"), {A: 100, C: 40}),
    ],
)
def test_who_gets_what(sim: Simulation, order: Order, expected: dict[str, float]) -> None:
    """By the group's method or the order's own; a rest that cannot be divided one by one."""
    client = RawClient(sim)
    before = {code: quantity(sim, code) for code in (A, B, C, D)}
    place(client, 1, order)
    assert given_to(sim) == expected
    for code in (A, B, C, D):
        change = expected.get(code, 0) * (1 if order.action == "BUY" else -1)
        assert quantity(sim, code) - before[code] == change


def quantity(sim: Simulation, code: str) -> float:
    """How much an account holds."""
    position = sim.trading.books.accounts[code].positions.get(4391)
    return position.quantity if position else 0.0


def test_by_wealth(sim: Simulation) -> None:
    """Twice as rich, twice as much."""
    place(RawClient(sim), 1, grouped(200, "ByWealth"))
    got = given_to(sim)
    assert sum(got.values()) == 200
    assert got[A] > 95
    assert got[B] == pytest.approx(2 * got[D], abs=1)


def test_the_advisor_hears_of_the_whole_and_asks_for_the_parts(sim: Simulation) -> None:
    """Live there is one execution, without a 59; in a list each account has its own (2.48)."""
    client = RawClient(sim)
    heard = place(client, 1, grouped(400))
    lives = [m for m in heard if m[0] == "11"]
    assert [(m[1], m[16], m[18], m[19]) for m in lives] == [("-1", "DF1000001", "BOT", "400")]
    assert not [m for m in heard if m[0] == "59"]
    asked = client.ask(7, 3, 9, 0, "", "", "", "", "", "")
    rows = [m for m in asked if m[0] == "11"]
    assert [m[16] for m in rows] == ["DF1000001", A, B, C, D]
    assert len({m[14] for m in rows}) == 5  # each has an id of its own
    assert len([m for m in asked if m[0] == "59"]) == 4
    of_one = client.ask(7, 3, 9, 0, B, "", "", "", "", "")
    assert [m[0] for m in of_one] == ["11", "59", "55"]


def test_positions_and_account_values_move_for_each_client(sim: Simulation) -> None:
    """Who watches positions is told of four of them; of the advisor's own account of none."""
    client = RawClient(sim)
    client.ask(61, 1)
    heard = place(client, 1, grouped(400))
    assert [m[2] for m in heard if m[0] == "61"] == [A, B, C, D]
    image = client.ask(6, 2, 1, B)
    assert [(m[3], m[13]) for m in image if m[0] == "7"] == [("AMD", "100")]


def test_an_a_behind_the_advisors_code_means_all_clients(sim: Simulation) -> None:
    """Values and holdings added up, and they follow what one client trades (fact 2.5)."""
    client = RawClient(sim)
    image = client.ask(6, 2, 1, "DF1000001A")
    values = {(m[2], m[4]): m[3] for m in image if m[0] == "6"}
    books, now_s = sim.trading.books, sim.gateway.now_s
    expected = sum(books.net_liquidation(code, now_s) for code in (A, B, C, D))
    assert float(values["NetLiquidation", "USD"]) == pytest.approx(expected, abs=0.05)
    assert [m[13] for m in image if m[0] == "7"] == ["140"]
    assert image[-1] == ["54", "1", "DF1000001A"]
    heard = place(client, 1, MarketOrder("BUY", 10, account=D))
    assert [m[13] for m in heard if m[0] == "7"] == ["150"]


def test_a_summary_and_p_and_l_of_a_group(sim: Simulation) -> None:
    """A defined group names its members (2.21); P&L takes All from an advisor (2.40)."""
    client = RawClient(sim)
    rows = client.ask(62, 1, 5, "TwoToOne", "NetLiquidation")
    assert [m[3] for m in rows if m[0] == "63"] == [A, B]
    assert client.ask(62, 1, 6, "Nobody", "NetLiquidation")[0][3] == "321"
    assert client.ask(92, 7, "All", "")[0][:2] == ["94", "7"]
    assert client.ask(92, 8, "Some", "")[0][3] == "321"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (grouped(10, account=A), "201"),  # fact 2.47
        (grouped(10, "Nobody"), "436"),
        (MarketOrder("BUY", 10), "436"),
        (grouped(10, faMethod="Fair"), "201"),
        (grouped(0, faMethod="PctChange", faPercentage="50", action="SELL"), "426"),
        (grouped(10, faMethod="PctChange", faPercentage="50"), "10068"),
        (grouped(0, faMethod="PctChange"), "10068"),
        (grouped(0, faMethod="PctChange", faPercentage="1001"), "10014"),
        (grouped(10, scaleInitLevelSize=5, scalePriceIncrement=0.1), "485"),
        (grouped(10_000_000), "201"),  # nobody can pay that
    ],
)
def test_what_cannot_be_allocated(sim: Simulation, order: Order, code: str) -> None:
    """An error under the order's id, and nothing changes hands."""
    heard = place(RawClient(sim), 1, order)
    assert [m[2:4] for m in heard if m[0] == "4"] == [["1", code]]
    assert not sim.trading.books.executions


def test_a_change_by_percent_has_no_size_to_change(sim: Simulation) -> None:
    """499; the order works on as it was."""
    client = RawClient(sim)
    order = LimitOrder("BUY", 0, 10.0, faGroup="All", faMethod="PctChange", faPercentage="50")
    place(client, 1, order)
    assert sim.trading.books.orders[0].quantity == 70
    order.totalQuantity, order.faPercentage = 80, ""
    assert [m[3] for m in place(client, 1, order) if m[0] == "4"] == ["499"]
    assert sim.trading.books.orders[0].quantity == 70


def test_a_profile_is_a_group_by_that_name(sim: Simulation) -> None:
    """Versions before 177 can still say so."""
    client = RawClient(sim, version=176)
    order = MarketOrder("BUY", 30)
    order.faProfile = "TwoToOne"
    place(client, 1, order)
    assert given_to(sim) == {A: 20, B: 10}


def test_a_what_if_adds_the_members_up(sim: Simulation) -> None:
    """One answer for the whole order, and nothing is given to anybody."""
    order = LimitOrder("BUY", 400, 100.0, faGroup="All", whatIf=True)
    (answer,) = place(RawClient(sim), 1, order)
    assert answer[0] == "5"
    assert not sim.trading.books.orders


def test_who_is_no_advisor_has_nobody_to_allocate_to() -> None:
    """201; else it would trade for the first account."""
    sim = load_scenario("calm").build(NOW_S)
    assert place(RawClient(sim), 1, grouped(10, account=A))[0][3] == "201"


@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=6),
    st.lists(st.integers(1, 1000), min_size=1, max_size=8),
    st.booleans(),
)
def test_nothing_is_lost_in_dividing(weights: list[float], fills: list[int], whole: bool) -> None:
    """All of each fill is given; in the end nobody is more than a unit or two off its part."""
    by_name = {str(number): weight for number, weight in enumerate(weights)}
    allocation = Allocation.by_weight(by_name, is_whole=whole)
    for shares in fills:
        given_now = allocation.divide(shares)
        assert sum(given_now.values()) == pytest.approx(shares)
        assert all(got > 0 for got in given_now.values())
    for name, part in allocation.parts.items():
        assert allocation.given.get(name, 0.0) == pytest.approx(part * sum(fills), abs=2.0)
