"""What an openOrder message says, as far as checks look; positions are of the wire-table."""

from __future__ import annotations

from ibproxy_server.verify.probe import Message, Probe, is_kind

LIMIT_AT, OCA_AT, REF_AT, CLIENT_ID_AT, PERM_ID_AT = 16, 19, 23, 24, 25
FIRST_WITHOUT_FA_PROFILE = 177


def parent_id_of(order: Message, version: int) -> str:
    """Return the parent's order id; behind the advisor's profile, which 177 did away with."""
    return order[58 if version < FIRST_WITHOUT_FA_PROFILE else 57]


def of_order(messages: list[Message], order_id: int, kind: str = "5") -> list[Message]:
    """Return the messages of a kind about one order."""
    return [m for m in messages if m[0] == kind and m[1] == str(order_id)]


def open_orders(probe: Probe, request: int = 5) -> list[Message]:
    """Return the list of open orders: 5 and 3 of each."""
    messages = probe.ask(request, 1, until=is_kind(53))
    return [m for m in messages if m[0] in {"5", "3"}]
