"""What the journal must know, and what waits until it does.

An order leaves when its mapping and its message are written, not before::

    place ──► hold ──► Record(n) ──► Recorded(n) ─────► it leaves
                            └──────► NotRecorded(n) ──► it is refused, and nothing has left

All orders of one event share one `Record`. What is merely news (a status, a permId) is written
with the next order, or after a moment. A cancel or a change of an order that waits itself waits
behind it, in the order in which they came (fact 3.13); no other cancel waits for the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level, Record
from ibproxy_server.core.events import NotRecorded, Recorded
from ibproxy_server.core.orders import journal_entries as je
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.record import OrderRecord, Owner

NEWS_DELAY_S = 0.25
"""What no order waits for is written so much later, together."""

RETRY_S = 5.0
"""How long after a failure news are written again; orders try at once."""

CURE = "free space or correct its permissions; it is tried again with every order"


@dataclass(frozen=True)
class _Held:
    """What waits for an entry."""

    number: int
    record: OrderRecord
    send: Callable[[], None]
    refuse: Callable[[str], None]


class Recorder:
    """Collects entries, and holds back what depends on them.

    Attributes:
        failure: why the journal cannot be written; empty when it can.
    """

    def __init__(self, context: Context, book: OrderBook) -> None:
        self.failure = ""
        self._context = context
        self._book = book
        self._number = 0
        self._is_urgent = False
        self._due_s: float | None = None
        self._entries: dict[je.Key, je.Entry] = {}
        self._changed: dict[int, OrderRecord] = {}
        self._written: dict[int, dict[je.Key, je.Entry]] = {}
        self._held: deque[_Held] = deque()
        self._highest_written = 0

    # what is to be known

    def login(self, accounts: tuple[str, ...]) -> None:
        """The gateway has told whose login it is."""
        self._note(je.Login(accounts))

    def oca_name(self, upstream: bytes, shown: bytes) -> None:
        """A group has a name of the proxy's own."""
        if upstream != shown:
            self._note(je.OcaName(upstream, shown))

    def stated(self, record: OrderRecord) -> None:
        """The gateway has spoken of an order."""
        record.is_unknown = False
        self.changed(record)

    def changed(self, record: OrderRecord) -> None:
        """Something about an order is news."""
        if record.owner is None:
            return
        if not record.is_what_if:
            self._changed[record.upstream_id] = record
            self._soon()
        if not record.may_work and (oldest := self._book.retire(record)):
            self._changed.pop(oldest.upstream_id, None)
            self._note(je.OrderForgotten(oldest.upstream_id))

    # what waits

    def hold(
        self,
        record: OrderRecord,
        request: list[bytes],
        oca_group: bytes,
        send: Callable[[], None],
        refuse: Callable[[str], None],
    ) -> None:
        """Let an order leave when it is written.

        Args:
            record: the order.
            request: its message, as it goes to the gateway.
            oca_group: its group's name in it.
            send: called when it is written.
            refuse: called, with the reason, when it could not be.
        """
        strategy, client_id = _owner(record)
        self._note(self._owner_ids(record))
        if record.is_what_if:
            self.changed(record)  # it is no order: there is nothing to wait for
        else:
            self._note(
                je.OrderIntent(
                    record.upstream_id,
                    strategy,
                    client_id,
                    record.client_order_id,
                    oca_group,
                    record.is_transmitted,
                    record.day,
                    b"\0".join(request) + b"\0",
                )
            )
        self._is_urgent = True
        self._held.append(_Held(self._number + 1, record, send, refuse))

    def in_turn(
        self, record: OrderRecord, send: Callable[[], None], refuse: Callable[[str], None]
    ) -> None:
        """Let a message leave behind its order, at once if that does not wait."""
        if any(each.record is record for each in self._held):
            self._held.append(_Held(self._held[-1].number, record, send, refuse))
        else:
            send()

    def withdraw(self, record: OrderRecord) -> None:
        """An order has not left and never will."""
        self._entries.pop(("intent", record.upstream_id), None)
        self._note(self._owner_ids(record))
        self.changed(record)  # its intent may be written already

    def reset(self, reason: str) -> None:
        """The connection is gone: what still waits does not leave."""
        held, self._held = self._held, deque()
        for each in held:
            each.refuse(reason)

    # to and from the journal

    def advance(self, *, is_last: bool = False) -> None:
        """Have written what an order waits for, or what is due.

        Args:
            is_last: whether the proxy ends now, and nothing may wait.
        """
        if self._book.highest_upstream_id > self._highest_written:
            self._highest_written = self._book.highest_upstream_id
            self._note(je.HighestId(self._highest_written))
        is_due = self._due_s is not None and (is_last or self._context.now_s >= self._due_s)
        if not self._is_urgent and not is_due:
            return
        entries, self._entries = self._entries, {}
        for record in self._changed.values():
            state = _state(record)
            entries[state.key] = state
        self._changed.clear()
        self._number += 1
        self._written[self._number] = entries
        effect = Record(self._number, tuple(entries.values()), is_urgent=self._is_urgent)
        self._context.effects.append(effect)
        self._is_urgent, self._due_s = False, None

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return self._due_s

    def recorded(self, event: Recorded) -> None:
        """A batch is written: what waited for it leaves."""
        self._written.pop(event.number, None)
        if self.failure:
            self.failure = ""
            self._context.notice(Level.WARNING, "the journal can be written again")
        while self._held and self._held[0].number <= event.number:
            self._held.popleft().send()

    def not_recorded(self, event: NotRecorded) -> None:
        """A batch could not be written: new orders in it are refused, the rest is tried again."""
        if not self.failure:
            text = (
                f"the journal cannot be written: {event.reason}; new orders are refused, cancels "
                f"and changes go through; {CURE}"
            )
            self._context.notice(Level.ERROR, text)
        self.failure = event.reason
        for key, entry in self._written.pop(event.number, {}).items():
            if not any(key in later for later in self._written.values()):
                self._entries.setdefault(key, entry)
        self._due_s = self._context.now_s + RETRY_S
        reason = f"the journal cannot be written: {event.reason}; {CURE}"
        while self._held and self._held[0].number <= event.number:
            self._held.popleft().refuse(reason)

    # inside

    def _note(self, entry: je.Entry) -> None:
        self._entries[entry.key] = entry
        self._soon()

    def _soon(self) -> None:
        if self._due_s is None:
            self._due_s = self._context.now_s + NEWS_DELAY_S

    def _owner_ids(self, record: OrderRecord) -> je.OwnerIds:
        owner = _owner(record)
        return je.OwnerIds(*owner, self._book.next_client_id(owner) - 1)


def restore(book: OrderBook, entries: Iterable[je.Entry]) -> tuple[str, ...]:
    """Fill an empty book with what a journal knew.

    Returns:
        The accounts of the login that it was kept for; empty if it never connected.
    """
    accounts: tuple[str, ...] = ()
    for entry in je.compacted(entries).values():
        match entry:
            case je.Login():
                accounts = entry.accounts
            case je.HighestId():
                book.raise_upstream_id(entry.upstream_id)
            case je.OwnerIds():
                book.raise_client_id((entry.strategy, entry.client_id), entry.highest)
            case je.OcaName():
                book.restore_oca_name(entry.upstream, entry.shown)
            case je.OrderIntent():
                record = _restored(entry)
                book.restore(record)
                book.join(record)
                if record.is_transmitted:
                    book.release(record)
            case je.OrderState():
                _restore_state(book, entry)
            case je.OrderForgotten():
                pass
    book.retire_done()
    book.doubt()  # what left and was never stated
    return accounts


def _restored(entry: je.OrderIntent) -> OrderRecord:
    request = entry.request.split(b"\0")
    is_whole = len(request) > at.PARENT_ID
    return OrderRecord(
        entry.upstream_id,
        (entry.strategy, entry.client_id),
        entry.client_order_id,
        is_transmitted=entry.is_transmitted,
        day=entry.day,
        symbol=request[at.SYMBOL] if is_whole else b"",
        action=request[at.ACTION] if is_whole else b"",
        ref=request[at.REF] if is_whole else None,
        quantity=request[at.QUANTITY] if is_whole else b"",
        parent_id=request[at.PARENT_ID] if is_whole else b"0",
    )


def _restore_state(book: OrderBook, entry: je.OrderState) -> None:
    record = book.of_upstream(entry.upstream_id)
    if record is None:
        return
    book.learn_perm_id(record, entry.perm_id)
    record.account = entry.account
    record.is_stated, record.is_gone = entry.is_stated, entry.is_gone
    record.fills = entry.fills
    record.status_message = entry.status.split(b"\0") if entry.status else None


def _state(record: OrderRecord) -> je.OrderState:
    return je.OrderState(
        record.upstream_id,
        record.perm_id,
        record.account,
        record.is_stated,
        record.is_gone,
        not record.may_work,
        record.fills,
        b"\0".join(record.status_message or ()),
        record.state_text,
    )


def _owner(record: OrderRecord) -> Owner:
    assert record.owner  # noqa: S101 - only what a session sent is recorded
    return record.owner
