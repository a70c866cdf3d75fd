"""Faults of links, farms and of the whole gateway: what a client sees."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder

from ibproxy.wire.framing import FrameBuffer
from ibproxy_sim.build import Simulation
from ibproxy_sim.testing import AMD, RawClient, contract

Fault = Callable[..., None]
Start = Callable[..., Any]
DATA = [*AMD, 0, "", 0, 0, ""]
KEPT_BARS = [*AMD, 0, "", "1 min", "600 S", 0, "TRADES", 1, 1, ""]


def codes(messages: list[list[str]]) -> list[int]:
    """Codes of the errors among messages."""
    return [int(m[3]) for m in messages if m[0] == "4"]


def kinds(messages: list[list[str]]) -> set[str]:
    """Which messages these are."""
    return {m[0] for m in messages}


# farms


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("market", "usfarm", [2103, 2119, 2104]),
        ("historical", "ushmds", [2105, 2120, 2106]),
        ("definitions", "secdefil", [2157, 2160, 2158]),
    ],
)
def test_a_farm_breaks_and_comes_back(
    sim: Simulation, client: RawClient, fault: Fault, kind: str, name: str, expected: list[int]
) -> None:
    """Codes with id -1 and the farm's name behind a colon (facts 1.18, 7.8)."""
    fault("farm", kind=kind)
    messages = client.read()
    sim.faults.end("farm")
    messages += client.read()
    assert codes(messages) == expected
    assert {m[2] for m in messages} == {"-1"}
    assert all(m[4].endswith(f":{name}") for m in messages)


@pytest.mark.parametrize(("bars", "told"), [("10182", [2103, 10182]), ("silent", [2103])])
def test_bars_die_with_their_farm(
    sim: Simulation, client: RawClient, fault: Fault, bars: str, told: list[int]
) -> None:
    """Bars kept up to date are gone for good, ticks come back (facts 5.27, 7.6, 11.38)."""
    client.ask(20, 1, *KEPT_BARS)
    client.ask(1, 11, 2, *DATA)
    fault("farm", bars=bars)
    assert codes(client.read()) == told
    assert client.wait(30) == []
    sim.faults.end("farm")
    assert kinds(client.wait(30)) >= {"1", "2"}
    assert "90" not in kinds(client.wait(30))


def test_a_broken_farm_has_nothing_to_show(
    sim: Simulation, client: RawClient, fault: Fault
) -> None:
    """Who asks meanwhile is taken, and sees prices, rows and ticks only when it is back."""
    fault("farm")
    client.read()
    assert kinds(client.ask(1, 11, 2, *DATA)) == {"58", "81"}
    assert client.ask(10, 5, 3, *AMD, 3, 0, "") == []
    assert client.ask(97, 4, *AMD, "BidAsk", 0, 0) == []
    assert kinds(client.ask(1, 11, 5, *AMD, 0, "", 1, 0, "")) == {"58", "81"}
    assert kinds(client.wait(12)) == {"57"}  # a snapshot ends without having seen anything
    sim.faults.end("farm")
    client.read()
    back = client.wait(1)
    assert kinds(back) == {"1", "2", "45", "46", "12", "99"}
    opening = [m for m in back if m[0] == "1" and m[3] == "14"]
    assert len(opening) == 1


def test_an_idle_farm(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """The name stands behind a dot, and nothing else happens (facts 1.16, 7.8)."""
    fault("farm_idle")
    (notice,) = client.read()
    assert notice[3] == "2107"
    assert notice[4].endswith("available upon demand.ushmds")
    assert sim.faults.active == {}


def test_real_time_bars_are_busted(client: RawClient, fault: Fault) -> None:
    """10225 deactivates them; after cancel and request they are there again (fact 4.60)."""
    request = [50, 3, 7, *AMD, 5, "TRADES", 0, ""]
    client.send(*request)
    assert kinds(client.wait(6)) == {"50"}
    fault("bust")
    (notice,) = client.read()
    assert notice[2:4] == ["7", "10225"]
    assert client.wait(20) == []
    client.send(51, 1, 7)
    client.send(*request)
    assert kinds(client.wait(6)) == {"50"}


def test_a_book_is_reset(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """317, and then all rows again, as inserts (fact 4.53)."""
    client.ask(10, 5, 7, *AMD, 3, 0, "")
    fault("book_reset")
    notice, *rows = client.wait(0.25)
    assert notice[2:4] == ["7", "317"]
    assert [m[4] for m in rows] == ["0"] * 6
    assert sim.faults.active == {}


@pytest.mark.own_texts
def test_say(sim: Simulation, fault: Fault) -> None:
    """Any notice can be sent, to all or to one."""
    one, two = RawClient(sim, 1), RawClient(sim, 2)
    fault("say", code=2110, text="Connectivity is broken")
    fault("say", code=1300, text="Socket port has been reset", client_id=2)
    assert codes(one.read()) == [2110]
    assert codes(two.read()) == [2110, 1300]


# 1100, 1101, 1102


def test_data_is_lost(client: RawClient, fault: Fault) -> None:
    """1100 again and again, then 1101: market data has to be asked for anew (7.1 to 7.3, 7.14)."""
    client.ask(1, 11, 1, *DATA)
    client.ask(94, 9, "DU1000001", "", 4391)
    fault("outage", down_s=14, repeat_s=5, data="lost")
    assert codes(client.wait(13.9)) == [1100, 1100, 1100]
    (restored, *rest) = client.wait(0.2)
    assert restored[3:5] == [
        "1101", "Connectivity between IB and Trader Workstation has been restored - data lost.",
    ]  # fmt: skip
    assert not rest
    assert not kinds(client.wait(60)) & {"1", "2"}
    assert codes(client.ask(2, 2, 1)) == [300]  # nothing is live under that id
    assert kinds(client.ask(1, 11, 1, *DATA)) >= {"58", "81", "1"}


@pytest.mark.parametrize(("bars", "are_live"), [("dead", False), ("live", True)])
def test_data_is_kept(client: RawClient, fault: Fault, bars: str, are_live: bool) -> None:
    """1102 with the farms: ticks go on, bars perhaps not (facts 7.4, 7.6)."""
    client.ask(1, 11, 1, *DATA)
    client.ask(20, 2, *KEPT_BARS)
    fault("outage", data="kept", bars=bars)
    during = client.wait(13.9)
    assert kinds(during) == {"4"}
    restored = client.wait(0.2)[0]
    assert restored[3] == "1102"
    assert "data maintained. All data farms are connected: usfarm;" in restored[4]
    after = kinds(client.wait(30))
    assert after >= {"1", "2"}
    assert ("90" in after) == are_live


def test_requests_hang_in_an_outage(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """They are not refused: they are answered when the link is back (fact 7.11)."""
    fault("outage")
    client.send(16, 1)
    client.send(9, 8, 3, *AMD, 0, "", "", "")
    assert codes(client.wait(13.9)) == [1100, 1100, 1100]
    late = RawClient(sim, 2)
    assert kinds(late.welcome) >= {"15", "9"}
    assert kinds(client.wait(0.2)) == {"4", "53", "10", "52"}


@pytest.mark.parametrize("name", ["outage", "freeze"])
def test_what_was_held_back_for_who_has_left(sim: Simulation, fault: Fault, name: str) -> None:
    """Its order is placed (fact 3.90), its subscription ends at once: another account is free."""
    leaving = RawClient(sim, client_id=7)
    fault(name)
    leaving.send(6, 2, 1, "DU1000001")
    sim.gateway.disconnect(leaving.client)
    sim.faults.end(name)
    later = RawClient(sim, client_id=8)
    later.send(6, 2, 1, "DU1000002")
    assert 2101 not in codes(later.read())


def test_fills_of_an_outage_stay_untold(start_trader: Start, fault: Fault) -> None:
    """Only reqExecutions knows of them; the position is told later (facts 7.12, 7.14, 11.27)."""
    trader = start_trader()
    trader.send(61, 1)
    trader.place(1, MarketOrder("BUY", 10))
    fault("outage")
    assert set(trader.brief(13.9)) == {"62", "5:PreSubmitted", "3:PreSubmitted", "4:-1:1100"}
    assert trader.brief(60) == ["4:-1:1101", "61"]
    asked = trader.ask(7, 3, 5, 0, "", "", "", "", "", "")
    assert [m[0] for m in asked] == ["11", "59", "55"]


@pytest.mark.parametrize(("orders", "count"), [("queued", 1), ("lost", 0)])
def test_orders_of_an_outage(
    sim: Simulation, start_trader: Start, fault: Fault, orders: str, count: int
) -> None:
    """What is sent meanwhile is sent later or is gone, without a word (facts 3.90, 7.11)."""
    trader = start_trader()
    fault("outage", orders=orders)
    trader.place(1, LimitOrder("BUY", 10, 1.0))
    assert set(trader.brief(13.9)) == {"4:-1:1100"}
    trader.wait(1)
    assert len(sim.trading.books.orders) == count


@pytest.mark.parametrize(("changes", "limits"), [("made", [2.0]), ("doubled", [1.0, 2.0])])
def test_a_change_in_an_outage(
    sim: Simulation, start_trader: Start, fault: Fault, changes: str, limits: list[float]
) -> None:
    """It may end in two live orders with one order id and two permIds (facts 3.89, 11.25)."""
    trader = start_trader()
    trader.place(1, LimitOrder("BUY", 10, 1.0))
    trader.wait(1)
    fault("outage", changes=changes)
    trader.place(1, LimitOrder("BUY", 10, 2.0))
    trader.wait(15)
    working = list(sim.trading.engine.working.values())
    assert [order.limit_price for order in working] == limits
    statuses = [m for m in trader.ask(5, 1) if m[0] == "3"]
    assert {m[1] for m in statuses} == {"1"}
    assert len({m[6] for m in statuses}) == len(limits)
    fault("restart", orders="anonymous")  # what a restart does to both of them
    assert {order.order_id for order in working} == {0}


# the nightly restart


def test_a_restart(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """Reset, closed for a while; then ids, orders and executions are as before (7.15, 7.19)."""
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 10))
    trader.place(2, LimitOrder("BUY", 10, 1.0))
    untransmitted = LimitOrder("BUY", 10, 1.0)
    untransmitted.transmit = False
    trader.place(3, untransmitted)
    trader.wait(1)
    fault("restart", closed_s=82)
    assert trader.client.is_reset
    assert sim.gateway.clients == {}
    assert not sim.gateway.is_open
    assert sim.gateway.connect().closing  # nobody gets in
    sim.gateway.advance(sim.gateway.now_s + 82.1)
    back = start_trader()
    assert [m[2] for m in back.welcome if m[0] == "9"] == ["3"]  # 3 has vanished (3.14, 3.49)
    assert [m[1] for m in back.ask(5, 1) if m[0] == "5"] == ["2"]
    asked = back.ask(7, 3, 5, 0, "", "", "", "", "", "")
    assert [m[0] for m in asked] == ["11", "59", "55"]


def test_a_restart_that_loses_orders(start_trader: Start, fault: Fault) -> None:
    """Orders of the last moments are gone, and their ids come again (facts 3.17, 11.26)."""
    trader = start_trader()
    trader.place(1, LimitOrder("BUY", 10, 1.0))
    trader.wait(10)
    trader.place(2, LimitOrder("BUY", 10, 1.0))
    trader.wait(0.3)
    fault("restart", closed_s=5, lost_s=1.0)
    trader.wait(5.1)
    back = start_trader()
    assert [m[2] for m in back.welcome if m[0] == "9"] == ["2"]
    assert [m[1] for m in back.ask(5, 1) if m[0] == "5"] == ["1"]


def test_a_lost_order_is_really_lost(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """It never fills (fact 3.17)."""
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 10))
    fault("restart", closed_s=5, lost_s=1.0)
    trader.wait(60)
    assert sim.trading.books.executions == []
    assert sim.trading.books.orders == []


def test_a_restart_after_which_orders_have_no_ids(start_trader: Start, fault: Fault) -> None:
    """Open orders are listed with client and order id 0; only permId is left (fact 3.39)."""
    trader = start_trader()
    trader.place(1, LimitOrder("BUY", 10, 1.0))
    trader.place(2, LimitOrder("BUY", 10, 2.0))
    (first, *_) = [m for m in trader.wait(1) if m[0] == "3"]
    fault("restart", closed_s=5, orders="anonymous")
    trader.wait(5.1)
    back = start_trader()
    assert [m[2] for m in back.welcome if m[0] == "9"] == ["3"]
    assert kinds(back.ask(5, 1)) == {"53"}
    statuses = [m for m in back.ask(16, 1) if m[0] == "3"]
    assert [(m[1], m[9]) for m in statuses] == [("0", "0")] * 2
    assert statuses[0][6] == first[6]
    back.cancel(1)
    assert codes(back.read()) == [10147]
    back.send(58, 1)
    back.wait(1)
    assert kinds(back.ask(16, 1)) == {"53"}


def test_a_restart_that_holds_client_ids(sim: Simulation, fault: Fault) -> None:
    """The old id gives 326 for a while after the restart (facts 1.33, 11.4)."""
    one = RawClient(sim, 1)
    fault("restart", closed_s=5, held_s=30)
    one.wait(5.1)
    assert codes(RawClient(sim, 1).welcome) == [326]
    assert RawClient(sim, 2).welcome[0][0] == "15"
    one.wait(30)
    assert RawClient(sim, 1).welcome[0][0] == "15"


def test_a_restart_that_is_not_logged_in_yet(sim: Simulation, fault: Fault) -> None:
    """The port is back before anybody answers there (fact 7.16)."""
    one = RawClient(sim, 1)
    fault("restart", closed_s=5, unready_s=10)
    one.wait(5.1)
    early = RawClient(sim, 1)
    assert early.greeting == []
    assert early.wait(9.8) == []
    assert [m[0] for m in early.wait(0.2)][:3] == ["178", "15", "9"]
    assert sim.faults.active == {}


# slow, in pieces, silent


def test_each_kind_of_answer_has_its_delay(client: RawClient, fault: Fault) -> None:
    """What is named is late, the rest has the common delay, and ends stay behind their rows."""
    fault("slow", delay_s=0.5, delays_s={"10": 2.0, "49": 0.0})
    client.send(9, 8, 3, *AMD, 0, "", "", "")
    client.send(8, 1, 1)
    assert kinds(client.ask(49, 1)) == {"49"}
    assert kinds(client.wait(0.6)) == {"9"}
    assert client.wait(1.3) == []
    assert [m[0] for m in client.wait(0.2)] == ["10", "52"]


@pytest.mark.parametrize(("version", "place"), [(178, 1), (157, 2)])
def test_answers_are_interleaved(sim: Simulation, fault: Fault, version: int, place: int) -> None:
    """Rows of one answer have those of another between them; each end is behind its rows."""
    client = RawClient(sim, version=version)
    fault("interleave", rows=2, gap_s=0.1)
    stock = contract("AMD", exchange="")
    client.send(9, 8, 1, *stock, 0, "", "", "")
    client.send(9, 8, 2, *stock, 0, "", "", "")
    assert client.read() == []
    messages = client.wait(10)
    ids = [m[place] if m[0] == "10" else m[2] for m in messages]
    for req_id in ("1", "2"):
        own = [m[0] for m, i in zip(messages, ids, strict=True) if i == req_id]
        assert own[-1] == "52"
        assert set(own[:-1]) == {"10"}
        assert len(own) > 5
    changes = sum(a != b for a, b in pairwise(ids))
    assert changes > 4


def test_commissions_stay_behind_their_fills(start_trader: Start, fault: Fault) -> None:
    """59 has no id; interleaved it still follows its 11 (fact 3.106)."""
    trader = start_trader()
    for order_id in (1, 2):
        trader.place(order_id, MarketOrder("BUY", 10))
    trader.wait(1)
    fault("interleave", rows=1, gap_s=0.1)
    trader.send(7, 3, 5, 0, "", "", "", "", "", "")
    assert trader.brief(5) == ["11", "59", "11", "59", "55"]


def test_end_marks_that_never_come(client: RawClient, fault: Fault) -> None:
    """55 and 54 can fail to come (facts 2.11, 3.113)."""
    fault("silence", messages=[54, 55])
    assert client.ask(7, 3, 5, 0, "", "", "", "", "", "") == []
    assert kinds(client.ask(6, 2, 1, "DU1000001")) == {"6", "8"}


def test_a_freeze(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """Nothing is answered, new connections neither; thawed it goes on (facts 1.55, 11.2)."""
    client.ask(1, 11, 1, *DATA)
    fault("freeze")
    client.send(49, 1)
    assert client.wait(600) == []
    late = RawClient(sim, 2)
    assert late.greeting == []
    sim.faults.end("freeze")
    assert kinds(client.read()) >= {"49", "1", "2"}
    messages = late.read()
    assert messages[0][0] == "178"
    assert kinds(messages) >= {"15", "9"}


def test_a_freeze_of_new_connections(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """Who is in is served; who comes is accepted and never read (fact 1.55)."""
    fault("freeze", connections="new")
    assert kinds(client.ask(49, 1)) == {"49"}
    assert RawClient(sim, 2).greeting == []


def test_crumbs(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """Messages come in pieces, and whole in the end."""
    fault("crumbs", piece_bytes=3, gap_s=0.1)
    client.send(8, 1, 1)
    client.send(49, 1)
    assert sum(map(len, client.client.outbox)) == 3
    assert client.read() == []
    assert client.wait(0.15) == []
    assert [m[0] for m in client.wait(10)] == ["9", "49"]
    client.send(8, 1, 1)
    sim.faults.end("crumbs")
    assert [m[0] for m in client.read()] == ["9"]


def test_cut_in_the_middle_of_a_message(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """Half of the next message of that kind, and the connection ends."""
    fault("cut", message=49)
    assert kinds(client.ask(8, 1, 1)) == {"9"}
    client.send(49, 1)
    data = b"".join(client.client.outbox)
    assert data
    buffer = FrameBuffer()
    assert buffer.feed(data) == []
    assert buffer.pending_bytes == len(data)
    assert client.client.closing
    assert sim.faults.active == {}
