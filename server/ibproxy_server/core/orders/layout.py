"""Where things stand in order messages, as far as the proxy must know.

Measured positions: wire-table sections 2 and 3. What stands before the variable blocks has a
fixed index; the what-if flag stands behind them and is found by walking.
"""

from __future__ import annotations

# message 3, placeOrder
SYMBOL, SEC_TYPE, ACTION, QUANTITY, ORDER_TYPE = 3, 4, 16, 17, 18
LIMIT_PRICE, STOP_PRICE, TIF, OCA_GROUP, ACCOUNT = 19, 20, 21, 22, 23
TRANSMIT, PARENT_ID = 27, 28
_COMBO_BLOCKS_AT = 35

# message 5, openOrder
OPEN_OCA_GROUP, OPEN_ACCOUNT, OPEN_CLIENT_ID, OPEN_PERM_ID = 19, 20, 24, 25

# message 3, orderStatus
STATUS, STATUS_FILLED, STATUS_PERM_ID, STATUS_PARENT_ID, STATUS_CLIENT_ID = 2, 3, 6, 7, 9

# message 11, execDetails
EXEC_REQUEST_ID, EXEC_ORDER_ID, EXEC_ID, EXEC_ACCOUNT = 1, 2, 14, 16
EXEC_PERM_ID, EXEC_CLIENT_ID = 21, 22

# message 59, commissionReport
COMMISSION_EXEC_ID = 2

# message 101, completedOrder
COMPLETED_OCA_GROUP = 18

# message 7, reqExecutions
FILTER_CLIENT_ID, FILTER_ACCOUNT = 3, 4

FIRST_WITHOUT_FA_PROFILE = 177

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
