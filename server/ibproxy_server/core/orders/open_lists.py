"""Lists of open orders: the gateway is asked for all of them, one list at a time for all who wait.

Each is shown its part as it comes. Who asks while a list is on its way waits for the next one,
since that list may be older than the question. Who waits when the link to the gateway breaks goes
on waiting, and is not shown again what it has been shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from ibproxy.wire.framing import join_fields
from ibproxy.wire.messages import Request
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.session import Session

ALL_OPEN_ORDERS = 16
_OPEN_ORDERS = join_fields(5, 1)
_ALL_OPEN_ORDERS = join_fields(ALL_OPEN_ORDERS, 1)
_OPEN_ORDER_END = join_fields(53, 1)

Shown = tuple[OrderRecord, bytes]
"""An order, and the id of a message about it."""


@dataclass(eq=False)
class _Waiter:
    """Who waits for a list.

    Attributes:
        session: the session; None: the proxy itself.
        is_binding: whether orders by hand are to be bound first.
        is_for_all: whether it is shown all orders of the accounts that it may see.
        shown: what it has been shown.
        shown_before: what it was shown before the link broke.
    """

    session: Session | None
    is_for_all: bool
    is_binding: bool = False
    shown: set[Shown] = field(default_factory=set)
    shown_before: set[Shown] = field(default_factory=set)


class OpenLists:
    """Asks for lists of open orders, and knows who is shown what of them.

    Attributes:
        listed: the orders that the list on its way has named; None: no list is on its way.
        on_end: called with the orders in a list when it is whole, and whether the proxy itself
            has waited for it.
    """

    def __init__(self, context: Context, book: OrderBook, owners: Owners) -> None:
        self._context = context
        self._book = book
        self._owners = owners
        self.listed: set[OrderRecord] | None = None
        self.on_end: Callable[[set[OrderRecord], bool], None] = lambda _listed, _is_ours: None
        self._waiting: list[_Waiter] = []
        self._waiting_for_next: list[_Waiter] = []
        self._is_binding = False

    def show_own(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """List the session's orders; what has just been placed is listed as well, so ask.

        For client 0 the gateway binds those by hand, if it is asked for client 0's own
        (fact 3.37). That list is not shown: the next one is as whole as all others are.
        """
        del row, fields
        hears_others = self._owners.hears_by_hand(session)
        if hears_others or any(each.may_work for each in self._book.of_owner(session.owner)):
            self._wait(_Waiter(session, False, is_binding=self._owners.may_bind(session)))
        else:
            session.send(_OPEN_ORDER_END)

    def wait(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Let the session wait for a list that is asked for after its question."""
        del fields
        self._wait(_Waiter(session, row.msg_id == ALL_OPEN_ORDERS))

    def ask_for_proxy(self) -> None:
        """Ask for a list that brings the book up to date."""
        if not any(each.session is None for each in self._waiting_for_next):
            self._wait(_Waiter(None, is_for_all=False))

    def forget(self, session: Session) -> None:
        """The session is over."""
        for waiting in (self._waiting, self._waiting_for_next):
            waiting[:] = [each for each in waiting if each.session is not session]

    def reset(self) -> None:
        """The connection to the gateway is gone; sessions wait on."""
        self.listed = None
        waiting = [*self._waiting, *self._waiting_for_next]
        self._waiting = [each for each in waiting if each.session]
        self._waiting_for_next = []
        for waiter in self._waiting:
            waiter.shown_before |= waiter.shown

    def audience_of(
        self, record: OrderRecord, message: list[bytes], *, is_repeated: bool
    ) -> Iterable[Session]:
        """Return who is shown a statement about an order.

        While a list comes in, who waits for it is shown all that it may see. Its owner is
        shown live statements always, but not what a list that it did not ask for only repeats.
        """
        listeners = self._owners.listeners(record)
        if self.listed is None:
            return listeners
        mark = record, message[0]
        audience: dict[Session, None] = {}
        for waiter in () if self._is_binding else self._waiting:
            session = waiter.session
            if session is None or not self._concerns(waiter, record, listeners):
                continue
            if not (is_repeated and mark in waiter.shown_before):
                waiter.shown.add(mark)
                audience[session] = None
        if not is_repeated:
            audience |= dict.fromkeys(listeners)
        return audience

    def end(self) -> None:
        """A list is whole (53)."""
        if self.listed is None:
            return
        if self.bound():
            return
        listed, self.listed = self.listed, None
        self._book.forget_foreign(listed)
        ended, self._waiting = self._waiting, self._waiting_for_next
        self._waiting_for_next = []
        self.on_end(listed, any(each.session is None for each in ended))
        for waiter in ended:
            if waiter.session:
                waiter.session.send(_OPEN_ORDER_END)
        if self._waiting and self.listed is None:
            self._ask()

    def bound(self) -> bool:
        """What there is by hand is bound, or cannot be: list all now, if that was waited for."""
        if not self._is_binding:
            return False
        for waiter in self._waiting:
            waiter.is_binding = False
        self._ask()
        return True

    # inside

    def _wait(self, waiter: _Waiter) -> None:
        if self.listed is not None:
            self._waiting_for_next.append(waiter)
            return
        self._waiting.append(waiter)
        if self._context.has_gateway:  # else the list is asked for when it is back
            self._ask()

    def _ask(self) -> None:
        self.listed = set()
        self._is_binding = any(each.is_binding for each in self._waiting)
        self._context.pacer.push(0, _OPEN_ORDERS if self._is_binding else _ALL_OPEN_ORDERS)

    def _concerns(
        self, waiter: _Waiter, record: OrderRecord, listeners: Collection[Session]
    ) -> bool:
        session = waiter.session
        return session in listeners or bool(
            session and waiter.is_for_all and session.view.sees(record.account.decode())
        )
