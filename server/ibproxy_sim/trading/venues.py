"""What exchanges and the server do with orders beyond the gateway's own checks: tables.

All of it was recorded at IB Gateway 10.40 in September 2026, with orders for US stocks, before
the opening, in regular hours and in the night.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ibproxy_sim.orders.order import Leg, Order, Trigger

TAKEN_FOR: Final = {
    "OVERNIGHT": "DAY",
    "OVERNIGHT + DAY": "DAY",
    "GTX": "GTC",
    "NMIN": "GTC",
}
"""Times in force that are taken for another one; a change cannot name them again (462)."""

STOCK_TIFS: Final = frozenset({"DAY", "GTC", "GTD", "DTC", "IOC", "OPG"})
"""What stocks can be ordered for; other securities can be ordered for the rest too."""

WARNED_TIFS: Final = frozenset({"DAY", "OPG"})
"""Orders that say, with 399, that they wait for the opening; the others just wait."""

UNSUPPORTED_TYPES: Final = frozenset({"PASSV REL", "RPI"})
"""Order types that no exchange here has: refused by the gateway with 387."""

DISCARDING: Final = frozenset({"OVERNIGHT"})
"""Exchanges that an order may not be routed to directly (10329), so it is discarded."""

DIRECTLY_ROUTED = (
    "This order will be directly routed to {exchange}.\n"
    "Restriction is specified in Precautionary Settings of Global Configuration/API."
)
DISCARDED = "Order rejected - reason:Order was discarded."
OUTSIDE_IGNORED = (
    "Order Event Warning:Attribute 'Outside Regular Trading Hours' is ignored based on the order"
    " type and destination. PlaceOrder is now being processed."
)


def why_refused(order: Order) -> str | None:
    """Return why the server does not take an order (code 201's text), None if it does."""
    if order.instrument is None or order.instrument.sec_type != "STK":
        return None
    if order.tif not in STOCK_TIFS:
        return (
            f"The time-in-force {order.tif} is invalid for this combination of exchange and"
            " security type"
        )
    if order.type_name == "PEG BEST" and not order.terms.text("post_to_ats"):
        return "This order type is not allowed w/o PostToAts for specified destination"
    return None


def drops_outside_rth(order: Order) -> bool:
    """Whether an order may not trade outside regular hours although it asks to (2109)."""
    is_stock = order.instrument is not None and order.instrument.sec_type == "STK"
    is_bare = order.type.trigger is not Trigger.NONE and not order.type.limited
    return is_stock and is_bare and order.terms.is_set("outside_rth")


def is_combo_listed(exchange: str, legs: Sequence[Leg]) -> bool:
    """Whether an exchange has a combo: those with stocks are only routed (else 200)."""
    return exchange == "SMART" or all(leg.instrument.sec_type != "STK" for leg in legs)


def symbol_conflict(symbol: str, legs: Sequence[Leg]) -> str | None:
    """Return the text of 478 if a combo is not called by its legs' symbols, in order."""
    symbols = ",".join(sorted({leg.instrument.symbol for leg in legs}))
    if symbol.upper() in {"", symbols}:
        return None
    return (
        "Parameters in request conflicts with contract parameters received by contract id:"
        f"Requested symbol {symbol}, in legs {symbols}"
    )
