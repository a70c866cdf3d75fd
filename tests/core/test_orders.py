"""Orders: ids mapped both ways, everything brought to its owner and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from ib_async import (
    Bag,
    Client,
    ComboLeg,
    DeltaNeutralContract,
    Order,
    OrderComboLeg,
    PriceCondition,
    Stock,
    TagValue,
    Wrapper,
)

from ibproxy_server.core.orders.layout import is_what_if

SPY = (756733, "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "SPY", "SPY", "", "")
OURS = 100  # the proxy's client id at the gateway


def order(
    order_id: int,
    *,
    account: str = "",
    oca: str = "",
    parent: int = 0,
    what_if: int = 0,
    ref: str = "",
) -> tuple[object, ...]:
    """Return a placeOrder message of version 176 without variable blocks."""
    head = (3, order_id, *SPY, "BUY", 10, "LMT", 100, 0, "DAY", oca, account, "", 0, ref, 1, parent)
    fields = [*head, *([""] * (113 - len(head)))]
    fields[82] = 0  # no delta neutral contract
    fields[85] = what_if
    return tuple(fields)


def open_order(
    order_id: object, client_id: int = OURS, perm_id: int = 900, account: str = "DU1", **more: Any
) -> tuple[object, ...]:
    """Return an openOrder message of version 176."""
    fields: list[object] = [5, order_id, *([""] * 130)]
    fields[19], fields[20] = more.get("oca", ""), account
    fields[24], fields[25], fields[58] = client_id, perm_id, more.get("parent", 0)
    return tuple(fields)


def status(
    order_id: object, text: str = "Submitted", client_id: int = OURS, perm_id: int = 900
) -> tuple[object, ...]:
    """Return an orderStatus message."""
    return (3, order_id, text, 0, 10, 0, perm_id, 0, 0, client_id, "", 0)


def execution(
    order_id: object, exec_id: str, req_id: object = -1, account: str = "DU1", **more: Any
) -> tuple[object, ...]:
    """Return an execDetails message of version 176: of 10 at 100, if nothing else is said."""
    fields: list[object] = [11, req_id, order_id, *([""] * 28)]
    fields[14], fields[15], fields[16] = exec_id, more.get("time", "20261122 10:00:00"), account
    fields[19], fields[20] = more.get("shares", 10), more.get("price", 100)
    fields[21], fields[22] = more.get("perm_id", 900), more.get("client_id", OURS)
    fields[24], fields[25] = more.get("total", 10), more.get("average", 100)
    return tuple(fields)


def test_orders_of_two_clients_with_equal_ids(world: Any) -> None:
    """Each order has an upstream id of its own, and its messages reach its owner alone."""
    alpha, beta = world.client("alpha").start(7), world.client("beta").start(7)
    alpha.say(*order(1))
    beta.say(*order(1))
    first, second = world.asked(3)
    assert (first[1], first[23]) == ("1", "DU1")
    assert (second[1], second[23]) == ("2", "DU2")
    world.say(*open_order(2, account="DU2", perm_id=902))
    world.say(*status(2, perm_id=902))
    assert alpha.take() == []
    opened, stated = beta.take()
    assert (opened[1], opened[24], opened[25]) == ("1", "7", "902")
    assert (stated[1], stated[9], stated[6]) == ("1", "7", "902")


def test_upstream_ids_rise_above_every_id_seen(world: Any) -> None:
    """An id seen in another API client's order is never used, nor one below it."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(5000, client_id=3, perm_id=77))
    alpha.say(*order(2))
    assert [each[1] for each in world.asked(3)] == ["1", "5001"]
    assert alpha.take() == []


def test_upstream_ids_begin_at_the_gateways_next(make_world: Any) -> None:
    """The first order gets the id that the gateway called the next valid one."""
    world = make_world().connect(next_id=340)
    world.client("gamma").start().say(*order(1, account="DU1"))
    assert world.asked(3)[0][1] == "340"


def test_modify_and_cancel_keep_the_upstream_id(world: Any) -> None:
    """The same client id again is a modification; a cancel names the upstream id."""
    world.client("beta").start().say(*order(1))
    alpha = world.client("alpha").start()
    alpha.say(*order(4))
    alpha.say(*order(4))
    alpha.say(4, 1, 4, "")
    world.asked(61)
    assert [each[1] for each in world.asked(3)] == ["1", "2", "2"]
    assert world.asked(4) == [["4", "1", "2", ""]]


def test_lower_order_id_is_a_duplicate(world: Any) -> None:
    """An id below the highest used one gets 103, and nothing is sent."""
    alpha = world.client("alpha").start()
    alpha.say(*order(5))
    world.asked()
    alpha.say(*order(3))
    assert world.asked(3) == []
    assert alpha.take()[0][2:5] == ["3", "103", "Duplicate order id"]


def test_cancel_of_an_unknown_order(world: Any) -> None:
    """10147 answers it; another client's order of that id is left alone."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    beta.say(*order(3))
    world.asked()
    alpha.say(4, 1, 3, "")
    assert world.asked(4) == []
    assert alpha.take()[0][2:4] == ["3", "10147"]


def test_parent_ids_are_mapped_both_ways(world: Any) -> None:
    """A child names its parent by the client's id here and by the upstream id there."""
    world.client("beta").start().say(*order(1))
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(2, parent=1))
    parent, child = world.asked(3)[1:]
    assert child[28] == parent[1] == "2"
    world.say(*open_order(child[1], parent=parent[1], oca="900", perm_id=901))
    world.say(3, child[1], "PreSubmitted", 0, 10, 0, 901, parent[1], 0, OURS, "child", 0)
    opened, stated = alpha.take()
    assert (opened[1], opened[58], opened[19]) == ("2", "1", "900")
    assert (stated[1], stated[7]) == ("2", "1")


def test_unknown_parent_is_refused(world: Any) -> None:
    """A child of no order of this client is refused as by the gateway, whoever has such an id."""
    world.client("beta").start().say(*order(1))
    alpha = world.client("alpha").start()
    world.asked()
    alpha.say(*order(1, parent=9))
    assert world.asked(3) == []
    assert alpha.take()[0][2:4] == ["1", "321"]


def test_oca_groups_are_kept_apart(world: Any) -> None:
    """Equal names of two strategies differ upstream; each sees the name that it wrote."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*order(1, oca="exit"))
    beta.say(*order(1, oca="exit"))
    first, second = (each[22] for each in world.asked(3))
    assert first != second
    world.say(*open_order(2, account="DU2", perm_id=902, oca=second))
    assert beta.take()[0][19] == "exit"


@pytest.mark.parametrize("account", ["DU2", "DU9"])
def test_order_for_a_foreign_account_is_refused(world: Any, account: str) -> None:
    """An order for an account that the strategy is not bound to never leaves."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1, account=account))
    assert world.asked(3) == []
    error = alpha.take()[0]
    assert error[2:4] == ["1", "201"]
    assert account in error[4]


def test_bound_strategy_cannot_allocate_to_a_group(world: Any) -> None:
    """An advisor's allocation would trade accounts that the strategy is not bound to."""
    alpha, gamma = world.client("alpha").start(), world.client("gamma").start()
    fields = list(order(1))
    fields[39] = "everybody"
    alpha.say(*fields)
    assert alpha.take()[0][2:4] == ["1", "201"]
    fields[39], fields[42] = "", "profile"
    alpha.say(*fields)
    assert alpha.take()[0][2:4] == ["1", "201"]
    assert world.asked(3) == []
    gamma.say(*fields)
    assert len(world.asked(3)) == 1


def test_order_error_reaches_the_owner_with_its_id(world: Any) -> None:
    """The owner sees its own order id, also inside the text; nobody else hears of it."""
    world.client("beta").start().say(*order(1))
    alpha = world.client("alpha").start()
    alpha.say(*order(77))
    [_, asked] = world.asked(3)
    world.say(4, 2, asked[1], 10147, f"OrderId {asked[1]} that needs to be", "")
    assert alpha.take() == [["4", "2", "77", "10147", "OrderId 77 that needs to be", ""]]
    world.say(4, 2, asked[1], 202, "Order Canceled - reason: 2 of 2, Duplicate order id: 2", "")
    reason = "Order Canceled - reason: 2 of 2, Duplicate order id: 77"
    assert alpha.take() == [["4", "2", "77", "202", reason, ""]]
    assert world.clients[1].take() == []


def test_fill_and_commission_reach_the_owner(world: Any) -> None:
    """An execution has the owner's ids; its commission report follows it, once."""
    alpha, beta = world.client("alpha").start(5), world.client("beta").start(5)
    alpha.say(*order(1))
    world.say(*execution(1, "0001.01"))
    world.say(59, 1, "0001.01", 1.0, "USD", 0, 0, "")
    world.say(59, 1, "0001.01", 1.0, "USD", 0, 0, "")
    fill, commission = alpha.take()
    assert (fill[1], fill[2], fill[22]) == ("-1", "1", "5")
    assert commission[:3] == ["59", "1", "0001.01"]
    assert beta.take() == []


def test_executions_asked_for_have_the_askers_ids(world: Any) -> None:
    """An answer to reqExecutions shows the asker's orders under its ids, others as manual."""
    alpha = world.client("alpha").start(5)
    alpha.say(*order(1))
    world.say(*execution(1, "a"))
    alpha.take()
    alpha.say(7, 3, 12, 0, "", "", "", "", "", "")
    [asked] = world.asked(7)
    assert asked[3:5] == ["0", "DU1"]
    world.say(*execution(1, "a", asked[2]))
    world.say(59, 1, "a", 1.0, "USD", 0, 0, "")
    world.say(*execution(0, "b", asked[2], client_id=0, perm_id=5555))
    world.say(*execution(0, "c", asked[2], account="DU2", client_id=0, perm_id=5556))
    world.say(55, 1, asked[2])
    first, commission, second, end = alpha.take()
    assert (first[1], first[2], first[22]) == ("12", "1", "5")
    assert commission[0] == "59"
    assert (second[1], second[2], second[14]) == ("12", "0", "b")
    assert end == ["55", "1", "12"]


def test_client_id_filter_is_applied_here(world: Any) -> None:
    """Upstream all orders are one client's, so the proxy itself picks those of the client id."""
    for client_id in (5, 6):
        world.client("alpha").start(client_id).say(*order(1))
    alpha = world.clients[1]
    alpha.say(7, 3, 12, 6, "", "", "", "", "", "")
    [asked] = world.asked(7)
    world.say(*execution(1, "a", asked[2]))
    world.say(*execution(2, "b", asked[2], perm_id=901))
    world.say(55, 1, asked[2])
    assert [each[14] for each in alpha.take(11)] == ["b"]


def test_an_answer_under_two_ids_has_two_commissions(world: Any) -> None:
    """Two equal questions share an answer; each execution shown has its commission report."""
    alpha = world.client("alpha").start(5)
    alpha.say(*order(1))
    for request_id in (12, 13):
        alpha.say(7, 3, request_id, 0, "", "", "", "", "", "")
    [asked] = world.asked(7)
    world.say(*execution(1, "a", asked[2]))
    world.say(59, 1, "a", 1.0, "USD", 0, 0, "")
    assert [each[0] for each in alpha.take()] == ["11", "11", "59", "59"]
    world.say(59, 1, "a", 1.0, "USD", 0, 0, "")
    assert alpha.take() == []


def test_two_filters_under_one_id_in_flight(world: Any) -> None:
    """Each question about executions keeps the filter that it was asked with."""
    for client_id in (5, 6):
        world.client("alpha").start(client_id).say(*order(1))
    alpha = world.clients[1]
    for wanted in (5, 6, 0):
        alpha.say(7, 3, 12, wanted, "", "", "", "", "", "")
    answers = []
    for asked in world.asked(7):
        world.say(*execution(1, "a", asked[2]))
        world.say(*execution(2, "b", asked[2], perm_id=901))
        world.say(55, 1, asked[2])
        answers.append([each[14] for each in alpha.take(11)])
    assert answers == [["a"], ["b"], ["a", "b"]]


def test_refused_order_can_be_sent_again_under_its_id(world: Any) -> None:
    """Upstream it is a new order with a new id: others may have used higher ones meanwhile."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*order(1))
    world.say(4, 2, 1, 201, "Order rejected - reason: no", "")
    beta.say(*order(1))
    alpha.say(*order(1))
    assert [each[1] for each in world.asked(3)] == ["1", "2", "3"]
    world.say(*open_order(3, perm_id=903))
    assert alpha.take(5)[0][1] == "1"


def test_a_refused_orders_id_has_not_been_used(world: Any) -> None:
    """The next valid id goes back to it, and what lies below a used one is a duplicate still."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(1))
    alpha.say(*order(7))
    alpha.say(8, 1, 1)
    world.say(4, 2, 2, 321, "Error validating request.-'bZ' : cause - no", "")
    alpha.say(8, 1, 1)
    assert [each[2] for each in alpha.take(9)] == ["8", "2"]
    alpha.take()
    alpha.say(*order(3))
    alpha.say(*order(2))
    assert [each[2:4] for each in alpha.take(4)] == [["2", "103"]]
    assert [each[1] for each in world.asked(3)] == ["1", "2", "3"]


def test_a_refused_order_below_a_used_id_is_a_duplicate(world: Any) -> None:
    """Once a higher id has been used, the refused one is no better than any id below it."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(2))
    world.say(4, 2, 1, 321, "Error validating request.-'bZ' : cause - no", "")
    alpha.take()
    alpha.say(*order(1))
    assert [each[3] for each in alpha.take()] == ["103"]


def test_a_refused_change_of_an_order_held_back_leaves_the_order(world: Any) -> None:
    """An order that waits for its family is never stated, and a refusal may be of its change."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(1))
    refused = (4, 2, 1, 321, "Error validating request.-'bZ' : cause - no", "")
    world.say(*refused)
    alpha.say(*order(1))
    assert [each[1] for each in world.asked(3)] == ["1", "1", "1"]
    world.say(*refused)
    world.say(*refused)
    alpha.say(*order(1))
    assert [each[1] for each in world.asked(3)] == ["2"]


def test_a_question_about_margin_uses_up_its_id(world: Any) -> None:
    """An order under the id of an answered what-if is a duplicate (fact 3.101)."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1, what_if=1))
    world.say(*open_order(1, perm_id=0))
    alpha.take()
    alpha.say(*order(1))
    alpha.say(*order(1, what_if=1))
    alpha.say(*order(2))
    assert [each[3] for each in alpha.take()] == ["103", "103"]
    assert [each[1] for each in world.asked(3)] == ["1", "2"]


def test_duplicate_is_told_before_anything_else(world: Any) -> None:
    """As at a gateway: an order with a used id and an unknown parent gets 103."""
    alpha = world.client("alpha").start()
    alpha.say(*order(5))
    alpha.say(*order(3, parent=99))
    assert [each[3] for each in alpha.take()] == ["103"]


def test_a_brackets_own_group_is_left_alone(world: Any) -> None:
    """The gateway names a bracket's children by the parent's permId (fact 3.95)."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(1, perm_id=900))
    alpha.say(*order(2, oca="900"))
    assert world.asked(3)[-1][22] == "900"


def test_long_group_names_fit(world: Any) -> None:
    """Upstream a name has at most 64 characters (fact 3.97), and still tells owners apart."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*order(1, oca="x" * 64))
    beta.say(*order(1, oca="x" * 64))
    first, second = (each[22] for each in world.asked(3))
    assert first != second
    assert max(len(first), len(second)) <= 64


def test_strategy_of_several_accounts_must_name_one(make_world: Any) -> None:
    """An order without an account could reach any of the login's."""
    world = make_world(accounts_of_strategy={"alpha": ("DU1", "DU2")})
    world.connect(accounts="DU1,DU2,DU3")
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    assert alpha.take()[0][2:4] == ["1", "435"]
    assert world.asked(3) == []
    alpha.say(*order(1, account="DU2"))
    assert len(world.asked(3)) == 1


def test_foreign_ids_among_the_request_ids_stop_orders_clearly(world: Any) -> None:
    """If no order id is left below the request ids, the order is rejected with what to do."""
    alpha = world.client("alpha").start()
    world.say(*open_order(2_100_000_000, client_id=3, perm_id=77))
    alpha.say(*order(1))
    assert world.asked(3) == []
    [error] = alpha.take()
    assert error[2:4] == ["1", "201"]
    assert "reset the order id sequence" in error[4]


def test_order_that_the_gateway_no_longer_lists_is_not_open(world: Any) -> None:
    """What ended while nobody was told is not shown as open for good."""
    world.say(53, 1)
    alpha = world.client("alpha").start()
    for order_id in (1, 2):
        alpha.say(*order(order_id))
        world.say(*open_order(order_id, perm_id=900 + order_id))
    alpha.take()
    alpha.say(16, 1)
    world.say(*open_order(2, perm_id=902))
    world.say(53, 1)
    assert [each[1] for each in alpha.take(5)] == ["2"]
    alpha.say(5, 1)
    world.say(*open_order(2, perm_id=902))
    world.say(53, 1)
    assert [each[1] for each in alpha.take(5)] == ["2"]


def test_open_orders_are_the_clients_own(world: Any) -> None:
    """A reqOpenOrders lists what this client id has open, as pairs, and then the end."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*order(1))
    alpha.say(*order(2))
    for order_id, text in ((1, "Submitted"), (2, "Filled")):
        world.say(*open_order(order_id, perm_id=900 + order_id))
        world.say(*status(order_id, text, perm_id=900 + order_id))
    world.say(53, 1)  # the proxy's own list at the start
    alpha.take()
    alpha.say(5, 1)
    assert alpha.take() == []
    world.say(*open_order(1, perm_id=901))
    world.say(*status(1, perm_id=901))
    world.say(53, 1)
    assert [(each[0], each[1]) for each in alpha.take()] == [("5", "1"), ("3", "1"), ("53", "1")]
    beta.say(5, 1)  # has none: need not wait
    assert beta.take() == [["53", "1"]]


def test_all_open_orders_are_asked_for_and_filtered(world: Any) -> None:
    """A reqAllOpenOrders shows every order of the visible accounts, foreign ones with id 0."""
    world.say(53, 1)  # the proxy's own list at the start has ended
    alpha, beta = world.client("alpha").start(4), world.client("beta").start()
    alpha.say(*order(1))
    world.say(*open_order(1))
    world.say(*status(1))
    alpha.take()
    alpha.say(16, 1)
    beta.say(16, 1)
    assert world.asked(16) == [["16", "1"]]
    for message in (
        open_order(1), status(1),
        open_order(800, client_id=3, perm_id=77), status(800, client_id=3, perm_id=77),
        open_order(0, client_id=0, perm_id=78, account="DU2"), status(0, client_id=0, perm_id=78),
    ):  # fmt: skip
        world.say(*message)
    world.say(53, 1)
    listed = [(each[1], each[24], each[25]) for each in alpha.heard if each[0] == "5"]
    assert listed == [("1", "4", "900"), ("0", "3", "77")]
    assert alpha.take()[-1] == ["53", "1"]
    assert beta.take() == []  # asked while the list was on its way: the next one is its
    assert world.asked(16) == [["16", "1"]]
    world.say(*open_order(0, client_id=0, perm_id=78, account="DU2"))
    world.say(53, 1)
    assert [each[25] for each in beta.heard if each[0] == "5"] == ["78"]


def test_global_cancel_stays_at_home(world: Any) -> None:
    """It becomes a cancel for each open order of the session, and nothing else."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*order(1))
    beta.say(*order(1))
    world.say(*open_order(1))
    world.say(*open_order(2, account="DU2", perm_id=902))
    world.asked()
    alpha.say(58, 1)
    asked = world.asked()
    assert [each[:3] for each in asked if each[0] in {"4", "58"}] == [["4", "1", "1"]]


def test_global_cancel_is_not_answered(world: Any) -> None:
    """What the single cancels are refused with is not told; what an own cancel is, is."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(1))
    alpha.say(58, 1)
    alpha.say(4, 1, 1, "")
    alpha.take()
    for _ in range(2):
        world.say(4, 2, 1, 10148, "OrderId 1 that needs to be cancelled cannot be", "")
    assert [each[3] for each in alpha.take()] == ["10148"]
    alpha.say(*order(2))
    alpha.say(4, 1, 2, "")
    world.asked()
    alpha.say(58, 1)
    assert [each[2] for each in world.asked(4)] == ["1"]  # the other is being cancelled already


@pytest.mark.parametrize("end", ["Cancelled", "Filled"])
def test_global_cancel_is_not_answered_after_the_orders_end(world: Any, end: str) -> None:
    """Its single cancels may cross the report that the order is filled or cancelled."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(1))
    alpha.say(58, 1)
    alpha.say(58, 1)
    assert len(world.asked(4)) == 1
    alpha.say(4, 1, 1, "")
    alpha.take()
    world.say(*status(1, end))
    refusal = (4, 2, 1, 10148, "OrderId 1 that needs to be cancelled cannot be", "")
    for _ in range(2 if end == "Filled" else 1):
        world.say(*refusal)
    assert [each[3] for each in alpha.take(4)] == ["10148"]


def test_global_cancel_of_a_bracket_is_not_answered(world: Any) -> None:
    """Children end with their parent, so that their single cancels are refused."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(2, parent=1))
    world.say(*open_order(1))
    world.say(*open_order(2, perm_id=902))
    alpha.say(58, 1)
    assert [each[2] for each in world.asked(4)] == ["1", "2"]
    world.say(*status(1, "Cancelled"))
    world.say(*status(2, "Cancelled"))
    alpha.take()
    refusal = (4, 2, 2, 10148, "OrderId 2 that needs to be cancelled cannot be", "")
    world.say(*refusal)
    assert alpha.take(4) == []
    alpha.say(4, 1, 2, "")
    world.say(*refusal)
    assert [each[3] for each in alpha.take(4)] == ["10148"]


def test_global_cancel_takes_orders_not_yet_stated(world: Any) -> None:
    """What the gateway has not stated yet may live, and is cancelled; what it refused is not."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(2))
    world.say(4, 2, 2, 201, "Order rejected - reason: no", "")
    alpha.say(58, 1)
    assert [each[2] for each in world.asked(4)] == ["1"]


def test_order_ids_go_on_after_a_reconnect(world: Any) -> None:
    """A client that comes back is told the next id of its own sequence, and has its orders."""
    alpha = world.client("alpha").start(5)
    alpha.say(*order(8))
    world.say(*open_order(1))
    world.say(*status(1))
    alpha.leave()
    again = world.client("alpha")
    again.send(b"API\0" + b"\0\0\0\x09v157..178")
    again.say(71, 2, 5, "")
    assert again.take(9) == [["9", "1", "9"]]
    again.take()
    world.say(53, 1)
    again.say(5, 1)
    world.say(*open_order(1))
    world.say(*status(1))
    world.say(53, 1)
    assert [each[:2] for each in again.take()] == [["5", "8"], ["3", "8"], ["53", "1"]]


def test_what_if_under_a_working_orders_id(world: Any) -> None:
    """It is priced under an upstream id of its own, and the working order stays as it is."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(1, what_if=1))
    first, second = world.asked(3)
    assert first[1] != second[1]
    alpha.say(4, 1, 1, "")
    assert world.asked(4)[0][2] == first[1]


class _Collector:
    """Stands where ib_async's Client has its connection, and keeps what is sent."""

    def __init__(self) -> None:
        self.payload = b""

    def __call__(self, text: str) -> None:
        self.payload = text.encode()


@pytest.mark.parametrize("version", range(157, 179))
@pytest.mark.parametrize("what_if", [False, True])
@pytest.mark.parametrize("shape", ["plain", "everything"])
def test_what_if_is_found_behind_every_variable_block(
    version: int, what_if: bool, shape: str
) -> None:
    """The walk over the blocks agrees with how ib_async writes an order, at every version."""
    client: Any = Client(Wrapper(None, None))  # type: ignore[arg-type, no-untyped-call]
    collector = _Collector()
    client.sendMsg = collector
    client.connState, client._serverVersion = client.CONNECTED, version
    contract, order = Stock("SPY", "SMART", "USD"), Order(orderType="LMT", whatIf=what_if)
    if shape == "everything":
        contract = Bag(  # type: ignore[assignment, no-untyped-call]
            symbol="SPY",
            comboLegs=[ComboLeg(1, 1, "BUY", "SMART"), ComboLeg(2, 1, "SELL", "SMART")],
            deltaNeutralContract=DeltaNeutralContract(1, 0.5, 10.0),
        )
        order.orderComboLegs = [OrderComboLeg(1.0), OrderComboLeg(2.0)]
        order.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]
        order.deltaNeutralOrderType = "MKT"
        order.scalePriceIncrement = 0.5
        order.hedgeType, order.hedgeParam = "D", "1"
        order.algoStrategy, order.algoParams = "Adaptive", [TagValue("adaptivePriority", "Normal")]
        order.conditions = [PriceCondition()]
    client.placeOrder(1, contract, order)
    fields = collector.payload.split(b"\0")[:-1]
    assert is_what_if(fields, version) is what_if
