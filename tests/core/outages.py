"""What tests of outages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ibproxy_server.core import events as ev
from ibproxy_server.core.orders import journal_entries as je
from tests.core.conftest import World
from tests.core.test_orders import open_order, order, status

CUT_OFF = (4, 2, -1, 1100, "Connectivity between IB and Trader Workstation has been lost.", "")
RESTORED = (4, 2, -1, 1102, "Connectivity between IB and Trader Workstation has been restored", "")


def lose(world: World) -> None:
    """The link to the gateway breaks, and the first attempt to renew it fails."""
    world.feed(ev.UpstreamLost("reset by peer"))
    world.pass_time(0.6)
    world.feed(ev.UpstreamLost("Connection refused"))
    world.asked()


def come_back(
    world: World, day: str = "20261122", accounts: str = "DU1,DU2", version: int = 176
) -> None:
    """The gateway is there again; what the proxy asks of it is left to be looked at."""
    world.pass_time(1.1)
    world.feed(ev.UpstreamConnected())
    world.say(version, f"{day} 10:05:00 EST")
    world.say(15, 1, accounts)
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
