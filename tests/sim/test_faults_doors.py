"""Faults of connections, of what gets lost, and of answers that are wrong for a while."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ib_async import LimitOrder, MarketOrder

from ibproxy.wire.framing import frame
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.testing import AMD, RawClient
from ibproxy_sim.wire.settings import Settings
from tests.sim.conftest import Trader

Fault = Callable[..., None]
Start = Callable[..., Trader]
NOW_S = 1776092400.0


def market_data(req_id: int) -> list[object]:
    """A request for market data."""
    return [1, 11, req_id, *AMD, 0, "", 0, 0, ""]


def test_who_starts_is_shown_out(sim: Simulation, fault: Fault) -> None:
    """Half a second later the socket is closed, without a word (facts 1.31, 11.5)."""
    fault("shown_out", after_s=0.5, count=1)
    first, second = RawClient(sim, client_id=1), RawClient(sim, client_id=2)
    assert first.wait(0.4) == []
    assert not first.client.closing
    assert first.wait(0.2) == []
    assert first.client.closing
    assert not second.client.closing


def test_a_garbled_greeting(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """The next one gets no version, and the door; whoever is in stays (fact 7.17)."""
    fault("garbled")
    assert client.ask(49, 1)[0][0] == "49"
    stranger = sim.gateway.connect()
    sim.gateway.receive(stranger, b"API\0" + frame(b"v157..178"))
    (greeting,) = stranger.outbox
    assert not greeting[4:].split(b"\0")[0].isdigit()
    assert stranger.closing
    assert client.ask(49, 1)[0][0] == "49"
    assert RawClient(sim, client_id=5).ask(49, 1)[0][0] == "49"


def test_a_changed_port_ends_all_connections(
    sim: Simulation, client: RawClient, fault: Fault
) -> None:
    """1300, and then the door (facts 1.54, 7.7)."""
    fault("port_changed", port=4005)
    (told,) = client.read()
    assert told[2:4] == ["-1", "1300"]
    assert told[4].endswith("-4005")
    assert client.client.closing
    assert sim.faults.active == {}


def test_a_burst_chokes_it(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """Forty messages at one moment, and nothing is read for a while (fact 6.8)."""
    fault("burst", messages=40, frozen_s=30)
    other = RawClient(sim, client_id=2)
    other.wait(1)
    for _ in range(39):
        client.send(49, 1)
    assert len(client.read()) == 39
    assert client.ask(49, 1) == []
    assert other.ask(49, 1) == []
    assert client.wait(29) == []
    assert [m[0] for m in client.wait(2)] == ["49"]
    assert [m[0] for m in other.read()] == ["49"]
    for _ in range(80):  # a tenth of a second apart, nothing happens
        client.wait(0.1)
        assert [m[0] for m in client.ask(49, 1)] == ["49"]


def test_orders_of_a_batch_vanish(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """Each third of a second, without a callback; those one by one live (fact 3.122)."""
    fault("lost_orders", every=3)
    trader = start_trader()
    for number in range(1, 7):
        trader.place(number, LimitOrder("BUY", 1, 10.0))
    trader.wait(2)
    assert [order.order_id for order in sim.trading.books.orders] == [1, 2, 4, 5]
    for number in range(7, 11):
        trader.place(number, LimitOrder("BUY", 1, 10.0))
        trader.wait(2)
    assert [order.order_id for order in sim.trading.books.orders][4:] == [7, 8, 9, 10]


def test_a_dialog_swallows_orders(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """The first waits for an answer, those behind it are gone (facts 2.49, 11.29)."""
    fault("advisor_dialog", answered_s=10)
    trader = start_trader()
    for number in (1, 2, 3):
        trader.place(number, LimitOrder("BUY", 1, 10.0))
    assert trader.brief(9) == []
    assert "5:PreSubmitted" in trader.brief(2)
    trader.place(4, LimitOrder("BUY", 1, 10.0))
    trader.wait(1)
    assert [order.order_id for order in sim.trading.books.orders] == [1, 4]


def test_strays_reach_who_did_not_ask(start_trader: Start, fault: Fault) -> None:
    """Commissions of another client's fills, and rows of its list (facts 3.33, 11.34)."""
    one, two = start_trader(1), start_trader(2)
    one.place(1, MarketOrder("BUY", 1))
    one.wait(1)
    assert two.brief() == []
    fault("strays")
    one.place(2, MarketOrder("BUY", 1))
    assert "11" in one.brief(1)
    assert two.brief() == ["59"]
    one.send(99, 0)
    assert one.brief(1) == ["101", "101", "102"]
    assert two.brief() == ["101", "101"]


def test_a_fill_is_corrected(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """Again, with an id that differs behind the last dot alone (fact 3.114)."""
    fault("corrections", late_s=0.5)
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 1))
    first, again = (m for m in trader.wait(2) if m[0] == "11")
    assert first[14].rpartition(".")[0] == again[14].rpartition(".")[0]
    assert first[14] != again[14]
    assert first[:14] + first[15:] == again[:14] + again[15:]
    assert len(sim.trading.books.executions) == 1


def test_a_what_if_is_answered_twice(start_trader: Start, fault: Fault) -> None:
    """First with a warning and without margins (facts 3.99, 11.24)."""
    fault("what_if_twice")
    trader = start_trader()
    trader.place(1, LimitOrder("BUY", 100, 100.0, whatIf=True))
    bare, whole = trader.read()
    assert "Your order is not accepted yet." in bare
    assert bare.count("1.7976931348623157E308") > whole.count("1.7976931348623157E308") + 8


def test_contracts_that_exist_are_not_found(
    sim: Simulation, client: RawClient, fault: Fault
) -> None:
    """200 for some or for all, until the reset is over (facts 4.43, 11.40)."""
    fault("unknown_contracts", symbols=["AMD"])
    assert client.ask(*market_data(9))[0][3] == "200"
    eur = [1, 11, 10, 0, "EUR", "CASH", "", 0.0, "", "", "IDEALPRO", "", "USD", "", "", 0, "", 0, 0]
    assert client.ask(*eur, "")[0][0] == "58"
    sim.faults.end("unknown_contracts")
    assert client.ask(*market_data(9))[0][0] == "58"


def test_a_cancel_can_come_too_soon(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """300, and the stream runs on; a later one ends it (facts 4.10, 4.11)."""
    fault("late_registration", within_s=0.05)
    client.send(*market_data(9))
    client.read()
    assert client.ask(2, 2, 9)[0][2:4] == ["9", "300"]
    assert client.wait(1)
    assert client.ask(2, 2, 9) == []
    assert client.wait(1) == []
    client.send(*market_data(10))
    client.wait(1)
    assert client.ask(2, 2, 10) == []
    assert sim.quotes.subscriptions == 0


def test_errors_in_another_language(client: RawClient, fault: Fault) -> None:
    """Code and numbers stay, and escapes stand for letters (fact 11.45)."""
    fault("language")
    (told,) = client.ask(91, 4711)
    assert told[3] == "322"
    assert told[4].startswith(r"\u8acb")
    assert told[4].endswith(" 4711")


def test_fills_of_an_outage_can_be_told_late(start_trader: Start, fault: Fault) -> None:
    """Whether they come is contradicted; both can be had (facts 7.12, 7.13)."""
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 1))
    trader.read()
    fault("outage", down_s=5, fills="told", data="kept")
    assert trader.brief(4) == ["4:-1:1100"]
    back = trader.brief(2)
    assert back.index("4:-1:1102") < back.index("11") < back.index("59")


# settings of the gateway itself


def test_no_more_than_so_many_clients() -> None:
    """One above the limit finds the door closed; when one left there is room (fact 1.26)."""
    sim = make_simulation(Settings(max_clients=2), NOW_S)
    first, _ = RawClient(sim, client_id=1), RawClient(sim, client_id=2)
    assert sim.gateway.connect().closing
    assert len(sim.gateway.clients) == 2
    first.leave()
    assert RawClient(sim, client_id=3).welcome


def test_thirty_two_clients_are_usual() -> None:
    """The documented number."""
    sim = make_simulation(Settings(), NOW_S)
    assert not any(sim.gateway.connect().closing for _ in range(32))
    assert sim.gateway.connect().closing


def test_texts_of_the_greeting() -> None:
    """A zone of several words, and a list that ends in a comma (facts 1.5, 1.22)."""
    zone = "Central European Standard Time"
    sim = make_simulation(Settings(time_zone_name=zone, ends_accounts_with_comma=True), NOW_S)
    client = RawClient(sim)
    assert client.greeting[0][1].endswith(f" {zone}")
    assert client.welcome[0][2].endswith("DU1000002,")


def test_open_orders_come_before_anything_else() -> None:
    """With 5 and 3, and no 53, before the accounts (fact 1.19); one's own alone."""
    sim = make_simulation(Settings(download_open_orders=True), NOW_S)
    for client_id in (1, 2):
        trader = Trader(sim, client_id)
        trader.place(1, LimitOrder("BUY", 1, 10.0))
        trader.wait(1)
        trader.leave()
    assert [m[0] for m in Trader(sim, 1).welcome][:4] == ["5", "3", "15", "9"]


def test_the_master_hears_of_everybodys_orders() -> None:
    """Terms, statuses, fills and what they cost; errors are the owner's (facts 1.36, 3.31)."""
    sim = make_simulation(Settings(master_client_id=9), NOW_S)
    owner, master, other = Trader(sim, 1), Trader(sim, 9), Trader(sim, 2)
    owner.place(1, MarketOrder("BUY", 1))
    assert owner.brief(1) == master.brief()
    owner.place(2, LimitOrder("BUY", 1, 10.0))
    owner.wait(1)
    owner.cancel(2)
    owner.wait(1)
    assert "3:Cancelled" in master.brief()
    assert other.brief() == []
    master.place(1, LimitOrder("BUY", 1, 10.0))
    assert [m for m in master.brief(1) if m == "3:PreSubmitted"]
    assert owner.brief() == []


@pytest.mark.parametrize("is_allowed", [False, True])
def test_who_can_cancel_another_clients_order(is_allowed: bool) -> None:
    """The documents say nobody; a recording says anybody, under its own id (3.79, 3.80)."""
    sim = make_simulation(Settings(cancels_others=is_allowed), NOW_S)
    owner, other = Trader(sim, 1), Trader(sim, 2)
    owner.place(5, LimitOrder("BUY", 1, 10.0))
    owner.wait(1)
    other.cancel(5)
    heard = other.wait(1)
    if is_allowed:
        assert [(m[2], m[9]) for m in heard if m[0] == "3"] == [("Cancelled", "2")]
    else:
        assert [m[3] for m in heard] == ["10147"]
