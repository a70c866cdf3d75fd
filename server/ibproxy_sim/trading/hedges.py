"""Hedge orders: children whose size follows from what their parent has filled [api hedgeType]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ibproxy_sim.accounts.valuation import Valuation, multiplier_of
from ibproxy_sim.orders.order import Order


def hedge_shares(child: Order, valuation: Valuation, time_s: float) -> float:
    """How much a hedge order has to trade, now that its parent is filled."""
    size = _SIZES[child.terms.text("hedge_type")](child, valuation, time_s)
    return float(round(abs(size)))


def _parameter(child: Order) -> float:
    return child.terms.number("hedge_param") or 1.0


def _worth(child: Order) -> float:
    """What the parent has traded, in its currency."""
    parent = child.parent
    if parent is None or parent.instrument is None:
        return 0.0
    return parent.filled * parent.average_price * multiplier_of(parent.instrument)


def _pair(child: Order, _valuation: Valuation, _time_s: float) -> float:
    """So many of it for each of the parent's."""
    return child.parent.filled * _parameter(child) if child.parent else 0.0


def _beta(child: Order, valuation: Valuation, time_s: float) -> float:
    """As much worth as the parent, times beta."""
    price = valuation.price(child.instrument, time_s) if child.instrument else 0.0
    return _worth(child) * _parameter(child) / price if price > 0 else 0.0


def _forex(child: Order, valuation: Valuation, time_s: float) -> float:
    """The parent's worth, in the pair's first currency."""
    parent, pair = child.parent, child.instrument
    if parent is None or parent.instrument is None or pair is None:
        return 0.0
    if pair.symbol == parent.instrument.currency:
        return _worth(child)
    price = valuation.price(pair, time_s)
    return _worth(child) / price if price > 0 else 0.0


def _delta(child: Order, valuation: Valuation, time_s: float) -> float:
    """The parent's delta."""
    parent = child.parent
    if parent is None or parent.instrument is None:
        return 0.0
    units = parent.filled * multiplier_of(parent.instrument)
    return units * valuation.delta(parent.instrument, time_s)


_SIZES: Final[Mapping[str, Callable[[Order, Valuation, float], float]]] = {
    "P": _pair,
    "B": _beta,
    "F": _forex,
    "D": _delta,
}
HEDGE_TYPES: Final = frozenset(_SIZES)
