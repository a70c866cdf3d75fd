"""Nothing is kept of what is over."""

from __future__ import annotations

import gc
import sys
from typing import Any

from tests.soak.census import tables

FILLED = "Filled"


def ask_and_answer(world: Any, client: Any, count: int) -> None:
    """Let `client` ask for tiers, and the gateway answer; the world forgets what it saw."""
    for number in range(count):
        client.say(79, number)
        [asked] = world.asked(79)
        world.say(77, asked[1], 0)
        client.take()
        world.history.clear()
        world.effects.clear()


def order_status(order_id: str, status: str) -> tuple[object, ...]:
    """Return an orderStatus of the proxy's own client."""
    return (3, order_id, status, 0, 1, 0, 9_000 + int(order_id), 0, 0, 100, "", 0)


def open_order(order_id: str, account: str = "DU1") -> list[object]:
    """Return an openOrder of the proxy's own client."""
    fields: list[object] = [5, order_id, *([""] * 134)]
    fields[20], fields[24], fields[25] = account, 100, 9_000 + int(order_id)
    return fields


def test_requests_leave_nothing(world: Any) -> None:
    """Two thousand answered questions later the hub holds no block of memory more."""
    alpha = world.client("alpha").start()
    ask_and_answer(world, alpha, 200)
    before = tables(world.hub)
    gc.collect()
    blocks = sys.getallocatedblocks()
    ask_and_answer(world, alpha, 2_000)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 500
    assert tables(world.hub) == before


def test_ids_begin_anew_after_the_last_one(world: Any) -> None:
    """Request ids stay below 2**31 however long the proxy runs; one in use is passed over."""
    alpha = world.client("alpha").start()
    alpha.say(83, 1, "A")
    [first] = world.asked(83)
    world.hub.requests._live._last_id = 2_147_000_000 - 2
    alpha.say(83, 2, "B")
    alpha.say(83, 3, "C")
    asked = [int(each[1]) for each in world.asked(83)]
    assert asked == [2_147_000_000 - 1, int(first[1]) + 1]


def test_of_an_order_that_is_done_only_its_ids_are_kept(world: Any) -> None:
    """Its openOrder, by far the largest part, is forgotten; whose it is stays known."""
    alpha = world.client("alpha").start()
    alpha.say(3, 1, *([""] * 113))
    [placed] = world.asked(3)
    world.say(*open_order(placed[1]))
    [record] = world.hub.orders.book.records
    assert record.open_message
    world.say(*order_status(placed[1], FILLED))
    assert record.open_message is None
    world.say(*open_order(placed[1]))  # stated again behind its end, with its commission
    assert record.open_message is None
    assert [each[0] for each in alpha.take()] == ["5", "3", "5"]


def test_a_commission_that_nobody_waits_for_leaves_nothing(world: Any) -> None:
    """A client that leaves between an execution and its commission report is forgotten."""
    alpha = world.client("alpha").start()
    alpha.say(3, 1, *([""] * 113))
    [placed] = world.asked(3)
    fields: list[object] = [11, -1, placed[1], *([""] * 28)]
    fields[14], fields[16], fields[21], fields[22] = "exec.1", "DU1", 9_001, 100
    world.say(*fields)
    assert len(alpha.take(11)) == 1
    alpha.leave()
    assert world.hub.orders.executions._audience == {}
