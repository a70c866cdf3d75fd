"""What the control of a stand-in shows: orders, fills, positions, accounts, statistics."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ibproxy_sim.exchange.times import eastern
from ibproxy_sim.orders.order import Order
from ibproxy_sim.wire.wording import price_text


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """One order, as the stand-in knows it."""

    client_id: int
    order_id: int
    perm_id: int
    account: str
    symbol: str
    action: str
    order_type: str
    quantity: float
    filled: float
    average_price: float
    limit_price: float | None
    status: str
    order_ref: str
    placed_at: datetime


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """One fill."""

    exec_id: str
    client_id: int
    order_id: int
    perm_id: int
    account: str
    symbol: str
    side: str
    shares: float
    price: float
    commission: float | None
    time: datetime


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds of one contract."""

    account: str
    con_id: int
    symbol: str
    sec_type: str
    quantity: float
    average_cost: float


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is worth, in USD."""

    account: str
    cash: float
    net_liquidation: float


class StatisticsView(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway has seen; `requests` counts messages by their id."""

    time: datetime
    connections: int
    open_connections: int
    most_connections: int
    client_ids: list[int]
    lines: int
    requests: dict[str, int]


def order_view(order: Order) -> OrderView:
    """Return an order as it is shown."""
    limit = order.terms.number("lmt_price")
    return OrderView(
        client_id=order.client_id,
        order_id=order.order_id,
        perm_id=order.perm_id,
        account=order.account,
        symbol=order.instrument.symbol if order.instrument else order.terms.text("symbol"),
        action=order.terms.text("action"),
        order_type=order.type_name,
        quantity=order.quantity,
        filled=order.filled,
        average_price=float(price_text(order.average_price)),
        limit_price=limit,
        status=order.status.wire_text,
        order_ref=order.terms.text("order_ref"),
        placed_at=eastern(order.placed_at_s),
    )
