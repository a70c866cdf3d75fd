"""How much of an order is in the market at one time: algos and scale orders show only a part.

An algo, whichever it is, hands out its order evenly over `ALGO_S`, within its limit if it has
one; `Adaptive` shows all [simplified]. A scale order works its levels one after the other, each
an increment further from the first; it takes no profits in between [simplified].
"""

from __future__ import annotations

import math
from typing import Final

from ibproxy_sim.orders.order import Order

ALGO_S: Final = 20.0
AT_ONCE: Final = frozenset({"Adaptive"})
ALGOS: Final = AT_ONCE | {
    "AD", "ArrivalPx", "BalanceImpactRisk", "ClosePx", "DarkIce", "MinImpact", "PctVol",
    "PctVolPx", "PctVolSz", "PctVolTm", "Twap", "Vwap",
}  # fmt: skip
"""Names of the algos that are known [api]."""


def shown_shares(order: Order, time_s: float) -> float:
    """How much of an order may trade now."""
    algo = order.terms.text("algo_strategy")
    if algo and algo not in AT_ONCE:
        share = min(1.0, max(0.0, time_s - order.placed_at_s) / ALGO_S)
        return max(0.0, math.floor(order.quantity * share + 1e-9) - order.filled)
    if is_scaled(order):
        return _level(order)[1]
    return math.inf


def set_level(order: Order) -> None:
    """Move a scale order's limit to the level that it works on."""
    first = order.terms.number("lmt_price")
    if is_scaled(order) and first is not None:
        step = order.terms.number("scale_price_increment") or 0.0
        order.limit_price = round(first - order.sign * _level(order)[0] * step, 10)


def is_scaled(order: Order) -> bool:
    """Whether an order is worked in levels."""
    return (order.terms.number("scale_price_increment") or 0.0) > 0


def _level(order: Order) -> tuple[int, float]:
    """The level that is worked on, from 0, and what is left of it."""
    terms = order.terms
    first = float(terms.integer("scale_init_level_size"))
    others = terms.integer("scale_subs_level_size")
    if others in {0, 2147483647}:
        others = terms.integer("scale_init_level_size")
    if order.filled < first:
        return 0, first - order.filled
    number, done = divmod(order.filled - first, others)
    return 1 + int(number), others - done
