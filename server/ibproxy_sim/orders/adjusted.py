"""Adjusted stops: an order that becomes another kind of stop once the market has come far enough.

A sell stop is adjusted when the market has risen to the trigger price, a buy stop when it has
fallen to it. From then on it has the type, prices and trailing amount that it was placed with
for that moment [api Order.adjustedOrderType].
"""

from __future__ import annotations

from typing import Final

from ibproxy_sim.orders.order import ORDER_TYPES, Order
from ibproxy_sim.orders.terms import Terms

ADJUSTABLE: Final = frozenset({"STP", "STP LMT", "TRAIL", "TRAIL LIMIT"})
PERCENT_UNIT: Final = 100
"""adjustableTrailingUnit of a trailing percent; 0 is an amount."""


def adjust(order: Order, price: float) -> bool:
    """Turn an order into what it was to become, if `price` has triggered that.

    Returns:
        Whether it was adjusted just now.
    """
    terms = order.terms
    kind, trigger = terms.text("adjusted_order_type"), terms.number("trigger_price")
    if kind not in ADJUSTABLE or trigger is None or order.is_adjusted or order.triggered:
        return False
    if order.sign * (price - trigger) > 0:
        return False
    order.is_adjusted = True
    order.terms = _adjusted(terms, kind)
    order.stop_price = None
    order.restart_prices()
    order.triggered = False
    return True


def _adjusted(terms: Terms, kind: str) -> Terms:
    """What the order says from now on."""
    fields = dict(terms.fields)
    stop = fields.get("adjusted_stop_price", "")
    fields["order_type"] = kind
    if "TRAIL" in kind:
        is_percent = terms.integer("adjustable_trailing_unit") == PERCENT_UNIT
        amount = fields.get("adjusted_trailing_amount", "")
        fields["trailing_percent"] = amount if is_percent else ""
        fields["aux_price"] = "" if is_percent else amount
        fields["trail_stop_price"] = stop
    else:
        fields["aux_price"] = stop
    if ORDER_TYPES[kind].limited:
        fields["lmt_price"] = fields.get("adjusted_stop_limit_price", "")
    return Terms(fields, dict(terms.rows))
