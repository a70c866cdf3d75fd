"""Orders over an outage: nothing is sent late, and what was under way is settled."""

from __future__ import annotations

from typing import Any

import pytest

from ibproxy_server.core.orders.reconciliation import GIVE_UP_AFTER_S, LOOK_AGAIN_AFTER_S
from tests.core.conftest import OWN_EXECUTIONS as OWN
from tests.core.conftest import World
from tests.core.outages import (
    CUT_OFF,
    RESTORED,
    come_back,
    completed,
    lose,
    over_an_outage,
    state_of,
    told,
    working,
)
from tests.core.test_orders import execution, open_order, order, status
from tests.core.test_recorder import held_back, intents

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


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_cancel_settles_an_order_that_may_be_lost(world: World, is_asked: bool) -> None:
    """The gateway does not know it: its owner is told, also behind an unanswered global cancel."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(1))
    lose(world)
    come_back(world, day="20261123")
    world.list_orders()  # they do not reach back to the day before
    alpha.take()
    alpha.say(*((4, 1, 1, "") if is_asked else (58, 1)))
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert told(alpha) == [("error", "1", "10147" if is_asked else "201")]
    world.list_orders()
    assert told(alpha) == []
    assert state_of(world) == "refused"


@pytest.mark.parametrize("code", [10148, 399])
def test_what_else_the_gateway_says_of_an_unknown_order_does_not_end_it(
    world: World, code: int
) -> None:
    """It knows the order then; what became of it is in its lists."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    come_back(world)
    alpha.say(4, 1, 1, "")
    world.say(4, 2, 1, code, "cannot be cancelled, state: Filled.", "")
    alpha.take()
    world.list_orders(executions=[execution(1, "a", req_id=OWN)])
    assert told(alpha)[-1] == ("status", "1", "Filled", "10", "0")


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


def test_an_order_in_flight_at_1100_is_doubted_without_the_lists_too(world: World) -> None:
    """They may tell later."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    alpha.take()
    world.say(53, 1)
    world.pass_time(GIVE_UP_AFTER_S)
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]


def test_an_order_of_after_1102_is_not_doubted(world: World) -> None:
    """Even if the lists are asked for behind it, since others were still on their way."""
    alpha = world.client("alpha").start()
    lose(world)
    come_back(world)
    world.say(*RESTORED)
    alpha.say(*order(1))
    world.list_orders()
    world.list_orders()
    assert world.hub.orders.is_settled
    assert told(alpha) == []


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
    come_back(world)
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
    come_back(world)
    assert world.asked(16) == [["16", "1"]]
    world.list_orders(both)
    assert [each for each in alpha.heard if each[0] == "53"] == [["53", "1"]]
    assert told(alpha) == [
        ("status", "1", "Submitted", "0", "10"),
        ("order", "2"),
        ("status", "2", "Submitted", "0", "10"),
    ]
    lose(world)
    alpha.say(5, 1)
    alpha.take()
    come_back(world)
    assert world.asked(16) == [["16", "1"]]
    world.list_orders(both)
    assert [each[0] for each in alpha.take() if each[0] != "4"] == ["5", "3", "5", "3", "53"]


def test_two_outages_in_a_row_are_settled_by_the_last_lists(world: World) -> None:
    """A loss within the lists begins anew; 1102 within them asks once more behind them."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    lose(world)
    assert not world.hub.orders.is_settled
    assert world.hub.orders.next_deadline_s() is None
    come_back(world)
    world.list_orders(completed=[completed(900, "Filled", 10)])
    assert told(alpha) == [("status", "1", "Filled", "10", "0")]
    lose(world)
    come_back(world)
    assert world.asked(99) == [["99", "0"]]
    world.asked()
    world.say(*RESTORED)
    alpha.say(16, 1)
    assert world.asked(16) == []
    for end in ((55, 1, OWN), (102,), (53, 1)):
        world.say(*end)
    assert not world.hub.orders.is_settled
    assert len(world.asked(16)) == 1
    world.list_orders()
    assert world.hub.orders.is_settled
    assert world.asked(16) == []


def test_completed_orders_are_asked_for_once_after_a_loss(world: World) -> None:
    """Also if the link breaks while they are on their way."""
    for _ in range(2):
        lose(world)
        come_back(world)
        assert world.asked(99) == [["99", "0"]]
    world.list_orders()
    assert world.asked(99) == []
    world.client("alpha").start().say(99, 0)
    world.say(*completed(900, "Filled", 10))
    world.list_orders()
    assert world.hub.orders.reconciliation._completed == {}


def test_a_list_of_before_1102_settles_nothing(world: World) -> None:
    """A session's list that was on its way may be older than the outage."""
    alpha = working(world)
    alpha.say(16, 1)
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    assert world.asked(16) == [["16", "1"]]
    world.say(55, 1, OWN)
    world.say(102)
    world.say(53, 1)
    assert alpha.take(53) == [["53", "1"]]
    assert told(alpha) == []
    assert world.asked(16) == [["16", "1"]]
    world.say(*open_order(1))
    world.say(*status(1))
    world.say(53, 1)
    assert told(alpha) == []
    assert world.hub.orders.is_settled


def test_what_an_ordinary_list_lacks_is_open_no_more(world: World) -> None:
    """Without an outage: a later reqOpenOrders is answered at once."""
    alpha = working(world)
    alpha.say(5, 1)
    world.say(53, 1)
    world.asked()
    alpha.take()
    alpha.say(5, 1)
    assert alpha.take() == [["53", "1"]]
    assert world.asked() == []


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


def test_lists_that_are_asked_for_again_at_once_use_up_no_look(world: World) -> None:
    """What they leave open is looked at again as soon as after any others."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    come_back(world)
    alpha.say(*order(2))
    world.say(53, 1)
    world.say(55, 1, OWN)
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    world.pass_time(GIVE_UP_AFTER_S)  # completed orders do not come, and all are asked for again
    told(alpha)
    world.list_orders()
    assert told(alpha) == [
        ("error", "1", "201"),
        ("error", "2", "2198"),
        ("status", "2", "ApiPending", "0", "10"),
    ]
    world.asked()
    world.pass_time(LOOK_AGAIN_AFTER_S[0])
    assert "16" in {each[0] for each in world.asked()}
    world.list_orders()
    assert told(alpha) == [("error", "2", "201")]
