"""A client that reads too slowly is told the newest ticks, and everything else whole."""

from __future__ import annotations

from typing import Any

from ibproxy_server.core import events as ev
from tests.core.test_sharing import SPY, bars, depth, market_data

MIB = 1024 * 1024


def slow(world: Any) -> tuple[Any, Any, str]:
    """A slow client and a quick one on one line, and the line's id upstream."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for client in (alpha, beta):
        client.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    world.feed(ev.ClientBlocked(alpha.number, 2 * MIB))
    return alpha, beta, line


def test_of_ticks_the_newest_of_each_kind_is_kept(world: Any) -> None:
    """They come when the client has caught up, in the order of their last changes."""
    alpha, beta, line = slow(world)
    for price in range(1000):
        world.say(1, 6, line, 1, price, 100, 1)
        world.say(1, 6, line, 2, price + 1, 100, 1)
        world.say(2, 6, line, 0, 100 + price)
    assert alpha.take() == []
    assert len(beta.take()) == 3000
    world.feed(ev.ClientDrained(alpha.number))
    assert alpha.take() == [
        ["1", "6", "3", "1", "999", "100", "1"],
        ["1", "6", "3", "2", "1000", "100", "1"],
        ["2", "6", "3", "0", "1099"],
    ]
    world.say(1, 6, line, 1, 5, 100, 1)
    assert len(alpha.take()) == 1
    assert any("reads too slowly" in text for text in world.notices())
    assert any("2997 ticks" in text for text in world.notices())


def test_nothing_but_ticks_is_left_out(world: Any) -> None:
    """Books, bars, answers, orders and errors wait in the lane, whole and in their order."""
    alpha, _, line = slow(world)
    alpha.say(*depth(4))
    alpha.say(*bars(5))
    alpha.say(97, 6, *SPY, "Last", 0, 0)
    [[_, _, book, *_]], [[_, history, *_]], [[_, ticks, *_]] = map(world.asked, (10, 20, 97))
    world.say(1, 6, line, 1, 100, 100, 1)
    for row in range(3):
        world.say(12, 1, book, row, 0, 1, 10 - row, 5)
        world.say(99, ticks, 1, 1795337163 + row, 100.5, 10, 0, "", "")
    world.say(17, history, "start", "end", 0)
    world.say(4, 2, -1, 1100, "Connectivity has been lost.", "")
    assert [each[0] for each in alpha.take()] == ["12", "99"] * 3 + ["17", "4"]


def test_what_ends_a_stream_comes_behind_its_ticks(world: Any) -> None:
    """An error about the line, or another type of data, is not overtaken by older ticks."""
    alpha, _, line = slow(world)
    world.say(1, 6, line, 1, 100, 100, 1)
    world.say(58, 1, line, 3)
    world.say(1, 6, line, 66, 101, 100, 1)
    world.say(4, 2, line, 354, "Requested market data is not subscribed.", "")
    assert [each[0] for each in alpha.take()] == ["1", "58", "1", "4"]
    world.feed(ev.ClientDrained(alpha.number))
    assert alpha.take() == []


def test_ticks_of_a_cancelled_line_are_not_told_later(world: Any) -> None:
    """Behind its cancel a client hears nothing of it."""
    alpha, _, line = slow(world)
    world.say(1, 6, line, 1, 100, 100, 1)
    alpha.say(2, 2, 3)
    world.feed(ev.ClientDrained(alpha.number))
    assert alpha.take() == []


def test_a_slow_client_may_subscribe(world: Any) -> None:
    """What it joins is shown to it, and conflated from then on."""
    alpha, beta, line = slow(world)
    world.say(1, 6, line, 1, 100, 100, 1)
    alpha.say(*market_data(9))
    assert [each[2] for each in alpha.take()] == ["9"]
    beta.say(*market_data(8, "233"))
    [[_, _, wider, *_]] = world.asked(1)
    for price in range(10):
        world.say(1, 6, wider, 1, price, 100, 1)
    world.feed(ev.ClientDrained(alpha.number))
    assert sorted((each[2], each[4]) for each in alpha.take()) == [("3", "9"), ("9", "9")]
