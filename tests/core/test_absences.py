"""Sessions whose link is broken: they go on, and end when it is too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy.wire.framing import frame, join_fields
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import MAX_BACKLOG_BYTES
from ibproxy_server.core.status import status
from tests.core.test_orders import order
from tests.core.test_sharing import market_data

TEN_MINUTES_S = 600.0


@pytest.fixture(name="world")
def _world(make_world: Callable[..., Any]) -> Any:
    return make_world(resume_s=TEN_MINUTES_S).connect()


def copy_of(world: Any, strategy: str, program: str, machine: str) -> Any:
    """Return a client that says which program it is, and where."""
    client = world.client(strategy)
    # it arrives again, with more to say of itself
    world.feed(ev.ClientLeft(client.number))
    world.feed(
        ev.ClientArrived(
            client.number, strategy, "127.0.0.1", 7497, program, pid=1, machine=machine
        )
    )
    client.dropped = None
    return client.start(1)


def test_a_session_goes_on_without_its_link(world: Any) -> None:
    """What the gateway says is still said to it, and its requests stand."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    world.feed(ev.ClientAway(alpha.number))
    world.pass_time(TEN_MINUTES_S - 1)
    world.say(1, 6, line, 1, 100, 100, 1)
    assert alpha.take() == [["1", "6", "3", "1", "100", "100", "1"]]
    [shown] = status(world.hub, world.now_s)["sessions"]
    assert shown["away_s"] == pytest.approx(TEN_MINUTES_S - 1, abs=1)
    world.feed(ev.ClientBack(alpha.number))
    world.pass_time(10 * TEN_MINUTES_S)
    assert alpha.dropped is None
    assert status(world.hub, world.now_s)["sessions"][0]["away_s"] == 0.0
    assert world.asked(2) == []


def test_it_ends_when_its_time_is_up(world: Any) -> None:
    """It is dropped with a reason, what it subscribed to is cancelled, and its id is free."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    world.asked()
    world.feed(ev.ClientAway(alpha.number))
    world.pass_time(TEN_MINUTES_S + 1)
    assert alpha.dropped == "its link was broken for 600 s"
    assert len(world.asked(2)) == 1
    world.feed(ev.ClientBack(alpha.number))
    successor = world.client("alpha").start()
    assert [each[0] for each in successor.greeted][:2] == [str(world_version(world)), "15"]


def world_version(world: Any) -> int:
    """Return the version that the gateway speaks."""
    return int(world.hub.upstream.server_version)


def test_each_absence_counts_for_itself(world: Any) -> None:
    """Two of nine minutes each, with a whole link in between, are no end."""
    alpha = world.client("alpha").start()
    for _ in range(2):
        world.feed(ev.ClientAway(alpha.number))
        world.pass_time(0.9 * TEN_MINUTES_S)
        world.feed(ev.ClientBack(alpha.number))
    world.pass_time(TEN_MINUTES_S)
    assert alpha.dropped is None


def test_a_program_that_computes_is_not_away(world: Any) -> None:
    """Ten minutes without a word from a client whose link is whole mean nothing."""
    alpha = world.client("alpha").start()
    world.pass_time(TEN_MINUTES_S + 1)
    assert alpha.dropped is None


def test_the_same_program_come_again_ends_the_old_one(world: Any) -> None:
    """While the old one has no link: it would not have come if that lived."""
    old = copy_of(world, "alpha", "/home/me/alpha.py", "here")
    world.feed(ev.ClientAway(old.number))
    new = copy_of(world, "alpha", "/home/me/alpha.py", "here")
    assert "come again" in str(old.dropped)
    assert new.dropped is None
    assert [each[1] for each in new.greeted if each[0] == "15"] == ["1"]


@pytest.mark.parametrize(
    ("program", "machine", "is_away"),
    [
        ("/home/me/alpha.py", "here", False),
        ("/home/me/alpha.py", "elsewhere", True),
        ("/home/me/other.py", "here", True),
    ],
)
def test_others_do_not_end_it(world: Any, program: str, machine: str, is_away: bool) -> None:
    """A second copy, a copy elsewhere, or another program: they are refused with 326."""
    old = copy_of(world, "alpha", "/home/me/alpha.py", "here")
    if is_away:
        world.feed(ev.ClientAway(old.number))
    new = copy_of(world, "alpha", program, machine)
    assert old.dropped is None
    assert "in use" in str(new.dropped)
    assert [each[3] for each in new.greeted if each[0] == "4"] == ["326"]


def test_memory_is_bounded_without_a_link(world: Any) -> None:
    """What waits for it counts as for a client that reads too slowly, to the same limit."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    world.feed(ev.ClientAway(alpha.number))
    world.feed(ev.ClientBlocked(alpha.number, 2 * 1024 * 1024))
    for price in range(100):
        world.say(1, 6, line, 1, price, 100, 1)
    assert alpha.take() == []
    world.feed(ev.ClientBlocked(alpha.number, MAX_BACKLOG_BYTES + 1))
    assert "reads too slowly" in str(alpha.dropped)
    world.pass_time(TEN_MINUTES_S + 1)


def test_a_client_that_leaves_while_it_is_away(world: Any) -> None:
    """It is gone, once, and nothing is kept of its absence."""
    alpha = world.client("alpha").start()
    world.feed(ev.ClientAway(alpha.number))
    alpha.leave()
    world.pass_time(TEN_MINUTES_S + 1)
    assert alpha.dropped is None
    assert world.hub.absences.next_deadline_s() is None


def an_order(world: Any, alpha: Any, order_id: int, age_s: float) -> None:
    """Let an order arrive that was held up for so long."""
    data = frame(join_fields(*order(order_id)))
    world.feed(ev.ClientData(alpha.number, data, age_s))


def test_a_late_order_is_refused(world: Any) -> None:
    """It is another order; one that is young enough goes on its way, and so does a later one."""
    alpha = world.client("alpha").start()
    world.asked()
    an_order(world, alpha, 1, age_s=9.9)
    an_order(world, alpha, 2, age_s=10.1)
    [refusal] = alpha.take(4)
    assert refusal[2:4] == ["2", "201"]
    assert "a broken link held it up for 10 s, and late_order_s allows 10 s" in refusal[4]
    assert len(world.asked(3)) == 1
    an_order(world, alpha, 2, age_s=0.0)  # its id was not used up
    assert len(world.asked(3)) == 1


def test_a_late_change_is_not_sent_and_a_late_cancel_is(world: Any) -> None:
    """A notice tells of the change, and leaves the order alive."""
    alpha = world.client("alpha").start()
    an_order(world, alpha, 1, age_s=0.0)
    world.asked()
    an_order(world, alpha, 1, age_s=600.0)
    assert [each[2:4] for each in alpha.take(4)] == [["1", "2197"]]
    assert world.asked(3) == []
    world.feed(ev.ClientData(alpha.number, frame(join_fields(4, 1, 1, "")), 600.0))
    assert len(world.asked(4)) == 1


def test_other_late_requests_are_asked(world: Any) -> None:
    """The answer to a question is not worse for being late."""
    alpha = world.client("alpha").start()
    world.feed(ev.ClientData(alpha.number, frame(join_fields(*market_data(3))), 600.0))
    assert len(world.asked(1)) == 1


def test_any_order_may_be_late_if_so_configured(make_world: Callable[..., Any]) -> None:
    """With `late_order_s = 0`."""
    world = make_world(late_order_s=0.0).connect()
    alpha = world.client("alpha").start()
    world.asked()
    an_order(world, alpha, 1, age_s=600.0)
    assert len(world.asked(3)) == 1
