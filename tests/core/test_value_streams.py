"""Account values stay fresh while the account slot is elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.core.test_accounts import image, value


def multi(request_id: str, key: str, amount: object, account: str = "DU1") -> list[object]:
    """Return an accountUpdateMulti message."""
    return [73, 1, request_id, account, "", key, amount, "USD"]


def listening(world: Any) -> tuple[Any, Any, dict[str, str]]:
    """Two strategies listen to two accounts; returns them, and account -> upstream request id."""
    for account in ("DU1", "DU2"):
        image(world, account, value("NetLiquidation", 5, account), value("Cushion", 1, account))
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(6, 2, 1, "DU1")
    beta.say(6, 2, 1, "DU2")
    ids = {each[3]: each[2] for each in world.asked(76)}
    for client in (alpha, beta):
        client.take()
    return alpha, beta, ids


def test_values_come_while_the_slot_is_elsewhere(world: Any) -> None:
    """A row under a request id is told as account updates would tell it; to its account only."""
    alpha, beta, ids = listening(world)
    assert set(ids) == {"DU1", "DU2"}
    current = world.hub.accounts.updates.slot.current
    away, client, other = ("DU1", alpha, beta) if current == "DU2" else ("DU2", beta, alpha)
    world.say(*multi(ids[away], "NetLiquidation", 7, away))
    assert client.take() == [["6", "2", "NetLiquidation", "7", "USD", away]]
    world.say(*multi(ids[away], "NetLiquidation", 7, away))
    world.say(*multi(ids[away], "NotInTheImage", 7, away))
    world.say(74, 1, ids[away])
    assert client.take() == other.take() == []
    image(world, away, value("NetLiquidation", 7, away), value("Cushion", 1, away))
    assert client.take() == []


def test_the_account_in_the_slot_is_told_by_the_slot(world: Any) -> None:
    """Its rows under a request id would only say the same a second time, or too early."""
    alpha, beta, ids = listening(world)
    current = world.hub.accounts.updates.slot.current
    world.say(*multi(ids[current], "NetLiquidation", 7, current))
    assert alpha.take() == beta.take() == []


def test_a_strategys_own_request_shares_the_stream(world: Any) -> None:
    """ib_async asks for the same when it connects: there is one upstream, until both have left."""
    alpha, _, ids = listening(world)
    alpha.say(76, 1, 9, "DU1", "", 0)
    assert world.asked(76) == []
    world.say(*multi(ids["DU1"], "NetLiquidation", 7))
    assert alpha.take(73) == [["73", "1", "9", "DU1", "", "NetLiquidation", "7", "USD"]]
    world.pass_time(5.0)
    alpha.say(6, 2, 0, "")
    assert world.asked(77) == []
    alpha.leave()
    assert world.asked(77) == [["77", "1", ids["DU1"]]]


def test_a_login_with_one_account_needs_no_stream(make_world: Callable[..., Any]) -> None:
    """The slot never leaves it."""
    world = make_world().connect("DU1")
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    assert world.asked(76) == []


def test_nothing_is_left_when_nobody_listens(world: Any) -> None:
    """The streams end with their last listener."""
    alpha, beta, ids = listening(world)
    world.pass_time(5.0)
    alpha.leave()
    beta.leave()
    world.pass_time(5.0)
    assert {each[2] for each in world.asked(77)} == set(ids.values())
    assert world.hub.requests.open_requests == 0
