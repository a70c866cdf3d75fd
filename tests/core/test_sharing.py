"""Streams that are shared although nobody may notice: joined late, widened, met half-way."""

from __future__ import annotations

from typing import Any

import pytest

from ibproxy_server.core import events as ev
from ibproxy_server.core.requests import generic_ticks
from ibproxy_server.core.requests.live_bars import newer_bars
from ibproxy_server.core.requests.memory import Book

SPY = (756733, "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "SPY", "SPY")


def market_data(req_id: int, ticks: str = "") -> tuple[object, ...]:
    """Return a reqMktData message."""
    return (1, 11, req_id, *SPY, 0, ticks, 0, 0, "")


def depth(req_id: int, rows: int = 5) -> tuple[object, ...]:
    """Return a reqMktDepth message."""
    return (10, 5, req_id, *SPY, rows, 1, "")


def bars(req_id: int, keep: int = 1) -> tuple[object, ...]:
    """Return a reqHistoricalData message."""
    return (20, req_id, *SPY, 0, "", "1 min", "1 D", 1, "TRADES", 1, keep, "")


def summary(req_id: int, tags: str) -> tuple[object, ...]:
    """Return a reqAccountSummary message."""
    return (62, 1, req_id, "All", tags)


# market depth


def test_a_late_joiner_is_shown_the_whole_book(world: Any) -> None:
    """Inserts, updates and deletes become the inserts of the book that they leave (4.55)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*depth(3))
    [[_, _, book, *_]] = world.asked(10)
    world.say(4, 2, book, 2152, "Exchanges - Depth: IEX; Top: BYX; ", "")
    for position, price in ((0, 10.0), (1, 9.9), (2, 9.8)):
        world.say(13, 1, book, position, "IEX", 0, 1, price, 100, 1)
    world.say(13, 1, book, 0, "ARCA", 0, 0, 10.1, 100, 1)
    world.say(13, 1, book, 1, "IEX", 1, 1, 9.95, 50, 1)
    world.say(13, 1, book, 0, "IEX", 2, 1, 0, 0, 1)
    world.say(13, 1, book, 0, "NSDQ", 0, 1, 9.97, 70, 1)
    beta.say(*depth(9))
    assert world.asked(10) == []
    assert beta.take() == [
        ["4", "2", "9", "2152", "Exchanges - Depth: IEX; Top: BYX; ", ""],
        ["13", "1", "9", "0", "NSDQ", "0", "1", "9.97", "70", "1"],
        ["13", "1", "9", "1", "IEX", "0", "1", "9.95", "50", "1"],
        ["13", "1", "9", "2", "IEX", "0", "1", "9.8", "100", "1"],
        ["13", "1", "9", "0", "ARCA", "0", "0", "10.1", "100", "1"],
    ]
    world.say(12, 1, book, 0, 1, 0, 10.2, 5)  # an order of depth without market makers
    assert len(alpha.take(12)) == len(beta.take(12)) == 1


def test_a_reset_book_is_forgotten(world: Any) -> None:
    """Behind 317 all rows are void (fact 4.53)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*depth(3))
    [[_, _, book, *_]] = world.asked(10)
    world.say(12, 1, book, 0, 0, 1, 10.0, 100)
    world.say(4, 2, book, 317, "Market depth data has been RESET.", "")
    world.say(12, 1, book, 0, 0, 1, 11.0, 100)
    beta.say(*depth(9))
    assert [each[6] for each in beta.take()] == ["11.0"]


def test_books_of_other_sizes_are_others(world: Any) -> None:
    """A request for more rows is not served from one for fewer."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*depth(3, rows=5))
    beta.say(*depth(3, rows=10))
    assert len(world.asked(10)) == 2


def test_a_book_survives_strange_changes() -> None:
    """Changes of rows that are not there do no harm."""
    book = Book()
    book.take(b"12\x001\0", b"7\0" + b"1\x001\x0010.0\x005\0", 1)
    book.take(b"12\x001\0", b"9\0" + b"2\x001\x000\x000\0", 1)
    assert list(book.parts()) == [(b"12\x001\0", b"0\x000\x001\x0010.0\x005\0")]


# generic ticks


def test_another_generic_list_widens_the_line(world: Any) -> None:
    """One line with the union; each client hears what it asked for, and nothing twice."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3, "233"))
    [[_, _, line, *_]] = world.asked(1)
    world.pass_time(5.0)
    for message in ((58, 1, line, 1), (1, 6, line, 1, 100.5, 200, 1), (46, 6, line, 48, "x;1")):
        world.say(*message)
    assert len(alpha.take()) == 3
    beta.say(*market_data(9, "106"))
    [[_, _, wider, *asked]] = world.asked(1)
    assert asked[-4] == "106,233"
    world.say(1, 6, line, 2, 100.7, 100, 1)  # the old line goes on until the new one speaks
    assert [each[3] for each in alpha.take()] == ["2"]
    world.say(58, 1, wider, 1)
    assert world.asked(2) == [["2", "2", line]]
    world.say(1, 6, wider, 1, 100.5, 200, 1)
    world.say(1, 6, wider, 2, 100.8, 100, 1)
    world.say(46, 6, wider, 48, "x;1")
    world.say(45, 6, wider, 24, 0.21)
    assert alpha.take() == [["1", "6", "3", "2", "100.8", "100", "1"]]
    assert beta.take() == [
        ["58", "1", "9", "1"],
        ["1", "6", "9", "1", "100.5", "200", "1"],
        ["1", "6", "9", "2", "100.8", "100", "1"],
        ["45", "6", "9", "24", "0.21"],
    ]
    world.say(46, 6, wider, 48, "y;2")
    world.say(1, 6, wider, 1, 100.5, 200, 1)
    assert [each[0] for each in alpha.take()] == ["46", "1"]
    assert [each[0] for each in beta.take()] == ["1"]
    assert world.hub.requests.open_requests == 1


def test_a_refused_widening_leaves_the_line_alone(world: Any) -> None:
    """A list that is not legal (fact 4.23) is the error of who asked for it."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    world.say(1, 6, line, 1, 100.5, 200, 1)
    alpha.take()
    beta.say(*market_data(9, "106"))
    [[_, _, wider, *_]] = world.asked(1)
    world.say(4, 2, wider, 321, "Incorrect generic tick list", "")
    assert [each[2:4] for each in beta.take()] == [["9", "321"]]
    world.say(1, 6, line, 1, 100.6, 200, 1)
    assert len(alpha.take()) == 1
    beta.say(*market_data(9))
    assert world.asked(1) == []
    assert [each[4] for each in beta.take()] == ["100.6"]


def test_who_joins_a_widened_line_is_shown_everything(world: Any) -> None:
    """Values that the new line has not repeated yet reach a late joiner when they come."""
    clients = [world.client("alpha").start(client_id=n) for n in (1, 2, 3)]
    clients[0].say(*market_data(1))
    [[_, _, line, *_]] = world.asked(1)
    world.say(1, 6, line, 1, 100.5, 200, 1)
    world.say(1, 6, line, 2, 100.6, 200, 1)
    clients[1].say(*market_data(2, "106"))
    [[_, _, wider, *_]] = world.asked(1)
    world.say(1, 6, wider, 1, 100.5, 200, 1)
    clients[2].say(*market_data(3))
    world.say(1, 6, wider, 2, 100.6, 200, 1)
    for client in clients:
        assert [each[3] for each in client.take()] == ["1", "2"]


def test_a_chain_of_widenings_ends_in_one_line(world: Any) -> None:
    """The widest may speak first: everybody comes over, and nobody is told too little."""
    clients = [world.client("alpha").start(client_id=n) for n in (1, 2, 3)]
    clients[0].say(*market_data(1))
    [[_, _, first, *_]] = world.asked(1)
    world.say(1, 6, first, 1, 100.5, 200, 1)
    clients[1].say(*market_data(2, "106"))
    clients[2].say(*market_data(3, "104"))
    (_, _, second, *_), (_, _, third, *asked) = world.asked(1)
    assert asked[-4] == "104,106"
    world.pass_time(5.0)
    world.say(1, 6, third, 1, 100.5, 200, 1)
    assert {each[2] for each in world.asked(2)} == {first, second}
    world.say(45, 6, third, 24, 0.2)
    world.say(45, 6, third, 23, 0.3)
    heard = [[each[3] for each in client.take()] for client in clients]
    assert heard == [["1"], ["1", "24"], ["1", "23"]]


def test_news_of_each_source_go_to_who_asked_for_them() -> None:
    """292:A and 292:B share a line; plain 292 means all (fact 4.27)."""
    a, b = generic_ticks.parse(b"292:A+C"), generic_ticks.parse(b"233, 292:B")
    assert generic_ticks.join(a | b) == b"233,292:A+B+C"
    assert generic_ticks.join(a | {b"292"}) == b"292"
    assert generic_ticks.covers(frozenset({b"292"}), a)
    shown = generic_ticks.TickFilter(a | b, a)
    assert shown(b"84", b"1795337163\0A\0article\0text\0\0")
    assert not shown(b"84", b"1795337163\0B\0article\0text\0\0")
    assert not shown(b"46", b"48\x00100;1\0")
    assert shown(b"1", b"1\x00100.0\x005\x001\0")


@pytest.mark.parametrize("ticks", ["mdoff,292:A", "9999"])
def test_what_cannot_be_filtered_has_its_own_line(world: Any, ticks: str) -> None:
    """No default ticks (fact 4.25), or ticks that nobody knows."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3))
    beta.say(*market_data(3, ticks))
    assert len(world.asked(1)) == 2
    alpha.say(*market_data(4, ticks))
    assert world.asked(1) == []


# live history


def test_live_history_has_one_stream_and_two_pasts(world: Any) -> None:
    """A late joiner gets the past by a request of its own, and then the shared bars."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*bars(8))
    [stream] = world.asked(20)
    old = ("20261122 10:00:00 UTC", 1, 1, 1, 1, 100, 1, 9)
    world.say(17, stream[1], "start", "end", 1, *old)
    alpha.take()
    beta.say(*bars(5))
    [past] = world.asked(20)
    assert (stream[-2], past[-2]) == ("1", "0")
    assert past[2:-2] == stream[2:-2]
    newer = (3, "20261122 10:01:00 UTC", 1, 1, 1, 1, 1, 20)
    newest = (4, "20261122 10:02:00 UTC", 1, 1, 1, 1, 1, 30)
    world.say(90, stream[1], *newer)
    assert beta.take() == []
    world.say(17, past[1], "start", "end", 1, *old)
    world.say(90, stream[1], *newest)
    assert [each[:2] for each in alpha.take()] == [["90", "8"], ["90", "8"]]
    assert [(each[:2], each[3]) for each in beta.take()] == [
        (["17", "5"], "end"),
        (["90", "5"], "20261122 10:01:00 UTC"),
        (["90", "5"], "20261122 10:02:00 UTC"),
    ]
    alpha.leave()
    world.pass_time(5.0)
    assert world.asked(25) == []
    beta.say(25, 1, 5)
    assert [each[3] for each in beta.take()] == ["162"]
    assert world.asked(25) == [["25", "1", stream[1]]]
    assert world.hub.requests.open_requests == 0


def fetching_the_past(world: Any) -> tuple[Any, str, str]:
    """A stream whose first asker has left while the second fetches its past; ids upstream."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*bars(8))
    [stream] = world.asked(20)
    world.say(17, stream[1], "start", "end", 0)
    world.pass_time(5.0)
    beta.say(*bars(5))
    [past] = world.asked(20)
    alpha.leave()
    world.pass_time(5.0)
    assert world.asked(25) == []
    return beta, stream[1], past[1]


def test_the_stream_lives_while_somebody_fetches_its_past(world: Any) -> None:
    """Its last member may leave in between; and its error is everybody's."""
    beta, stream, _ = fetching_the_past(world)
    world.say(4, 2, stream, 10182, "Failed to request live updates (disconnected).", "")
    assert [each[2:4] for each in beta.take()] == [["5", "10182"]]
    world.pass_time(5.0)
    assert stream not in {each[2] for each in world.asked(25)}
    assert world.hub.requests.open_requests == 0


def test_a_past_that_nobody_waits_for_ends_the_stream(world: Any) -> None:
    """A client that cancels while it waits leaves nothing behind."""
    beta, stream, past = fetching_the_past(world)
    beta.say(25, 1, 5)
    world.pass_time(5.0)
    assert {each[2] for each in world.asked(25)} == {stream, past}
    assert world.hub.requests.open_requests == 0


def test_newer_bars_are_later_or_fuller() -> None:
    """Nothing goes back behind what the past has told."""
    past = b"s\0e\x001\0" + b"T2\x001\x001\x001\x001\x00100\x001\x009\0"
    updates = [
        (b"90\0", b"3\0%b\x001\x001\x001\x001\x001\0%b\0" % each)
        for each in ((b"T1", b"900"), (b"T2", b"90"), (b"T2", b"110"), (b"T3", b"1"))
    ]
    assert [part[1].split(b"\0")[1] for part in newer_bars(past, updates)] == [b"T2", b"T3"]
    assert len(list(newer_bars(b"s\0e\x000\0", updates))) == 4


# summaries


def test_summaries_are_parts_of_one(world: Any) -> None:
    """Whatever tags they ask for, one summary runs upstream (facts 2.21, 2.22)."""
    a, b = world.client("alpha").start(), world.client("beta").start()
    a.say(*summary(1, "NetLiquidation,SMA"))
    b.say(*summary(2, "BuyingPower"))
    [asked] = world.asked(62)
    assert {"NetLiquidation", "SMA", "BuyingPower", "Cushion"} <= set(asked[4].split(","))
    for account in ("DU1", "DU2"):
        for tag in ("BuyingPower", "Cushion", "NetLiquidation", "SMA"):
            world.say(63, 1, asked[2], account, tag, 1000, "USD")
    world.say(64, 1, asked[2])
    assert [each[3:5] for each in a.take()][:-1] == [["DU1", "NetLiquidation"], ["DU1", "SMA"]]
    assert [each[3:5] for each in b.take()][:-1] == [["DU2", "BuyingPower"]]
    late = world.client("alpha").start(client_id=7)
    late.say(*summary(3, "SMA"))
    assert [each[0] for each in late.take()] == ["63", "64"]


def test_summaries_use_two_ids_again_and_again(world: Any) -> None:
    """A cancelled one may hold its place, unless its id is used again (facts 2.23, 2.25)."""
    alpha = world.client("alpha").start()
    used = set()
    for number in range(5):
        alpha.say(*summary(number, "SMA"))
        alpha.say(*summary(100 + number, "SMA,$LEDGER:ALL"))
        asked = world.asked(62)
        used |= {each[2] for each in asked}
        assert len(asked) == 2
        world.pass_time(5.0)
        alpha.say(63, 1, number)
        alpha.say(63, 1, 100 + number)
        world.pass_time(5.0)
        assert len(world.asked(63)) == 2
    assert len(used) == 2


def test_summaries_are_cancelled_before_the_proxy_ends(world: Any) -> None:
    """One that is not may live on in the gateway without its client (fact 2.28)."""
    alpha = world.client("alpha").start()
    alpha.say(*summary(1, "SMA"))
    alpha.say(*market_data(2))
    [asked] = world.asked(62)
    world.asked()
    world.feed(ev.Stopping())
    assert world.asked() == [["63", "1", asked[2]]]


def test_rows_of_a_ledger_are_shown_to_who_asked_for_it(world: Any) -> None:
    """They name `All` as their account, and their tags may be those of others (fact 2.26)."""
    whole = world.client("gamma").start()
    whole.say(*summary(1, "SMA,$LEDGER:ALL"))
    [asked] = world.asked(62)
    assert asked[4].endswith("$LEDGER:ALL")
    world.say(63, 1, asked[2], "DU1", "AccruedCash", 1, "USD")
    world.say(63, 1, asked[2], "All", "AccruedCash", 1, "USD")
    world.say(63, 1, asked[2], "All", "CashBalance", 1, "USD")
    assert [each[3:5] for each in whole.take()] == [["All", "AccruedCash"], ["All", "CashBalance"]]


def test_a_ledger_of_one_currency_is_a_part_of_all(world: Any) -> None:
    """Each is shown the currencies that it asked for; none is BASE (facts 2.21, 2.30)."""
    lists = ("$LEDGER:ALL", "SMA,$LEDGER:USD", "$LEDGER", "SMA")
    clients = [world.client("gamma").start(client_id=number) for number in range(4)]
    for client, tags in zip(clients, lists, strict=True):
        client.say(*summary(1, tags))
    with_ledger, without = world.asked(62)
    assert with_ledger[4].endswith(",$LEDGER:ALL")
    assert "$LEDGER" not in without[4]
    for currency in ("EUR", "USD", "BASE"):
        world.say(63, 1, with_ledger[2], "All", "CashBalance", 1, currency)
    world.say(63, 1, with_ledger[2], "DU1", "SMA", 1, "USD")
    assert [[each[6] for each in client.take(63)] for client in clients] == [
        ["EUR", "USD", "BASE"],
        ["USD", "USD"],
        ["BASE"],
        [],
    ]


# tick by tick, notices


def test_ticks_one_by_one_are_shared_unless_they_begin_with_the_past(world: Any) -> None:
    """A late joiner would miss the past (fact 4.48)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(97, 1, *SPY, "Last", 0, 0)
    beta.say(97, 4, *SPY, "Last", 0, 0)
    [asked] = world.asked(97)
    world.say(99, asked[1], 1, 1795337163, 100.5, 10, 0, "", "")
    assert alpha.take()[0][1] == "1"
    assert beta.take()[0][1] == "4"
    alpha.say(97, 2, *SPY, "AllLast", 10, 0)
    world.pass_time(20.0)
    beta.say(97, 2, *SPY, "AllLast", 10, 0)
    assert len(world.asked(97)) == 2


def test_a_late_joiner_is_told_that_data_are_delayed(world: Any) -> None:
    """10167 holds for the stream as long as it runs (fact 4.39)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for client in (alpha, beta):
        client.say(59, 1, 3)
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    text = "Requested market data is not subscribed. Displaying delayed market data."
    world.say(4, 2, line, 10167, text, "")
    world.say(58, 1, line, 3)
    alpha.take()
    beta.say(*market_data(9))
    assert beta.take() == [["4", "2", "9", "10167", text, ""], ["58", "1", "9", "3"]]
