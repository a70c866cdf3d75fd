"""What is written to the journal, as values: enough to know after a restart whose orders are whose.

Each entry has a key; of entries with equal keys the last one holds. So a journal is a map, however
it is kept: `compacted` is that map, and what a store keeps of the same entries must equal it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Key = tuple[object, ...]


@dataclass(frozen=True)
class Login:
    """Whose orders these are.

    Attributes:
        accounts: the login's accounts.
    """

    accounts: tuple[str, ...]

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("login",)


@dataclass(frozen=True)
class HighestId:
    """The highest order id ever seen at the gateway, of whomever."""

    upstream_id: int

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("highest id",)


@dataclass(frozen=True)
class OwnerIds:
    """How far an owner has counted.

    Attributes:
        strategy: its strategy.
        client_id: its client id.
        highest: the highest order id that it has used.
    """

    strategy: str
    client_id: int
    highest: int

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("owner", self.strategy, self.client_id)


@dataclass(frozen=True)
class OcaName:
    """A group's name at the gateway, and as its owner wrote it."""

    upstream: bytes
    shown: bytes

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("oca", self.upstream)


@dataclass(frozen=True)
class OrderIntent:
    """A placeOrder message that is about to leave, and whose it is.

    Attributes:
        upstream_id: its order id at the gateway.
        strategy: its owner's strategy.
        client_id: its owner's client id.
        client_order_id: its id for the owner.
        oca_group: its group's name at the gateway.
        is_transmitted: whether the broker is to get it, in this message or an earlier one.
        day: the gateway's day when it was placed, such as 20261122; empty if it is not known.
        request: the message as it goes to the gateway.
    """

    upstream_id: int
    strategy: str
    client_id: int
    client_order_id: int
    oca_group: bytes
    is_transmitted: bool
    day: str
    request: bytes

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("intent", self.upstream_id)


@dataclass(frozen=True)
class OrderState:
    """What is known of an order.

    Attributes:
        upstream_id: its order id at the gateway.
        perm_id: the broker's id; empty until it is known.
        account: its account; empty until it is known.
        is_stated: whether the gateway has ever stated it with an openOrder.
        is_gone: whether the gateway has refused it, or no longer lists it.
        is_done: whether nothing more is expected of it.
        fills: how many executions it had.
        status: its last orderStatus as it came; empty before the first.
        text: its state in a word, for people.
    """

    upstream_id: int
    perm_id: bytes
    account: bytes
    is_stated: bool
    is_gone: bool
    is_done: bool
    fills: int
    status: bytes
    text: str

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("state", self.upstream_id)


@dataclass(frozen=True)
class OrderForgotten:
    """An order that was done long ago need not be known any more."""

    upstream_id: int

    @property
    def key(self) -> Key:
        """What it is about."""
        return ("forgotten", self.upstream_id)


Entry = Login | HighestId | OwnerIds | OcaName | OrderIntent | OrderState | OrderForgotten


def compacted(entries: Iterable[Entry]) -> dict[Key, Entry]:
    """Return what holds after these entries, in the order in which it was first said."""
    held: dict[Key, Entry] = {}
    for entry in entries:
        if isinstance(entry, OrderForgotten):
            held.pop(("intent", entry.upstream_id), None)
            held.pop(("state", entry.upstream_id), None)
        else:
            held[entry.key] = entry
    return held
