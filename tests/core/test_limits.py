"""How much may run at once: the gateway's own refusals, and who holds what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy_server.core.requests import Limits

SPY = (756733, "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "SPY", "SPY")


def of(con_id: int) -> tuple[object, ...]:
    """Return a contract's fields."""
    return (con_id, *SPY[1:])


def test_lines_are_counted_by_contract(make_world: Callable[..., Any]) -> None:
    """A second request for a contract takes no second line; one too many is refused (4.3, 4.7)."""
    world = make_world(limits=Limits(market_data_lines=2)).connect()
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(1, 11, 1, *of(1), 0, "", 0, 0, "")
    alpha.say(50, 3, 2, *of(2), 5, "MIDPOINT", 0, "")
    beta.say(1, 11, 3, *of(3), 0, "", 0, 0, "")
    assert beta.take() == [["4", "2", "3", "101", "Max number of tickers has been reached", ""]]
    beta.say(1, 11, 4, *of(2), 0, "233", 0, 0, "")
    beta.say(1, 11, 5, *of(3), 0, "", 1, 0, "")
    assert beta.take() == []
    assert len(world.asked(1)) == 3
    assert world.hub.requests.market_data_lines == 2
    [notice] = [text for text in world.notices() if "refused" in text]
    assert notice == (
        "beta/1: reqMktData SPY was refused: market_data_lines = 2 is reached; held by alpha 2"
    )
    alpha.say(51, 1, 2)
    world.pass_time(2.0)
    beta.say(2, 2, 4)
    world.pass_time(2.0)
    beta.say(1, 11, 6, *of(3), 0, "", 0, 0, "")
    assert len(world.asked(1)) == 1


@pytest.mark.parametrize(
    ("limits", "message", "code"),
    [
        (Limits(depth_books=1), lambda n: (10, 5, n, *of(n), 5, 0, ""), "309"),
        (Limits(tick_by_tick=1), lambda n: (97, n, *of(n), "Last", 0, 0), "10190"),
        (Limits(scanners=1), lambda n: (22, n, 50, "STK", f"STK.{n}"), "322"),
    ],
)
def test_each_kind_has_its_limit(
    make_world: Callable[..., Any], limits: Limits, message: Callable[[int], Any], code: str
) -> None:
    """The gateway's own code answers one too many."""
    world = make_world(limits=limits).connect()
    alpha = world.client("alpha").start()
    alpha.say(*message(1))
    alpha.say(*message(2))
    assert [each[2:4] for each in alpha.take()] == [["2", code]]


def test_by_default_the_gateway_decides(world: Any) -> None:
    """What it refuses for want of room is passed on, and people told who has the rest (4.4)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for number in range(150):
        alpha.say(1, 11, number, *of(number), 0, "", 0, 0, "")
    assert len(world.asked(1)) == 150
    beta.say(1, 11, 7, *of(777), 0, "", 0, 0, "")
    [[_, _, line, *_]] = world.asked(1)
    world.say(4, 2, line, 101, "Max number of tickers has been reached", "")
    assert [each[2:4] for each in beta.take()] == [["7", "101"]]
    assert any("held by alpha 150, beta 1" in text for text in world.notices())


def test_static_answers_are_given_again(world: Any) -> None:
    """Within ten minutes nothing goes upstream; what fails is asked anew."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(9, 8, 7, *SPY, 0, "", "", "")
    [asked] = world.asked(9)
    world.say(10, asked[2], "SPY", "details")
    world.say(52, 1, asked[2])
    beta.say(9, 8, 4, *SPY, 0, "", "", "")
    assert world.asked(9) == []
    assert beta.take() == [["10", "4", "SPY", "details"], ["52", "1", "4"]]
    world.pass_time(700.0)
    beta.say(9, 8, 4, *SPY, 0, "", "", "")
    [again] = world.asked(9)
    world.say(4, 2, again[2], 200, "No security definition has been found", "")
    beta.say(9, 8, 5, *SPY, 0, "", "", "")
    assert len(world.asked(9)) == 1


def test_static_answers_are_bounded(world: Any) -> None:
    """Old ones make room; a lost gateway clears them all."""
    alpha = world.client("alpha").start()
    for number in range(20):
        alpha.say(84, number, "BRFG", f"article {number}", "")
        [asked] = world.asked(84)
        world.say(83, asked[1], 0, "x" * 1_000_000)
    alpha.take()
    alpha.say(84, 50, "BRFG", "article 19", "")
    assert len(alpha.take()) == 1
    alpha.say(84, 51, "BRFG", "article 0", "")
    assert len(world.asked(84)) == 1
