"""News articles: made up, from (seed, contract, provider, time) alone, so that all tell the same.

Time is cut into slots; in some of them a provider writes one article about a contract. The id
of an article holds its slot and its contract, so that its text is found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.path import mix

PROVIDERS = (
    ("BRFG", "Briefing.com General Market Columns"),
    ("BRFUPDN", "Briefing.com Analyst Actions"),
    ("DJNL", "Dow Jones Newsletters"),
)
"""Codes and names, as a plain account has them [recorded by many]."""

CODES = tuple(code for code, _ in PROVIDERS)
SLOT_S = 4 * 3600
SLOTS_BACK = 6 * 365
"""A year of slots: older articles are not kept."""

HEADLINES = (
    "{name} trades in line with its sector",
    "{name}: analysts leave their estimates where they were",
    "{name} to present at an industry conference",
    "Volume in {symbol} picks up ahead of the close",
    "{name} names a new head of operations",
    "{symbol} options see steady demand",
    "{name} confirms the date of its annual meeting",
    "A quiet session for {symbol}",
)


class Article(NamedTuple):
    """One article.

    Attributes:
        article_id: what it is asked for by.
        time_s: when it came out.
        provider: code of who wrote it.
        headline: one line.
        score: how good the news is, -1 to 1.
    """

    article_id: str
    time_s: float
    provider: str
    headline: str
    score: float

    @property
    def time_text(self) -> str:
        """Its time as historical news writes it, in UTC."""
        moment = datetime.fromtimestamp(self.time_s, timezone.utc)
        return f"{moment:%Y-%m-%d %H:%M:%S}.0"


class Archive:
    """All articles of a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def at(self, instrument: Instrument, provider: str, slot: int) -> Article | None:
        """What a provider wrote about a contract in a slot, if anything."""
        key = self._seed * 2**40 + instrument.con_id * 2**8 + CODES.index(provider)
        noise = mix(mix(key) ^ slot)
        if noise % 3:
            return None
        headline = HEADLINES[(noise >> 8) % len(HEADLINES)]
        name = instrument.long_name.title() or instrument.symbol
        return Article(
            f"{provider}${slot:06x}{instrument.con_id:08x}",
            slot * SLOT_S + float((noise >> 16) % SLOT_S),
            provider,
            headline.format(name=name, symbol=instrument.symbol),
            round(((noise >> 40) % 2001) / 1000 - 1, 2),
        )

    def before(
        self, instrument: Instrument, providers: tuple[str, ...], time_s: float
    ) -> Iterator[Article]:
        """The articles up to a moment, newest first."""
        last = int(time_s // SLOT_S)
        for slot in range(last, last - SLOTS_BACK, -1):
            found = [self.at(instrument, provider, slot) for provider in providers]
            written = [a for a in found if a is not None and a.time_s <= time_s]
            yield from sorted(written, key=lambda article: -article.time_s)

    def after(
        self, instrument: Instrument, providers: tuple[str, ...], time_s: float
    ) -> Article | None:
        """The next article after a moment, within a day."""
        first = int(time_s // SLOT_S)
        found = [
            article
            for slot in range(first, first + 6)
            for provider in providers
            if (article := self.at(instrument, provider, slot)) and article.time_s > time_s
        ]
        return min(found, key=lambda article: article.time_s, default=None)

    @staticmethod
    def address(article_id: str) -> tuple[str, int, int] | None:
        """Provider, slot and conId of an article's id; None if it is none."""
        provider, _, rest = article_id.partition("$")
        try:
            return provider, int(rest[:6], 16), int(rest[6:], 16)
        except ValueError:
            return None
