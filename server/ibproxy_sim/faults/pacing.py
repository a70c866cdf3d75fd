"""What the gateway allows of historical data: facts 5.1 to 5.7.

The counters are shared by all clients (fact 5.6 is [unclear]; shared is what hurts).
"""

from __future__ import annotations

from collections import deque
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from ibproxy_sim.data.bars import ALIASES, BAR_SIZES
from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.wording import fail

BARS, HEAD = "20", "87"
CANCELS = {"25": 2, "90": 1}
"""Messages that end a request -> where its id stands."""

ANSWERS = {"17": 1, "106": 1}
"""Messages that answer a request for bars -> where its id stands."""

SMALL_BAR_S = 30
"""Bars above this are not limited (fact 5.2); head time stamps count as this (5.7)."""

PERIOD_S = 600.0
VIOLATION = "Historical Market Data Service error message:Historical data request pacing violation"
TOO_MANY = "Only {} simultaneous API historical data requests allowed."


class Asked(NamedTuple):
    """One request that counts.

    Attributes:
        time_s: when.
        what: everything but its id.
        source: contract, exchange and kind of data.
        weight: 2 for BID_ASK (fact 5.1).
    """

    time_s: float
    what: tuple[str, ...]
    source: tuple[str, ...]
    weight: int


class PacingRules:
    """Decides whether a request is one too many; pure."""

    def __init__(self, most: int, identical_s: float, burst: int, burst_s: float) -> None:
        self._most = most
        self._identical_s = identical_s
        self._burst = burst
        self._burst_s = burst_s
        self._asked: deque[Asked] = deque()

    def admits(self, asked: Asked) -> bool:
        """Whether the request is allowed; if so it is counted."""
        known = self._asked
        while known and asked.time_s - known[0].time_s >= PERIOD_S:
            known.popleft()
        weight = asked.weight + sum(each.weight for each in known)
        recent = [each for each in known if asked.time_s - each.time_s < self._burst_s]
        in_burst = asked.weight + sum(e.weight for e in recent if e.source == asked.source)
        is_repeated = any(
            each.what == asked.what and asked.time_s - each.time_s < self._identical_s
            for each in known
        )
        if is_repeated or weight > self._most or in_burst >= self._burst:
            return False
        known.append(asked)
        return True


class HistoricalPacing(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Refuse historical requests for bars of 30 seconds or less that come too fast, with 162."""

    NAME: ClassVar[str] = "historical_pacing"
    FACTS: ClassVar[str] = "5.1, 5.2, 5.4-5.7"

    per_10_min: Annotated[int, Meta(ge=1, description="requests; BID_ASK counts twice")] = 60
    identical_s: Annotated[float, Meta(ge=0, description="time between identical ones")] = 15.0
    burst: Annotated[int, Meta(ge=2, description="so many of one kind are too many")] = 6
    burst_s: Annotated[float, Meta(ge=0, description="within this time")] = 2.0

    def start(self, site: Site) -> None:
        """Count from now on."""
        rules = PacingRules(self.per_10_min, self.identical_s, self.burst, self.burst_s)

        def take(client: Client, fields: list[str]) -> bool:
            asked = _asked(fields, site.gateway.now_s)
            if asked is None or rules.admits(asked):
                return False
            site.gateway.error(client, fields[1], 162, VIOLATION)
            return True

        site.take_requests(take)


def _asked(fields: list[str], now_s: float) -> Asked | None:
    """What a request counts as; None if it does not count."""
    kind = fields[0] if fields else ""
    if kind == BARS:
        size = fields[16].strip()
        is_small = BAR_SIZES.get(ALIASES.get(size.lower(), size), 0) <= SMALL_BAR_S
        what = fields[19].upper()
    elif kind == HEAD:
        is_small, what = True, fields[16].upper()
    else:
        return None
    if not is_small:
        return None
    return Asked(now_s, (kind, *fields[2:]), (*fields[2:14], what), 1 + (what == "BID_ASK"))


class HistoricalLimit(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Allow so many open historical requests, streams and head time stamps included, else 322."""

    NAME: ClassVar[str] = "historical_limit"
    FACTS: ClassVar[str] = "5.3, 5.7"

    most: Annotated[int, Meta(ge=1, description="open requests of all clients")] = 50

    def start(self, site: Site) -> None:
        """Count what is asked, and what is answered or cancelled."""
        gateway, open_ones = site.gateway, _Open()

        def take(client: Client, fields: list[str]) -> bool:
            if len(open_ones) >= self.most and fields and fields[0] in {BARS, HEAD}:
                fail(gateway, client, fields[1], TOO_MANY.format(self.most))
                return True
            open_ones.asked(client, fields)
            return False

        site.take_requests(take)
        site.take_answers(open_ones.answered)
        gateway.on_leave.append(open_ones.left)
        site.at_end(lambda: gateway.on_leave.remove(open_ones.left))


class _Open:
    """The requests that are open; whether each is a lasting one."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, str], bool] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def asked(self, client: Client, fields: list[str]) -> None:
        """Note a request, or its cancel."""
        kind = fields[0] if fields else ""
        if kind in CANCELS:
            self._ids.pop((client.number, fields[CANCELS[kind]]), None)
        elif kind in {BARS, HEAD}:
            is_lasting = kind == HEAD or fields[21] == "1"
            self._ids[client.number, fields[1]] = is_lasting

    def answered(self, client: Client, fields: list[str]) -> bool:
        """Note an answer, which goes on."""
        if fields[0] in ANSWERS:
            key = client.number, fields[ANSWERS[fields[0]]]
            if self._ids.get(key) is False:
                del self._ids[key]
        elif fields[0] == "4" and not fields[3].startswith("21"):  # 2174 and the like are notices
            self._ids.pop((client.number, fields[2]), None)
        return False

    def left(self, client: Client) -> None:
        """A client is gone."""
        for key in [key for key in self._ids if key[0] == client.number]:
            del self._ids[key]
