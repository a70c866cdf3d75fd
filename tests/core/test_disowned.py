"""Orders that a gateway knows by their permId alone after its restart (fact 3.39)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ibproxy_server.core.orders.disowned import WATCH_EVERY_S
from ibproxy_server.core.orders.reconciliation import GIVE_UP_AFTER_S, LOOK_AGAIN_AFTER_S
from tests.core.conftest import World
from tests.core.outages import (
    CUT_OFF,
    come_back,
    completed,
    lose,
    over_an_outage,
    told,
    working,
)
from tests.core.test_orders import OURS, execution, open_order, order, status

PERM_ID = 900


def listed(text: str = "Submitted", filled: int = 0) -> list[tuple[object, ...]]:
    """Return what a list of open orders says of it: its permId, and 0 for both ids."""
    stated = list(status(0, text, client_id=0, perm_id=PERM_ID))
    stated[3], stated[4] = filled, 10 - filled
    terms = list(open_order(0, client_id=0, perm_id=PERM_ID))
    terms[14] = 10
    return [tuple(terms), tuple(stated)]


def lists_asked(world: World) -> list[str]:
    """Return and forget which lists the gateway was asked for."""
    return [each[0] for each in world.asked() if each[0] in {"16", "7", "99"}]


@pytest.fixture
def alpha(world: World) -> Any:
    """Return a client whose order is disowned; what it was told meanwhile is forgotten."""
    client = working(world)
    over_an_outage(world, open_orders=listed())
    client.take()
    world.asked()
    return client


def test_they_are_watched(world: World, alpha: Any) -> None:
    """Nothing is told of them live, so the open orders are asked for, and nothing else."""
    world.pass_time(WATCH_EVERY_S - 0.1)
    assert lists_asked(world) == []
    world.pass_time(0.2)
    assert lists_asked(world) == ["16"]
    for message in (*listed(), (53, 1)):
        world.say(*message)
    world.pass_time(WATCH_EVERY_S + 0.1)
    assert lists_asked(world) == ["16"]
    assert told(alpha) == []
    [text] = [each for each in world.notices() if "by permId alone" in each]
    assert "knows 1 of the open orders" in text


def test_a_list_that_does_not_come_is_not_asked_for_twice(world: World, alpha: Any) -> None:
    """Two lists at once cannot be told apart (fact 3.42)."""
    world.pass_time(4 * WATCH_EVERY_S)
    assert lists_asked(world) == ["16"]
    assert len(world.hub.orders.open_lists._waiting_for_next) == 1
    assert told(alpha) == []


def test_news_of_other_orders_need_no_more_lists(world: World, alpha: Any) -> None:
    """The gateway tells their fills live."""
    alpha.say(*order(2))
    world.pass_time(WATCH_EVERY_S + 0.1)
    assert lists_asked(world) == ["16"]
    for message in (*listed(), open_order(2, perm_id=901), status(2, perm_id=901), (53, 1)):
        world.say(*message)
    assert lists_asked(world) == []
    assert told(alpha) == [("order", "2"), ("status", "2", "Submitted", "0", "10")]


def test_orders_with_ids_are_not_watched(world: World) -> None:
    """The gateway tells of them as it happens."""
    alpha = working(world)
    over_an_outage(world, open_orders=[open_order(1), status(1)])
    world.asked()
    world.pass_time(10 * WATCH_EVERY_S)
    assert lists_asked(world) == []
    assert told(alpha) == []


def test_a_fill_is_told_once(world: World, alpha: Any) -> None:
    """A changed status in the list makes the proxy ask for executions."""
    world.pass_time(WATCH_EVERY_S + 0.1)
    world.asked()
    for message in (*listed(filled=4), (53, 1)):
        world.say(*message)
    assert lists_asked(world) == ["16", "7", "99"]
    world.pass_time(WATCH_EVERY_S + 0.1)
    assert lists_asked(world) == []
    fill = execution(0, "e1", "2147000003", shares=4, total=4, perm_id=PERM_ID, client_id=0)
    world.list_orders(listed(filled=4), [fill])
    assert told(alpha) == [("status", "1", "Submitted", "4", "6"), ("execution", "-1", "1", "e1")]
    world.pass_time(WATCH_EVERY_S + 0.1)
    assert lists_asked(world) == ["16"]


def test_its_end_is_told(world: World, alpha: Any) -> None:
    """It is listed no more: what has become of it is asked for, as after an outage."""
    world.pass_time(WATCH_EVERY_S + 0.1)
    world.say(53, 1)
    assert told(alpha) == []
    fill = execution(0, "e1", "2147000003", perm_id=PERM_ID, client_id=0)
    world.list_orders([], [fill], [completed(PERM_ID, "Filled", 10)])
    assert told(alpha) == [("execution", "-1", "1", "e1"), ("status", "1", "Filled", "10", "0")]
    world.asked()
    world.pass_time(10 * WATCH_EVERY_S)
    assert lists_asked(world) == []


def test_an_end_within_the_list_is_followed_by_its_fills(world: World, alpha: Any) -> None:
    """The list may still state it, as done."""
    world.pass_time(WATCH_EVERY_S + 0.1)
    world.asked()
    for message in (*listed("Filled", 10), (53, 1)):
        world.say(*message)
    assert told(alpha)[-1] == ("status", "1", "Filled", "10", "0")
    assert lists_asked(world) == ["16", "7", "99"]


def test_a_clients_own_list_serves_as_well(world: World, alpha: Any) -> None:
    """Whoever asked for it."""
    alpha.say(16, 1)
    world.asked()
    world.say(53, 1)
    assert lists_asked(world) == ["16", "7", "99"]


def test_an_unknown_order_is_looked_for_again_all_the_same(world: World, alpha: Any) -> None:
    """News of a disowned order must not use up the looks that another order waits for."""
    alpha.say(*order(2))
    lose(world)
    come_back(world)
    for filled in range(5):
        for message in (*listed(filled=filled), (53, 1)):
            world.say(*message)
        world.pass_time(GIVE_UP_AFTER_S)  # the other lists do not come
        world.say(*listed(filled=filled + 1)[1])
        world.say(53, 1)
    lists_asked(world)
    for message in (*listed(filled=5), (53, 1)):
        world.say(*message)
    world.pass_time(GIVE_UP_AFTER_S + LOOK_AGAIN_AFTER_S[0])
    assert "7" in lists_asked(world)


def test_nothing_is_watched_while_ib_is_cut_off(world: World, alpha: Any) -> None:
    """The gateway would tell what it knew before."""
    world.say(*CUT_OFF)
    world.pass_time(10 * WATCH_EVERY_S)
    assert lists_asked(world) == []
    told(alpha)


def test_a_change_does_not_leave(world: World, alpha: Any) -> None:
    """Its id may be free again at the gateway (fact 3.14), and the change would be a new order."""
    alpha.say(*order(1))
    assert world.asked(3) == []
    assert told(alpha) == [
        ("error", "1", "2197"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]


@pytest.mark.parametrize("message", [(4, 1, 1, "", "", ""), (58, 1, "", "")])
def test_a_cancel_is_tried(world: World, alpha: Any, message: tuple[object, ...]) -> None:
    """If the gateway does not know the order by that id, it lives on, and its owner is told so."""
    alpha.say(*message)
    [[_, _, order_id, *_]] = world.asked(4)
    world.say(4, 2, order_id, 10147, f"OrderId {order_id} that needs to be cancelled is not found.")
    assert told(alpha) == [
        ("error", "1", "2197"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]


def test_a_cancel_of_one_that_is_done_is_refused_as_ever(world: World, alpha: Any) -> None:
    """It does not live anywhere."""
    for message in (*listed("Cancelled"), (53, 1)):
        world.say(*message)
    alpha.take()
    alpha.say(4, 1, 1, "", "", "")
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert told(alpha) == [("error", "1", "10147")]


def test_a_cancel_of_what_was_placed_on_this_connection_is_refused_as_ever(world: World) -> None:
    """Its id is known there, whether the lists have come or not."""
    alpha = world.client("alpha").start()
    lose(world)
    come_back(world)
    alpha.say(*order(1))
    alpha.take()
    alpha.say(4, 1, 1, "", "", "")
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert told(alpha) == [("error", "1", "10147")]


def test_a_cancel_can_be_tried_again(world: World, alpha: Any) -> None:
    """One that came to nothing is not under way any more."""
    alpha.say(4, 1, 1, "", "", "")
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    world.asked()
    alpha.say(58, 1, "", "")
    assert len(world.asked(4)) == 1


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_cancel_of_what_may_be_there_without_ids(world: World, is_listed: bool) -> None:
    """The gateway does not know the id; whether that is the end is not known yet, or at all."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    come_back(world)
    if is_listed:
        nameless = list(listed()[0])
        nameless[3], nameless[13] = "SPY", "BUY"
        world.list_orders([tuple(nameless)])
    told(alpha)
    alpha.say(4, 1, 1, "", "", "")
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert told(alpha) == [("error", "1", "2197"), ("status", "1", "ApiPending", "0", "10")]


def test_a_cancel_that_comes_before_the_list_ends_nothing(world: World) -> None:
    """The list then says that it lives."""
    alpha = working(world)
    lose(world)
    come_back(world)
    alpha.say(4, 1, 1, "", "", "")
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert told(alpha)[0] == ("error", "1", "2197")
    world.list_orders(listed())
    assert "10147" not in {each[-1] for each in told(alpha)}


def test_a_cancel_that_arrives_cancels(world: World, alpha: Any) -> None:
    """Whether the gateway still knows the id is its own matter."""
    alpha.say(4, 1, 1, "", "", "")
    world.say(*status(1, "Cancelled", perm_id=PERM_ID))
    assert ("status", "1", "Cancelled", "0", "10") in told(alpha)


def test_one_that_has_its_ids_again_is_watched_no_more(world: World, alpha: Any) -> None:
    """The gateway has learned them after all."""
    world.pass_time(WATCH_EVERY_S + 0.1)
    world.asked()
    for message in (open_order(1, perm_id=PERM_ID), status(1, perm_id=PERM_ID), (53, 1)):
        world.say(*message)
    world.list_orders([open_order(1, perm_id=PERM_ID), status(1, perm_id=PERM_ID)])
    world.asked()
    world.pass_time(10 * WATCH_EVERY_S)
    assert lists_asked(world) == []
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1


def test_no_change_leaves_before_the_orders_are_listed(world: World) -> None:
    """A proxy that has just been started does not know yet how its orders stand."""
    working(world)
    world.pass_time(1.0)
    world = world.restarted().connect(has_lists=False)
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    assert world.asked(3) == []
    assert told(alpha)[0] == ("error", "1", "2197")
    world.list_orders([open_order(1, perm_id=PERM_ID), status(1, perm_id=PERM_ID)])
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1


def test_a_change_of_one_that_is_done_is_the_gateways_to_refuse(world: World) -> None:
    """It knows the id, and says 104 (fact 3.11)."""
    alpha = working(world, "Cancelled")
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1


@pytest.mark.parametrize("how", ["outage", "restart", "disowned", "filled meanwhile"])
def test_a_change_of_one_that_is_done_does_not_reach_another_connection(
    world: World, how: str
) -> None:
    """There it might be taken for a new order: the proxy says what a gateway says."""
    is_done = how in {"outage", "restart"}
    alpha = working(world, "Cancelled" if is_done else "Submitted")
    world.pass_time(1.0)
    if how == "restart":
        world = world.restarted().connect()
        alpha = world.client("alpha").start()
    elif how == "filled meanwhile":
        over_an_outage(world, completed=[completed(PERM_ID, "Filled", 10)])
    else:
        over_an_outage(world, open_orders=[] if is_done else listed())
    if how == "disowned":
        world.say(*listed("Cancelled")[1])
    told(alpha)
    world.asked()
    alpha.say(*order(1))
    assert world.asked(3) == []
    assert told(alpha) == [("error", "1", "104")]


def test_a_change_of_one_whose_end_is_not_known_does_not_leave(world: World) -> None:
    """An error would be taken for its end."""
    alpha = working(world)
    over_an_outage(world, day="20261123")
    told(alpha)
    alpha.say(*order(1))
    assert world.asked(3) == []
    assert told(alpha)[0] == ("error", "1", "2197")


def test_no_change_leaves_on_a_new_connection_before_the_orders_are_listed(world: World) -> None:
    """The gateway may have been restarted, and have forgotten the order's id."""
    alpha = working(world)
    lose(world)
    come_back(world)
    alpha.say(*order(1))
    assert world.asked(3) == []
    assert told(alpha)[0] == ("error", "1", "2197")
    for message in (open_order(1, perm_id=PERM_ID), status(1, perm_id=PERM_ID)):
        world.say(*message)
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1


def test_what_is_held_back_can_be_let_go_on_a_new_connection(world: World) -> None:
    """It is in no list, and lives in this gateway only (fact 3.49): it cannot be there twice."""
    alpha = world.client("alpha").start()
    held = list(order(1))
    held[27] = 0
    alpha.say(*held)
    over_an_outage(world)
    world.asked()
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1


def test_a_proxy_that_comes_back_with_another_client_id(world: World) -> None:
    """The gateway would take a change for a new order of that client's: it does not leave."""
    working(world)
    world.pass_time(1.0)
    settings = replace(world.hub.settings, client_id=OURS + 1)
    world = World(settings, tuple(world.recorded)).connect(has_lists=False)
    alpha = world.client("alpha").start()
    world.list_orders([open_order(1, perm_id=PERM_ID), status(1, perm_id=PERM_ID)])
    alpha.take()
    alpha.say(*order(1))
    assert world.asked(3) == []
    assert told(alpha)[0] == ("error", "1", "2197")
    world.asked()
    world.pass_time(WATCH_EVERY_S + 0.1)
    assert lists_asked(world) == ["16"]
