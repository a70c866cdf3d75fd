"""How an order meets the market: when a stop triggers, and what fills at which price.

Pure arithmetic on one order and one quote; it sends nothing and books nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.orders.order import TRAILING, Order, Trigger


class Match(NamedTuple):
    """What fills now."""

    shares: float
    price: float


def is_price(number: float | None) -> bool:
    """Whether `number` can be traded at: a quote says -1, 0 or nan when it has none."""
    return number is not None and math.isfinite(number) and number > 0


def mark(quote: Quote) -> float:
    """Return what one unit is worth: the last price, unless bid and ask have left it behind."""
    bid, ask, last = quote.bid, quote.ask, quote.last
    if is_price(bid) and is_price(ask):
        return last if is_price(last) and bid <= last <= ask else (bid + ask) / 2
    for price in (last, quote.close, bid, ask):
        if is_price(price):
            return price
    return 0.0


def net_quote(legs: list[tuple[Quote, int]]) -> Quote | None:
    """Return the quote of a combo: what buying one costs and selling one brings.

    Args:
        legs: each leg's quote, and how many of it one combo buys (negative: sells).

    Returns:
        The quote; None if a leg cannot be traded now. Its prices may be negative.
    """
    if not all(is_price(quote.bid) and is_price(quote.ask) for quote, _ in legs):
        return None
    bid = ask = 0.0
    bid_size = ask_size = math.inf
    for quote, ratio in legs:
        near, far = (quote.ask, quote.bid) if ratio > 0 else (quote.bid, quote.ask)
        near_size, far_size = (
            (quote.ask_size, quote.bid_size) if ratio > 0 else (quote.bid_size, quote.ask_size)
        )
        ask += near * ratio
        bid += far * ratio
        ask_size = min(ask_size, near_size // abs(ratio))
        bid_size = min(bid_size, far_size // abs(ratio))
    bid, ask, last = round(bid, 8), round(ask, 8), round((bid + ask) / 2, 8)
    return Quote(bid, bid_size, ask, ask_size, last, 0, 0, last, last, last, last)


def follow(order: Order, price: float) -> bool:
    """Let a trailing stop follow the market, and trigger what `price` triggers.

    Args:
        order: an order that may wait for a price.
        price: what it looks at.

    Returns:
        Whether it triggered just now.
    """
    if order.triggered:
        return False
    if order.type.trigger in TRAILING:
        _trail(order, price)
    if order.stop_price is None or not _REACHED[order.type.trigger](order, price):
        return False
    order.triggered = True
    if order.type_name == "TRAIL LIMIT":
        offset = order.terms.number("lmt_price_offset") or 0.0
        order.limit_price = order.stop_price + order.sign * offset
    elif order.type_name == "TRAIL LIT":
        order.limit_price = order.terms.number("lmt_price")
    return True


def match(order: Order, quote: Quote, most_shares: float = math.inf) -> Match | None:
    """Return what of an order that may trade fills against `quote`; None if nothing does.

    A better price than the limit is the order's; never more fills than is quoted.
    """
    price, size = (quote.ask, quote.ask_size) if order.is_buy else (quote.bid, quote.bid_size)
    if not order.legs and not is_price(price):
        return None
    limit = order.limit_price
    if limit is not None and order.sign * (price - limit) > 1e-9:  # noqa: PLR2004 - rounding
        return None
    shares = min(order.remaining, size, most_shares)
    if shares <= 0:
        return None
    is_whole = order.terms.is_set("all_or_none") or order.tif == "FOK"
    if is_whole and shares < order.remaining:
        return None
    return Match(shares, price)


def _trail(order: Order, price: float) -> None:
    percent = order.terms.number("trailing_percent")
    distance = price * percent / 100 if percent else order.terms.number("aux_price") or 0.0
    is_touch = order.type.trigger is Trigger.TRAIL_TOUCH  # its price is on the better side
    stop = price + order.sign * (-distance if is_touch else distance)
    if order.stop_price is None:
        order.stop_price = stop
    else:
        tighter = min if order.is_buy is not is_touch else max
        order.stop_price = tighter(order.stop_price, stop)


def _stop_reached(order: Order, price: float) -> bool:
    return order.sign * (price - (order.stop_price or 0.0)) >= 0


def _touch_reached(order: Order, price: float) -> bool:
    return order.sign * (price - (order.stop_price or 0.0)) <= 0


_REACHED: Final[Mapping[Trigger, Callable[[Order, float], bool]]] = {
    Trigger.STOP: _stop_reached,
    Trigger.TRAIL: _stop_reached,
    Trigger.TOUCH: _touch_reached,
    Trigger.TRAIL_TOUCH: _touch_reached,
}
