"""What happened to orders in an outage is told when it is over, once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ibproxy_server.core.orders import journal_entries as je
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
from tests.core.test_orders import OURS, execution, open_order, order, status

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
    for message in (open_order(1), status(1), (53, 1)):
        again.say(*message)
    again.pass_time(1.0)
    again.list_orders([], [execution(1, "a.01", req_id=OWN, total=1)])
    assert "execution" not in [each[0] for each in told(alpha)]
    again.pass_time(1.0)
    assert je.compacted(again.recorded)["state", 1].fills == 1  # type: ignore[union-attr]
    again.say(*execution(1, "a.02", total=2))
    fills = [execution(1, f"a.0{n}", req_id=OWN, total=n) for n in (1, 2, 3)]
    over_an_outage(again, open_orders=[open_order(1), status(1)], executions=fills)
    assert [each[3] for each in told(alpha) if each[0] == "execution"] == ["a.02", "a.03"]
    assert again.hub.orders.book.of_upstream(1).fills == 3  # type: ignore[union-attr]


def test_fills_of_this_runs_orders_are_news_without_a_first_list(make_world: Any) -> None:
    """A list that is empty may not end (fact 3.113); what was placed since then is known."""
    world = make_world().connect(has_lists=False)
    alpha = working(world)
    over_an_outage(world, executions=[execution(1, "a.01", req_id=OWN)])
    assert ("execution", "-1", "1", "a.01") in told(alpha)
    world.pass_time(1.0)
    assert je.compacted(world.recorded)["state", 1].fills == 1  # type: ignore[union-attr]


def test_of_executions_two_days_are_remembered(world: World) -> None:
    """Nothing older is listed by a gateway; TWS lists more, which is no news."""
    alpha = working(world)
    known = world.hub.orders.executions._known
    days = ["20261120", "20261121", "20261122"]
    for day in days:
        for number in range(10):
            world.say(*execution(1, f"{day}.{number}", time=f"{day} 10:00:00 EST"))
    assert len(known) == len(world.hub.orders.executions._audience) == 20
    alpha.take()
    listed = [
        execution(1, f"{day}.{number}", req_id=OWN, time=f"{day} 10:00:00 EST")
        for day in days
        for number in range(11)
    ]
    over_an_outage(world, open_orders=[open_order(1), status(1)], executions=listed)
    assert [each[3] for each in told(alpha)] == ["20261121.10", "20261122.10"]
    world.say(*execution(1, "late", time="20261101 10:00:00 EST"))
    assert [each[3] for each in told(alpha)] == ["late"]


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


def test_an_end_counts_what_was_filled_before(world: World) -> None:
    """The executions of another day are in no list."""
    alpha = working(world)
    world.say(3, 1, "Submitted", 4, 6, 99.5, 900, 0, 99, OURS, "", 0)
    alpha.take()
    over_an_outage(world)
    [ended] = alpha.take(3)
    assert ended[2:6] == ["Cancelled", "4", "6", "99.5"]


def test_an_order_of_before_a_restart_ends_as_a_child(world: World) -> None:
    """Nothing is known of it but what was sent: its quantity, and its parent."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(2, parent=1))
    again = world.restarted().connect(has_lists=False)
    alpha = again.client("alpha").start()
    fill = execution(2, "a", req_id=OWN, perm_id=7)
    again.list_orders([open_order(1), status(1)], [fill])
    [ended] = [each for each in alpha.take(3) if each[1] == "2"]
    assert ended == ["3", "2", "Filled", "10", "0", "100", "7", "1", "100", "1", "", "0"]


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


def combo_execution(exec_id: str, sec_type: str, total: object) -> tuple[object, ...]:
    """Return an execution of a combo, or of one of its legs."""
    fields = list(execution(1, exec_id, req_id=OWN, total=total, average=total))
    fields[5] = sec_type
    return tuple(fields)


@pytest.mark.parametrize("order_of", tuple(itertools.permutations(range(3))))
def test_of_a_combo_its_own_executions_count(world: World, order_of: tuple[int, ...]) -> None:
    """Those of its legs have other quantities (fact 3.109), in whatever order they come."""
    parts = [("a.01", "BAG", 10), ("a.01.01", "STK", 90), ("a.01.02", "OPT", 5)]
    alpha = working(world)
    over_an_outage(world, executions=[combo_execution(*parts[each]) for each in order_of])
    [ended] = alpha.take(3)
    assert ended[2:6] == ["Filled", "10", "0", "10"]


def test_the_last_of_several_executions_counts(world: World) -> None:
    """In whatever order they are listed."""
    alpha = working(world)
    fills = [
        execution(1, "b", req_id=OWN, total=10, price=102, average=101),
        execution(1, "a", req_id=OWN, total=4, price=100, average=100),
    ]
    over_an_outage(world, executions=fills)
    [ended] = alpha.take(3)
    assert (ended[3], ended[5], ended[8]) == ("10", "101", "102")


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
    assert world.hub.orders.is_settled  # the outage is over all the same
    world.list_orders(completed=[completed(900, "Cancelled")])
    assert told(alpha) == [("status", "1", "Cancelled", "0", "10"), ("error", "1", "202")]
    assert state_of(world) == "Cancelled"


def unknown_end(world: World) -> Any:
    """Return alpha, whose order is open no more, and the gateway does not say why."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    world.pass_time(GIVE_UP_AFTER_S)
    world.asked()
    alpha.take()
    return alpha


def test_an_order_that_is_listed_after_all_is_shown(world: World) -> None:
    """Even as it was before: its owner has seen it as pending since."""
    alpha = unknown_end(world)
    world.pass_time(LOOK_AGAIN_AFTER_S[0])
    world.list_orders([open_order(1), status(1)])
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]
    over_an_outage(world, open_orders=[open_order(1), status(1)])
    assert told(alpha) == []


def test_an_order_of_unknown_end_stays_pending(world: World) -> None:
    """What cannot be sent states it as its owner knows it."""
    alpha = unknown_end(world)
    lose(world)
    alpha.say(4, 1, 1, "")
    assert told(alpha) == [("error", "1", "2197"), ("status", "1", "ApiPending", "0", "10")]


def test_nothing_is_asked_again_while_ib_is_cut_off(world: World) -> None:
    """The gateway would leave it unanswered (fact 7.11)."""
    unknown_end(world)
    world.say(*CUT_OFF)
    world.pass_time(LOOK_AGAIN_AFTER_S[0])
    assert world.asked(99) == []
    world.say(*RESTORED)
    assert len(world.asked(99)) == 1


def test_a_cancel_under_way_is_told_without_the_list_too(world: World) -> None:
    """The gateway does not list its open orders: what it last said is stated again."""
    alpha = working(world)
    alpha.say(4, 1, 1, "")
    lose(world)
    come_back(world)
    world.pass_time(GIVE_UP_AFTER_S)
    assert told(alpha) == [
        ("error", "1", "2196"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]


def test_a_cancel_that_ends_the_order_within_the_list_is_no_question(world: World) -> None:
    """The list names the order, and then it is cancelled."""
    alpha = working(world)
    alpha.say(4, 1, 1, "")
    lose(world)
    come_back(world)
    world.say(*open_order(1))
    world.say(*status(1))
    world.say(*status(1, "Cancelled"))
    world.list_orders()
    assert told(alpha) == [("status", "1", "Cancelled", "0", "10")]


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


def test_midnight_while_ib_is_cut_off(world: World) -> None:
    """What counts is the day on which 1100 came."""
    alpha = working(world)
    world.say(*CUT_OFF)
    world.pass_time(15 * 3600.0)  # it was ten in the morning
    world.say(*RESTORED)
    world.list_orders()
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]


def test_an_order_of_yesterday_that_was_open_today_is_in_reach(world: World) -> None:
    """What counts is when it was last known to be open."""
    alpha = working(world)
    over_an_outage(world, day="20261123", open_orders=[open_order(1), status(1)])
    over_an_outage(world, day="20261123")
    assert told(alpha)[0] == ("status", "1", "Cancelled", "0", "10")


def nameless(**more: Any) -> tuple[object, ...]:
    """Return an order as a gateway may list it after its restart: without ids."""
    fields = list(open_order(0, client_id=0, perm_id=7777, account=more.get("account", "DU1")))
    fields[3], fields[13] = more.get("symbol", "SPY"), more.get("action", "BUY")
    fields[14] = more.get("quantity", "10.0")
    return tuple(fields)


DIFFERENT = [{"symbol": "QQQ"}, {"action": "SELL"}, {"quantity": 9}, {"account": "DU2"}]


def test_an_order_that_may_be_listed_without_ids_has_not_ended(world: World) -> None:
    """A gateway may know it by another permId than before (fact 3.39): its end is not known."""
    alpha = working(world)
    over_an_outage(world, open_orders=[nameless()])
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]


def test_an_order_that_may_be_listed_without_ids_is_not_lost(world: World) -> None:
    """Who is told that it is lost might place it again; the next lists may tell."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    over_an_outage(world, open_orders=[nameless()])
    assert told(alpha) == [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]
    over_an_outage(world)
    assert told(alpha) == [("error", "1", "201")]


def test_an_order_for_a_contract_by_its_id_may_be_any_symbols(world: World) -> None:
    """What was not said tells no orders apart."""
    alpha = world.client("alpha").start()
    fields = list(order(1))
    fields[3] = ""
    alpha.say(*fields)
    over_an_outage(world, open_orders=[nameless()])
    assert [each[2] for each in told(alpha)] == ["2198", "ApiPending"]


def test_another_programs_order_is_not_taken_for_one_without_ids(world: World) -> None:
    """It has its own client's."""
    alpha = working(world)
    fields = list(nameless())
    fields[1], fields[24] = 800, 3
    over_an_outage(world, open_orders=[tuple(fields)])
    assert told(alpha)[0] == ("status", "1", "Cancelled", "0", "10")


@pytest.mark.parametrize("different", DIFFERENT)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_other_orders_without_ids_are_others(
    world: World, different: dict[str, Any], is_restarted: bool
) -> None:
    """Those that people placed by hand have none either."""
    alpha = working(world)
    if is_restarted:
        world.pass_time(1.0)
        world = world.restarted().connect(has_lists=False)
        alpha = world.client("alpha").start()
        world.list_orders([nameless(**different)])
    else:
        over_an_outage(world, open_orders=[nameless(**different)])
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


def test_an_order_that_is_stated_behind_the_list_lives(world: World) -> None:
    """The list lacks it, and then the gateway speaks of it."""
    alpha = working(world)
    lose(world)
    come_back(world)
    world.say(53, 1)
    world.say(*open_order(1))
    world.say(55, 1, OWN)
    world.say(102)
    assert told(alpha) == [("order", "1")]


def test_an_order_that_is_refused_meanwhile_is_refused_once(world: World) -> None:
    """It was on its way when the link broke, and the gateway's own word comes first."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    lose(world)
    alpha.take()
    come_back(world)
    world.say(4, 2, 1, 201, "Order rejected - reason:no", "")
    world.list_orders()
    assert told(alpha) == [("error", "1", "201")]


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
