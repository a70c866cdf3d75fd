"""Historical bars: which there are, and what is in them. Computed from the market, no messages.

A *span* is the time in which bars lie on one date: the regular session with `useRTH`, else all
of the day, as the stand-in's market is open around the clock. Times are US/Eastern.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ibproxy_sim.exchange.hours import has_session, regular_session_s
from ibproxy_sim.exchange.market import Market, Range, expiry_s
from ibproxy_sim.exchange.other_listings import BONDS
from ibproxy_sim.exchange.path import STEP_S, mix, step_at
from ibproxy_sim.exchange.times import DAY, EASTERN, at_s, day_start_s, eastern, eastern_day
from ibproxy_sim.exchange.universe import Instrument

DAY_S = 86400
BAR_SIZES = {
    "1 secs": 1, "5 secs": 5, "10 secs": 10, "15 secs": 15, "30 secs": 30,
    "1 min": 60, "2 mins": 120, "3 mins": 180, "5 mins": 300, "10 mins": 600,
    "15 mins": 900, "20 mins": 1200, "30 mins": 1800,
    "1 hour": 3600, "2 hours": 7200, "3 hours": 10800, "4 hours": 14400, "8 hours": 28800,
    "1 day": DAY_S, "1W": 7 * DAY_S, "1M": 30 * DAY_S,
}  # fmt: skip
"""Bar sizes in seconds; a month's only tells it from the others."""

ALIASES = {"1 sec": "1 secs", "1 week": "1W", "1 month": "1M", "1 w": "1W", "1 m": "1M"}
AROUND_THE_CLOCK = frozenset({"CASH", "CRYPTO"})
WEEK_S, MONTH_S = BAR_SIZES["1W"], BAR_SIZES["1M"]

IMPLIED_RATIO = 1.05
"""How much dearer options are than what their underlying has moved."""

BORROW_RATE = 0.25
"""Fee for borrowing any stock, in percent a year."""

COUPONS = {bond.con_id: bond.coupon for bond in BONDS}
ISSUE_DATES = {bond.con_id: bond.issue_date for bond in BONDS}

_DURATION = re.compile(r"(\d+) ?([SDWMY])", re.IGNORECASE)


class Bar(NamedTuple):
    """One bar; volume, average and count are -1 where there are no trades (fact 5.24)."""

    start_s: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    average: float
    trades: int


class Duration(NamedTuple):
    """How far back a request goes."""

    number: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read e.g. `60 D`.

        Raises:
            ValueError: it is no duration.
        """
        match = _DURATION.fullmatch(text.strip())
        if not match or not int(match[1]):
            raise ValueError(text)
        return cls(int(match[1]), match[2].upper())


Show = Callable[[Market, Instrument, Range], tuple[float, float, float, float]]


def _by(shown: Callable[[Market, Instrument, float], float]) -> Show:
    def show(market: Market, instrument: Instrument, prices: Range) -> tuple[float, ...]:
        return tuple(shown(market, instrument, price) for price in prices)

    return show  # type: ignore[return-value] # a Range has four prices


def _bid_ask(
    market: Market, instrument: Instrument, prices: Range
) -> tuple[float, float, float, float]:
    """Average bid, highest ask, lowest bid, average ask: what the four mean for BID_ASK."""
    middle = (prices.open + prices.close) / 2
    return (
        market.bid(instrument, middle),
        market.ask(instrument, prices.high),
        market.bid(instrument, prices.low),
        market.ask(instrument, middle),
    )


Four = tuple[float, float, float, float]


def _flat(value: float) -> Four:
    return value, value, value, value


def _volatility(_: Market, instrument: Instrument, __: Range) -> Four:
    return _flat(instrument.volatility)


def _implied_volatility(_: Market, instrument: Instrument, __: Range) -> Four:
    return _flat(round(instrument.volatility * IMPLIED_RATIO, 6))


def _fee_rate(_: Market, __: Instrument, ___: Range) -> Four:
    return _flat(BORROW_RATE)


def _yield_by(shown: Callable[[Market, Instrument, float], float]) -> Show:
    def show(market: Market, instrument: Instrument, prices: Range) -> tuple[float, ...]:
        # the lowest yield belongs to the highest price
        ordered = (prices.open, prices.low, prices.high, prices.close)
        return tuple(current_yield(instrument, shown(market, instrument, p)) for p in ordered)

    return show  # type: ignore[return-value] # a Range has four prices


def _yield_bid_ask(market: Market, instrument: Instrument, prices: Range) -> Four:
    """Average at the bid, highest at the lowest bid, lowest at the highest ask, average at ask."""
    bid, ask, low, average_ask = _bid_ask(market, instrument, prices)
    prices_shown = (bid, low, ask, average_ask)
    first, second, third, last = (current_yield(instrument, price) for price in prices_shown)
    return first, second, third, last


def current_yield(instrument: Instrument, price: float) -> float:
    """A bond's coupon in percent of its price: the current yield, not that to maturity."""
    coupon = COUPONS.get(instrument.con_id, 0.0)
    return round(100 * coupon / price, 6) if price > 0 else 0.0


SHOWS: dict[str, Show] = {
    "TRADES": _by(Market.last),
    "ADJUSTED_LAST": _by(Market.last),
    "MIDPOINT": _by(Market.midpoint),
    "BID": _by(Market.bid),
    "ASK": _by(Market.ask),
    "BID_ASK": _bid_ask,
    "HISTORICAL_VOLATILITY": _volatility,
    "OPTION_IMPLIED_VOLATILITY": _implied_volatility,
    "AGGTRADES": _by(Market.last),
    "FEE_RATE": _fee_rate,
    "YIELD_BID": _yield_by(Market.bid),
    "YIELD_ASK": _yield_by(Market.ask),
    "YIELD_BID_ASK": _yield_bid_ask,
    "YIELD_LAST": _yield_by(Market.last),
}
"""What can be shown, and how it is read from unrounded prices."""

TRADED = frozenset({"TRADES", "ADJUSTED_LAST", "AGGTRADES"})
QUOTED = frozenset({"MIDPOINT", "BID", "ASK", "BID_ASK"})
SHOWN_FOR = {
    "HISTORICAL_VOLATILITY": frozenset({"STK", "IND"}),
    "OPTION_IMPLIED_VOLATILITY": frozenset({"STK", "IND"}),
    "FEE_RATE": frozenset({"STK"}),
    "AGGTRADES": frozenset({"CRYPTO"}),
    "TRADES": frozenset({"STK", "IND", "FUT", "CONTFUT", "OPT", "FOP", "BOND", "BAG"}),
    "ADJUSTED_LAST": frozenset({"STK", "IND"}),
    **dict.fromkeys(["YIELD_BID", "YIELD_ASK", "YIELD_BID_ASK", "YIELD_LAST"], frozenset({"BOND"})),
}
"""Security types that have that kind of data; quotes are had of all that have them."""


def has_data(instrument: Instrument, what: str) -> bool:
    """Whether an instrument has anything to show of that kind."""
    if what in QUOTED:
        return instrument.has_quotes
    return instrument.sec_type in SHOWN_FOR[what]


def head_s(instrument: Instrument) -> float:
    """When an instrument's history begins; made up, but for the options and futures."""
    if instrument.con_id in ISSUE_DATES:
        return expiry_s(ISSUE_DATES[instrument.con_id])
    if instrument.expiry:
        return expiry_s(instrument.expiry) - 2 * 365 * DAY_S
    first = date(1985 + mix(instrument.con_id) % 25, 1, 2)
    while not has_session(instrument.sec_type, first):
        first += DAY
    return regular_session_s(first)[0]


# which bars there are


def spans(instrument: Instrument, use_rth: bool, day: date) -> tuple[float, float] | None:
    """The time of a date in which bars lie; for pairs and coins regular hours are all hours."""
    if use_rth and instrument.sec_type not in AROUND_THE_CLOCK:
        return regular_session_s(day) if has_session(instrument.sec_type, day) else None
    return day_start_s(day), day_start_s(day + DAY)


def first_moment_s(
    instrument: Instrument, use_rth: bool, duration: Duration, end_s: float, by_day: bool
) -> float:
    """Where a request begins that ends at `end_s`."""
    day = eastern_day(end_s - STEP_S)
    if duration.unit in "WMY":
        today = spans(instrument, use_rth, day)
        if today and end_s <= today[0]:
            day -= DAY  # it has no bars yet: the window's first day counts instead (fact 5.26)
        return day_start_s(_before(day, duration) + DAY)
    left = duration.number if duration.unit == "D" else float(duration.number)
    while True:
        span = spans(instrument, use_rth, day)
        if span and span[0] < end_s and not (by_day and not has_session(instrument.sec_type, day)):
            length = min(span[1], end_s) - span[0]
            left -= 1 if duration.unit == "D" else length
            if left <= 0:
                return span[0] if duration.unit == "D" else span[0] - left
        day -= DAY


def window_start_s(duration: Duration, end_s: float) -> float:
    """Where the window of a request begins that ends at `end_s`, whatever is traded in it.

    Recorded for a day and for a month (fact 5.26); days of any number are the calendar's [assumed].
    """
    if duration.unit == "S":
        return end_s - duration.number
    moment = eastern(end_s)
    if duration.unit == "D":
        day = moment.date() - timedelta(days=duration.number)
    else:
        day = _before(moment.date(), duration)
    return at_s(day, moment.time())


def _before(day: date, duration: Duration) -> date:
    if duration.unit == "W":
        return day - timedelta(weeks=duration.number)
    months = duration.number * (12 if duration.unit == "Y" else 1)
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def slots(
    instrument: Instrument, use_rth: bool, size_s: int, start_s: float, end_s: float
) -> Iterator[tuple[float, float]]:
    """Start and end of each bar between two moments; the last one may be cut short by `end_s`.

    Bars within a day lie on a grid from midnight, cut by the session.
    """
    day, last_day = eastern_day(start_s), eastern_day(end_s - STEP_S)
    while day <= last_day:
        span = spans(instrument, use_rth, day)
        if span and not (size_s >= DAY_S and not has_session(instrument.sec_type, day)):
            first, last = max(span[0], start_s), min(span[1], end_s)
            if size_s >= DAY_S:
                if first < last:
                    yield first, last
            else:
                midnight_s = day_start_s(day)
                first -= (first - midnight_s) % size_s  # a bar is never cut at its start
                yield from _grid(midnight_s, size_s, max(first, span[0]), last)
        day += DAY


def _grid(
    midnight_s: float, size_s: int, first_s: float, last_s: float
) -> Iterator[tuple[float, float]]:
    number = int((first_s - midnight_s) // size_s)
    while midnight_s + number * size_s < last_s:
        start_s = midnight_s + number * size_s
        yield max(start_s, first_s), min(start_s + size_s, last_s)
        number += 1


# what is in them


def read_bars(
    market: Market,
    instrument: Instrument,
    what: str,
    size_s: int,
    moments: Iterator[tuple[float, float]],
) -> list[Bar]:
    """The bars of these slots; days are put together to weeks and months."""
    found: list[Bar] = []
    pending: list[tuple[float, Range, float, int]] = []

    def flush() -> None:
        if pending:
            found.append(_bar(market, instrument, what, pending))
            pending.clear()

    for start_s, end_s in moments:
        first, end = step_at(start_s), step_at(end_s - STEP_S / 2) + 1
        if end <= first:
            continue
        prices = market.range(instrument, first, end)
        if pending and _period(size_s, pending[-1][0]) != _period(size_s, start_s):
            flush()
        pending.append((start_s, prices, market.traded(instrument, first, end), end - first))
    flush()
    return found


def _period(size_s: int, start_s: float) -> object:
    """What bars have in common that belong together."""
    if size_s == WEEK_S:
        return eastern_day(start_s).isocalendar()[:2]
    if size_s == MONTH_S:
        return eastern_day(start_s).replace(day=1)
    return start_s


def _bar(
    market: Market,
    instrument: Instrument,
    what: str,
    parts: list[tuple[float, Range, float, int]],
) -> Bar:
    ranges = [part[1] for part in parts]
    prices = Range(
        ranges[0].open,
        max(r.high for r in ranges),
        min(r.low for r in ranges),
        ranges[-1].close,
    )
    shown = SHOWS[what](market, instrument, prices)
    # weeks and months carry the date of their last day [assumed]
    start_s = parts[-1][0]
    if what not in TRADED:
        return Bar(start_s, *shown, volume=-1, average=-1, trades=-1)
    average = round(sum(shown) / 4, 6)
    volume, count = sum(part[2] for part in parts), sum(part[3] for part in parts)
    return Bar(start_s, *shown, volume=volume, average=average, trades=count)


# how times are written


def time_text(time_s: float) -> str:
    """A moment with its zone (fact 5.15)."""
    return f"{eastern(time_s):%Y%m%d %H:%M:%S} US/Eastern"


def bar_date_text(start_s: float, size_s: int, format_date: int) -> str:
    """A bar's date: text, or epoch seconds with format 2; bars of days only have a date."""
    if size_s >= DAY_S:
        return f"{eastern_day(start_s):%Y%m%d}"
    if format_date == 2:  # noqa: PLR2004 - the protocol's own number
        return str(int(start_s))
    if format_date == 3:  # noqa: PLR2004 - day and time (fact 5.15), without the year [assumed]
        return time_text(start_s)[4:]
    return time_text(start_s)


def parse_end(text: str) -> tuple[float, bool]:
    """Read an end time; returns it and whether it stated its zone (fact 5.17).

    Raises:
        ValueError: it is no time.
    """
    text = text.strip()
    if "-" in text[:9]:
        moment = datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=timezone.utc)
        return moment.timestamp(), True
    day, clock, *zone = text.split()
    try:
        info = ZoneInfo(zone[0]) if zone else EASTERN
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"unknown time zone {zone[0]!r}") from None
    moment = datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=info)
    return moment.timestamp(), bool(zone)
