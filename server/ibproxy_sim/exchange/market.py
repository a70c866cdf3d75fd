"""The price of everything at any moment, from (seed, instrument, time) alone.

Live quotes and history are read from one function, so they agree::

    path.py        unrounded price of the driver          r
    this module    instrument's own unrounded price       r * ratio, or an option's value of it
                   bid, ask, last, midpoint               rounded from that, all monotone in it

As everything is monotone in the path's price, a bar's high is the rounded highest price of the
path, and no step needs to be looked at twice. The market is open around the clock, every day,
so that people can try their programs at any time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import NamedTuple

from ibproxy_sim.exchange import pricing
from ibproxy_sim.exchange.hours import previous_session_day, regular_session_s
from ibproxy_sim.exchange.instruments import COMBO_TYPE, Instrument
from ibproxy_sim.exchange.path import STEP_S, YEAR_S, mix, step_at
from ibproxy_sim.exchange.times import DAY, at_s, day_start_s, eastern_day
from ibproxy_sim.exchange.universe import Universe

SAMPLES = 16
NO_QUOTE = (-1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 0.0, -1.0, -1.0, -1.0, -1.0)
ABSENT = -1.0
"""A price that an instrument does not have: an index has no bid, a pair no last (fact 4.20)."""


class Quote(NamedTuple):
    """What a ticker shows at one moment.

    A price that there is none of is -1, its size 0. `volume`, `open`, `high` and `low` are the
    day's (US/Eastern, from midnight), `close` is the end of the last regular session before.
    """

    bid: float
    bid_size: float
    ask: float
    ask_size: float
    last: float
    last_size: float
    volume: float
    open: float
    high: float
    low: float
    close: float


class Range(NamedTuple):
    """Unrounded first, highest, lowest and last price of some steps."""

    open: float
    high: float
    low: float
    close: float


class _Style(NamedTuple):
    """How a security type trades: ticks between bid and ask, mean trade and quote sizes."""

    spread_ticks: int
    trade_size: int
    quote_size: int


_STYLES = {
    "STK": _Style(1, 100, 400),
    "IND": _Style(1, 0, 0),
    "CASH": _Style(1, 0, 2_000_000),
    "FUT": _Style(1, 3, 30),
    "CONTFUT": _Style(1, 3, 30),
    "OPT": _Style(3, 2, 40),
    "FOP": _Style(3, 2, 40),
    "BOND": _Style(101, 5, 200),
    "CRYPTO": _Style(3, 2, 20),
    "NEWS": _Style(1, 0, 0),
    "CFD": _Style(3, 0, 400),
    COMBO_TYPE: _Style(1, 1, 20),
}
"""Spreads are odd, so that the last price is always at one of the two or between them."""


@lru_cache(maxsize=1024)
def expiry_s(expiry: str) -> float:
    """The moment at which an option ends: 16:00 in New York."""
    day = datetime.strptime(expiry, "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone
    return at_s(day, time(16))


class Market:
    """Prices of all instruments of a universe."""

    STEP_S = STEP_S

    def __init__(self, seed: int, universe: Universe) -> None:
        self.seed = seed
        self.universe = universe
        # both only remember what was computed; results do not depend on them
        self._days: dict[int, _Day] = {}
        self._quotes: dict[int, tuple[int, Quote]] = {}

    def quote(self, instrument: Instrument, time_s: float) -> Quote:
        """What the ticker shows; it changes only at multiples of `STEP_S`."""
        step = step_at(time_s)
        con_id = instrument.con_id
        known = self._quotes.get(con_id)
        if known and known[0] == step:
            return known[1]
        quote = self._quote(instrument, step)
        self._quotes[con_id] = (step, quote)
        return quote

    def _quote(self, instrument: Instrument, step: int) -> Quote:
        if instrument.legs:
            return self._combo_quote(instrument, step)
        price = self.price(instrument, step)
        bid = ask = last = ABSENT
        bid_size = ask_size = last_size = volume = 0.0
        if instrument.has_quotes:
            bid, ask = self.bid(instrument, price), self.ask(instrument, price)
            bid_size, ask_size = self.sizes(instrument, step)
            if bid <= 0 and not instrument.legs:
                bid, bid_size = ABSENT, 0.0
        if instrument.has_trades:
            last = self.last(instrument, price)
            last_size = self.traded(instrument, step, step + 1)
        day = self._day(instrument, step)
        shown = self.last if instrument.has_trades else self.midpoint
        if instrument.has_trades:
            volume = self.traded(instrument, day.first_step, step + 1)
        return Quote(
            bid,
            bid_size,
            ask,
            ask_size,
            last,
            last_size,
            volume,
            shown(instrument, day.open),
            shown(instrument, day.high),
            shown(instrument, day.low),
            shown(instrument, day.close),
        )

    def _combo_quote(self, combo: Instrument, step: int) -> Quote:
        """What buying a combo costs and selling it brings; there is none if a leg has none.

        It trades in the middle, and its day is what its legs' days come to [simplified].
        """
        bid = ask = opened = closed = 0.0
        bid_size = ask_size = float("inf")
        for leg, ratio in combo.legs:
            quote = self._quote(leg, step)
            if quote.bid <= 0 or quote.ask <= 0:
                return Quote(*NO_QUOTE)
            near, far = (quote.ask, quote.bid) if ratio > 0 else (quote.bid, quote.ask)
            ask, bid = ask + ratio * near, bid + ratio * far
            sizes = (quote.ask_size, quote.bid_size)
            near_size, far_size = sizes if ratio > 0 else sizes[::-1]
            ask_size = min(ask_size, near_size // abs(ratio))
            bid_size = min(bid_size, far_size // abs(ratio))
            opened, closed = opened + ratio * quote.open, closed + ratio * quote.close
        last = round((bid + ask) / 2, 8)
        day = (round(opened, 8), max(opened, last), min(opened, last), round(closed, 8))
        return Quote(round(bid, 8), bid_size, round(ask, 8), ask_size, last, 0, 0, *day)

    # the unrounded price

    def price(self, instrument: Instrument, step: int) -> float:
        """Unrounded price at a step; of a combo, that of its legs together."""
        if instrument.legs:
            return sum(ratio * self.price(leg, step) for leg, ratio in instrument.legs)
        price = self.universe.path(instrument).price(step) * instrument.ratio
        return self._of_driver(instrument, price, step)

    def range(self, instrument: Instrument, first_step: int, end_step: int) -> Range:
        """Unrounded prices from `first_step` to before `end_step`.

        For an option high and low are taken where the underlying has its own, and at the ends;
        what it loses by time in between is left out. A combo is looked at `SAMPLES` times.
        """
        if instrument.legs:
            count = min(end_step - first_step, SAMPLES)
            steps = [first_step + (end_step - 1 - first_step) * n // count for n in range(count)]
            prices = [self.price(instrument, step) for step in (*steps, end_step - 1)]
            return Range(prices[0], max(prices), min(prices), prices[-1])
        path = self.universe.path(instrument)
        last_step = end_step - 1
        low, high = (p * instrument.ratio for p in path.extremes(first_step, last_step))
        first, last = self.price(instrument, first_step), self.price(instrument, last_step)
        if instrument.is_option:
            ends = [self._of_driver(instrument, p, last_step) for p in (low, high)]
            low, high = min(first, last, *ends), max(first, last, *ends)
        return Range(first, high, low, last)

    def _of_driver(self, instrument: Instrument, price: float, step: int) -> float:
        if not instrument.is_option:
            return price
        return pricing.value(
            instrument.right,
            price,
            instrument.strike,
            self.years_left(instrument, step * STEP_S),
            self.smile(instrument),
        )

    # options

    @staticmethod
    def years_left(instrument: Instrument, time_s: float) -> float:
        """Time to an option's end."""
        return max((expiry_s(instrument.expiry) - time_s) / YEAR_S, pricing.SHORTEST_YEARS)

    def smile(self, instrument: Instrument) -> float:
        """The volatility at which an option trades: higher for low strikes, as is usual."""
        base = self.universe.path(instrument).base * instrument.ratio
        distance = math.log(instrument.strike / base)
        return instrument.volatility * (1 - 0.5 * distance + 1.5 * distance**2)

    def underlying_price(self, instrument: Instrument, step: int) -> float:
        """Price of an option's underlying, as its ticker shows it."""
        under = self.universe.by_con_id(instrument.under_con_id)
        if under is None:
            return 0.0
        return self.last(under, self.price(under, step))

    # what is shown: all monotone in the unrounded price

    def bid(self, instrument: Instrument, price: float) -> float:
        """The bid at an unrounded price."""
        down = math.floor(price / instrument.min_tick + 1e-9)
        return self._on_grid(instrument, down - self._extra(instrument))

    def ask(self, instrument: Instrument, price: float) -> float:
        """The ask at an unrounded price."""
        down = math.floor(price / instrument.min_tick + 1e-9)
        return self._on_grid(instrument, down + 1 + self._extra(instrument))

    def last(self, instrument: Instrument, price: float) -> float:
        """The last trade at an unrounded price; an index is shown to the cent."""
        return self._on_grid(instrument, round(price / instrument.min_tick))

    def midpoint(self, instrument: Instrument, price: float) -> float:
        """The middle of bid and ask at an unrounded price."""
        down = math.floor(price / instrument.min_tick + 1e-9)
        return self._on_grid(instrument, down + 0.5)

    @staticmethod
    def _extra(instrument: Instrument) -> int:
        return _STYLES[instrument.sec_type].spread_ticks // 2

    @staticmethod
    def _on_grid(instrument: Instrument, ticks: float) -> float:
        return round(ticks * instrument.min_tick, 7)

    # sizes

    def sizes(self, instrument: Instrument, step: int) -> tuple[float, float]:
        """Sizes of bid and ask at a step."""
        noise = mix(self._key(instrument) ^ step * 2)
        unit = self.size_unit(instrument)
        return (
            float((1 + noise % 39) * unit),
            float((1 + (noise >> 32) % 39) * unit),
        )

    @staticmethod
    def size_unit(instrument: Instrument) -> int:
        """What sizes of quotes are multiples of."""
        return max(1, _STYLES[instrument.sec_type].quote_size // 20)

    def traded(self, instrument: Instrument, first_step: int, end_step: int) -> float:
        """How much was traded from `first_step` to before `end_step`."""
        return float(
            self._ever_traded(instrument, end_step) - self._ever_traded(instrument, first_step)
        )

    def average(self, instrument: Instrument, step: int) -> float:
        """Average price of the day's trades so far, as far as four prices tell it."""
        day = self._day(instrument, step)
        four = day.open + day.high + day.low + self.price(instrument, step)
        return round(four / 4, 7)

    def _ever_traded(self, instrument: Instrument, step: int) -> int:
        """All that was traded before a step: a straight line with bounded noise, so it rises."""
        mean = _STYLES[instrument.sec_type].trade_size
        if not mean:
            return 0
        return step * mean + mix(self._key(instrument) ^ (step * 2 + 1)) % mean

    def _key(self, instrument: Instrument) -> int:
        return mix(self.seed * 2**32 + instrument.con_id + 2**60)

    # the day so far

    def _day(self, instrument: Instrument, step: int) -> _Day:
        known = self._days.get(instrument.con_id)
        if known is None or not known.holds(step):
            known = self._new_day(instrument, eastern_day(step * STEP_S))
            self._days[instrument.con_id] = known
        if step > known.last_step:
            more = self.range(instrument, known.last_step + 1, step + 1)
            known.high = max(known.high, more.high)
            known.low = min(known.low, more.low)
            known.last_step = step
        return known

    def _new_day(self, instrument: Instrument, day: date) -> _Day:
        first = step_at(day_start_s(day))
        price = self.price(instrument, first)
        close = self.price(instrument, self.last_step_before(day))
        end = step_at(day_start_s(day + DAY))
        return _Day(first, end, first, price, price, price, close)

    @staticmethod
    def last_step_before(day: date) -> int:
        """Last step of the last regular session before a date."""
        before = previous_session_day(day)
        return step_at(regular_session_s(before)[1]) - 1


@dataclass
class _Day:
    """A day's unrounded figures up to one step; `close` is of the session before."""

    first_step: int
    end_step: int
    last_step: int
    open: float
    high: float
    low: float
    close: float

    def holds(self, step: int) -> bool:
        """Whether a step can be added: it is this day's, and not before the last one."""
        return self.last_step <= step < self.end_step
