"""Orders entered by hand in TWS: told to clients with id 0, if the proxy is client 0 itself.

::

    a session with client id 0             the proxy, client 0            TWS
    reqAutoOpenOrders(1), reqOpenOrders ──► the same, once for all ──────► binds
                      100, 5, 3 under the order's id ◄──────────────────── permId, 0, order id

A gateway tells nobody but client 0 of them, and binds them for nobody else, which gives them an
order id (facts 1.35, 3.21, 3.37, 3.43). Binding reaches all accounts of the login, and takes an
order's place in the queue (fact 3.46): only sessions that may see all accounts have it done.
"""

from __future__ import annotations

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.session import Session

AUTO_OPEN_ORDERS = 15


class OrdersByHand:
    """Has them bound, and tells sessions so."""

    def __init__(self, context: Context, book: OrderBook, owners: Owners) -> None:
        self._context = context
        self._book = book
        self._owners = owners
        self._wanted_by: set[Session] = set()
        self._is_on = False
        self._untold: dict[OrderRecord, list[bytes]] = {}

    def auto_open(self, session: Session, fields: list[bytes]) -> None:
        """Take reqAutoOpenOrders: orders entered from now on are the session's, or not."""
        is_on = fields[2] == b"1"
        if is_on and session.client_id != 0:
            session.error(-1, *codes.AUTO_BIND_REFUSED)
        elif is_on and self._owners.may_bind(session):
            self._wanted_by.add(session)
        else:
            self._wanted_by.discard(session)
        self._settle()

    def start(self) -> None:
        """The gateway is there, and binds nothing yet."""
        self._is_on = False
        self._untold.clear()
        self._settle()

    def forget(self, session: Session) -> None:
        """The session is over, and with it what it wanted (fact 3.43)."""
        self._wanted_by.discard(session)
        self._settle()

    def bound(self, fields: list[bytes]) -> None:
        """Take message 100: the order's account comes with its openOrder, so it is told then."""
        record = self._owners.record(
            fields[at.BOUND_ORDER_ID], fields[at.BOUND_CLIENT_ID], fields[at.BOUND_PERM_ID]
        )
        if record.owner is None and record.bound_id:
            self._untold[record] = fields

    def opened(self, record: OrderRecord) -> None:
        """An order is about to be stated: tell first that it is bound, if that is news."""
        if fields := self._untold.pop(record, None):
            for session in self._owners.listeners(record):
                session.send(b"\0".join(fields))

    def _settle(self) -> None:
        is_wanted = bool(self._wanted_by)
        if is_wanted != self._is_on:
            self._is_on = is_wanted
            self._context.ask(AUTO_OPEN_ORDERS, 1, int(is_wanted))
