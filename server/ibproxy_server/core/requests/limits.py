"""How much may run at the gateway at once, and who holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ibproxy.wire.messages import Request
from ibproxy_server.core.requests.upstream_request import UpstreamRequest


@dataclass(frozen=True)
class Limits:
    """What may run at once; 0: what the gateway allows.

    Attributes:
        market_data_lines: market data and real-time bars (facts 4.1, 4.57).
        depth_books: market depth (fact 4.51).
        tick_by_tick: tick-by-tick data (fact 4.45).
        scanners: scanner subscriptions (fact 4.63).
        history: open requests for history; more wait for a place (fact 5.3). With 0 nothing is
            held back for its pace either.
    """

    market_data_lines: int = 0
    depth_books: int = 0
    tick_by_tick: int = 0
    scanners: int = 0
    history: int = 50


class Kind(NamedTuple):
    """Requests that are counted together.

    Attributes:
        name: of the setting.
        code: the gateway's code for one too many.
        text: its text.
    """

    name: str
    code: int
    text: str

    def most(self, limits: Limits) -> int:
        """Return how many are allowed; 0: what the gateway allows."""
        return int(getattr(limits, self.name))

    def is_reached(self, limits: Limits, running: int) -> bool:
        """Whether there is no room for another."""
        return 0 < self.most(limits) <= running


LINES = Kind("market_data_lines", 101, "Max number of tickers has been reached")  # fact 4.3
_DEPTH = Kind("depth_books", 309, "Max number ({most}) of market depth requests has been reached")
_TICKS = Kind("tick_by_tick", 10190, "Max number of tick-by-tick requests has been reached.")
_SCANNERS = Kind(
    "scanners",
    322,
    "Error processing request.-'ib' : cause - Only {most} simultaneous API scanner "
    "subscriptions are allowed.",
)
HISTORY = Kind(
    "history",
    322,
    "Error processing request.-'ib' : cause - Only {most} simultaneous API historical data "
    "requests allowed.",
)

KINDS: Mapping[int, Kind] = {1: LINES, 50: LINES, 10: _DEPTH, 97: _TICKS, 22: _SCANNERS}
"""Message id of a request -> what it counts as."""

_BY_CONTRACT = frozenset({1, 10, 50})
CONTRACT_FIELDS = 12

CODES = frozenset(kind.code for kind in KINDS.values()) - {322} | {456}
"""Codes by which the gateway says that there is no more room (facts 4.3, 4.45, 4.51, 4.59)."""


def place_of(row: Request, fields: list[bytes]) -> tuple[bytes, ...]:
    """Return what takes up one place: lines and books are counted by contract (4.7, 4.51)."""
    assert row.id_at is not None  # noqa: S101 - the table test holds this
    at = row.id_at + 1
    if row.msg_id in _BY_CONTRACT:
        return tuple(fields[at : at + CONTRACT_FIELDS])
    return tuple(fields[at:])


def holders(requests: Iterable[UpstreamRequest]) -> str:
    """Return who holds what, for people: `beta 60, gamma 40`."""
    count = Counter(
        member.session.strategy for request in requests for member in request.members.values()
    )
    return ", ".join(f"{name} {number}" for name, number in count.most_common()) or "nobody"
