"""What becomes of orders, changes and cancels that are asked for during an outage.

::

                no gateway                    a gateway without IB (1100)
    order       refused with 201              refused with 201
    change      2197, and stated again        2197, and stated again
    cancel      2197, and stated again        passed on, with 2196

Nothing is kept to be sent later: a late order is another order. So orders and changes that a
client's own broken link has held up for too long are refused in the same way; cancels are not.
A change sent to a gateway that is cut off can end in two live orders (fact 3.89); a cancel can
only help, and waits there. Notices leave an order alive, which clients take any other code for
the end of (fact 12.8).
"""

from __future__ import annotations

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.statements import PENDING_CANCEL, Statements
from ibproxy_server.core.session import Session

_DISOWNED = (
    "the gateway does not know the order by its id any more, but by its permId; "
    "it can be changed and cancelled in TWS"
)
_UNLISTED = "the gateway has not listed the order since the proxy has connected to it; ask again"


class OutageRules:
    """Answers what cannot be sent."""

    def __init__(self, context: Context, statements: Statements) -> None:
        self._context = context
        self._statements = statements

    def refuses(self, session: Session, record: OrderRecord | None, client_order_id: int) -> bool:
        """Refuse an order (no record yet), or a change of one, in an outage or if it is late."""
        reason = self._context.outage or session.held_up
        if reason and record:
            self.not_sent(record, "change", reason)
        elif record:
            return self._may_be_taken_for_new(session, record)
        elif reason:
            code, text = codes.ORDER_REJECTED
            session.error(client_order_id, code, text.format(reason=reason))
        return bool(reason)

    def _may_be_taken_for_new(self, session: Session, record: OrderRecord) -> bool:
        """Refuse a change that the gateway might take for a new order: it may not know the id."""
        if not (record.is_disowned or (record.is_unlisted and record.is_transmitted)):
            return False
        if not record.may_work and not record.is_unknown:
            session.error(record.client_order_id, *codes.ORDER_IS_DONE)
        elif record.is_disowned:
            self.cannot_reach(record, "change")
        else:
            self.not_sent(record, "change", _UNLISTED)
        return True

    def takes_cancel(self, record: OrderRecord) -> bool:
        """Whether a cancel can be passed on; if it cannot, its owner is told."""
        if self._context.has_gateway:
            return True
        self.not_sent(record, "cancel", self._context.outage)
        return False

    def cancel_passed_on(self, record: OrderRecord) -> None:
        """Tell that a cancel may wait at a gateway that is cut off from IB."""
        if self._context.outage and record.may_work:
            self._not_certain(record, "cancel", self._context.outage)
            self._statements.pend(record, PENDING_CANCEL)

    def takes_global_cancel(self, session: Session) -> bool:
        """Whether a global cancel can be passed on; tell if it cannot, or may wait."""
        outage, can_be_sent = self._context.outage, self._context.has_gateway
        if outage:
            code, text = codes.NOT_CERTAIN if can_be_sent else codes.NOT_SENT
            session.error(-1, code, text.format(what="reqGlobalCancel", reason=outage))
        return can_be_sent

    def not_sent(self, record: OrderRecord, what: str, reason: str) -> None:
        """Tell that a change or a cancel has not left, and state how the order stands."""
        self._statements.tell(record, codes.NOT_SENT, what=_named(what, record), reason=reason)
        self._statements.restate(record)

    def cannot_reach(self, record: OrderRecord, what: str) -> None:
        """The gateway does not know an order by its id any more: nothing reaches it."""
        self.not_sent(record, what, _DISOWNED)

    def settle_broken_off(self, record: OrderRecord, reason: str) -> None:
        """An order is still open: tell what may not have arrived, and state how it stands."""
        broken_off, record.broken_off = record.broken_off, []
        for what in broken_off:
            self._not_certain(record, what, reason)
        if broken_off:
            self._statements.restate(record)

    def _not_certain(self, record: OrderRecord, what: str, reason: str) -> None:
        self._statements.tell(record, codes.NOT_CERTAIN, what=_named(what, record), reason=reason)


def _named(what: str, record: OrderRecord) -> str:
    return f"The {what} of order {record.client_order_id}"
