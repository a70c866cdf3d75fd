"""Orders that were on their way when a gateway was restarted that forgot order ids (fact 3.39)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.conftest import OWN_EXECUTIONS, World
from tests.core.outages import CUT_OFF, RESTORED, come_back, lose, over_an_outage, told
from tests.core.test_orders import execution, open_order, order, status

PERM_ID, OTHER_PERM_ID = 900, 901
LOST = [("error", "1", "201")]
UNKNOWN = [("error", "1", "2198"), ("status", "1", "ApiPending", "0", "10")]


def in_flight(world: World, *numbers: int, ref: str = "mine") -> Any:
    """Return alpha, of whose orders nothing has been heard when the link breaks."""
    alpha = world.client("alpha").start()
    for number in numbers or (1,):
        alpha.say(*order(number, ref=ref))
    lose(world)
    come_back(world)
    told(alpha)
    return alpha


def listed(perm_id: int = PERM_ID, ref: str = "mine", **more: Any) -> list[tuple[object, ...]]:
    """Return what a list of open orders says of an order like it."""
    terms = list(open_order(0, client_id=0, perm_id=perm_id))
    terms[3], terms[13], terms[14], terms[23] = "SPY", "BUY", more.get("quantity", "10.0"), ref
    return [tuple(terms), status(0, client_id=0, perm_id=perm_id)]


def filled(perm_id: int = PERM_ID, ref: str = "mine", **more: Any) -> tuple[object, ...]:
    """Return an execution of an order like it."""
    total = more.get("total", 10)
    fields = list(
        execution(
            2147483647, f"e{perm_id}", OWN_EXECUTIONS, client_id=0, perm_id=perm_id, total=total
        )
    )
    fields[4], fields[16] = more.get("symbol", "SPY"), more.get("account", "DU1")
    fields[18], fields[26] = more.get("side", "BOT"), ref
    return tuple(fields)


def lists_asked(world: World) -> list[str]:
    """Return and forget which lists the gateway was asked for."""
    return [each[0] for each in world.asked() if each[0] in {"16", "7", "99"}]


def test_one_that_works_is_known_by_its_reference(world: World) -> None:
    """The lists are asked for again, and then tell how it stands."""
    alpha = in_flight(world)
    lists_asked(world)
    world.list_orders(listed())
    assert lists_asked(world) == ["16", "7", "99"]
    assert not world.hub.orders.is_settled
    world.list_orders(listed())
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]
    assert world.hub.orders.is_settled


def test_one_that_has_filled_is_known_by_its_reference(world: World) -> None:
    """It is open no more, so only its execution names it; that is told as a live one, once."""
    alpha = in_flight(world)
    world.list_orders(executions=[filled()])
    world.list_orders(executions=[filled()])
    assert told(alpha) == [("execution", "-1", "1", "e900"), ("status", "1", "Filled", "10", "0")]
    over_an_outage(world, executions=[filled()])
    assert told(alpha) == []


def test_one_that_works_and_has_filled_in_part(world: World) -> None:
    """Both lists name the same permId."""
    alpha = in_flight(world)
    part = filled(total=4)
    world.list_orders(listed(), [part])
    world.list_orders(listed(), [part])
    assert ("execution", "-1", "1", "e900") in told(alpha)


def test_one_whose_execution_still_has_its_ids(world: World) -> None:
    """That tells its permId, by which the list of open orders has named it just before."""
    alpha = in_flight(world, ref="")
    part = list(filled(ref="", total=4))
    part[2], part[22] = 1, 100
    world.list_orders(listed(ref=""), [tuple(part)])
    world.list_orders(listed(ref=""), [tuple(part)])
    assert told(alpha) == [
        ("execution", "-1", "1", "e900"),
        ("order", "1"),
        ("status", "1", "Submitted", "0", "10"),
    ]
    [record] = world.hub.orders.book.records
    assert record.perm_id == b"900"


def test_without_a_reference_it_stays_unknown(world: World) -> None:
    """An order that somebody has entered by hand may be just like it."""
    alpha = in_flight(world, ref="")
    lists_asked(world)
    world.list_orders(executions=[filled(ref="")])
    assert told(alpha) == []
    assert lists_asked(world) == []
    alpha.say(4, 1, 1, "", "", "")
    world.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert told(alpha)[0] == ("error", "1", "2197")


@pytest.mark.parametrize(
    "different",
    [
        {"ref": "another"},
        {"symbol": "QQQ"},
        {"account": "DU2"},
        {"side": "SLD"},
        {"total": 11},
    ],
)
def test_executions_of_other_orders_are_others(world: World, different: dict[str, Any]) -> None:
    """Then nothing is there that could be it."""
    alpha = in_flight(world)
    world.list_orders(executions=[filled(**different)])
    assert told(alpha) == LOST


def test_executions_of_orders_with_ids_are_others(world: World) -> None:
    """Of another program's."""
    alpha = in_flight(world)
    fields = list(filled())
    fields[2], fields[22] = 17, 3
    world.list_orders(executions=[tuple(fields)])
    assert told(alpha) == LOST


@pytest.mark.parametrize("seen", [(PERM_ID,), (PERM_ID, OTHER_PERM_ID)])
def test_two_that_are_alike_stay_unknown(world: World, seen: tuple[int, ...]) -> None:
    """Nothing says which is which."""
    alpha = in_flight(world, 1, 2)
    lists_asked(world)
    world.list_orders([message for each in seen for message in listed(each)])
    assert told(alpha) == []
    assert lists_asked(world) == []
    assert all(each.is_unknown for each in world.hub.orders.book.records if each.owner)


def test_two_like_one_leave_it_unknown(world: World) -> None:
    """It may be either."""
    alpha = in_flight(world)
    lists_asked(world)
    world.list_orders([*listed(), *listed(OTHER_PERM_ID)])
    assert told(alpha) == []
    assert lists_asked(world) == []


def test_an_order_that_has_a_perm_id_is_not_given_another(world: World) -> None:
    """Programs may give all their orders the same reference."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1, ref="mine"))
    world.say(*open_order(1))
    world.say(*status(1))
    lose(world)
    come_back(world)
    lists_asked(world)
    world.list_orders(listed(OTHER_PERM_ID))
    assert lists_asked(world) == []
    assert told(alpha)[-2:] == UNKNOWN


def test_an_order_of_which_nothing_but_the_perm_id_was_told(world: World) -> None:
    """Its openOrder may come before its permId (fact 3.19)."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1, ref="mine"))
    world.say(*open_order(1, perm_id=0))
    lose(world)
    come_back(world)
    told(alpha)
    world.list_orders(listed())
    world.list_orders(listed())
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]


def test_nothing_is_said_of_others_before_the_lists_have_come_again(world: World) -> None:
    """A gateway that was cut off may keep an order, and list it later (fact 3.90)."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1, ref="mine"))
    alpha.say(*order(2, ref="other"))
    world.say(*CUT_OFF)
    world.say(*RESTORED)
    world.list_orders(listed())
    told(alpha)
    world.list_orders(listed())
    assert [each for each in told(alpha) if each[1] == "2"] == [
        ("error", "2", "2198"),
        ("status", "2", "ApiPending", "0", "10"),
    ]


@pytest.mark.parametrize("perm_id", ["", 0])
def test_what_has_no_perm_id_either_leaves_it_unknown(world: World, perm_id: Any) -> None:
    """And is not asked for for ever."""
    alpha = in_flight(world)
    lists_asked(world)
    world.list_orders(listed(perm_id))
    assert told(alpha) == []
    assert lists_asked(world) == []


def test_an_order_of_unknown_size_may_be_of_any(world: World) -> None:
    """A cash quantity leaves it open."""
    alpha = world.client("alpha").start()
    fields = list(order(1))
    fields[17] = ""
    alpha.say(*fields)
    lose(world)
    come_back(world)
    told(alpha)
    world.list_orders(listed(ref="", quantity="3"))
    assert told(alpha) == []


def test_it_is_known_after_a_restart_of_the_proxy_too(world: World) -> None:
    """The journal has its reference."""
    in_flight(world)
    world.pass_time(1.0)
    world = world.restarted().connect(has_lists=False)
    alpha = world.client("alpha").start()
    told(alpha)
    world.list_orders(listed())
    world.list_orders(listed())
    assert told(alpha) == [("order", "1"), ("status", "1", "Submitted", "0", "10")]
