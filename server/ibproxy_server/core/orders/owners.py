"""Whose an order is, and by which ids a session knows it."""

from __future__ import annotations

from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
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
        if order_id == at.UNSET_INTEGER:
            upstream_id = 0  # of an execution of an order by hand (fact 3.22)
        if upstream_id > 0:
            self._book.raise_upstream_id(upstream_id)  # fact 3.1
        is_ours = upstream_client == self.upstream_client_id
        if is_ours and upstream_id and (record := self._book.of_upstream(upstream_id)):
            return record
        record = self._book.foreign(upstream_id, upstream_client, perm_id)
        if is_ours and upstream_id < 0:
            self._book.bind(record, upstream_id)
        return record

    def stated(self, record: OrderRecord, order_id: bytes, client_id: bytes) -> None:
        """The gateway has stated an order with these ids: take note if nothing reaches it."""
        record.is_unlisted = False
        ids = record.order_id, self.upstream_client_id
        record.is_disowned = record.owner is not None and (int(order_id), int(client_id)) != ids

    def hears_by_hand(self, session: Session) -> bool:
        """Whether a session is told of orders that are entered by hand (facts 1.35, 3.32)."""
        return session.client_id == self.upstream_client_id == 0

    def may_bind(self, session: Session) -> bool:
        """Whether orders by hand are bound for a session: that reaches all accounts."""
        return self.hears_by_hand(session) and session.view.is_whole

    def listeners(self, record: OrderRecord) -> list[Session]:
        """Return who is there and told live of an order: its owner; of one by hand, clients 0."""
        sessions = self._context.ready_sessions()
        if record.owner is not None:
            return [each for each in sessions if each.owner == record.owner]
        if record.foreign_client_id or self.upstream_client_id or record.upstream_id > 0:
            return []
        account = record.account.decode()
        return [each for each in sessions if self.hears_by_hand(each) and each.view.sees(account)]

    def ids_for(self, session: Session, record: OrderRecord) -> tuple[bytes, bytes]:
        """Return order id and client id as `session` sees them.

        Orders of the same strategy are shown as on a gateway of its own. Others are shown like
        orders placed by hand, with id 0 and their permId: a large foreign id would push up the
        client's own sequence (fact 12.6).
        """
        if record.owner and record.owner[0] == session.strategy:
            return b"%d" % record.client_order_id, b"%d" % record.owner[1]
        if record.owner:
            return b"0", b"0"
        return b"%d" % record.bound_id, b"%d" % record.foreign_client_id

    def parent_for(self, session: Session, upstream_id: bytes) -> bytes:
        """Return the id by which a session knows a parent; 0 for one that it does not know."""
        if upstream_id in {b"", b"0"}:
            return upstream_id
        parent = self._book.of_upstream(int(upstream_id))
        return self.ids_for(session, parent)[0] if parent else b"0"
