"""Chains of options, and when futures and options expire.

A chain numbers its options through, so that one is found by its conId without a list of all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from ibproxy_sim.exchange.calendars import FRIDAY, is_session_day
from ibproxy_sim.exchange.hours import third_friday
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.listings import MONTH_CODES, OPTIONS, FutureRoot, OptionRoot
from ibproxy_sim.exchange.times import DAY

WEEKLY_FRIDAYS = 8
DAILY_EXPIRIES = 10
MONTHLY_EXPIRIES = 6
FAR_STEP = 5
"""Beyond the near strikes only each fifth one is listed."""

FAR_STRIKES = 12


def months_from(day: date, count: int) -> Iterator[date]:
    """The first days of the months from that of `day` on."""
    for number in range(count):
        year, month = divmod(day.year * 12 + day.month - 1 + number, 12)
        yield date(year, month + 1, 1)


def session_day_at(day: date) -> date:
    """The day itself if there is a session, else the last one before it."""
    while not is_session_day(day):
        day -= DAY
    return day


def future_expiries(root: FutureRoot, today: date) -> list[tuple[date, date]]:
    """Delivery month and last trade date of the futures that are listed on a day.

    Futures of indices end on the third Friday; commodities here all on the 20th or the
    weekday before, of the month before delivery [assumed, for simplicity].
    """
    found = []
    for month in months_from(today, 30):
        if month.month not in root.months:
            continue
        if root.follows:
            expiry = session_day_at(third_friday(month.year, month.month))
        else:
            expiry = session_day_at((month - DAY).replace(day=20))
        if expiry >= today:
            found.append((month, expiry))
    return found[: root.listed]


def option_expiries(root: OptionRoot, today: date) -> list[date]:
    """Last trade dates of the options of a class that are listed on a day.

    SPX's own class settles on the third Friday's opening, so it ends the day before.
    """
    found = set()
    if root.monthly:
        for month in months_from(today, MONTHLY_EXPIRIES + 1):
            friday = session_day_at(third_friday(month.year, month.month))
            is_early = root.trading_class == "SPX"
            found.add(session_day_at(friday - DAY) if is_early else friday)
    if root.weekly:
        fridays = [today + timedelta(days=(FRIDAY - today.weekday()) % 7)]
        fridays += [fridays[0] + timedelta(weeks=n) for n in range(1, WEEKLY_FRIDAYS)]
        found.update(session_day_at(friday) for friday in fridays)
        if root.trading_class in {"SPXW", "SPY", "QQQ"}:
            days = [today + n * DAY for n in range(2 * DAILY_EXPIRIES)]
            found.update([day for day in days if is_session_day(day)][:DAILY_EXPIRIES])
    return sorted(day for day in found if day > today)


def option_strikes(root: OptionRoot, spot: float) -> list[float]:
    """Strikes around a price: close together near it, further apart away from it."""
    step, side = root.step, root.strikes_each_side
    middle = round(spot / step) * step
    wide = step * FAR_STEP
    strikes = {middle + n * step for n in range(-side, side + 1)}
    low, high = math.floor(min(strikes) / wide), math.ceil(max(strikes) / wide)
    strikes |= {n * wide for n in range(low - FAR_STRIKES, low + 1)}
    strikes |= {n * wide for n in range(high, high + FAR_STRIKES + 1)}
    return sorted(strike for strike in strikes if strike > 0)


class Chain:
    """All options of one trading class.

    Attributes:
        root: its class.
        underlying: what they are options on.
        expiries: last trade dates, yyyymmdd, in order.
        strikes: strikes, in order; the same for each expiry.
    """

    def __init__(
        self,
        root: OptionRoot,
        underlying: Instrument,
        expiries: Sequence[date],
        strikes: Sequence[float],
        first_con_id: int,
    ) -> None:
        self.root = root
        self.underlying = underlying
        self.expiries = [f"{day:%Y%m%d}" for day in expiries]
        self.strikes = list(strikes)
        self._days = list(expiries)
        self._first = first_con_id
        self._made: dict[int, Instrument] = {}

    @property
    def count(self) -> int:
        """How many options there are."""
        return 2 * len(self.expiries) * len(self.strikes)

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Where they can be asked for."""
        if self.root.sec_type == "FOP":
            return (self.underlying.exchange,)
        others = () if self.underlying.sec_type == "IND" else ("AMEX", "ISE", "PHLX")
        return ("SMART", "CBOE", *others)

    def holds(self, con_id: int) -> bool:
        """Whether an option of this chain has that conId."""
        return self._first <= con_id < self._first + self.count

    def at(self, con_id: int) -> Instrument:
        """The option with that conId."""
        option = self._made.get(con_id)
        if option is None:
            number, right = divmod(con_id - self._first, 2)
            option = self._make(con_id, *divmod(number, len(self.strikes)), "CP"[right])
            self._made[con_id] = option
        return option

    def select(
        self, expiry: str, strike: float, right: str, local_symbol: str
    ) -> Iterator[Instrument]:
        """The options that have all of this; what is empty is not looked at."""
        if local_symbol and not local_symbol.startswith(self.root.trading_class):
            return
        for day, text in enumerate(self.expiries):
            if not text.startswith(expiry):
                continue
            for level, listed in enumerate(self.strikes):
                if strike and strike != listed:
                    continue
                number = self._first + 2 * (day * len(self.strikes) + level)
                if right != "P":
                    yield self.at(number)
                if right != "C":
                    yield self.at(number + 1)

    def _make(self, con_id: int, day: int, level: int, right: str) -> Instrument:
        root, under, strike = self.root, self.underlying, self.strikes[level]
        expiry = self._days[day]
        shown = expiry + DAY if root.trading_class == "SPX" else expiry
        symbol = f"{root.trading_class:<6}{shown:%y%m%d}{right}{round(strike * 1000):08d}"
        if root.sec_type == "FOP":
            month = f"{MONTH_CODES[expiry.month - 1]}{expiry.year % 10}"
            symbol = f"{root.trading_class}{month} {right}{strike:g}"
        return Instrument(
            con_id=con_id,
            symbol=root.underlying,
            sec_type=root.sec_type,
            expiry=f"{expiry:%Y%m%d}",
            strike=strike,
            right=right,
            multiplier=root.multiplier,
            exchange=self.exchanges[0],
            local_symbol=symbol,
            trading_class=root.trading_class,
            min_tick=root.min_tick,
            long_name=under.long_name,
            exchanges=self.exchanges,
            under_con_id=under.con_id,
            under_sec_type=under.sec_type,
            contract_month=f"{shown:%Y%m}",
            driver=under.driver,
            ratio=under.ratio,
            volatility=root.volatility,
        )


def make_chains(
    today: date, spots: Sequence[tuple[Instrument, float]], first_con_id: int
) -> tuple[Chain, ...]:
    """All chains.

    Args:
        today: date in US/Eastern.
        spots: underlyings and their prices.
        first_con_id: conId of the first option of the first chain.
    """
    chains = []
    for root in OPTIONS:
        on = [
            (under, spot)
            for under, spot in spots
            if under.symbol == root.underlying and (under.sec_type == "FUT") == root.is_on_future
        ]
        expiries, used = option_expiries(root, today), ""
        for underlying, spot in on:
            # options on a future end when it does or before, and after the future before it
            mine = [
                day
                for day in expiries
                if not root.is_on_future or used < f"{day:%Y%m%d}" <= underlying.expiry
            ]
            used = underlying.expiry
            chain = Chain(root, underlying, mine, option_strikes(root, spot), first_con_id)
            if mine:
                chains.append(chain)
                first_con_id += chain.count
    return tuple(chains)
