"""What holdings are worth: prices and exchange rates at a moment."""

from __future__ import annotations

from ibproxy_sim.exchange import pricing
from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.path import step_at
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.orders.matching import mark

BASE_CURRENCY = "USD"
UNSTATED = {"BOND": 10.0}
"""What one contract stands for where the wire does not say: 1 % of a bond's 1000 of face value."""


def multiplier_of(instrument: Instrument) -> float:
    """Return how many units one contract stands for."""
    return float(instrument.multiplier or UNSTATED.get(instrument.sec_type, 1.0))


class Valuation:
    """Prices and rates out of one market, all functions of the time passed in."""

    def __init__(self, universe: Universe, market: Market) -> None:
        self._universe = universe
        self._market = market
        self._pairs: dict[str, tuple[Instrument, bool] | None] = {}

    def quote(self, instrument: Instrument, time_s: float) -> Quote:
        """Return the instrument's quote."""
        return self._market.quote(instrument, time_s)

    def price(self, instrument: Instrument, time_s: float) -> float:
        """Return what one unit is worth now, in the instrument's currency."""
        return mark(self._market.quote(instrument, time_s))

    def traded(self, instrument: Instrument, start_s: float, end_s: float) -> float:
        """Return how much of an instrument was traded between two moments."""
        return self._market.traded(instrument, step_at(start_s), step_at(end_s))

    def opening_price(self, instrument: Instrument, time_s: float) -> float:
        """Return what one unit was worth when the day of `time_s` began."""
        return self._market.quote(instrument, time_s).open

    def rate(self, currency: str, time_s: float) -> float:
        """Return how many USD one unit of `currency` is; 1 if no pair is listed for it."""
        if currency == BASE_CURRENCY:
            return 1.0
        found = self._pair(currency)
        if found is None:
            return 1.0
        instrument, is_inverse = found
        price = self.price(instrument, time_s)
        if price <= 0:
            return 1.0
        return 1 / price if is_inverse else price

    def underlying_price(self, instrument: Instrument, time_s: float) -> float:
        """Return the price of an option's underlying; its strike if that is not listed."""
        under = self._universe.by_con_id(instrument.under_con_id)
        return self.price(under, time_s) if under else float(instrument.strike)

    def delta(self, option: Instrument, time_s: float) -> float:
        """Return how much an option gains for 1 of its underlying."""
        spot = self.underlying_price(option, time_s)
        years, volatility = self._market.years_left(option, time_s), self._market.smile(option)
        return pricing.greeks(option.right, spot, option.strike, years, volatility).delta

    def _pair(self, currency: str) -> tuple[Instrument, bool] | None:
        if currency not in self._pairs:
            self._pairs[currency] = next(
                (
                    (pair, pair.currency == currency)
                    for pair in self._universe.instruments
                    if pair.sec_type == "CASH"
                    and {pair.symbol, pair.currency} == {currency, BASE_CURRENCY}
                ),
                None,
            )
        return self._pairs[currency]
