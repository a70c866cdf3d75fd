"""Orders: placed under ids of the proxy's own, and everything about them brought home.

An order's messages go to its owner (facts 3.30, 3.37). What cannot be sent is answered by
`outage`, and what an outage leaves open is settled by `reconciliation`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ibproxy.wire.messages import Answer, Request
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.by_hand import OrdersByHand
from ibproxy_server.core.orders.doubts import Doubts
from ibproxy_server.core.orders.executions import Executions
from ibproxy_server.core.orders.instructions import Instructions
from ibproxy_server.core.orders.open_lists import OpenLists
from ibproxy_server.core.orders.outage import OutageRules
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.reconciliation import Reconciliation
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.orders.statements import Statements
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session

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
        self.by_hand = OrdersByHand(context, self.book, self.owners)
        self.statements = Statements(context, self.book, self.owners)
        self.doubts = Doubts(context, self.book, self.recorder, self.statements)
        self.rules = OutageRules(context, self.statements)
        self.instructions = Instructions(context, self.book, self.owners, self.recorder, self.rules)
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
            3: self.instructions.place,
            4: self.instructions.cancel,
            5: self.open_lists.show_own,
            7: self.executions.receive,
            16: self.open_lists.wait,
            58: self.instructions.cancel_all,
        }
        self._handle = {
            3: self._status,
            5: self._open_order,
            11: self.executions.answer,
            53: lambda _: self.open_lists.end(),
            59: self.executions.commission,
            100: self.by_hand.bound,
        }

    # from clients

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request about orders."""
        self._receive[row.msg_id](session, row, fields)

    def forget(self, session: Session) -> None:
        """The session is over; its orders stay (fact 1.57)."""
        self.by_hand.forget(session)
        self.open_lists.forget(session)
        self.executions.forget(session)

    # outages

    @property
    def is_settled(self) -> bool:
        """Whether all that happened in the last outage has been told."""
        return self.reconciliation.is_settled

    def start(self) -> None:
        """The gateway is there: what it lists is the truth, whatever the journal said."""
        self.by_hand.start()
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
        if code in codes.ORDER_IS_NOT_THERE and self._may_be_elsewhere(record):
            record.take_refusal()
            self.rules.cannot_reach(record, "cancel")
            return True
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
        if not is_of_cancel or record.take_refusal():
            self.statements.show_error(record, rest)
        elif is_not_there:
            self.statements.reject(record, _NOT_THERE)
        return True  # reqGlobalCancel is never answered (fact 3.87)

    def _may_be_elsewhere(self, record: OrderRecord) -> bool:
        """Whether an order may live where its id does not reach it."""
        is_untold = record.is_unlisted and not self.reconciliation.can_tell(record)
        return record.may_work and (record.is_disowned or is_untold)

    def is_bound_orders(self, for_id: int, code: int) -> bool:
        """Whether an error with an id below 0 is about an order by hand that is bound."""
        return code in codes.OF_ORDERS and self.book.of_upstream(for_id) is not None

    def _open_order(self, fields: list[bytes]) -> None:
        record = self.owners.record(fields[1], fields[at.OPEN_CLIENT_ID], fields[at.OPEN_PERM_ID])
        record.account = fields[at.OPEN_ACCOUNT]
        self.owners.stated(record, fields[1], fields[at.OPEN_CLIENT_ID])
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
        self.by_hand.opened(record)
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
