"""On which days the exchanges are closed or close early: the holidays of New York's.

The dates come from the package `holidays`. The stand-in keeps one calendar for all that is
traded in sessions; pairs and coins know no holidays here [simplified].
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from holidays import financial_holidays

EXCHANGE = "XNYS"
FRIDAY = 4


@lru_cache(maxsize=256)
def holidays_of(year: int) -> frozenset[date]:
    """The days of a year on which the exchange is closed."""
    return frozenset(financial_holidays(EXCHANGE, years=year))


@lru_cache(maxsize=256)
def half_days_of(year: int) -> frozenset[date]:
    """The days of a year on which the exchange closes at 13:00."""
    return frozenset(financial_holidays(EXCHANGE, years=year, categories=("half_day",)))


def is_holiday(day: date) -> bool:
    """Whether a holiday closes the exchange on that date."""
    return day in holidays_of(day.year)


def closes_early(day: date) -> bool:
    """Whether the regular session ends at 13:00 on that date."""
    return day in half_days_of(day.year)


def is_weekday(day: date) -> bool:
    """Whether it is no Saturday or Sunday."""
    return day.weekday() <= FRIDAY


def is_session_day(day: date) -> bool:
    """Whether there is a regular session on that date."""
    return is_weekday(day) and not is_holiday(day)
