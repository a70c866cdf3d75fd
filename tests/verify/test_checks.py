"""The checks against stand-ins that are whole: nothing fails, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ibproxy_server.verify.assumption import Finding, Result
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.port import TcpPort
from ibproxy_server.verify.run import run
from ibproxy_server.verify.table import ASSUMPTIONS
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.orders.codec import read_place_order
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import Settings
from tests.verify.breaking import request
from tests.verify.direct import DirectPort, all_findings, with_result
from tests.verify.scenes import MONDAY_S, UNKNOWN, Scene, single, usual

NEEDS_A_HIGHER_VERSION = {
    "highest_common_version",
    "details_are_laid_out_as_the_table_says",
    "orders_are_laid_out_as_the_table_says",
}
Start = Callable[[Settings], ThreadedSim]


@pytest.mark.parametrize("scene", UNKNOWN, ids=lambda scene: scene.__name__)
def test_the_stand_in_is_what_the_proxy_takes_a_gateway_for(scene: Scene) -> None:
    """Nothing fails; what cannot be checked there is known; every order is gone."""
    sim = scene()
    by_hand = len(sim.trading.books.orders)
    found = all_findings(sim)
    assert with_result(found, Result.DIFFERS) == {}
    unknown = with_result(found, Result.UNKNOWN)
    assert unknown.keys() == UNKNOWN[scene], unknown
    orders = sim.trading.books.orders[by_hand:]
    assert all(order.is_done and not order.filled for order in orders)


def test_every_check_can_be_made_somewhere() -> None:
    """What one stand-in does not show, another does."""
    checks = {row.check.__name__ for row in ASSUMPTIONS if row.check}
    assert {check for check in checks if all(check in gaps for gaps in UNKNOWN.values())} == set()


@pytest.mark.parametrize("version", range(157, 179))
def test_orders_are_written_as_each_version_wants_them(version: int) -> None:
    """Whatever is negotiated: the gateway reads what was meant, and nothing fails."""
    sim = make_simulation(Settings(server_version=version, not_permitted=("AAPL",)), MONDAY_S)
    found = all_findings(sim, highest=178)
    assert with_result(found, Result.DIFFERS) == {}
    gaps = UNKNOWN[usual] | (NEEDS_A_HIGHER_VERSION if version == 157 else set())
    assert with_result(found, Result.UNKNOWN).keys() == gaps
    orders = sim.trading.books.orders
    assert len(orders) > 20
    for order in orders:
        assert order.terms.text("order_ref").removeprefix("ibproxy verify ") in found
        assert not order.terms.is_set("what_if")
        assert order.terms.text("algo_strategy") == ""


def test_the_results_over_a_socket_are_the_same(start_sim: Start) -> None:
    """The command's own way to a gateway: real time, real ports, the same results."""
    sim = start_sim(Settings(speed=20, not_permitted=("AAPL",)))
    lab = Lab(TcpPort(sim.host, sim.port), 40, True, patience_s=5.0, quiet_s=0.05, gap_s=0.0)
    lab.open()
    try:
        found = {row.assumption.check: row for row in run(lab, ASSUMPTIONS)}
    finally:
        lab.close()
    assert not lab.left_over
    by_name = {check.__name__: row for check, row in found.items() if check}
    assert with_result(by_name, Result.DIFFERS) == {}
    assert with_result(by_name, Result.UNKNOWN).keys() == UNKNOWN[usual]


@pytest.mark.parametrize(
    ("accounts", "allow_orders", "words"),
    [
        (("DU1000001",), False, "--allow-orders"),
        (("DU1000001", "U1000001"), True, "U1000001 is not a paper account"),
    ],
)
def test_no_order_is_placed_where_none_may_be(
    accounts: tuple[str, ...], allow_orders: bool, words: str
) -> None:
    """Not without leave, and never on a live account."""
    sim = make_simulation(Settings(accounts=accounts), MONDAY_S)
    lab = Lab(DirectPort(sim), 40, allow_orders)
    lab.open()
    found: list[Finding] = list(run(lab, [row for row in ASSUMPTIONS if row.orders]))
    lab.close()
    assert len(found) > 20
    assert {row.result for row in found} == {Result.UNKNOWN}
    assert all(words in row.detail for row in found)
    assert sim.gateway.statistics.requests.keys().isdisjoint({"3", "4", "58"})


def test_a_login_with_one_account_says_what_it_lacks() -> None:
    """What needs two accounts says so."""
    found = all_findings(single())
    assert "single account" in found["slot_is_gateway_wide"].detail
    assert found["only_account_is_taken"].result is Result.HOLDS


def test_an_order_that_cannot_be_cancelled_is_tried_again_and_named() -> None:
    """It stays noted, so that the command can say what may be working still."""
    sim = usual()
    sim.gateway.handlers["4"] = lambda *_: None
    lab = Lab(DirectPort(sim), 40, True, patience_s=1.0)
    lab.open()
    rows = [row for row in ASSUMPTIONS if row.fact in {"3.19", "3.30"}]
    assert [row.result for row in run(lab, rows)] == [Result.HOLDS] * 2
    lab.close()
    assert [order.order_id for order in lab.left_over] == [1, 2]
    assert sim.gateway.statistics.requests["4"] == 4


def test_no_order_is_near_the_market() -> None:
    """Buy limits are 20 % below the last close; a stop, taken or not, would trigger far away."""
    sim = usual()
    sent: list[Terms] = []

    def note(_sim: Simulation, client: Client, fields: list[str]) -> bool:
        sent.append(read_place_order(fields, client.version))
        return False

    request("3", note)(sim)
    all_findings(sim)
    stock = next(i for i in sim.universe.instruments if (i.symbol, i.sec_type) == ("AAPL", "STK"))
    price = sim.market.quote(stock, MONDAY_S).last
    assert {terms.text("total_quantity") for terms in sent} == {"1"}
    for terms in sent:
        limit, stop = terms.number("lmt_price"), terms.number("aux_price")
        if terms.text("order_type") == "LMT":
            assert terms.text("action") == "BUY"
            assert limit
            assert limit < 0.85 * price
        else:
            assert stop
            assert stop < 0.5 * price if terms.text("action") == "SELL" else stop > 1.15 * price
    assert {terms.text("order_type") for terms in sent} == {"LMT", "STP"}
