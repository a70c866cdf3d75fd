"""The gateway loses IB, and finds it again: 1100, then 1101 or 1102 (facts 7.1 to 7.14).

::

    1100 ──► requests hang ──► 1101: market data is gone     ──► what hung is answered
             ticks stop        1102: it goes on, perhaps without bars
             fills are not told, not even later
"""

from __future__ import annotations

from collections import deque
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

LOST = (1100, "Connectivity between IB and Trader Workstation has been lost.")
RESTORED = {
    "lost": (1101, "Connectivity between IB and Trader Workstation has been restored - data lost."),
    "kept": (
        1102,
        (
            "Connectivity between IB and Trader Workstation has been restored - data maintained. "
            "All data farms are connected: usfarm; usfuture; cashfarm; ushmds; secdefil."
        ),
    ),
}
"""What becomes of market data -> code and text (facts 7.3, 7.4)."""

LOCAL = frozenset(
    map(str, (71, 2, 8, 11, 14, 17, 23, 25, 49, 51, 56, 57, 59, 63, 64, 75, 77, 81, 90, 93, 95, 98))
)
"""Requests that need no server: session and cancels of subscriptions [assumed]."""

PLACE_ORDER = "3"
PLACES_OR_CANCELS = frozenset({PLACE_ORDER, "4", "58"})
MARKET_DATA = ("quotes", "depth", "real_time_bars", "tick_by_tick", "bars")
BARS = ("real_time_bars", "bars")
UNTOLD = frozenset({"3", "5", "11", "59"})
"""Reports of orders and fills: those of the outage never come (fact 7.12)."""

UNTOLD_CODES = frozenset({"201", "202", "10147", "10148", "161", "2104", "2106", "2158"})
"""Errors of orders, and that farms are fine: who connects now hears 1100 instead (fact 7.16)."""

KEPT = frozenset({"6", "7", "8", "61", "63", "71", "73", "94", "95"})
"""Account data: it comes when the link is back (fact 7.14)."""


class Outage(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lose the link to IB: 1100; requests hang, ticks stop, fills stay untold; then 1101, 1102."""

    NAME: ClassVar[str] = "outage"
    FACTS: ClassVar[str] = "2.28, 3.89, 3.90, 7.1-7.6, 7.11-7.14, 11.25, 11.27, 11.38"

    down_s: Annotated[float, Meta(gt=0, description="how long")] = 14.0
    data: Annotated[
        Literal["lost", "kept"], Meta(description="1101 and no market data, or 1102")
    ] = "lost"
    bars: Annotated[
        Literal["dead", "live"], Meta(description="what becomes of bar streams after 1102")
    ] = "dead"
    orders: Annotated[
        Literal["queued", "lost"], Meta(description="what becomes of orders sent meanwhile")
    ] = "queued"
    changes: Annotated[
        Literal["made", "doubled"],
        Meta(description="whether a change of an order sent meanwhile makes a second one"),
    ] = "made"
    fills: Annotated[
        Literal["untold", "told"],
        Meta(description="whether reports of orders and fills come when the link is back"),
    ] = "untold"
    repeat_s: Annotated[float, Meta(gt=0, description="how often 1100 is said again")] = 5.0

    def start(self, site: Site) -> None:
        """Lose it, and plan its return."""
        self._say_lost(site)
        hanging: deque[tuple[Client, list[str]]] = deque()
        kept: deque[tuple[Client, list[str]]] = deque()
        kinds = [site.gateway.streams[name] for name in MARKET_DATA]
        for streams in kinds:
            streams.is_paused = True

        def restore() -> None:
            gone = MARKET_DATA if self.data == "lost" else BARS if self.bars == "dead" else ()
            for name in gone:
                site.gateway.streams[name].clear()
            for streams in kinds:
                streams.is_paused = False
            site.tell_all(*RESTORED[self.data])
            for action in site.gateway.on_restored if self.data == "kept" else ():
                action()
            for client, fields in kept:
                site.answer(client, fields)
            for client, fields in hanging:
                if not self._doubles(site, client, fields):
                    site.request(client, fields)

        site.at_end(restore)  # first, so that nobody stands on the lines any more when it runs
        site.take_requests(lambda client, fields: self._hang(hanging, client, fields))
        late = KEPT | UNTOLD if self.fills == "told" else KEPT
        site.take_answers(lambda client, fields: _withhold(kept, late, client, fields))
        site.later(self.down_s, site.end)

    def _doubles(self, site: Site, client: Client, fields: list[str]) -> bool:
        is_meant = self.changes == "doubled" and fields[0] == PLACE_ORDER
        return is_meant and site.sim.trading.double(client, fields)

    def _say_lost(self, site: Site) -> None:
        site.tell_all(*LOST)
        site.later(self.repeat_s, lambda: self._say_lost(site))

    def _hang(
        self, hanging: deque[tuple[Client, list[str]]], client: Client, fields: list[str]
    ) -> bool:
        if not fields or fields[0] in LOCAL:
            return False
        if fields[0] not in PLACES_OR_CANCELS or self.orders == "queued":
            hanging.append((client, fields))
        return True


def _withhold(
    kept: deque[tuple[Client, list[str]]],
    late: frozenset[str],
    client: Client,
    fields: list[str],
) -> bool:
    if fields[0] in late:
        kept.append((client, fields))
        return True
    return fields[0] in UNTOLD or (fields[0] == "4" and fields[3] in UNTOLD_CODES)
