"""Whose an order is, and by which ids a session knows it."""

from __future__ import annotations

from ibproxy_server.core.context import Context
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.session import Session


class Owners:
    """Finds orders and their owners.

    Attributes:
        upstream_client_id: the proxy's own client id at the gateway.
    """

    def __init__(self, context: Context, book: OrderBook) -> None:
        self._context = context
        self._book = book
        self.upstream_client_id = 0

    def record(self, order_id: bytes, client_id: bytes, perm_id: bytes) -> OrderRecord:
        """Return the order that a message is about."""
        upstream_id, upstream_client = int(order_id), int(client_id)
        if 0 < upstream_id < 2**31 - 1:
            self._book.raise_upstream_id(upstream_id)  # fact 3.1
        if upstream_client == self.upstream_client_id:
            record = self._book.of_upstream(upstream_id)
            if record:
                return record
        return self._book.foreign(upstream_id, upstream_client, perm_id)

    def session_of(self, record: OrderRecord) -> Session | None:
        """Return the owner's session, if it is there."""
        if record.owner is None:
            return None
        for session in self._context.ready_sessions():
            if session.owner == record.owner:
                return session
        return None

    def ids_for(self, session: Session, record: OrderRecord) -> tuple[bytes, bytes]:
        """Return order id and client id as `session` sees them.

        Orders of the same strategy are shown as on a gateway of its own. Others are shown like
        orders placed by hand, with id 0 and their permId: a large foreign id would push up the
        client's own sequence (fact 12.6).
        """
        if record.owner and record.owner[0] == session.strategy:
            return b"%d" % record.client_order_id, b"%d" % record.owner[1]
        return b"0", b"%d" % (0 if record.owner else record.foreign_client_id)

    def parent_for(self, session: Session, upstream_id: bytes) -> bytes:
        """Return the id by which a session knows a parent; 0 for one that it does not know."""
        if upstream_id in {b"", b"0"}:
            return upstream_id
        parent = self._book.of_upstream(int(upstream_id))
        return self.ids_for(session, parent)[0] if parent else b"0"
