"""Orders that may have got lost: they were on their way when a connection, or the proxy, ended.

They are never sent again. Their owner is told so until the gateway has spoken of them. At the next
connection the gateway is asked for open orders and executions: what is in neither list is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.orders.book import OrderBook, OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.session import Session

EXECUTIONS = 7
_OWN_EXECUTIONS = b"2147000003"
"""Request id of the proxy's own question for executions, above those of requests."""

_OPEN_ORDERS = b"open orders"
_LOST = (
    "it did not reach the gateway, or ended there without a fill: it is neither among the open "
    "orders nor among the executions"
)
_UNSENT = "the connection to the gateway broke before the order left"


class Doubts:
    """Knows what the gateway must say of orders, and settles them.

    Args:
        context: shared by all desks.
        book: all orders.
        recorder: what the journal must know.
        session_of: returns the session of an order's owner, if it is there.
    """

    def __init__(
        self,
        context: Context,
        book: OrderBook,
        recorder: Recorder,
        session_of: Callable[[OrderRecord], Session | None],
    ) -> None:
        self._context = context
        self._book = book
        self._recorder = recorder
        self._session_of = session_of
        self._doubted: list[OrderRecord] = []
        self._missing_answers: set[bytes] = set()

    def connection_lost(self) -> None:
        """Refuse what has not left: a late order is another order. Doubt what was not stated."""
        self._recorder.reset(_UNSENT)
        for record in self._book.drop_unsent():
            self._recorder.changed(record)
            self._reject(record, _UNSENT)
        for record in self._book.doubt():
            self._recorder.changed(record)
            if session := self._session_of(record):
                _tell(session, record)

    def welcome(self, session: Session) -> None:
        """Tell a new session which of its orders may have got lost."""
        for record in self._book.of_owner(session.owner):
            if record.is_unknown:
                _tell(session, record)

    def begin(self) -> None:
        """The gateway is there, and is asked for its open orders: ask for executions as well."""
        self._doubted = [each for each in self._book.records if each.is_unknown]
        for record in self._doubted:
            self._recorder.changed(record)
            owner = f"{record.owner[0]}/{record.owner[1]}" if record.owner else ""
            self._context.notice(
                Level.WARNING,
                f"order {record.client_order_id} of {owner} (at the gateway "
                f"{record.upstream_id}) may or may not have arrived; it is not sent again",
            )
        if self._doubted:
            self._missing_answers = {_OPEN_ORDERS, _OWN_EXECUTIONS}
            self._context.ask(EXECUTIONS, 3, _OWN_EXECUTIONS.decode(), 0, *[""] * 6)

    def executed(self, record: OrderRecord) -> None:
        """An order has an execution: it has arrived."""
        if record.is_unknown:
            record.is_stated, record.is_unknown = True, False
            self._recorder.changed(record)

    def open_orders_end(self) -> None:
        """A list of all open orders is whole."""
        self._one_answer_more(_OPEN_ORDERS)

    def executions_end(self, payload: bytes) -> bool:
        """Take the end of the proxy's own list of executions; False if it is another's."""
        if payload.split(b"\0")[2] != _OWN_EXECUTIONS:
            return False
        self._one_answer_more(_OWN_EXECUTIONS)
        return True

    def _one_answer_more(self, answer: bytes) -> None:
        """Settle what is doubted, once both lists are there.

        Executions are listed since midnight (fact 3.105), so an order of another day stays
        unknown. So does one whose list never ends.
        """
        self._missing_answers.discard(answer)
        if self._missing_answers:
            return
        doubted, self._doubted = self._doubted, []
        for record in doubted:
            if not record.may_work or record.open_message:
                continue  # it is known how it stands
            if record.is_unknown and (not record.day or record.day != self._context.gateway_day()):
                continue
            is_lost, record.is_unknown = record.is_unknown, False
            record.is_gone = True
            self._recorder.changed(record)
            if is_lost:
                self._reject(record, _LOST)

    def _reject(self, record: OrderRecord, reason: str) -> None:
        if session := self._session_of(record):
            code, text = codes.ORDER_REJECTED
            session.error(record.client_order_id, code, text.format(reason=reason))


def _tell(session: Session, record: OrderRecord) -> None:
    code, text = codes.FATE_UNKNOWN
    session.error(record.client_order_id, code, text.format(id=record.client_order_id))
