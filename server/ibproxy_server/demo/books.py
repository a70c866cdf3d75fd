"""What really happened, out of the stand-in gateway's own books."""

from __future__ import annotations

from ibproxy_server.demo.verdict import Books
from ibproxy_sim.wire.gateway import Gateway

SETTLING_S = 1.0
"""News of an order or a fill has reached its owner after so many seconds of market time."""


def books_of(gateway: Gateway, account: str, stopped_at_s: float) -> Books:
    """Return what the books hold of `account`.

    Args:
        gateway: the stand-in.
        account: the account's code.
        stopped_at_s: market time at which the strategies were told to stop.
    """
    orders = gateway.books.orders_of(account)
    executions = gateway.books.executions_of(account)
    settled_before_s = stopped_at_s - SETTLING_S
    return Books(
        perm_ids=frozenset(order.perm_id for order in orders),
        executions=frozenset(execution.exec_id for execution in executions),
        settled_perm_ids=frozenset(
            order.perm_id for order in orders if order.placed_at_s < settled_before_s
        ),
        settled_executions=frozenset(
            execution.exec_id for execution in executions if execution.time_s < settled_before_s
        ),
    )
