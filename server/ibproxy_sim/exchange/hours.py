"""Trading hours.

The stand-in's market itself is open around the clock unless its settings say otherwise, so
that people can try it at any time. The hours here are what contract details state, what
historical data cuts with `useRTH`, and when a market that keeps hours is open.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ibproxy_sim.exchange.calendars import FRIDAY, closes_early, is_session_day, is_weekday
from ibproxy_sim.exchange.times import DAY, at_s, day_start_s, eastern_day

REGULAR = (time(9, 30), time(16, 0))
"""Regular session of stocks, options, indices and (liquid hours of) futures."""

EARLY_CLOSE = time(13)
EXTENDED = (time(4), time(20))
OVERNIGHT_START = {"CASH": time(17, 15)}
"""When the session of the next day begins; 18:00 for what is not named."""

OVERNIGHT_END = time(17)
ALL_WEEK = frozenset({"CRYPTO"})
OVERNIGHT = frozenset({"CASH", "FUT", "CONTFUT", "FOP"})
"""Security types that trade through the night, and (above) at weekends too."""

ZONES = {
    "CME": "US/Central", "CBOT": "US/Central",
    "IBIS": "MET", "EBS": "MET", "MEXI": "US/Central",
}  # fmt: skip
"""Time zone of an exchange, where it is not US/Eastern."""


def zone_of(exchange: str) -> str:
    """Name of the time zone in which an exchange states its hours."""
    return ZONES.get(exchange, "US/Eastern")


def has_session(sec_type: str, day: date) -> bool:
    """Whether a security type trades in regular hours on that date."""
    if sec_type in ALL_WEEK:
        return True
    return is_weekday(day) if sec_type == "CASH" else is_session_day(day)


def previous_session_day(day: date) -> date:
    """The last day before `day` with a regular session."""
    day -= DAY
    while not is_session_day(day):
        day -= DAY
    return day


def regular_session_s(day: date) -> tuple[float, float]:
    """Start and end of that day's regular session."""
    return at_s(day, REGULAR[0]), at_s(day, EARLY_CLOSE if closes_early(day) else REGULAR[1])


def session_s(sec_type: str, day: date, *, liquid: bool) -> tuple[float, float] | None:
    """Start and end of the session that is named after a date; None if there is none.

    Args:
        sec_type: security type.
        day: date of the session; an overnight one begins the evening before.
        liquid: regular hours instead of all trading hours.
    """
    if not has_session(sec_type, day):
        return None
    if sec_type in ALL_WEEK:
        return day_start_s(day), day_start_s(day + DAY)
    if sec_type == "CASH" or (sec_type in OVERNIGHT and not liquid):
        start = OVERNIGHT_START.get(sec_type, time(18))
        return at_s(day - DAY, start), at_s(day, OVERNIGHT_END)
    if sec_type == "STK" and not liquid:
        end = time(17) if closes_early(day) else EXTENDED[1]
        return at_s(day, EXTENDED[0]), at_s(day, end)
    return regular_session_s(day)


def is_open(sec_type: str, time_s: float, *, liquid: bool) -> bool:
    """Whether the market of a security type is open at a moment, if it keeps its hours."""
    day = eastern_day(time_s)
    sessions = [session_s(sec_type, d, liquid=liquid) for d in (day, day + DAY)]
    return any(span is not None and span[0] <= time_s < span[1] for span in sessions)


def last_open_s(sec_type: str, time_s: float) -> float:
    """The moment itself if regular trading is on, else the end of the session before it."""
    day = eastern_day(time_s) + DAY
    while True:
        span = session_s(sec_type, day, liquid=True)
        if span and span[0] <= time_s:
            return min(time_s, span[1])
        day -= DAY


def next_open_s(sec_type: str, time_s: float, *, liquid: bool = True) -> float:
    """The moment itself if (regular) trading is on, else when it begins next."""
    day = eastern_day(time_s)
    while True:
        span = session_s(sec_type, day, liquid=liquid)
        if span and time_s < span[1]:
            return max(time_s, span[0])
        day += DAY


def third_friday(year: int, month: int) -> date:
    """The day on which monthly options and quarterly futures of that month expire."""
    first = date(year, month, 1)
    return first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 14)


def hours_text(
    sec_type: str, first_day: date, days: int, *, liquid: bool, zone: str = "US/Eastern"
) -> str:
    """Trading hours as contract details state them.

    Args:
        sec_type: security type.
        first_day: first date of the text.
        days: how many dates.
        liquid: liquid hours instead of trading hours.
        zone: name of the time zone in which they are stated.
    """
    info = ZoneInfo(zone)
    parts = []
    for number in range(days):
        day = first_day + number * DAY
        span = session_s(sec_type, day, liquid=liquid)
        if span is None:
            parts.append(f"{day:%Y%m%d}:CLOSED")
            continue
        moments = (datetime.fromtimestamp(moment_s, info) for moment_s in span)
        parts.append("-".join(f"{moment:%Y%m%d:%H%M}" for moment in moments))
    return ";".join(parts)
