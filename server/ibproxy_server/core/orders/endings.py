"""How an order ended that is open no more: read from what the gateway lists.

A completed order tells its status and how much of it was filled (message 101), executions tell how
much and at which price. Either may lack: completed orders are listed since midnight, like
executions (facts 3.103, 3.105), and a list may not come.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.record import OrderRecord

FILLED, CANCELLED = b"Filled", b"Cancelled"
_COMBO = b"BAG"


@dataclass
class Fills:
    """What the executions of an order come to.

    Attributes:
        total: how much was executed.
        average_price: at which price, on average, as the gateway writes it.
        last_price: the price of the last execution.
        count: how many executions there are.
        is_of_combo: whether those of a combo as a whole are counted, and not those of its legs.
    """

    total: Decimal = Decimal(0)
    average_price: bytes = b"0"
    last_price: bytes = b"0"
    count: int = 0
    is_of_combo: bool = False

    def take(self, fields: list[bytes]) -> None:
        """Count an execDetails message; a combo has executions of its own (fact 3.109)."""
        self.count += 1
        is_of_combo = fields[at.EXEC_SEC_TYPE] == _COMBO
        if self.is_of_combo and not is_of_combo:
            return
        total = at.number(fields[at.EXEC_TOTAL]) or Decimal(0)
        if is_of_combo and not self.is_of_combo:
            self.is_of_combo, self.total = True, Decimal(0)
        if total >= self.total:
            self.total = total
            self.average_price = fields[at.EXEC_AVERAGE_PRICE]
            self.last_price = fields[at.EXEC_PRICE]


def quantity_of(record: OrderRecord) -> Decimal:
    """Return how much was ordered, as it was last stated; 0 if it is not known."""
    if record.open_message and (stated := at.number(record.open_message[at.OPEN_QUANTITY])):
        return stated
    status = record.status_message
    parts = (status[at.STATUS_FILLED], status[at.STATUS_REMAINING]) if status else ()
    return sum(map(_amount, parts), Decimal(0)) or _amount(record.quantity)


def ending(
    record: OrderRecord,
    status: list[bytes],
    completed: at.Completed | None,
    fills: Fills | None,
    *,
    is_over: bool,
) -> list[bytes] | None:
    """Return the orderStatus that says how an order ended; None if that is not known.

    Args:
        record: the order; it is open no more.
        status: the fields of its last orderStatus, or of one before the first.
        completed: what the list of completed orders says of it.
        fills: what the list of executions says of it.
        is_over: whether both lists are whole and reach back to when it was open: what they do not
            tell has not happened.
    """
    quantity = quantity_of(record)
    filled = max(
        _amount(status[at.STATUS_FILLED]),
        fills.total if fills else Decimal(0),
        (completed and completed.filled) or Decimal(0),
    )
    if completed and completed.status:
        word = completed.status
    elif quantity and filled >= quantity:
        word = FILLED
    elif is_over:
        word = CANCELLED
    else:
        return None
    if word == FILLED and not (completed and completed.filled):
        filled = max(filled, quantity)
    remaining = Decimal(0) if word == FILLED else max(Decimal(0), quantity - filled)
    ended = list(status)
    ended[at.STATUS], ended[at.STATUS_WHY_HELD] = word, b""
    ended[at.STATUS_FILLED], ended[at.STATUS_REMAINING] = _text(filled), _text(remaining)
    if fills and fills.total:
        ended[at.STATUS_AVERAGE_PRICE] = fills.average_price
        ended[at.STATUS_LAST_PRICE] = fills.last_price
    return ended


def _amount(text: bytes) -> Decimal:
    return at.number(text) or Decimal(0)


def _text(number: Decimal) -> bytes:
    return format(number.normalize(), "f").encode()
