"""A gateway that is silent although its port is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.heartbeat import Heartbeat


def closed(world: Any) -> list[str]:
    """Return why the hub has hung up."""
    return [each.reason for each in world.effects if isinstance(each, ef.CloseUpstream)]


def test_a_frozen_gateway_is_left_and_found_again(make_world: Callable[..., Any]) -> None:
    """It is asked after half the time, and hung up on after all of it."""
    world = make_world(silence_s=60.0).connect()
    world.say(4, 2, -1, 2104, "Market data farm connection is OK:usfarm", "")
    alpha = world.client("alpha").start()
    world.pass_time(29.0)
    assert world.asked(17) == []
    world.pass_time(2.0)
    assert world.asked(17) == [["17", "1"]]
    assert closed(world) == []
    world.pass_time(30.0)
    assert closed(world) == ["the gateway has been silent for 60 s"]
    world.feed(ev.UpstreamLost("the gateway has been silent for 60 s"))
    assert [each[3] for each in alpha.take()] == ["1100"]
    world.pass_time(5.0)
    assert any(isinstance(each, ef.OpenUpstream) for each in world.effects)


def test_any_word_is_a_sign_of_life(make_world: Callable[..., Any]) -> None:
    """An answer, a tick, half a message: it is not asked, nor left."""
    world = make_world(silence_s=60.0).connect()
    for _ in range(20):
        world.feed(ev.UpstreamData(b"\0"))
        world.pass_time(29.0)
    assert world.asked(17) == []
    world.pass_time(2.0)
    assert len(world.asked(17)) == 1
    world.feed(ev.UpstreamData(b"\0"))
    world.pass_time(29.0)
    assert closed(world) == []


def test_a_gateway_without_its_own_link_may_be_silent(make_world: Callable[..., Any]) -> None:
    """Between 1100 and 1102 requests may hang (fact 7.11)."""
    world = make_world(silence_s=60.0).connect()
    world.say(4, 2, -1, 1100, "Connectivity between IBKR and TWS has been lost.", "")
    world.pass_time(3600.0)
    assert closed(world) == []
    world.say(4, 2, -1, 1102, "Connectivity has been restored - data maintained.", "")
    world.pass_time(61.0)
    assert len(closed(world)) == 1


def test_it_can_be_turned_off() -> None:
    """0 is for ever."""
    heartbeat = Heartbeat(0.0)
    assert not heartbeat.is_to_be_asked(1e9)
    assert not heartbeat.is_overdue(1e9)
    assert heartbeat.next_deadline_s() is None
