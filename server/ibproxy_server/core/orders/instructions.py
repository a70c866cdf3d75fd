"""Instructions of sessions: orders, changes and cancels, sent under ids of the proxy's own.

What cannot be sent is answered by `outage`; an order waits for the journal in `recorder`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ibproxy.errors import LocalError
from ibproxy.wire.layouts import REQUEST_FIELDS, tail_at
from ibproxy.wire.messages import Request
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.outage import OutageRules
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.session import Session

MAX_ORDER_ID = 2**31 - 2
"""Above it is only what libraries write for no id."""


class Instructions:
    """Carries them out, or refuses them."""

    def __init__(
        self,
        context: Context,
        book: OrderBook,
        owners: Owners,
        recorder: Recorder,
        rules: OutageRules,
    ) -> None:
        self._context = context
        self._book = book
        self._owners = owners
        self._recorder = recorder
        self._rules = rules

    def place(self, session: Session, _row: Request, fields: list[bytes]) -> None:
        """Take an order, or a change of one."""
        client_order_id = int(fields[1])
        if client_order_id > MAX_ORDER_ID:
            code, text = codes.INVALID_ORDER_ID
            session.error(client_order_id, code, text.format(id=client_order_id))
            return
        is_what_if = at.is_what_if(fields, self._context.server_version)
        record = self._order(session, client_order_id)
        if record and (record.is_what_if or record.is_refused):
            record = None  # an answered what-if is no order, but has used up its id [assumed]
        if record is None and client_order_id < self._book.next_client_id(session.owner):
            session.error(client_order_id, *codes.DUPLICATE_ORDER)  # fact 3.9
            return
        if self._rules.refuses(session, record, client_order_id):
            return
        if is_what_if:
            record = None  # also under a working order's id a question of its own (fact 3.102)
        is_allowed = self._settle_account(session, client_order_id, fields)
        if not is_allowed or not self._map_parent(session, client_order_id, fields):
            return
        is_new = record is None
        try:
            record = record or self._book.place(
                session.owner, client_order_id, is_what_if=is_what_if
            )
        except LocalError as error:
            self._reject(session, client_order_id, str(error))
            return
        self._note(record, session, fields, is_new=is_new)
        fields[1] = b"%d" % record.order_id
        refuse = partial(self._refuse_unsent, session, record, is_new=is_new)
        send = partial(self._send_order, session, fields, record, refuse)
        not_recorded = partial(self._not_recorded, record, send, refuse, is_new=is_new)
        if record.owner:
            self._recorder.hold(record, fields, fields[at.OCA_GROUP], send, not_recorded)
        else:
            send()  # entered by hand: it is not the journal's

    def _note(
        self, record: OrderRecord, session: Session, fields: list[bytes], *, is_new: bool
    ) -> None:
        """Take note of an order's terms; its group gets a name of its own upstream."""
        record.account = fields[at.ACCOUNT]
        if is_new:
            record.day = self._context.gateway_day()
        else:
            record.change = at.asked_terms(fields)
        record.symbol, record.action = fields[at.SYMBOL], fields[at.ACTION]
        record.quantity, record.parent_id = fields[at.QUANTITY], fields[at.PARENT_ID]
        record.ref = fields[at.REF]
        self._book.join(record)
        record.is_transmitted |= fields[at.TRANSMIT] == b"1"
        record.places += 1
        if fields[at.OCA_GROUP] and record.owner:
            shown = fields[at.OCA_GROUP]
            fields[at.OCA_GROUP] = self._book.oca_name(session.owner, shown)
            self._recorder.oca_name(fields[at.OCA_GROUP], shown)

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
                self._book.release(record)
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
            self._book.give_up(record)
            self._recorder.withdraw(record)
            self._reject(session, record.client_order_id, reason)
        else:
            record.change = None
            self._rules.not_sent(record, "change", reason)

    def _map_parent(self, session: Session, client_order_id: int, fields: list[bytes]) -> bool:
        """Put the parent's upstream id in its place; refuse an unknown parent."""
        parent_id = int(fields[at.PARENT_ID] or 0)
        if not parent_id:
            return True
        parent = self._order(session, parent_id)
        if parent is None:
            code, text = codes.NO_PARENT
            session.error(client_order_id, code, text.format(id=parent_id))
            return False
        fields[at.PARENT_ID] = b"%d" % parent.order_id
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

    def cancel(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Take a cancel."""
        client_order_id = int(fields[2])
        record = self._order(session, client_order_id)
        if record is None or (record.is_refused and not record.has_left):
            self._not_found(session, client_order_id)
            return
        if not self._rules.takes_cancel(record):
            return
        record.asked_cancels += 1
        fields[2] = b"%d" % record.order_id
        self._send_cancel(session, fields, row, record)
        self._rules.cancel_passed_on(record)

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

        self._recorder.in_turn(record, send, order_waited_in_vain)

    def _not_found(self, session: Session, client_order_id: int) -> None:
        code, text = codes.ORDER_NOT_FOUND
        session.error(client_order_id, code, text.format(id=client_order_id))

    def cancel_all(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Cancel what the session owns, and what is bound for it.

        Upstream the message would cancel everybody's.
        """
        if not self._rules.takes_global_cancel(session):
            return
        tail = [each.default for each in tail_at(REQUEST_FIELDS[4], self._context.server_version)]
        bound = [each for each in self._book.bound() if session in self._owners.listeners(each)]
        for record in [*self._book.of_owner(session.owner), *bound]:
            if record.may_work and not record.has_cancels:
                record.unasked_cancels += 1
                fields = [b"4", b"1", b"%d" % record.order_id, *tail]
                self._send_cancel(session, fields, row, record)

    # inside

    def _order(self, session: Session, order_id: int) -> OrderRecord | None:
        """Return the order that a session knows by that id; below 0 are those by hand."""
        if order_id >= 0:
            return self._book.of_client(session.owner, order_id)
        record = self._book.of_upstream(order_id)
        return record if record and session in self._owners.listeners(record) else None

    def _send(self, session: Session, fields: list[bytes], row: Request) -> None:
        payload = b"\0".join(fields) + b"\0"
        self._context.pacer.push(session.number, payload, first=row.orders)

    def _reject(self, session: Session, client_order_id: int, reason: str) -> None:
        code, text = codes.ORDER_REJECTED
        session.error(client_order_id, code, text.format(reason=reason))
