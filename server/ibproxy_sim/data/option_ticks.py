"""Greeks of an option as market data states them, and calculations on demand (54 to 57)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ibproxy_sim.exchange import pricing
from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.path import step_at
from ibproxy_sim.exchange.pricing import Greeks
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import fail, not_found, wanted

BID, ASK, LAST, MODEL, CUSTOM = 10, 11, 12, 13, 53
"""Tick types of message 21."""

NOTHING_AFTER_S = 5.0
LOWEST_VOLATILITY = 0.001


def values(greeks: Greeks) -> tuple[str, ...]:
    """The eight numbers of message 21."""
    return (
        repr(greeks.implied_volatility),
        repr(greeks.delta),
        repr(greeks.price),
        "0.0",  # present value of dividends
        repr(greeks.gamma),
        repr(greeks.vega),
        repr(greeks.theta),
        repr(greeks.underlying),
    )


def option_ticks(
    market: Market, option: Instrument, quote: Quote, time_s: float
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Tick type and values for the model, and for bid, ask and last if they exist.

    The volatility of a quoted price is the model's, moved along vega: good to first order.
    """
    spot = market.underlying_price(option, step_at(time_s))
    model = pricing.greeks(
        option.right,
        spot,
        option.strike,
        market.years_left(option, time_s),
        market.smile(option),
    )
    yield MODEL, values(model)
    for kind, price in ((BID, quote.bid), (ASK, quote.ask), (LAST, quote.last)):
        if price > 0:
            yield kind, values(_at_price(model, price))


def _at_price(model: Greeks, price: float) -> Greeks:
    points = (price - model.price) / model.vega if model.vega > 1e-4 else 0.0  # noqa: PLR2004
    volatility = max(
        LOWEST_VOLATILITY, model.implied_volatility + max(-5.0, min(5.0, points)) / 100
    )
    return replace(model, implied_volatility=volatility, price=price)


class Calculations:
    """Answers calculateImpliedVolatility (54) and calculateOptionPrice (55)."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "54": self.implied_volatility,
            "55": self.option_price,
            "56": self.cancel,
            "57": self.cancel,
        }

    def implied_volatility(self, client: Client, fields: list[str]) -> None:
        """Answer with one 21 of type 53 (fact 4.69)."""

        def calculate(option: Instrument, years: float, price: float, spot: float) -> Greeks | None:
            volatility = pricing.implied_volatility(option.right, spot, option.strike, years, price)
            if volatility is None:
                return None
            return pricing.greeks(option.right, spot, option.strike, years, volatility)

        self._answer(client, fields, calculate)

    def option_price(self, client: Client, fields: list[str]) -> None:
        """Answer with one 21 of type 53 (fact 4.69)."""

        def calculate(
            option: Instrument, years: float, volatility: float, spot: float
        ) -> Greeks | None:
            if volatility <= 0:
                return None
            return pricing.greeks(option.right, spot, option.strike, years, volatility)

        self._answer(client, fields, calculate)

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take a cancel, which has nothing to end: the answer is out already."""

    def _answer(
        self,
        client: Client,
        fields: list[str],
        calculate: Callable[[Instrument, float, float, float], Greeks | None],
    ) -> None:
        req_id = fields[2]
        option = wanted(self._gateway, self._universe, client, req_id, fields[3:15])
        if option is None:
            return
        if not option.is_option:
            not_found(self._gateway, client, req_id)
            return
        given, spot = float(fields[15]), float(fields[16])
        years = self._market.years_left(option, self._gateway.now_s)
        result = calculate(option, years, given, spot) if spot > 0 else None
        if result is None:
            text = "Unable to calculate option price or volatility"  # [assumed] wording
            self._gateway.call_later(
                NOTHING_AFTER_S, lambda: fail(self._gateway, client, req_id, text)
            )
            return
        self._gateway.send(client, 21, req_id, CUSTOM, 0, *values(result))
