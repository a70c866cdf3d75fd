"""What is said of all the past at once: head time stamps and histograms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import timezone

from ibproxy_sim.data.bars import SHOWS, Duration, first_moment_s, has_data, head_s, slots
from ibproxy_sim.data.history import TOO_MANY, History
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import step_at
from ibproxy_sim.exchange.times import eastern
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import SERVICE_ERROR, fail, refuse, wanted

DUPLICATE_HEAD = "Duplicate head time stamp query for tickid"  # 10176, wrapped (fact 5.9)
HISTOGRAM_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}


class Heads:
    """Serves head time stamps and histograms."""

    def __init__(
        self, gateway: Gateway, universe: Universe, market: Market, history: History
    ) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._history = history

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "87": self.head_timestamp,
            "88": self.histogram,
            "89": self.ignore,
            "90": self.cancel_head,
        }
        self._gateway.on_leave.append(self._forget)

    def head_timestamp(self, client: Client, fields: list[str]) -> None:
        """Answer reqHeadTimeStamp (87); its id stays taken until it is cancelled (5.7, 5.9)."""
        req_id = fields[1]
        if (client.number, req_id) in self._history.open_heads:
            refuse(self._gateway, client, req_id, DUPLICATE_HEAD)
            return
        if self._history.is_full:
            fail(self._gateway, client, req_id, TOO_MANY)
            return
        instrument = wanted(self._gateway, self._universe, client, req_id, fields[2:14])
        if instrument is None:
            return
        what, format_date = fields[16].upper(), fields[17]
        if what not in SHOWS or not has_data(instrument, what):
            self._gateway.error(client, req_id, 162, f"{SERVICE_ERROR}No head time stamp")
            return
        self._history.open_heads.add((client.number, req_id))
        moment_s = head_s(instrument)
        text = utc_text(moment_s) if format_date == "1" else str(int(moment_s))
        self._gateway.send(client, 88, req_id, text)

    def cancel_head(self, client: Client, fields: list[str]) -> None:
        """Take cancelHeadTimeStamp (90): the answer is out already, its id is free again."""
        self._history.open_heads.discard((client.number, fields[1]))

    def _forget(self, client: Client) -> None:
        gone = {key for key in self._history.open_heads if key[0] == client.number}
        self._history.open_heads -= gone

    def histogram(self, client: Client, fields: list[str]) -> None:
        """Answer reqHistogramData (88): how much was traded at which price, by the minute."""
        req_id = fields[1]
        instrument = wanted(self._gateway, self._universe, client, req_id, fields[2:14])
        if instrument is None:
            return
        days = _histogram_days(fields[16])
        if days is None or not instrument.has_trades:
            refuse(self._gateway, client, req_id, "Invalid histogram period")  # [assumed] wording
            return
        counts = self._histogram(instrument, fields[15] == "1", days)
        rows = [field for price in sorted(counts) for field in (price, counts[price])]
        self._gateway.send(client, 89, req_id, len(counts), *rows)

    def _histogram(self, instrument: Instrument, use_rth: bool, days: int) -> Counter[float]:
        counts: Counter[float] = Counter()
        end_s = self._gateway.now_s
        start_s = first_moment_s(instrument, use_rth, Duration(days, "D"), end_s, by_day=False)
        for begin_s, stop_s in slots(instrument, use_rth, 60, start_s, end_s):
            first = step_at(begin_s)
            price = self._market.last(instrument, self._market.price(instrument, first))
            counts[price] += int(self._market.traded(instrument, first, step_at(stop_s)))
        return counts

    def ignore(self, client: Client, fields: list[str]) -> None:
        """Take a cancel that has nothing to end: the answer is out already."""


def utc_text(time_s: float) -> str:
    """A moment in UTC."""
    return f"{eastern(time_s).astimezone(timezone.utc):%Y%m%d-%H:%M:%S}"


def _histogram_days(text: str) -> int | None:
    """Days of a period such as `3 days`; None if it is none."""
    words: Sequence[str] = text.split()
    if len(words) != 2 or not words[0].isdigit():  # noqa: PLR2004 - a number and a unit
        return None
    days = HISTOGRAM_UNITS.get(words[1].lower().rstrip("s"))
    return math.ceil(int(words[0]) * days) if days and int(words[0]) else None
