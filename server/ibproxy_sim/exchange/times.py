"""The clock of the exchanges, US/Eastern, and times as messages write them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EASTERN_NAME: Final = "US/Eastern"
EASTERN: Final = ZoneInfo(EASTERN_NAME)
DAY: Final = timedelta(days=1)


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


def eastern_text(time_s: float) -> str:
    """Return e.g. `20260413 15:27:04 US/Eastern` (fact 3.115)."""
    return f"{eastern(time_s):%Y%m%d %H:%M:%S} {EASTERN_NAME}"


def clock_text(time_s: float) -> str:
    """Return e.g. `15:27`, the stamp of account data (fact 2.7)."""
    return f"{eastern(time_s):%H:%M}"


def next_midnight_s(time_s: float) -> float:
    """Return when the day of `time_s` ends."""
    return day_start_s(eastern_day(time_s) + DAY)


def parse_time_s(text: str) -> float:
    """Return the moment that an order's time field means.

    Args:
        text: `yyyymmdd hh:mm:ss zone`, the zone perhaps missing (US/Eastern is assumed then), or
            `yyyymmdd-hh:mm:ss` in UTC; the time of day may be missing too.

    Raises:
        ValueError: it is neither.
    """
    words = text.split()
    if not words:
        raise ValueError("no time")
    zone = timezone.utc if "-" in words[0] else _zone(words[2:])
    clock = words[1] if len(words) > 1 else "23:59:59"
    stamp = words[0].replace("-", " ") if "-" in words[0] else f"{words[0]} {clock}"
    return datetime.strptime(stamp, "%Y%m%d %H:%M:%S").replace(tzinfo=zone).timestamp()


def _zone(words: list[str]) -> ZoneInfo:
    if not words:
        return EASTERN
    try:
        return ZoneInfo(words[0])
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"unknown time zone {words[0]!r}") from None
