"""Orders over an outage: nothing is sent late, what happened meanwhile is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy_server.core import events as ev
from ibproxy_server.core.orders import journal_entries as je
from ibproxy_server.core.orders.reconciliation import GIVE_UP_AFTER_S, LOOK_AGAIN_AFTER_S
from tests.core.conftest import OWN_EXECUTIONS as OWN
from tests.core.conftest import World
from tests.core.test_orders import OURS, execution, open_order, order, status
from tests.core.test_recorder import held_back, intents

CUT_OFF = (4, 2, -1, 1100, "Connectivity between IB and Trader Workstation has been lost.", "")
RESTORED = (4, 2, -1, 1102, "Connectivity between IB and Trader Workstation has been restored", "")


def lose(world: World) -> None:
    """The link to the gateway breaks, and the first attempt to renew it fails."""
    world.feed(ev.UpstreamLost("reset by peer"))
    world.pass_time(0.6)
    world.feed(ev.UpstreamLost("Connection refused"))
    world.asked()


def come_back(world: World, day: str = "20261122") -> None:
    """The gateway is there again; what the proxy asks of it is left to be looked at."""
    world.pass_time(1.1)
    world.feed(ev.UpstreamConnected())
    world.say(176, f"{day} 10:05:00 EST")
    world.say(15, 1, "DU1,DU2")
    world.say(9, 1, 1)
    world.pass_time(0.1)


def over_an_outage(world: World, day: str = "20261122", **lists: Any) -> None:
    """The link breaks, and is renewed; the gateway lists this."""
    lose(world)
    come_back(world, day)
    world.list_orders(**lists)


def completed(perm_id: int, text: str, filled: object = 0) -> tuple[object, ...]:
    """Return a completedOrder message of version 176 without variable blocks."""
    fields: list[object] = [101, *([""] * 101)]
    fields[19], fields[23] = "DU1", perm_id
    fields[60] = fields[61] = fields[62] = 0  # no combo
    fields[73] = text
    fields[-14], fields[-6] = filled, f"{text} by Trader"
    return tuple(fields)


def working(world: World, text: str = "Submitted", number: int = 1) -> Any:
    """Return alpha, whose order stands as told; what it was told is forgotten."""
    alpha = next(iter(world.clients.values()), None) or world.client("alpha").start()
    alpha.say(*order(number))
    world.say(*open_order(number, perm_id=899 + number))
    world.say(*status(number, text, perm_id=899 + number))
    world.asked()
    alpha.take()
    return alpha


def told(client: Any) -> list[tuple[str, ...]]:
    """Return and forget what a client was told of orders, in short, without 1100 and 1102."""
    short: dict[str, Callable[[list[str]], tuple[str, ...]]] = {
        "3": lambda m: ("status", m[1], m[2], m[3], m[4]),
        "4": lambda m: ("error", m[2], m[3]),
        "5": lambda m: ("order", m[1]),
        "11": lambda m: ("execution", m[1], m[2], m[14]),
        "59": lambda m: ("commission", m[2]),
    }
    heard = [short[m[0]](m) for m in client.take() if m[0] in short]
    return [each for each in heard if each[1] != "-1" or each[0] == "execution"]


def state_of(world: World, upstream_id: int = 1) -> str:
    """Return how an order stands in the journal, in a word."""
    world.pass_time(1.0)
    state = je.compacted(world.recorded)["state", upstream_id]
    assert isinstance(state, je.OrderState)
    return state.text


# what is asked for during an outage


def test_an_order_without_a_gateway_is_refused_at_once(world: World) -> None:
    """201 says why; it uses up no id, is not in the journal, and does not leave later."""
    alpha = world.client("alpha").start()
    lose(world)
    alpha.take()
    alpha.say(*order(1))
    [error] = alpha.take()
    assert error[2:4] == ["1", "201"]
    assert "Connection refused" in error[4]
    assert intents(world) == []
    come_back(world)
    world.list_orders()
    assert world.asked(3) == []
    alpha.take()
    alpha.say(8, 1, 1)
    assert alpha.take(9) == [["9", "1", "1"]]
    alpha.say(*order(1))
    assert [each[1] for each in world.asked(3)] == ["1"]


def test_an_order_at_a_gateway_without_ib_is_refused_at_once(world: World) -> None:
    """It might be kept there and submitted later (fact 3.90): a late order is another order."""
    alpha = world.client("alpha").start()
    world.say(*CUT_OFF)
    alpha.say(*order(1))
    assert told(alpha) == [("error", "1", "201")]
    assert world.asked(3) == []
    world.say(*RESTORED)
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1


def test_an_order_that_waits_when_ib_is_lost_does_not_leave(make_world: Any) -> None:
    """It came before, but would leave during the outage; a change that waits does not either."""
    world = make_world(messages_per_s=5.0).connect("DU1")
    alpha = working(world)
    world.pass_time(1.0)
    world.asked()
    for _ in range(3):
        alpha.say(*order(1))
    alpha.say(*order(2))
    world.say(*CUT_OFF)
    left = len(world.asked(3))
    world.pass_time(5.0)
    assert world.asked(3) == []
    refused = told(alpha)
    assert ("error", "2", "201") in refused
    assert refused.count(("error", "1", "2197")) == 3 - left
    alpha.say(8, 1, 1)
    assert alpha.take(9) == [["9", "1", "2"]]


@pytest.mark.parametrize("has_gateway", [True, False])
def test_a_change_during_an_outage_is_refused_and_the_order_stated(
    world: World, has_gateway: bool
) -> None:
    """2197 is no end of the order for client libraries; behind it stands how the order is."""
    alpha = working(world)
    if has_gateway:
        world.say(*CUT_OFF)
    else:
        lose(world)
    alpha.take()
    alpha.say(*order(1))
    assert told(alpha) == [
        ("error", "1", "2197"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]
    assert world.asked(3) == []


def test_a_cancel_without_a_gateway_is_refused_and_the_order_stated(world: World) -> None:
    """It did not reach the broker, and is not sent later."""
    alpha = working(world)
    lose(world)
    alpha.take()
    alpha.say(4, 1, 1, "")
    assert told(alpha) == [
        ("error", "1", "2197"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]
    come_back(world)
    world.list_orders([open_order(1), status(1)])
    assert world.asked(4) == []
    assert told(alpha) == []


def test_a_cancel_at_a_gateway_without_ib_is_passed_on(world: World) -> None:
    """It can only help; its owner is told that it may wait, and sees it pending."""
    alpha = working(world)
    world.say(*CUT_OFF)
    alpha.take()
    alpha.say(4, 1, 1, "")
    assert [each[2] for each in world.asked(4)] == ["1"]
    assert told(alpha) == [("error", "1", "2196"), ("status", "1", "PendingCancel", "0", "10")]
    world.say(*RESTORED)
    world.list_orders([open_order(1), status(1)])
    assert told(alpha)[-1] == ("status", "1", "Submitted", "0", "10")


def test_a_global_cancel_during_an_outage(world: World) -> None:
    """One notice says that it did not leave, or may wait."""
    alpha = working(world)
    world.say(*CUT_OFF)
    alpha.take()
    alpha.say(58, 1)
    assert len(world.asked(4)) == 1
    assert [each[2:4] for each in alpha.take()] == [["-1", "2196"]]
    lose(world)
    alpha.take()
    alpha.say(58, 1)
    assert [each[2:4] for each in alpha.take()] == [["-1", "2197"]]


def test_a_cancel_of_nothing_is_no_news_in_an_outage(world: World) -> None:
    """The proxy knows what its clients have placed."""
    alpha = world.client("alpha").start()
    lose(world)
    alpha.take()
    alpha.say(4, 1, 5, "")
    assert told(alpha) == [("error", "5", "10147")]


def test_a_change_that_waits_for_the_journal_when_the_link_breaks(world: World) -> None:
    """It is told that it did not leave, and the order is as it was."""
    alpha = working(world)
    world.is_journal_slow = True
    alpha.say(*order(1))
    lose(world)
    assert told(alpha) == [
        ("error", "1", "2197"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]
    world.is_journal_slow = False
    come_back(world)
    world.list_orders([open_order(1), status(1)])
    assert told(alpha) == []


# what was under way


def test_a_cancel_under_way_at_a_still_open_order_is_told_as_such(world: World) -> None:
    """The order is stated again even if nothing differs: the client shows it as pending."""
    alpha = working(world)
    alpha.say(4, 1, 1, "")
    over_an_outage(world, open_orders=[open_order(1), status(1)])
    assert told(alpha) == [
        ("error", "1", "2196"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]
    world.asked()
    alpha.say(58, 1)
    assert len(world.asked(4)) == 1  # no cancel is under way any more


def test_a_change_under_way_at_a_still_open_order_is_told_as_such(world: World) -> None:
    """The client's own order has the new price already; what the gateway says puts it right."""
    alpha = working(world)
    fields = list(order(1))
    fields[19] = 101
    alpha.say(*fields)
    over_an_outage(world, open_orders=[open_order(1), status(1)])
    assert told(alpha)[0] == ("error", "1", "2196")
    over_an_outage(world, open_orders=[open_order(1), status(1)])
    assert told(alpha) == []


def test_a_change_that_the_gateway_has_taken_is_not_under_way(world: World) -> None:
    """It has stated the order with the new terms, or has refused the change."""
    alpha = working(world)
    fields = list(order(1))
    fields[19] = 101
    stated = list(open_order(1))
    stated[14], stated[16] = "10.0", "101"
    alpha.say(*fields)
    world.say(*stated)
    alpha.take()
    over_an_outage(world, open_orders=[tuple(stated), status(1)])
    assert told(alpha) == []
    alpha.say(*order(1))
    world.say(4, 2, 1, 201, "Order rejected - reason: no", "")
    alpha.take()
    over_an_outage(world, open_orders=[tuple(stated), status(1)])
    assert told(alpha) == []


def test_a_cancel_under_way_at_1100_is_told_as_such_after_1102(world: World) -> None:
    """The gateway may have lost it with its own link."""
    alpha = working(world)
    alpha.say(4, 1, 1, "")
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    world.list_orders([open_order(1), status(1)])
    assert told(alpha) == [
        ("error", "1", "2196"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]


# executions


def test_a_fill_of_an_outage_is_told_live_and_once(world: World) -> None:
    """With its commission; neither the next list nor a late live report tells it again."""
    alpha = working(world)
    fill = execution(1, "0001.01", req_id=OWN), (59, 1, "0001.01", 1.0, "USD", 0, 0, "")
    done = completed(900, "Filled", 10)
    over_an_outage(world, executions=fill, completed=[done])
    assert told(alpha) == [
        ("execution", "-1", "1", "0001.01"),
        ("commission", "0001.01"),
        ("status", "1", "Filled", "10", "0"),
    ]
    world.say(*execution(1, "0001.01"))
    world.say(59, 1, "0001.01", 1.0, "USD", 0, 0, "")
    over_an_outage(world, executions=fill, completed=[done])
    assert told(alpha) == []
    assert state_of(world) == "Filled"
    assert world.hub.orders.book.of_upstream(1).fills == 1  # type: ignore[union-attr]


def test_a_fill_that_was_told_is_not_told_again(world: World) -> None:
    """Live before the outage, and in the list after it; a commission that was missing comes."""
    alpha = working(world)
    world.say(*execution(1, "0001.01", shares=5, total=5))
    world.say(*status(1))
    alpha.take()
    fill = execution(1, "0001.01", req_id=OWN, total=5), (59, 1, "0001.01", 1.0, "USD", 0, 0, "")
    over_an_outage(world, open_orders=[open_order(1), status(1)], executions=fill)
    assert told(alpha) == [("commission", "0001.01")]
    world.say(59, 1, "0001.01", 1.0, "USD", 0, 0, "")
    assert told(alpha) == []


def test_fills_are_asked_for_after_1102_as_well(world: World) -> None:
    """They are not replayed by the gateway (fact 7.12)."""
    alpha = working(world)
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    part = execution(1, "0001.01", req_id=OWN, total=4)
    world.list_orders([open_order(1), status(1)], [part])
    assert told(alpha) == [("execution", "-1", "1", "0001.01")]


def test_executions_of_others_are_told_to_nobody(world: World) -> None:
    """Those of other programs, and those of the strategy next door."""
    alpha = working(world)
    beta = world.client("beta").start()
    foreign = execution(7, "9.01", req_id=OWN, client_id=3, perm_id=77)
    over_an_outage(
        world,
        open_orders=[open_order(1), status(1)],
        executions=[foreign, execution(1, "0001.01", req_id=OWN, total=1)],
    )
    assert [each[3] for each in told(alpha)] == ["0001.01"]
    assert told(beta) == []


def test_the_first_list_of_a_run_is_no_news(world: World) -> None:
    """Fills while no proxy ran belong to nobody's session: who connects later asks for them."""
    working(world)
    again = world.restarted().connect(has_lists=False)
    alpha = again.client("alpha").start()
    again.list_orders([open_order(1), status(1)], [execution(1, "a.01", req_id=OWN, total=1)])
    assert "execution" not in [each[0] for each in told(alpha)]
    again.say(*execution(1, "a.02", total=2))
    fills = [execution(1, f"a.0{n}", req_id=OWN, total=n) for n in (1, 2, 3)]
    over_an_outage(again, open_orders=[open_order(1), status(1)], executions=fills)
    assert [each[3] for each in told(alpha) if each[0] == "execution"] == ["a.02", "a.03"]
    assert again.hub.orders.book.of_upstream(1).fills == 3  # type: ignore[union-attr]


def test_of_executions_two_days_are_remembered(world: World) -> None:
    """Nothing older is listed by a gateway; TWS lists more, which is no news."""
    alpha = working(world)
    known = world.hub.orders.executions._known
    days = ["20261120", "20261121", "20261122"]
    for day in days:
        for number in range(10):
            world.say(*execution(1, f"{day}.{number}", time=f"{day} 10:00:00 EST"))
    assert len(known) == 20
    alpha.take()
    listed = [
        execution(1, f"{day}.{number}", req_id=OWN, time=f"{day} 10:00:00 EST")
        for day in days
        for number in range(11)
    ]
    over_an_outage(world, open_orders=[open_order(1), status(1)], executions=listed)
    assert [each[3] for each in told(alpha)] == ["20261121.10", "20261122.10"]


# how orders ended


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"completed": [completed(900, "Cancelled")]}, ["Cancelled", "0", "10"]),
        ({"completed": [completed(900, "Cancelled", 4)]}, ["Cancelled", "4", "6"]),
        ({"completed": [completed(900, "Filled", 10)]}, ["Filled", "10", "0"]),
        ({"completed": [completed(900, "Filled", "")]}, ["Filled", "10", "0"]),
        ({"executions": [execution(1, "a", req_id=OWN)]}, ["Filled", "10", "0"]),
        ({"executions": [execution(1, "a", req_id=OWN, total=4)]}, ["Cancelled", "4", "6"]),
        ({}, ["Cancelled", "0", "10"]),
    ],
)
def test_an_end_in_an_outage_is_told_once(
    world: World, lists: dict[str, Any], expected: list[str]
) -> None:
    """By completed orders, else by executions; what no list knows ended without a fill."""
    alpha = working(world)
    over_an_outage(world, **lists)
    ended = [each for each in told(alpha) if each[0] != "execution"]
    assert ended[0] == ("status", "1", *expected)
    assert [each[2] for each in ended[1:]] == ["202"] * (expected[0] == "Cancelled")
    assert state_of(world) == expected[0]
    over_an_outage(world, **lists)
    world.say(53, 1)
    assert told(alpha) == []


def test_an_end_states_prices_and_ids(world: World) -> None:
    """As the executions say; parents and ids are the owner's own."""
    alpha = world.client("alpha").start()
    world.client("beta").start().say(*order(1))
    alpha.say(*order(5))
    alpha.say(*order(6, parent=5))
    for upstream_id, parent in ((2, 0), (3, 2)):
        world.say(*open_order(upstream_id, perm_id=upstream_id, parent=parent))
        world.say(3, upstream_id, "Submitted", 0, 10, 0, upstream_id, parent, 0, OURS, "child", 0)
    alpha.take()
    over_an_outage(
        world,
        open_orders=[open_order(2, perm_id=2), status(2, perm_id=2)],
        executions=[
            execution(3, "a", req_id=OWN, perm_id=3, total=4, price=99, average=99),
            execution(3, "b", req_id=OWN, perm_id=3, total=10, price=101, average="100.2"),
        ],
    )
    [ended] = [each for each in alpha.take(3) if each[1] == "6"]
    assert ended == ["3", "6", "Filled", "10", "0", "100.2", "3", "5", "101", "1", "", "0"]


def test_an_end_without_the_lists_is_unknown(world: World) -> None:
    """A gateway that does not list what is done: 2198, ApiPending, and it asks again later."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    assert not world.hub.orders.is_settled
    world.pass_time(GIVE_UP_AFTER_S)
    assert world.hub.orders.is_settled
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]
    assert any("has not listed its executions and completed" in each for each in world.notices())
    world.asked()
    world.pass_time(LOOK_AGAIN_AFTER_S[0])
    assert [each[0] for each in world.asked() if each[0] in {"16", "7", "99"}] == ["16", "7", "99"]
    world.list_orders(completed=[completed(900, "Cancelled")])
    assert told(alpha) == [("status", "1", "Cancelled", "0", "10"), ("error", "1", "202")]
    assert state_of(world) == "Cancelled"


def test_nothing_is_concluded_without_the_open_orders(world: World) -> None:
    """What is not known to be open no more is left as it is."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(55, 1, OWN)
    world.say(102)
    world.pass_time(GIVE_UP_AFTER_S)
    assert told(alpha) == []
    assert world.hub.orders.book.of_upstream(1).is_open  # type: ignore[union-attr]


def test_the_lists_do_not_reach_over_midnight(world: World) -> None:
    """An order that ended before midnight is in no list: how it ended is not known."""
    alpha = working(world)
    over_an_outage(world, day="20261123")
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]
    world.asked()
    world.pass_time(sum(LOOK_AGAIN_AFTER_S) + 100.0)
    assert world.asked(99) == []  # a later look could tell no more
    over_an_outage(world, day="20261123")
    assert told(alpha) == []


def test_an_order_of_yesterday_that_was_open_today_is_in_reach(world: World) -> None:
    """What counts is when it was last known to be open."""
    alpha = working(world)
    over_an_outage(world, day="20261123", open_orders=[open_order(1), status(1)])
    over_an_outage(world, day="20261123")
    assert told(alpha)[0] == ("status", "1", "Cancelled", "0", "10")


def test_inactive_orders_that_are_not_listed_stay_inactive(world: World) -> None:
    """They were over for their owner already (fact 3.58)."""
    alpha = working(world, "Inactive")
    over_an_outage(world)
    assert told(alpha) == []


def test_an_order_that_ends_live_meanwhile_is_told_by_the_gateway(world: World) -> None:
    """Between the connection and the end of the lists its own word comes first."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    world.say(*status(1, "Cancelled"))
    world.say(55, 1, OWN)
    world.say(102)
    assert told(alpha) == [("status", "1", "Cancelled", "0", "10")]


def test_orders_placed_while_lists_come_in_are_no_concern_of_theirs(world: World) -> None:
    """They may be too young to be listed."""
    alpha = world.client("alpha").start()
    lose(world)
    come_back(world)
    alpha.say(*order(1))
    world.list_orders()
    assert told(alpha) == []
    world.say(*open_order(1))
    world.say(*status(1))
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]


def test_ends_are_known_after_a_restart(world: World) -> None:
    """The journal's open orders are settled by the same lists; nobody is there to be told."""
    working(world)
    world.pass_time(1.0)
    again = world.restarted().connect(has_lists=False)
    again.list_orders(completed=[completed(900, "Filled", 10)])
    assert state_of(again) == "Filled"


# orders that may have got lost


def test_an_order_that_may_have_got_lost_is_shown_as_pending(world: World) -> None:
    """So that a strategy does not place it again; what the gateway says follows, once."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]
    come_back(world)
    world.list_orders([open_order(1), status(1)])
    assert world.asked(3) == []
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]
    over_an_outage(world, open_orders=[open_order(1), status(1)])
    assert told(alpha) == []


def test_an_order_that_was_filled_unseen_is_told_so(world: World) -> None:
    """It was on its way when the link broke, and is in the executions alone."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    alpha.take()
    come_back(world)
    world.list_orders(executions=[execution(1, "a.01", req_id=OWN)])
    assert told(alpha) == [
        ("execution", "-1", "1", "a.01"),
        ("status", "1", "Filled", "10", "0"),
    ]


def test_an_order_that_is_lost_is_refused(world: World) -> None:
    """Once, with 201; a change of an unknown order is not sent either."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    alpha.take()
    alpha.say(*order(1))
    assert told(alpha) == [("error", "1", "2197"), ("status", "1", "ApiPending", "0", "10")]
    come_back(world)
    world.list_orders()
    assert told(alpha) == [("error", "1", "201")]
    over_an_outage(world)
    assert told(alpha) == []


def test_an_order_in_flight_at_1100_is_doubted_before_it_is_lost(world: World) -> None:
    """The gateway may keep it and submit it now (fact 3.90): the second look decides."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    alpha.take()
    world.list_orders()
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]
    world.pass_time(LOOK_AGAIN_AFTER_S[0])
    assert told(alpha) == []
    world.list_orders()
    assert told(alpha) == [("error", "1", "201")]


def test_an_order_in_flight_at_1100_that_is_listed_is_not_doubted(world: World) -> None:
    """Nothing is doubted that need not be."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*held_back(2))
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    world.list_orders([open_order(1), status(1)])
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]


def bracket(world: World) -> Any:
    """Return alpha, whose last child has just left and with it its parent, which was held."""
    alpha = world.client("alpha").start()
    alpha.say(*held_back(1))
    parent = world.asked(3)[0][1]
    alpha.say(*order(2, parent=1))
    assert [each[28] for each in world.asked(3)] == [parent]
    return alpha


def test_a_parent_that_its_child_releases_is_not_held_any_more(world: World) -> None:
    """With the last of a family all of it is transmitted: its parent may have filled meanwhile."""
    alpha = bracket(world)
    lose(world)
    assert [each for each in told(alpha) if each[0] == "error"] == [
        ("error", "1", "2198"),
        ("error", "2", "2198"),
    ]
    come_back(world)
    world.list_orders(executions=[execution(1, "e1", OWN)])
    heard = told(alpha)
    assert ("execution", "-1", "1", "e1") in heard
    assert ("status", "1", "Filled", "10", "0") in heard
    assert state_of(world) == "Filled"


def test_a_restarted_proxy_knows_which_families_were_released(world: World) -> None:
    """The journal has each message: a child that was transmitted has released its parent."""
    bracket(world)
    texts = [each.state_text for each in world.restarted().hub.orders.book.records]
    assert texts == ["unknown", "unknown"]


# what-ifs


def test_what_ifs_in_flight_end_with_the_link(world: World) -> None:
    """An error with the order's id ends the wait for one; its id stays used."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1, what_if=1))
    alpha.say(*order(2, what_if=1))
    unpriced, priced = list(open_order(1, perm_id=0)), list(open_order(2, perm_id=0))
    priced[90] = "123.45"
    world.say(*unpriced)
    world.say(*priced)
    alpha.take()
    lose(world)
    assert told(alpha) == [("error", "1", "201")]
    alpha.say(*order(3, what_if=1))
    assert told(alpha) == [("error", "3", "201")]
    over_an_outage(world)
    assert told(alpha) == []


# who waits for a list


def test_who_waits_for_open_orders_waits_on(world: World) -> None:
    """It is shown what it has not been shown, and the end, once."""
    alpha = working(world)
    working(world, number=2)
    alpha.say(16, 1)
    world.say(*open_order(1, perm_id=900))
    assert told(alpha) == [("order", "1")]
    both = [
        message
        for number in (1, 2)
        for message in (
            open_order(number, perm_id=899 + number),
            status(number, perm_id=899 + number),
        )
    ]
    lose(world)
    alpha.say(5, 1)
    come_back(world)
    assert world.asked(16) == [["16", "1"]]
    world.list_orders(both)
    assert [each for each in alpha.heard if each[0] == "53"] == [["53", "1"]] * 2
    shown = told(alpha)
    assert shown.count(("order", "2")) == 1
    assert shown.count(("status", "1", "Submitted", "0", "10")) == 1


def test_two_outages_in_a_row_are_settled_by_the_last_lists(world: World) -> None:
    """A loss within the lists begins anew; 1102 within them asks once more behind them."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    over_an_outage(world, completed=[completed(900, "Filled", 10)])
    assert told(alpha) == [("status", "1", "Filled", "10", "0")]
    lose(world)
    come_back(world)
    world.asked()
    world.say(*RESTORED)
    assert world.asked(16) == []
    world.list_orders()
    assert not world.hub.orders.is_settled
    assert len(world.asked(16)) == 1
    world.list_orders()
    assert world.hub.orders.is_settled


def test_a_read_only_gateway_that_lists_no_completed_orders(world: World) -> None:
    """Nothing is concluded from its silence, and nobody waits for it."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    world.say(55, 1, OWN)
    world.say(4, 2, -1, 321, "Error validating request.-'bX' : cause - The API is in Read-Only", "")
    assert world.hub.orders.is_settled
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]
