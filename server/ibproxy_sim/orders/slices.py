"""How much of an order is in the market at one time: algos and scale orders show only a part.

An algo hands out its order evenly from its startTime to its endTime, or over so many seconds as
the settings say if it names none, within its limit if it has one. PctVol and its kin keep to
their share of what is traded meanwhile, and so does Vwap with a maxPctVol; `Adaptive` shows all
[simplified]. A scale order works its levels one after the other, each an increment further from
the first; what it takes in profits between is in `profits.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from ibproxy_sim.exchange.times import parse_time_s
from ibproxy_sim.orders.order import Order

AT_ONCE: Final = frozenset({"Adaptive"})
ALGOS: Final = AT_ONCE | {
    "AD", "ArrivalPx", "BalanceImpactRisk", "ClosePx", "DarkIce", "MinImpact", "PctVol",
    "PctVolPx", "PctVolSz", "PctVolTm", "Twap", "Vwap",
}  # fmt: skip
"""Names of the algos that are known [api]."""

SHARES: Final = ("pctVol", "startPctVol", "maxPctVol")
"""Parameters that bound an algo by the volume, the first that is there; a part of 1 [api]."""

Traded = Callable[[float, float], float]
"""How much of the instrument is traded between two moments."""


def shown_shares(order: Order, time_s: float, algo_s: float, traded: Traded) -> float:
    """How much of an order may trade now.

    Args:
        order: the order.
        time_s: now, market time.
        algo_s: how long an algo takes that names no times.
        traded: what the volume was between two moments.
    """
    algo = order.terms.text("algo_strategy")
    if algo and algo not in AT_ONCE:
        return max(0.0, math.floor(_handed_out(order, time_s, algo_s, traded)) - order.filled)
    if is_scaled(order):
        return level(order)[1]
    return math.inf


def _handed_out(order: Order, time_s: float, algo_s: float, traded: Traded) -> float:
    """How much an algo has put into the market so far."""
    said = {row[0]: row[1] for row in order.terms.rows.get("algo_params", [])}
    start_s = max(order.placed_at_s, _moment(said.get("startTime", "")) or 0.0)
    end_s = _moment(said.get("endTime", "")) or start_s + algo_s
    done = 1.0 if end_s <= start_s else (time_s - start_s) / (end_s - start_s)
    shown = order.quantity * min(1.0, max(0.0, done)) + 1e-9
    share = next((float(said[name]) for name in SHARES if said.get(name)), None)
    if share is None or time_s <= start_s:
        return shown
    by_volume = share * traded(start_s, time_s)
    # a share of the volume takes as long as it takes; Vwap keeps to its times as well
    if "maxPctVol" in said:
        return min(shown, by_volume)
    return min(order.quantity, by_volume)


def _moment(text: str) -> float | None:
    """A time that an algo names; one that cannot be read is as if it was not there."""
    try:
        return parse_time_s(text) if text else None
    except ValueError:
        return None


def set_level(order: Order) -> None:
    """Move a scale order's limit to the level that it works on."""
    first = order.terms.number("lmt_price")
    if is_scaled(order) and first is not None:
        step = order.terms.number("scale_price_increment") or 0.0
        order.limit_price = round(first - order.sign * level(order)[0] * step, 10)


def is_scaled(order: Order) -> bool:
    """Whether an order is worked in levels."""
    return (order.terms.number("scale_price_increment") or 0.0) > 0


def level(order: Order) -> tuple[int, float]:
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
