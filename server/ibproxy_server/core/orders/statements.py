"""What owners and others are shown of an order: its messages, under the ids that they know.

Of an order that may have got lost its owner is shown the status ApiPending: TWS's own word for an
order that was not yet taken (fact 3.57). Client libraries count it as active, so a strategy that
looks whether its order lives does not place a second one; and it is no word of an exchange, so
nobody takes it for working.
"""

from __future__ import annotations

import re

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.session import Session

_ID_IN_TEXT = re.compile(rb"(?i)(\bid ?[=:]? ?|\borderid )(\d+)\b")
"""Where an error's text names an order: OrderId 5, Duplicate order id: 5, with id =5."""

API_PENDING, PENDING_CANCEL = b"ApiPending", b"PendingCancel"


class Statements:
    """Shows sessions how orders stand."""

    def __init__(self, context: Context, book: OrderBook, owners: Owners) -> None:
        self._context = context
        self._book = book
        self._owners = owners

    def show(self, session: Session, record: OrderRecord, message: list[bytes]) -> None:
        """Show an openOrder or an orderStatus of the gateway's, under the session's own ids."""
        order_id, client_id = self._owners.ids_for(session, record)
        is_status = message[0] == b"3"
        client_at, parent_at = at.STATUS_CLIENT_ID, at.STATUS_PARENT_ID
        shown = list(message)
        if not is_status:
            client_at = at.OPEN_CLIENT_ID
            parent_at = at.open_parent_id_at(self._context.server_version)
            shown[at.OPEN_OCA_GROUP] = self._book.oca_shown(shown[at.OPEN_OCA_GROUP])
        shown[1], shown[client_at] = order_id, client_id
        shown[parent_at] = self._owners.parent_for(session, shown[parent_at])
        session.send(b"\0".join(shown))
        if is_status and record.owner in {None, session.owner}:
            record.is_shown_otherwise = False

    def show_owner(self, record: OrderRecord, message: list[bytes]) -> None:
        """Show the owner an openOrder or an orderStatus, if it is there."""
        for session in self._owners.listeners(record):
            self.show(session, record, message)

    def show_error(self, record: OrderRecord, rest: list[bytes]) -> None:
        """Show the owner an error of the gateway's, with the owner's own ids in its text.

        Args:
            record: the order that it is about.
            rest: its fields behind the id.
        """
        for session in self._owners.listeners(record):
            theirs, _ = self._owners.ids_for(session, record)
            code, text, *more = rest
            shown = _ID_IN_TEXT.sub(lambda found: self._own_id(found, record), text)
            session.send(b"\0".join((b"4", b"2", theirs, code, shown, *more)) + b"\0")

    def _own_id(self, found: re.Match[bytes], record: OrderRecord) -> bytes:
        """Return `id N` with the owner's N, if it is one of the owner's orders."""
        named = self._book.of_upstream(int(found[2]))
        if named is None or named.owner != record.owner:
            return found[0]
        return found[1] + b"%d" % named.client_order_id

    def restate(self, record: OrderRecord) -> None:
        """Show the owner again what the gateway last said of an order."""
        if record.is_what_if:
            return
        if record.open_message:
            self.show_owner(record, record.open_message)
        if record.is_unknown or record.status_message is None:
            self.pend(record, API_PENDING)
        else:
            self.show_owner(record, record.status_message)

    def pend(self, record: OrderRecord, word: bytes) -> None:
        """Show the owner a status of the proxy's own; the gateway's next one is always shown."""
        fields = self.status_fields(record)
        fields[at.STATUS] = word
        self.show_owner(record, fields)
        record.is_shown_otherwise = True

    def status_fields(self, record: OrderRecord) -> list[bytes]:
        """Return the fields of the order's last orderStatus, or of one before the first."""
        if record.status_message:
            return list(record.status_message)
        filled, unpriced, nothing_else = b"0", b"0", b"0"
        client_id = b"%d" % self._owners.upstream_client_id
        remaining = record.quantity or b"0"
        perm_id, parent_id = record.perm_id or b"0", record.parent_id or b"0"
        return [
            b"3", b"%d" % record.order_id, b"", filled, remaining, unpriced, perm_id, parent_id,
            unpriced, client_id, b"", nothing_else, b"",
        ]  # fmt: skip

    def tell(self, record: OrderRecord, notice: tuple[int, str], **named: object) -> None:
        """Tell the owner an error or a notice about an order."""
        for session in self._owners.listeners(record):
            code, text = notice
            order_id = int(self._owners.ids_for(session, record)[0])
            session.error(order_id, code, text.format(id=order_id, **named))

    def reject(self, record: OrderRecord, reason: str) -> None:
        """Tell the owner that an order does not work and will not."""
        self.tell(record, codes.ORDER_REJECTED, reason=reason)

    def doubt(self, record: OrderRecord) -> None:
        """Tell the owner that the gateway must say whether an order has arrived."""
        self.may_be_lost(record)
        self.pend(record, API_PENDING)

    def may_be_lost(self, record: OrderRecord) -> None:
        """Tell the owner that an order may not have arrived."""
        self.tell(record, codes.FATE_UNKNOWN)
