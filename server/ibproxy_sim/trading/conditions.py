"""Conditions of an order: whether they hold now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ibproxy_sim.accounts.books import Books
from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.exchange.times import parse_time_s
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.orders.matching import mark
from ibproxy_sim.orders.order import Order
from ibproxy_sim.orders.terms import CONDITION_COLUMNS

Row = Mapping[str, str]


class Conditions:
    """Judges conditions by the market, the clock and the executions."""

    def __init__(self, books: Books, universe: Universe) -> None:
        self._books = books
        self._universe = universe
        self._judges: Mapping[str, Callable[[Row, Order, float], bool]] = {
            "1": self._price,
            "3": self._time,
            "4": self._margin,
            "5": self._execution,
            "6": self._volume,
            "7": self._percent_change,
        }

    def hold(self, order: Order, time_s: float) -> bool:
        """Return whether all conditions of `order` together hold.

        Each condition's conjunction ties it to the next: `a` for and, `o` for or; read from
        left to right [assumed].
        """
        result, conjunction = True, "a"
        for kind, *values in order.terms.rows.get("conditions", []):
            row = dict(zip(CONDITION_COLUMNS[kind], values, strict=True))
            one = self._judges[kind](row, order, time_s)
            result = result or one if conjunction == "o" else result and one
            conjunction = row["conjunction"]
        return result

    def _quote(self, row: Row, time_s: float) -> Quote | None:
        instrument = self._universe.by_con_id(int(row["con_id"] or 0))
        return self._books.valuation.quote(instrument, time_s) if instrument else None

    def _price(self, row: Row, _order: Order, time_s: float) -> bool:
        quote = self._quote(row, time_s)
        return quote is not None and _reached(row, mark(quote), float(row["price"]))

    def _margin(self, row: Row, order: Order, time_s: float) -> bool:
        """The cushion: excess liquidity in percent of what the account is worth [api]."""
        wealth = self._books.net_liquidation(order.account, time_s)
        if wealth <= 0:
            return False
        kept = self._books.margin(order.account, time_s).maintenance
        excess = self._books.equity_with_loan(order.account, time_s) - kept
        return _reached(row, 100 * excess / wealth, float(row["percent"]))

    def _volume(self, row: Row, _order: Order, time_s: float) -> bool:
        quote = self._quote(row, time_s)
        return quote is not None and _reached(row, quote.volume, float(row["volume"]))

    def _percent_change(self, row: Row, _order: Order, time_s: float) -> bool:
        quote = self._quote(row, time_s)
        if quote is None or quote.close <= 0:
            return False
        return _reached(row, (mark(quote) / quote.close - 1) * 100, float(row["change_percent"]))

    def _time(self, row: Row, _order: Order, time_s: float) -> bool:
        return _reached(row, time_s, parse_time_s(row["time"]))

    def _execution(self, row: Row, order: Order, _time_s: float) -> bool:
        return any(
            e.instrument.symbol == row["symbol"] and e.instrument.sec_type == row["sec_type"]
            for e in self._books.executions_of(order.account)
            if e.time_s >= order.placed_at_s
        )


_MORE: Final = frozenset({"1", "true", "True"})


def _reached(row: Row, now: float, bound: float) -> bool:
    return now >= bound if row["is_more"] in _MORE else now <= bound
