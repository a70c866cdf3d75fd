"""Orders: placed under ids of the proxy's own, and everything about them brought home.

An order's messages go to its owner (facts 3.30, 3.37). What cannot be sent is answered by
`outage`, and what an outage leaves open is settled by `reconciliation`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ibproxy.errors import LocalError
from ibproxy.wire.layouts import REQUEST_FIELDS, tail_at
from ibproxy.wire.messages import Answer, Request
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.doubts import Doubts
from ibproxy_server.core.orders.executions import Executions
from ibproxy_server.core.orders.open_lists import OpenLists
from ibproxy_server.core.orders.outage import OutageRules
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.reconciliation import Reconciliation
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.orders.statements import Statements
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session

MAX_ORDER_ID = 2**31 - 2
"""Above it is only what libraries write for no id."""

_NOT_THERE = "the gateway was asked to cancel it, and does not know it"

CANCELLED = frozenset({b"Cancelled", b"ApiCancelled"})


class OrderDesk:
    """Carries ORDER requests, and the answers about orders and executions."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        self._context = context
        self._requests = requests
        self.book = OrderBook()
        self.recorder = Recorder(context, self.book)
        self.owners = Owners(context, self.book)
        self.statements = Statements(context, self.book, self.owners)
        self.doubts = Doubts(context, self.book, self.recorder, self.statements)
        self.rules = OutageRules(context, self.statements)
        self.reconciliation = Reconciliation(
            context, self.book, self.recorder, self.statements, self.doubts, self.rules
        )
        self.open_lists = OpenLists(context, self.book, self.owners)
        self.open_lists.on_end = self.reconciliation.open_orders_end
        self.reconciliation.ask_open = self.open_lists.ask_for_proxy
        self.executions = Executions(
            context,
            requests,
            self.book,
            self.owners,
            self.doubts,
            self.recorder,
            self.reconciliation,
        )
        self._receive = {
            3: self._place,
            4: self._cancel,
            5: self.open_lists.show_own,
            7: self.executions.receive,
            16: self.open_lists.wait,
            58: self._cancel_all,
        }
        self._handle = {
            3: self._status,
            5: self._open_order,
            11: self.executions.answer,
            53: lambda _: self.open_lists.end(),
            59: self.executions.commission,
            100: self._bound,
        }

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
        if self.rules.refuses(session, record, client_order_id):
            return
        if is_what_if:
            record = None  # also under a working order's id a question of its own (fact 3.102)
        is_allowed = self._settle_account(session, client_order_id, fields)
        if not is_allowed or not self._map_parent(session, client_order_id, fields):
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
        else:
            record.change = at.asked_terms(fields)
        record.symbol, record.action = fields[at.SYMBOL], fields[at.ACTION]
        record.quantity, record.parent_id = fields[at.QUANTITY], fields[at.PARENT_ID]
        self.book.join(record)
        record.is_transmitted |= fields[at.TRANSMIT] == b"1"
        record.places += 1
        if fields[at.OCA_GROUP]:
            shown = fields[at.OCA_GROUP]
            fields[at.OCA_GROUP] = self.book.oca_name(session.owner, shown)
            self.recorder.oca_name(fields[at.OCA_GROUP], shown)
        fields[1] = b"%d" % record.upstream_id
        refuse = partial(self._refuse_unsent, session, record, is_new=is_new)
        send = partial(self._send_order, session, fields, record, refuse)
        not_recorded = partial(self._not_recorded, record, send, refuse, is_new=is_new)
        self.recorder.hold(record, fields, fields[at.OCA_GROUP], send, not_recorded)

    def _send_order(
        self,
        session: Session,
        fields: list[bytes],
        record: OrderRecord,
        refuse: Callable[[str], None],
    ) -> None:
        payload = b"\0".join(fields) + b"\0"

        def leave() -> tuple[bytes, ...]:
            if self._context.outage:  # it has begun since the order came
                refuse(self._context.outage)
                return ()
            record.has_left = True
            if record.is_transmitted:
                self.book.release(record)
            return (payload,)

        self._context.pacer.push_lazily(session.number, leave, first=True)

    def _not_recorded(
        self,
        record: OrderRecord,
        send: Callable[[], None],
        refuse: Callable[[str], None],
        reason: str,
        *,
        is_new: bool,
    ) -> None:
        """Refuse a new order; a change of one that is in the journal leaves all the same."""
        if is_new or record.is_refused or self._context.outage:
            refuse(reason)
        else:
            send()

    def _refuse_unsent(
        self, session: Session, record: OrderRecord, reason: str, *, is_new: bool
    ) -> None:
        """An order, or a change of one, does not leave."""
        if is_new or record.is_refused:
            self.book.give_up(record)
            self.recorder.withdraw(record)
            self._reject(session, record.client_order_id, reason)
        else:
            record.change = None
            self.rules.not_sent(record, "change", reason)

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
        if not self.rules.takes_cancel(record):
            return
        record.asked_cancels += 1
        fields[2] = b"%d" % record.upstream_id
        self._send_cancel(session, fields, row, record)
        self.rules.cancel_passed_on(record)

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
        if not self.rules.takes_global_cancel(session):
            return
        tail = [each.default for each in tail_at(REQUEST_FIELDS[4], self._context.server_version)]
        for record in self.book.of_owner(session.owner):
            if record.may_work and not record.has_cancels:
                record.unasked_cancels += 1
                fields = [b"4", b"1", b"%d" % record.upstream_id, *tail]
                self._send_cancel(session, fields, row, record)

    def forget(self, session: Session) -> None:
        """The session is over; its orders stay (fact 1.57)."""
        self.open_lists.forget(session)
        self.executions.forget(session)

    # outages

    @property
    def is_settled(self) -> bool:
        """Whether all that happened in the last outage has been told."""
        return self.reconciliation.is_settled

    def start(self) -> None:
        """The gateway is there: what it lists is the truth, whatever the journal said."""
        self.reconciliation.start()

    def reconcile(self) -> None:
        """The gateway has IB again, and the connection to it has stayed."""
        self.reconciliation.reconcile()

    def reset(self) -> None:
        """The connection to the gateway is gone; the book and the sessions stay."""
        self.doubts.connection_lost()
        self.open_lists.reset()
        self.reconciliation.reset()

    def advance(self) -> None:
        """Give up lists that do not come, and ask again for what is not known."""
        self.reconciliation.advance()

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return self.reconciliation.next_deadline_s()

    # from the gateway

    def answer(self, row: Answer, payload: bytes) -> None:
        """Bring a message about an order to its owner."""
        self._handle[row.msg_id](payload.split(b"\0"))

    def executions_end(self, payload: bytes) -> bool:
        """Take the end of the proxy's own list of executions; False if it is another's."""
        return self.reconciliation.executions_end(payload)

    @property
    def ask_completed(self) -> Callable[[], None]:
        """What asks for completed orders; every 101 and 102 must then come here."""
        return self.reconciliation.ask_completed

    @ask_completed.setter
    def ask_completed(self, ask: Callable[[], None]) -> None:
        self.reconciliation.ask_completed = ask

    def completed_refused(self) -> None:
        """The gateway does not list completed orders."""
        self.reconciliation.completed_refused()

    def completed_end(self, payload: bytes) -> bytes:
        """Take the end of a list of completed orders, and return it."""
        self.reconciliation.completed_end()
        return payload

    def show_completed(self, payload: bytes) -> bytes:
        """Take a completedOrder, and return it as its owner wrote it."""
        fields = payload.split(b"\0")
        with suppress(IndexError, ValueError):  # what cannot be read is passed on all the same
            self.reconciliation.completed(fields)
        fields[at.COMPLETED_OCA_GROUP] = self.book.oca_shown(fields[at.COMPLETED_OCA_GROUP])
        return b"\0".join(fields)

    def error(self, upstream_id: int, code: int, rest: list[bytes]) -> bool:
        """Bring an error to the order's owner; False if the id is no order's."""
        record = self.book.of_upstream(upstream_id)
        if record is None:
            return False
        is_of_cancel = code in codes.CANCEL_REFUSALS
        is_refusal = not codes.is_information(code) and not is_of_cancel
        is_not_there = record.is_unknown and code in codes.ORDER_IS_NOT_THERE
        if not record.was_stated and (is_refusal or is_not_there):
            if is_not_there:
                self.book.give_up(record)
            else:
                self.book.refuse(record)
            record.is_unknown &= not record.is_gone
            self.recorder.changed(record)
        if is_refusal:
            record.change, record.is_answered = None, True
        is_told = not is_of_cancel or record.take_refusal()
        if record.is_disowned and code in codes.ORDER_IS_NOT_THERE:
            self.rules.cannot_reach(record, "cancel")
        elif is_told:
            self.statements.show_error(record, rest)
        elif is_not_there:
            self.statements.reject(record, _NOT_THERE)
        return True  # reqGlobalCancel is never answered (fact 3.87)

    def _open_order(self, fields: list[bytes]) -> None:
        record = self.owners.record(fields[1], fields[at.OPEN_CLIENT_ID], fields[at.OPEN_PERM_ID])
        record.account = fields[at.OPEN_ACCOUNT]
        self.book.learn_perm_id(record, fields[at.OPEN_PERM_ID])
        if self.open_lists.listed is not None:
            self.open_lists.listed.add(record)
        is_repeated = fields == record.open_message
        self.reconciliation.heard(record, is_repeated=is_repeated)
        record.is_stated = True
        record.is_gone = False
        if record.change and at.states_terms(fields, record.change):
            record.change = None
        if record.is_what_if:
            record.is_answered = self._has_margins(fields)
        record.open_message = fields if record.may_work else None
        self.recorder.stated(record)
        for session in self.open_lists.audience_of(record, fields, is_repeated=is_repeated):
            self.statements.show(session, record, fields)

    def _status(self, fields: list[bytes]) -> None:
        record = self.owners.record(
            fields[1], fields[at.STATUS_CLIENT_ID], fields[at.STATUS_PERM_ID]
        )
        self.book.learn_perm_id(record, fields[at.STATUS_PERM_ID])
        is_repeated = fields == record.status_message and not record.is_shown_otherwise
        self.reconciliation.heard(record, is_repeated=is_repeated)
        record.status_message = fields
        if not record.may_work:
            if record.status in CANCELLED:
                record.take_cancelled()
            record.open_message = None  # by far the largest part of what is known of it
        self.recorder.stated(record)
        for session in self.open_lists.audience_of(record, fields, is_repeated=is_repeated):
            self.statements.show(session, record, fields)

    def _has_margins(self, fields: list[bytes]) -> bool:
        try:
            return at.has_margins(fields, self._context.server_version)
        except (IndexError, ValueError):
            return True  # what cannot be read is passed on, and not waited for

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
