"""Where things stand in order messages, as far as the proxy must know.

Measured positions: wire-table sections 2 and 3. What stands before the variable blocks has a
fixed index; what stands behind them is found by walking, or from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# message 3, placeOrder
SYMBOL, SEC_TYPE, ACTION, QUANTITY, ORDER_TYPE = 3, 4, 16, 17, 18
LIMIT_PRICE, STOP_PRICE, TIF, OCA_GROUP, ACCOUNT = 19, 20, 21, 22, 23
REF, TRANSMIT, PARENT_ID = 26, 27, 28
_COMBO_BLOCKS_AT = 35

# message 5, openOrder
OPEN_SYMBOL, OPEN_ACTION = 3, 13
OPEN_QUANTITY, OPEN_LIMIT_PRICE, OPEN_STOP_PRICE = 14, 16, 17
OPEN_OCA_GROUP, OPEN_ACCOUNT, OPEN_REF, OPEN_CLIENT_ID, OPEN_PERM_ID = 19, 20, 23, 24, 25

# message 3, orderStatus
STATUS, STATUS_FILLED, STATUS_REMAINING, STATUS_AVERAGE_PRICE = 2, 3, 4, 5
STATUS_PERM_ID, STATUS_PARENT_ID, STATUS_LAST_PRICE, STATUS_CLIENT_ID = 6, 7, 8, 9
STATUS_WHY_HELD = 10

# message 11, execDetails
EXEC_REQUEST_ID, EXEC_ORDER_ID, EXEC_SYMBOL, EXEC_SEC_TYPE = 1, 2, 4, 5
EXEC_ID, EXEC_TIME, EXEC_ACCOUNT, EXEC_SIDE, EXEC_PRICE = 14, 15, 16, 18, 20
EXEC_PERM_ID, EXEC_CLIENT_ID, EXEC_TOTAL, EXEC_AVERAGE_PRICE, EXEC_REF = 21, 22, 24, 25, 26

# message 59, commissionReport
COMMISSION_EXEC_ID = 2

# message 100, orderBound
BOUND_PERM_ID, BOUND_CLIENT_ID, BOUND_ORDER_ID = 1, 2, 3

# message 101, completedOrder
COMPLETED_OCA_GROUP, COMPLETED_PERM_ID = 18, 23
_COMPLETED_TEXT, _COMPLETED_FILLED = -1, -9  # counted from the end of the oldest layout

# message 7, reqExecutions
FILTER_CLIENT_ID, FILTER_ACCOUNT = 3, 4

FIRST_WITH_PEG_TAIL, FIRST_WITHOUT_FA_PROFILE = 170, 177
_PEG_TAIL = 5
UNSET_INTEGER = b"2147483647"
_BEYOND_EVERYTHING = Decimal("1e300")
"""An unset number is empty, the largest integer or the largest double [api ibapi/const.py]."""

DONE = frozenset({b"Filled", b"Cancelled", b"ApiCancelled"})
"""Statuses after which an order is no longer open; Inactive may come back (fact 3.58)."""


def open_parent_id_at(server_version: int) -> int:
    """Return the index of the parent's order id in openOrder."""
    return 58 if server_version < FIRST_WITHOUT_FA_PROFILE else 57


def _behind_combo(fields: list[bytes]) -> int:
    """Return the index of the first field behind a placeOrder's combo blocks."""
    at = _COMBO_BLOCKS_AT
    if fields[SEC_TYPE] == b"BAG":
        for width in (8, 1, 2):  # legs, leg prices, routing parameters
            at += 1 + width * int(fields[at] or 0)
    return at


def is_allocated(fields: list[bytes], server_version: int) -> bool:
    """Whether a placeOrder message is for a group of accounts, an advisor's allocation.

    Raises:
        IndexError, ValueError: it is malformed.
    """
    at = _behind_combo(fields) + 4
    has_profile = server_version < FIRST_WITHOUT_FA_PROFILE and fields[at + 3] != b""
    return fields[at] != b"" or has_profile


def is_what_if(fields: list[bytes], server_version: int) -> bool:
    """Whether a placeOrder message only asks for margin and commission.

    Raises:
        IndexError, ValueError: it is malformed.
    """
    at = _behind_combo(fields)
    at += 29 + (server_version < FIRST_WITHOUT_FA_PROFILE)
    at += 2 + (8 if fields[at] else 0)  # delta neutral order type, auxiliary price
    at += 6
    increment = fields[at]
    at += 1 + (7 if increment and float(increment) > 0 else 0)  # scale
    at += 3
    at += 1 + (1 if fields[at] else 0)  # hedge
    at += 4
    at += 1 + (3 if fields[at] == b"1" else 0)  # delta neutral contract
    at += 1 + (1 + 2 * int(fields[at + 1] or 0) if fields[at] else 0)  # algo
    return fields[at + 1] == b"1"


Terms = tuple[Decimal | None, ...]
"""Quantity, limit price, stop price; None for one that was left empty."""


def number(text: bytes) -> Decimal | None:
    """Return what a number on the wire says; None if it is unset."""
    try:
        read = Decimal(text.decode())
    except (InvalidOperation, UnicodeError):
        return None
    is_set = read.is_finite() and read < _BEYOND_EVERYTHING and text != UNSET_INTEGER
    return read if is_set else None


def asked_terms(fields: Sequence[bytes]) -> Terms:
    """Return the terms that a placeOrder message asks for."""
    return tuple(number(fields[at]) for at in (QUANTITY, LIMIT_PRICE, STOP_PRICE))


def states_terms(fields: Sequence[bytes], asked: Terms) -> bool:
    """Whether an openOrder message states what was asked for; what was left empty may be filled."""
    stated = (OPEN_QUANTITY, OPEN_LIMIT_PRICE, OPEN_STOP_PRICE)
    return all(
        want is None or want == (number(fields[at]) or 0)
        for want, at in zip(asked, stated, strict=True)
    )


def has_margins(fields: Sequence[bytes], server_version: int) -> bool:
    """Whether an openOrder message that answers a what-if states margins.

    Two may come, the first without them (fact 3.99); clients wait for the change of the initial
    margin [api ib_async/wrapper.py].

    Raises:
        IndexError, ValueError: it is malformed.
    """
    shift = 0 if server_version < FIRST_WITHOUT_FA_PROFILE else -1
    solicited_at = _behind_algo(fields, 62 + shift, widths=(8, 7, 5))
    return number(fields[solicited_at + 6]) is not None


@dataclass(frozen=True)
class Completed:
    """What a completedOrder says of an order's end.

    Attributes:
        status: its last status, such as Filled.
        filled: how much of it was filled; None if it does not say.
        text: its end in words, such as `Cancelled by Trader`.
    """

    status: bytes
    filled: Decimal | None
    text: bytes


def completed(fields: Sequence[bytes], server_version: int) -> Completed:
    """Read a completedOrder message; its last field is the empty one behind the last NUL.

    Raises:
        IndexError, ValueError: it is malformed.
    """
    shift = 0 if server_version < FIRST_WITHOUT_FA_PROFILE else -1
    status_at = _behind_algo(fields, 53 + shift, widths=(4, 5, 4)) + 1
    tail = 1 + (_PEG_TAIL if server_version >= FIRST_WITH_PEG_TAIL else 0)
    return Completed(
        fields[status_at], number(fields[_COMPLETED_FILLED - tail]), fields[_COMPLETED_TEXT - tail]
    )


def _behind_algo(fields: Sequence[bytes], at: int, widths: tuple[int, int, int]) -> int:
    """Return the index of the first field behind the algo of an openOrder or a completedOrder.

    Args:
        fields: the message.
        at: where its delta neutral order type stands.
        widths: how many fields follow that type's price, if there is one; how many stand before
            the legs; and how many before the delta neutral contract.
    """
    neutral, before_legs, before_contract = widths
    at += 2 + (neutral if fields[at] else 0) + before_legs
    for width in (8, 1, 2):  # legs, leg prices, routing parameters
        at += 1 + width * int(fields[at] or 0)
    at += 2
    increment = number(fields[at])
    at += 1 + (7 if increment and increment > 0 else 0)  # scale
    at += 1 + (1 if fields[at] else 0)  # hedge
    at += before_contract - 1
    at += 1 + (3 if fields[at] == b"1" else 0)  # delta neutral contract
    return at + 1 + (1 + 2 * int(fields[at + 1] or 0) if fields[at] else 0)
