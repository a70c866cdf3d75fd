"""What a scale order does with what it has got: it takes the profit of each piece [api].

Each piece that fills is to be closed again, `scaleProfitOffset` better than its level, by
executions of the other side under the same order. With `scaleAutoReset` what was closed is to be
opened again at its level. The order is filled only when nothing is left to close. How gateways
report all that is [assumed].
"""

from __future__ import annotations

from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.orders.matching import Match
from ibproxy_sim.orders.order import Order, Piece


def note_piece(order: Order, shares: float) -> None:
    """Remember a piece that has just filled at the level that the order works on."""
    offset = order.terms.number("scale_profit_offset") or 0.0
    is_single = order.instrument is not None and order.allocation is None
    if offset > 0 and order.limit_price is not None and is_single:
        order.pieces.append(Piece(round(order.limit_price + order.sign * offset, 10), shares))


def next_profit(order: Order, quote: Quote, most_shares: float) -> Match | None:
    """Return what of its pieces can be closed now; None if nothing can."""
    price, size = (quote.bid, quote.bid_size) if order.is_buy else (quote.ask, quote.ask_size)
    if not order.pieces or price <= 0:
        return None
    piece = min(order.pieces, key=lambda piece: order.sign * piece.price)
    shares = min(piece.shares, size, most_shares)
    if shares <= 0 or order.sign * (price - piece.price) < 0:
        return None
    return Match(shares, price)


def close_piece(order: Order, shares: float) -> None:
    """Take what was closed off its piece; it may be opened again."""
    piece = min(order.pieces, key=lambda piece: order.sign * piece.price)
    piece.shares = round(piece.shares - shares, 8)
    if piece.shares <= 0:
        order.pieces.remove(piece)
    if order.terms.is_set("scale_auto_reset"):
        order.filled = round(order.filled - shares, 8)
