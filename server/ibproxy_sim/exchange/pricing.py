"""What options are worth: Black-Scholes-Merton, by the package `blackscholes`."""

from __future__ import annotations

from dataclasses import dataclass

from blackscholes import BlackScholesCall, BlackScholesPut  # type: ignore[import-untyped]

RATE = 0.04
SHORTEST_YEARS = 60 / (365.25 * 86400)
"""An option that is about to expire counts as one that has a minute left."""

_MODELS = {"C": BlackScholesCall, "P": BlackScholesPut}


@dataclass(frozen=True)
class Greeks:
    """Value of an option and what moves it, in the units of tick 21.

    Attributes:
        implied_volatility: a year's.
        delta: change of value for 1 of the underlying.
        price: value.
        gamma: change of delta for 1 of the underlying.
        vega: change of value for one percentage point of volatility.
        theta: change of value for a day.
        underlying: price of the underlying.
    """

    implied_volatility: float
    delta: float
    price: float
    gamma: float
    vega: float
    theta: float
    underlying: float


def value(right: str, spot: float, strike: float, years: float, volatility: float) -> float:
    """An option's value."""
    model = _MODELS[right](spot, strike, max(years, SHORTEST_YEARS), RATE, volatility)
    return max(0.0, float(model.price()))


def greeks(right: str, spot: float, strike: float, years: float, volatility: float) -> Greeks:
    """An option's value and its derivatives."""
    model = _MODELS[right](spot, strike, max(years, SHORTEST_YEARS), RATE, volatility)
    return Greeks(
        implied_volatility=volatility,
        delta=float(model.delta()),
        price=max(0.0, float(model.price())),
        gamma=float(model.gamma()),
        vega=float(model.vega()) / 100,
        theta=float(model.theta()) / 365,
        underlying=spot,
    )


def implied_volatility(
    right: str, spot: float, strike: float, years: float, price: float
) -> float | None:
    """The volatility at which an option is worth `price`, by bisection; None if at none."""
    low, high = 0.001, 10.0
    if not (
        value(right, spot, strike, years, low) <= price <= value(right, spot, strike, years, high)
    ):
        return None
    for _ in range(50):
        middle = (low + high) / 2
        if value(right, spot, strike, years, middle) < price:
            low = middle
        else:
            high = middle
    return (low + high) / 2
