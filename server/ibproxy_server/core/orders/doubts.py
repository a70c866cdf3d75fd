"""Orders that may have got lost: they were on their way when a connection, or the proxy, ended.

They are never sent again. Their owner is told so until the gateway has spoken of them, or its
lists have settled what became of them; see `reconciliation`.
"""

from __future__ import annotations

from ibproxy_server.core.context import Context
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.orders.statements import Statements
from ibproxy_server.core.session import Session

_UNSENT = "the connection to the gateway broke before the order left"
_UNANSWERED = "the connection to the gateway broke before the answer came; ask again"


class Doubts:
    """Knows what a lost connection leaves open.

    Args:
        context: shared by all desks.
        book: all orders.
        recorder: what the journal must know.
        statements: what owners are shown.
    """

    def __init__(
        self, context: Context, book: OrderBook, recorder: Recorder, statements: Statements
    ) -> None:
        self._context = context
        self._book = book
        self._recorder = recorder
        self._statements = statements

    def connection_lost(self) -> None:
        """Say of everything under way what becomes of it; nothing is sent again.

        What has not left is refused: a late order is another order. What left and was not
        stated is doubted. What-ifs are refused, for nobody answers them any more.
        """
        self._recorder.reset(_UNSENT)
        for record in self._book.drop_unsent():
            self._recorder.changed(record)
            self._statements.reject(record, _UNSENT)
        self.break_off()
        self._book.unlist()
        for record in self._book.doubt():
            self.doubt(record)
        for record in self._book.open_questions():
            record.is_answered = True
            self._statements.reject(record, _UNANSWERED)

    def break_off(self) -> None:
        """Cancels and changes under way may or may not have arrived."""
        today = self._context.gateway_day()
        for record in self._book.records:
            if record.is_followed and record.may_work:
                record.break_off()
                if record.is_open:
                    record.open_day = today

    def doubt(self, record: OrderRecord) -> None:
        """From now on the gateway must say what became of an order."""
        record.is_unknown = True
        self._recorder.changed(record)
        self._statements.doubt(record)

    def welcome(self, session: Session) -> None:
        """Tell a new session which of its orders may have got lost.

        They are told without a status: it does not know them yet.
        """
        for record in self._book.of_owner(session.owner):
            if record.is_unknown and record.may_work:
                self._statements.may_be_lost(record)

    def executed(self, record: OrderRecord) -> None:
        """An order has an execution: it has arrived."""
        if record.is_unknown and not record.was_stated:
            record.is_stated, record.is_unknown = True, False
            self._recorder.changed(record)
