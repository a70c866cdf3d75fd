"""What makes the run hold, each to be switched off, to see that the run then fails.

A guard is replaced in the proxy's own process before it serves, see `proxy.py`; nothing of this is
in the product. Each names the faults that it is there for, so that a short run meets them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ibproxy.wire.framing import GREETING, frame
from ibproxy.wire.messages import FIRST_VERSION
from ibproxy_server.core.effects import Effect, SendUpstream
from ibproxy_server.core.orders import recorder
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.disowned import DisownedOrders
from ibproxy_server.core.orders.instructions import Instructions
from ibproxy_server.core.orders.known_executions import KnownExecutions
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.record import OrderRecord, Owner
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.pacer import Pacer
from ibproxy_server.core.requests.registry import Registry
from ibproxy_server.core.session import Session
from ibproxy_server.core.upstream import Stage, Upstream

MESSAGES_PER_S = 50
"""What the proxy may send upstream at most, in a second: what IB allows."""


@dataclass(frozen=True)
class Guard:
    """One guard.

    Attributes:
        about: what it does.
        switch_off: replaces it.
        kinds: faults that it is there for; none: it is needed without any.
        messages_per_s: what the proxy may send at most; with few, much waits to leave.
    """

    about: str
    switch_off: Callable[[], None]
    kinds: Sequence[str] = ()
    messages_per_s: int = MESSAGES_PER_S


def _replace(where: object, name: str, value: object) -> None:
    assert hasattr(where, name), f"there is no {name} any more"
    setattr(where, name, value)


def _leave_unwritten() -> None:
    hold = Recorder.hold

    def hold_and_send(self: Recorder, *arguments: Any) -> None:
        hold(self, *arguments)
        self._held.pop().send()

    _replace(Recorder, "hold", hold_and_send)


def _count_ids_from_one() -> None:
    restore = OrderBook.restore

    def raise_upstream_id(self: OrderBook, seen: int) -> None:
        if seen == self._next_upstream_id:  # its own next one
            self._next_upstream_id = seen + 1

    def restore_below(self: OrderBook, record: OrderRecord) -> None:
        before = self._next_upstream_id
        restore(self, record)
        self._next_upstream_id = before

    _replace(OrderBook, "raise_upstream_id", raise_upstream_id)
    _replace(OrderBook, "restore", restore_below)


def _count_owners_from_one() -> None:
    def next_client_id(self: OrderBook, owner: Owner) -> int:
        counted = getattr(self, "counted", None)
        if counted is None:
            counted = {}
            setattr(self, "counted", counted)  # noqa: B010
        return int(counted.get(owner, 0)) + 1

    place = OrderBook.place

    def place_and_count(
        self: OrderBook, owner: Owner, client_order_id: int, *, is_what_if: bool
    ) -> OrderRecord:
        next_client_id(self, owner)
        counted = vars(self)["counted"]
        counted[owner] = max(counted.get(owner, 0), client_order_id)
        return place(self, owner, client_order_id, is_what_if=is_what_if)

    _replace(OrderBook, "next_client_id", next_client_id)
    _replace(OrderBook, "place", place_and_count)


def _never_doubt() -> None:
    def doubt(self: OrderBook) -> list[OrderRecord]:
        del self
        return []

    _replace(OrderBook, "doubt", doubt)


def _take_any_owner() -> None:
    def listeners(self: Owners, record: OrderRecord) -> list[Session]:
        del record
        return list(self._context.ready_sessions())[:1]

    _replace(Owners, "listeners", listeners)


def _keep_unsent() -> None:
    def clear(self: Pacer) -> None:
        del self

    def send_order(
        self: Instructions, session: Session, fields: list[bytes], record: OrderRecord, *_: object
    ) -> None:
        def leave() -> tuple[bytes, ...]:
            record.has_left = True
            return (b"\0".join(fields) + b"\0",)

        self._context.pacer.push_lazily(session.number, leave, first=True)

    _replace(Pacer, "clear", clear)
    _replace(Instructions, "_send_order", send_order)


def _leave_families_held() -> None:
    def release(self: OrderBook, record: OrderRecord) -> None:
        del self, record

    _replace(OrderBook, "release", release)


def _share_ids_with_orders() -> None:
    begin = Registry.__init__

    def begin_at_one(self: Registry, *arguments: Any) -> None:
        begin(self, *arguments)
        self._last_id = 0

    _replace(Registry, "__init__", begin_at_one)


def _forget_everything() -> None:
    def restore(book: OrderBook, entries: object) -> tuple[str, ...]:
        del book, entries
        return ()

    from ibproxy_server.core import hub  # noqa: PLC0415 - it has taken the function's name over

    _replace(hub, "restore", restore)
    _replace(recorder, "restore", restore)


def _go_on_with_torn_messages() -> None:
    def connected(self: Upstream, now_s: float) -> list[Effect]:
        self._enter(Stage.GREETING, now_s)
        hello = frame(b"v%d..%d" % (FIRST_VERSION, self._max_version))
        return [SendUpstream(GREETING + hello)]

    _replace(Upstream, "connected", connected)


def _tell_fills_again() -> None:
    def take(*_arguments: object, **_named: object) -> bool:
        return True

    _replace(KnownExecutions, "take", take)


def _watch_nothing() -> None:
    def plan(self: DisownedOrders) -> None:
        del self

    _replace(DisownedOrders, "plan", plan)


_LINK = ("link cut", "link torn", "gateway restarted")

GUARDS = {
    "journal-first": Guard(
        "an order leaves only when it is in the journal",
        _leave_unwritten,
        ("proxy killed when the disk is full",),
    ),
    "ids-above-all-seen": Guard(
        "upstream ids stay above every id ever seen", _count_ids_from_one, ("proxy killed",)
    ),
    "owners-ids": Guard(
        "each owner's own ids go on where they ended", _count_owners_from_one, ("proxy killed",)
    ),
    "doubts": Guard(
        "what may have got lost is asked for", _never_doubt, ("link torn", "proxy killed")
    ),
    "fills-once": Guard(
        "an execution that was told is not told again from a list",
        _tell_fills_again,
        ("link cut", "gateway restarted", "gateway cut off"),
    ),
    "disowned": Guard(
        "orders that the gateway knows by their permId alone are watched",
        _watch_nothing,
        ("gateway restarted",),
    ),
    "owners": Guard("an order's messages go to its owner", _take_any_owner),
    "drop-unsent": Guard(
        "what has not left when the link breaks never does", _keep_unsent, _LINK, messages_per_s=25
    ),
    "families": Guard(
        "a bracket is transmitted with its last child",
        _leave_families_held,
        ("link frozen",),  # what is on its way then is lost, whole families of it
    ),
    "request-range": Guard("ids of requests and of orders never meet", _share_ids_with_orders),
    "journal-read": Guard(
        "a proxy begins where the journal ends", _forget_everything, ("proxy killed",)
    ),
    "fresh-frames": Guard(
        "what is left of a torn message is dropped", _go_on_with_torn_messages, ("link torn",)
    ),
}
"""Name -> guard."""
