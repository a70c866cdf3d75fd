"""Generic ticks: what a client may ask for beside prices, and what it gets for it.

Ids and their ticks [doc: TWS API, available tick types].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.path import STEP_S, YEAR_S, step_at
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.wire.wording import size_text

PRICE, SIZE, GENERIC, STRING = 1, 2, 45, 46
"""Message ids of ticks."""


class Tick(NamedTuple):
    """One tick: which message carries it, its type and its value as on the wire."""

    message: int
    kind: int
    value: str


NAMES = {
    100: "Option Volume", 101: "Option Open Interest", 104: "Historical Volatility",
    105: "Average Option Volume", 106: "Option Implied Volatility", 162: "Index Future Premium",
    165: "Miscellaneous Stats", 221: "Mark Price", 225: "Auction Values", 232: "Mark Price",
    233: "RTVolume", 236: "Shortable", 256: "Inventory", 258: "Fundamental Ratios",
    292: "News", 293: "Trade Count", 294: "Trade Rate", 295: "Volume Rate",
    318: "Last RTH Trade", 375: "RT Trade Volume", 411: "RT Historical Volatility",
    456: "IBDividends", 460: "Bond Factor Multiplier", 499: "Shortable Shares",
    576: "ETF Nav Bid Ask", 577: "ETF Nav Last", 578: "ETF Nav Close", 586: "IPO Price",
    588: "Futures Open Interest", 595: "Short-Term Volume X Mins", 614: "ETF Nav High Low",
    619: "Creditman Slow Mark Price", 623: "ETF Nav Frozen Last",
}  # fmt: skip
"""Every id that is accepted; those without a maker below are answered by silence."""

STOCK_ONLY = frozenset({104, 106, 165, 225, 236, 256, 258, 456, 499, 576, 577, 578, 586, 614, 623})
LEGAL = {
    "STK": frozenset(NAMES),
    "IND": frozenset(NAMES) - STOCK_ONLY | {104, 106},
    "OPT": frozenset(NAMES) - STOCK_ONLY | {106},
    "FUT": frozenset(NAMES) - STOCK_ONLY,
    "CONTFUT": frozenset(NAMES) - STOCK_ONLY,
    "CASH": frozenset(NAMES) - STOCK_ONLY,
    "FOP": frozenset(NAMES) - STOCK_ONLY | {106},
    "BOND": frozenset(NAMES) - STOCK_ONLY,
    "CRYPTO": frozenset(NAMES) - STOCK_ONLY,
    "CFD": frozenset(NAMES) - STOCK_ONLY,
    "NEWS": frozenset({292}),
    "BAG": frozenset({221, 232}),
}
"""Ids by security type [assumed, roughly: the real lists are not published]."""


MARK_PRICE = frozenset({221, 232})
TRADES = {233: 48, 375: 77}
"""Generic tick id -> tick type that tells each trade."""


MOVING = MARK_PRICE | TRADES.keys()
"""Generic ticks that follow the market."""

DEFAULT_OFF = "mdoff"


def parse(text: str) -> frozenset[int]:
    """Read a generic tick list: numbers, perhaps with a source after a colon.

    Raises:
        ValueError: something in it is no number.
    """
    parts = [part.strip().split(":")[0] for part in text.split(",")]
    return frozenset(int(part) for part in parts if part and part != DEFAULT_OFF)


def illegal_text(instrument: Instrument, text: str) -> str:
    """The cause that is stated if a list holds an id that is not legal (fact 4.23)."""
    legal = ",".join(f"{n}({NAMES[n]})" for n in sorted(LEGAL[instrument.sec_type]))
    return (
        f"Incorrect generic tick list of {text}.  "
        f"Legal ones for ({instrument.sec_type}) are: {legal}"
    )


def fixed_ticks(
    kinds: frozenset[int], market: Market, instrument: Instrument, time_s: float
) -> Iterator[Tick]:
    """Ticks that are sent once, at the start."""
    for kind in sorted(kinds & _FIXED.keys()):
        yield from _FIXED[kind](market, instrument, time_s)


def moving_ticks(
    kinds: frozenset[int], market: Market, instrument: Instrument, quote: Quote, time_s: float
) -> Iterator[Tick]:
    """Ticks whose value follows the market; sent when it changes."""
    if kinds & MARK_PRICE:
        mark = quote.last if instrument.has_trades else (quote.bid + quote.ask) / 2
        yield Tick(PRICE, 37, str(round(mark, 7)))
    if instrument.has_trades and quote.last_size:
        for kind in sorted(kinds & TRADES.keys()):
            average = market.average(instrument, step_at(time_s))
            trade = f"{quote.last};{size_text(quote.last_size)}.0000000000;{int(time_s * 1000)}"
            total = f"{size_text(quote.volume)};{average};1"
            yield Tick(STRING, TRADES[kind], f"{trade};{total}")


def _year_ticks(market: Market, instrument: Instrument, time_s: float) -> Iterator[Tick]:
    """Lows and highs of 13, 26 and 52 weeks, and the average volume of a day."""
    end = step_at(time_s)
    for weeks, low_kind in ((13, 15), (26, 17), (52, 19)):
        start = end - round(weeks / 52 * YEAR_S / STEP_S)
        prices = market.range(instrument, start, end + 1)
        yield Tick(PRICE, low_kind, str(market.last(instrument, prices.low)))
        yield Tick(PRICE, low_kind + 1, str(market.last(instrument, prices.high)))
    day = market.traded(instrument, end - round(86400 / STEP_S), end)
    yield Tick(SIZE, 21, size_text(day))


def _volatility(_: Market, instrument: Instrument, __: float) -> Iterator[Tick]:
    yield Tick(GENERIC, 23, str(round(instrument.volatility, 6)))


def _implied_volatility(_: Market, instrument: Instrument, __: float) -> Iterator[Tick]:
    yield Tick(GENERIC, 24, str(round(instrument.volatility * 1.05, 6)))


def _shortable(_: Market, __: Instrument, ___: float) -> Iterator[Tick]:
    yield Tick(GENERIC, 46, "3.0")  # easily borrowed
    yield Tick(SIZE, 89, "10000000")


def _dividends(_: Market, __: Instrument, ___: float) -> Iterator[Tick]:
    yield Tick(STRING, 59, ",,,")  # none


_FIXED: dict[int, Callable[[Market, Instrument, float], Iterator[Tick]]] = {
    104: _volatility,
    106: _implied_volatility,
    165: _year_ticks,
    236: _shortable,
    456: _dividends,
}
"""Generic tick id -> what it is answered with at the start."""
