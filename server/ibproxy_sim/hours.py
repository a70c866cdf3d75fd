"""Trading hours, and the clock of the exchanges: US/Eastern.

The stand-in's market itself is open around the clock, so that people can try it at any time.
The hours here are what contract details state, and what historical data cuts with `useRTH`.
There is no holiday calendar yet.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("US/Eastern")
DAY = timedelta(days=1)
FRIDAY = 4

REGULAR = (time(9, 30), time(16, 0))
"""Regular session of stocks, options, indices and (liquid hours of) futures."""


@lru_cache(maxsize=4096)
def at_s(day: date, moment: time) -> float:
    """Seconds since the epoch of a wall-clock time in US/Eastern."""
    return datetime.combine(day, moment, EASTERN).timestamp()


def day_start_s(day: date) -> float:
    """Seconds since the epoch of midnight in US/Eastern."""
    return at_s(day, time())


def eastern(time_s: float) -> datetime:
    """The wall clock of US/Eastern."""
    return datetime.fromtimestamp(time_s, timezone.utc).astimezone(EASTERN)


def eastern_day(time_s: float) -> date:
    """The date in US/Eastern."""
    return eastern(time_s).date()


def is_weekday(day: date) -> bool:
    """Whether there is regular trading on that date."""
    return day.weekday() <= FRIDAY


def previous_weekday(day: date) -> date:
    """The last weekday before `day`."""
    day -= DAY
    while not is_weekday(day):
        day -= DAY
    return day


def regular_session_s(day: date) -> tuple[float, float]:
    """Start and end of that day's regular session."""
    return at_s(day, REGULAR[0]), at_s(day, REGULAR[1])


def third_friday(year: int, month: int) -> date:
    """The day on which monthly options and quarterly futures of that month expire."""
    first = date(year, month, 1)
    return first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 14)


def hours_text(kind: str, first_day: date, days: int, liquid: bool) -> str:
    """Trading hours as contract details state them.

    Args:
        kind: security type.
        first_day: first date of the text.
        days: how many dates.
        liquid: liquid hours instead of trading hours.
    """
    around_the_clock = kind in {"CASH", "FUT", "CONTFUT"} and not (liquid and kind != "CASH")
    parts = []
    for number in range(days):
        day = first_day + number * DAY
        if around_the_clock:
            parts.append(_overnight_session(day, kind))
        elif not is_weekday(day):
            parts.append(f"{day:%Y%m%d}:CLOSED")
        else:
            extended = kind == "STK" and not liquid
            start, end = ("0400", "2000") if extended else ("0930", "1600")
            parts.append(f"{day:%Y%m%d}:{start}-{day:%Y%m%d}:{end}")
    return ";".join(parts)


def _overnight_session(day: date, kind: str) -> str:
    """The session that ends on `day`: it begins the evening before, Sunday for Monday's."""
    if not is_weekday(day):
        return f"{day:%Y%m%d}:CLOSED"
    start = "1715" if kind == "CASH" else "1800"
    return f"{day - DAY:%Y%m%d}:{start}-{day:%Y%m%d}:1700"
