"""Orders: placed under ids of the proxy's own, and everything about them brought home.

An order's messages go to its owner (facts 3.30, 3.37). Open orders are asked of the gateway, one
list at a time for all who wait; each is shown its part as it comes, and the order book is brought
up to date by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from ibproxy.errors import LocalError
from ibproxy.wire.framing import join_fields
from ibproxy.wire.messages import Answer, Request
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook, OrderRecord
from ibproxy_server.core.orders.doubts import Doubts
from ibproxy_server.core.orders.executions import Executions
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session

ALL_OPEN_ORDERS = 16
_ALL_OPEN_ORDERS = join_fields(ALL_OPEN_ORDERS, 1)
_OPEN_ORDER_END = join_fields(53, 1)
_ID_IN_TEXT = re.compile(rb"(?i)(\bid ?[=:]? ?|\borderid )(\d+)\b")
"""Where an error's text names an order: OrderId 5, Duplicate order id: 5, with id =5."""

MAX_ORDER_ID = 2**31 - 2
"""Above it is only what libraries write for no id."""

CANCELLED = frozenset({b"Cancelled", b"ApiCancelled"})


class OrderDesk:
    """Carries ORDER requests, and the answers about orders and executions."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        self._context = context
        self._requests = requests
        self.book = OrderBook()
        self.recorder = Recorder(context, self.book)
        self.owners = Owners(context, self.book)
        self.doubts = Doubts(context, self.book, self.recorder, self.owners.session_of)
        self.executions = Executions(requests, self.book, self.owners, self.doubts, self.recorder)
        self._receive = {
            3: self._place,
            4: self._cancel,
            5: self._show_open,
            7: self.executions.receive,
            16: self._wait_for_list,
            58: self._cancel_all,
        }
        self._handle = {
            3: self._status,
            5: self._open_order,
            11: self.executions.answer,
            53: self._all_open_end,
            59: self.executions.commission,
            100: self._bound,
        }
        self._listed: set[bytes] | None = None  # permIds of a full list that is coming in
        self._waiting: list[tuple[Session, Request]] = []
        self._waiting_for_next: list[tuple[Session, Request]] = []

    # from clients

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request about orders."""
        self._receive[row.msg_id](session, row, fields)

    def _place(self, session: Session, _row: Request, fields: list[bytes]) -> None:
        client_order_id = int(fields[1])
        if client_order_id > MAX_ORDER_ID:
            code, text = codes.INVALID_ORDER_ID
            session.error(client_order_id, code, text.format(id=client_order_id))
            return
        is_what_if = at.is_what_if(fields, self._context.server_version)
        record = self.book.of_client(session.owner, client_order_id)
        if record and (record.is_what_if or record.is_refused):
            record = None  # an answered what-if is no order, but has used up its id [assumed]
        if record is None and client_order_id < self.book.next_client_id(session.owner):
            session.error(client_order_id, *codes.DUPLICATE_ORDER)  # fact 3.9
            return
        if is_what_if:
            record = None  # also under a working order's id a question of its own (fact 3.102)
        if not self._settle_account(session, client_order_id, fields):
            return
        if not self._map_parent(session, client_order_id, fields):
            return
        is_new = record is None
        try:
            record = record or self.book.place(
                session.owner, client_order_id, is_what_if=is_what_if
            )
        except LocalError as error:
            self._reject(session, client_order_id, str(error))
            return
        record.account = fields[at.ACCOUNT]
        if is_new:
            record.day = self._context.gateway_day()
        record.is_transmitted |= fields[at.TRANSMIT] == b"1"
        record.places += 1
        if fields[at.OCA_GROUP]:
            shown = fields[at.OCA_GROUP]
            fields[at.OCA_GROUP] = self.book.oca_name(session.owner, shown)
            self.recorder.oca_name(fields[at.OCA_GROUP], shown)
        fields[1] = b"%d" % record.upstream_id
        send = partial(self._send_order, session, fields, record)
        refuse = partial(self._not_recorded, session, record, send, is_new=is_new)
        self.recorder.hold(record, fields, fields[at.OCA_GROUP], send, refuse)

    def _send_order(self, session: Session, fields: list[bytes], record: OrderRecord) -> None:
        payload = b"\0".join(fields) + b"\0"

        def leave() -> tuple[bytes, ...]:
            record.has_left = True
            return (payload,)

        self._context.pacer.push_lazily(session.number, leave, first=True)

    def _not_recorded(
        self,
        session: Session,
        record: OrderRecord,
        send: Callable[[], None],
        reason: str,
        *,
        is_new: bool,
    ) -> None:
        """Refuse a new order; a change of one that is in the journal leaves all the same."""
        if not is_new and not record.is_refused:
            send()
            return
        self.book.give_up(record)
        self.recorder.withdraw(record)
        self._reject(session, record.client_order_id, reason)

    def _map_parent(self, session: Session, client_order_id: int, fields: list[bytes]) -> bool:
        """Put the parent's upstream id in its place; refuse an unknown parent."""
        parent_id = int(fields[at.PARENT_ID] or 0)
        if not parent_id:
            return True
        parent = self.book.of_client(session.owner, parent_id)
        if parent is None:
            code, text = codes.NO_PARENT
            session.error(client_order_id, code, text.format(id=parent_id))
            return False
        fields[at.PARENT_ID] = b"%d" % parent.upstream_id
        return True

    def _settle_account(self, session: Session, client_order_id: int, fields: list[bytes]) -> bool:
        """Fill in the only account, or refuse what a bound strategy may not trade."""
        account, view = fields[at.ACCOUNT].decode(errors="replace"), session.view
        if not view.is_whole and at.is_allocated(fields, self._context.server_version):
            reason = f"{session.strategy} is bound to accounts, and an allocation reaches others"
            self._reject(session, client_order_id, reason)
        elif account and account not in view.accounts:
            reason = f"account {account} is not open to {session.strategy}"
            self._reject(session, client_order_id, reason)
        elif not account and not view.is_whole and not view.only:
            session.error(client_order_id, *codes.ACCOUNT_MISSING)
        else:
            fields[at.ACCOUNT] = (account or view.only or "").encode()
            return True
        return False

    def _cancel(self, session: Session, row: Request, fields: list[bytes]) -> None:
        client_order_id = int(fields[2])
        record = self.book.of_client(session.owner, client_order_id)
        if record is None or (record.is_refused and not record.has_left):
            self._not_found(session, client_order_id)
            return
        record.asked_cancels += 1
        fields[2] = b"%d" % record.upstream_id
        self._send_cancel(session, fields, row, record)

    def _send_cancel(
        self, session: Session, fields: list[bytes], row: Request, record: OrderRecord
    ) -> None:
        """Send a cancel behind its order; if that has not left, there is nothing to cancel."""
        send = partial(self._send, session, fields, row)

        def order_waited_in_vain(reason: str) -> None:
            del reason
            if not record.is_refused:
                send()
            elif record.asked_cancels:
                self._not_found(session, record.client_order_id)

        self.recorder.in_turn(record, send, order_waited_in_vain)

    def _not_found(self, session: Session, client_order_id: int) -> None:
        code, text = codes.ORDER_NOT_FOUND
        session.error(client_order_id, code, text.format(id=client_order_id))

    def _cancel_all(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Cancel what the session owns; upstream the message would cancel everybody's."""
        tail = (b"",) if self._context.server_version >= 169 else ()  # noqa: PLR2004
        for record in self.book.of_owner(session.owner):
            if record.may_work and not record.has_cancels:
                record.unasked_cancels += 1
                fields = [b"4", b"1", b"%d" % record.upstream_id, *tail]
                self._send_cancel(session, fields, row, record)

    def _show_open(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """List the session's orders; what has just been placed is listed as well, so ask."""
        if any(each.may_work for each in self.book.of_owner(session.owner)):
            self._wait_for_list(session, row, fields)
        else:
            session.send(_OPEN_ORDER_END)

    def _wait_for_list(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Let the session wait for a list that is asked for after its question."""
        del fields
        if self._listed is None:
            self._waiting.append((session, row))
            self.refresh()
        else:
            # the list on its way may be older than the question
            self._waiting_for_next.append((session, row))

    @property
    def is_settled(self) -> bool:
        """Whether the gateway has told what happened while it was away."""
        return self._listed is None

    def reconcile(self) -> None:
        """The gateway has got its own link back: ask what happened meanwhile."""
        self.refresh()

    def start(self) -> None:
        """The gateway is there: what it lists is the truth, whatever the journal said."""
        self.refresh()
        self.doubts.begin()

    def refresh(self) -> None:
        """Ask the gateway for all open orders; its answer brings the book up to date."""
        self._listed = set()
        self._context.pacer.push(0, _ALL_OPEN_ORDERS)

    def forget(self, session: Session) -> None:
        """The session is over; its orders stay (fact 1.57)."""
        for waiting in (self._waiting, self._waiting_for_next):
            waiting[:] = [each for each in waiting if each[0] is not session]
        self.executions.forget(session)

    def reset(self) -> None:
        """The connection to the gateway is gone; the book stays.

        Orders that have not left never will: a late order is another order. Of those that left
        without a word from the gateway nobody knows.
        """
        self.doubts.connection_lost()
        self._listed = None
        self._waiting.clear()
        self._waiting_for_next.clear()

    # from the gateway

    def answer(self, row: Answer, payload: bytes) -> None:
        """Bring a message about an order to its owner."""
        self._handle[row.msg_id](payload.split(b"\0"))

    def show_completed(self, payload: bytes) -> bytes:
        """Return a completedOrder as its owner wrote it."""
        fields = payload.split(b"\0")
        fields[at.COMPLETED_OCA_GROUP] = self.book.oca_shown(fields[at.COMPLETED_OCA_GROUP])
        return b"\0".join(fields)

    def error(self, upstream_id: int, code: int, rest: list[bytes]) -> bool:
        """Bring an error to the order's owner; False if the id is no order's."""
        record = self.book.of_upstream(upstream_id)
        is_of_cancel = code in codes.CANCEL_REFUSALS
        is_refusal = not codes.is_information(code) and not is_of_cancel
        if record and not record.was_stated and (is_refusal or record.is_unknown):
            self.book.refuse(record)
            record.is_unknown = False
            self.recorder.changed(record)
        if record and is_of_cancel and not record.take_refusal():
            return True  # reqGlobalCancel is never answered (fact 3.87)
        session = self.owners.session_of(record) if record else None
        if record and session:
            theirs = b"%d" % record.client_order_id
            code_text, text, *more = rest
            shown = _ID_IN_TEXT.sub(lambda found: self._own_id(found, record), text)
            session.send(b"\0".join((b"4", b"2", theirs, code_text, shown, *more)) + b"\0")
        return record is not None

    def _open_order(self, fields: list[bytes]) -> None:
        record = self.owners.record(fields[1], fields[at.OPEN_CLIENT_ID], fields[at.OPEN_PERM_ID])
        record.account = fields[at.OPEN_ACCOUNT]
        self.book.learn_perm_id(record, fields[at.OPEN_PERM_ID])
        if self._listed is not None:
            self._listed.add(fields[at.OPEN_PERM_ID])
        is_repeated = fields == record.open_message
        record.is_stated = True
        record.is_gone = False
        record.open_message = fields if record.may_work else None
        self.recorder.stated(record)
        for session in self._audience_of(record, is_repeated=is_repeated):
            self._show(session, record, open_message=fields)

    def _status(self, fields: list[bytes]) -> None:
        record = self.owners.record(
            fields[1], fields[at.STATUS_CLIENT_ID], fields[at.STATUS_PERM_ID]
        )
        self.book.learn_perm_id(record, fields[at.STATUS_PERM_ID])
        is_repeated = fields == record.status_message
        record.status_message = fields
        if not record.may_work:
            if record.status in CANCELLED:
                record.take_cancelled()
            record.open_message = None  # by far the largest part of what is known of it
        self.recorder.stated(record)
        for session in self._audience_of(record, is_repeated=is_repeated):
            self._show(session, record, status_message=fields)

    def _audience_of(self, record: OrderRecord, *, is_repeated: bool) -> Iterable[Session]:
        """Return who is shown a statement about an order.

        While a list comes in, who waits for it is shown all that it may see. Its owner is
        shown live statements always, but not what a list that it did not ask for only repeats.
        """
        owner = self.owners.session_of(record)
        if self._listed is None:
            return [owner] if owner else []
        waiting = [
            session
            for session, row in self._waiting
            if session is owner
            or (row.msg_id == ALL_OPEN_ORDERS and session.view.sees(record.account.decode()))
        ]
        if owner and owner not in waiting and not is_repeated:
            waiting.append(owner)
        return dict.fromkeys(waiting)

    def _all_open_end(self, fields: list[bytes]) -> None:
        del fields
        if self._listed is None:
            return
        for record in self.book.forget_unlisted(self._listed):
            self.recorder.changed(record)
        self._listed = None
        self.doubts.open_orders_end()
        for session, _ in self._waiting:
            session.send(_OPEN_ORDER_END)
        self._waiting, self._waiting_for_next = self._waiting_for_next, []
        if self._waiting:
            self.refresh()

    def _bound(self, fields: list[bytes]) -> None:
        """Message 100 tells the order id that a manual order got; no session binds yet."""
        self.book.raise_upstream_id(max(0, int(fields[3])))

    # inside

    def _send(self, session: Session, fields: list[bytes], row: Request) -> None:
        payload = b"\0".join(fields) + b"\0"
        self._context.pacer.push(session.number, payload, first=row.orders)

    def _reject(self, session: Session, client_order_id: int, reason: str) -> None:
        code, text = codes.ORDER_REJECTED
        session.error(client_order_id, code, text.format(reason=reason))

    def _show(
        self,
        session: Session,
        record: OrderRecord,
        open_message: list[bytes] | None = None,
        status_message: list[bytes] | None = None,
    ) -> None:
        order_id, client_id = self.owners.ids_for(session, record)
        if open_message:
            shown = list(open_message)
            shown[1], shown[at.OPEN_CLIENT_ID] = order_id, client_id
            shown[at.OPEN_OCA_GROUP] = self.book.oca_shown(shown[at.OPEN_OCA_GROUP])
            parent_at = at.open_parent_id_at(self._context.server_version)
            shown[parent_at] = self.owners.parent_for(session, shown[parent_at])
            session.send(b"\0".join(shown))
        if status_message:
            shown = list(status_message)
            shown[1], shown[at.STATUS_CLIENT_ID] = order_id, client_id
            shown[at.STATUS_PARENT_ID] = self.owners.parent_for(session, shown[at.STATUS_PARENT_ID])
            session.send(b"\0".join(shown))

    def _own_id(self, found: re.Match[bytes], record: OrderRecord) -> bytes:
        """Return `id N` with the owner's N, if it is one of the owner's orders."""
        named = self.book.of_upstream(int(found[2]))
        if named is None or named.owner != record.owner:
            return found[0]
        return found[1] + b"%d" % named.client_order_id
