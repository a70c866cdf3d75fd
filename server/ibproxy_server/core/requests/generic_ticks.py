"""Which ticks a generic tick list asks for (facts 4.23 to 4.27).

Requests for one contract share a line upstream, with the union of their lists; what only others
have asked for is kept from a client.
"""

from __future__ import annotations

from collections.abc import Iterable

NEWS = b"292"
DEFAULTS_OFF = b"mdoff"
"""Switches the default ticks off (fact 4.25): never on a line with others who want them."""

TICKS: dict[bytes, frozenset[bytes]] = {
    number: frozenset(kinds.split())
    for number, kinds in {
        b"100": b"29 30",
        b"101": b"27 28",
        b"104": b"23",
        b"105": b"87",
        b"106": b"24",
        b"162": b"31",
        b"165": b"15 16 17 18 19 20 21",
        b"221": b"37",
        b"225": b"34 35 36 61",
        b"232": b"37",
        b"233": b"48",
        b"236": b"46 89",
        b"258": b"47",
        NEWS: b"62",
        b"293": b"54",
        b"294": b"55",
        b"295": b"56",
        b"318": b"57",
        b"375": b"77",
        b"411": b"58",
        b"456": b"59",
        b"460": b"60",
        b"576": b"94 95",
        b"577": b"96",
        b"578": b"92 93",
        b"586": b"101 102",
        b"588": b"86",
        b"595": b"63 64 65",
        b"614": b"98 99",
        b"619": b"79",
        b"623": b"97",
    }.items()
}
"""Generic tick id -> the tick types that it brings [D25/21, table of tick types]."""

_TICK_MESSAGES = frozenset({b"1", b"2", b"21", b"45", b"46", b"47"})
"""Messages whose first field behind the request id is the tick type."""

_NEWS_MESSAGE = b"84"


def parse(text: bytes) -> frozenset[bytes]:
    """Return the items of a list; news sources are items of their own, `292:CODE`."""
    items: set[bytes] = set()
    for item in (each.strip() for each in text.split(b",")):
        number, _, sources = item.partition(b":")
        if sources:
            items |= {number + b":" + source for source in sources.split(b"+")}
        elif item:
            items.add(item)
    return frozenset(items)


def join(items: Iterable[bytes]) -> bytes:
    """Return the list that asks for all items."""
    every = set(items)
    plain = sorted(item for item in every if b":" not in item)
    if NEWS in every:
        return b",".join(plain)
    sources = sorted(item.partition(b":")[2] for item in every if b":" in item)
    return b",".join([*plain, *([NEWS + b":" + b"+".join(sources)] if sources else [])])


def is_known(item: bytes) -> bool:
    """Whether it is known which ticks an item brings, so that they can be kept from others."""
    number, _, source = item.partition(b":")
    return number == NEWS if source else number in TICKS


def covers(items: frozenset[bytes], wanted: frozenset[bytes]) -> bool:
    """Whether a line with `items` brings all that is `wanted`; plain news mean every source."""
    return all(each in items or (each.startswith(NEWS + b":") and NEWS in items) for each in wanted)


class TickFilter:
    """What of a line with more generic ticks concerns a request that asked for fewer.

    Args:
        items: what the line was asked for.
        wanted: what the request asked for.
    """

    def __init__(self, items: frozenset[bytes], wanted: frozenset[bytes]) -> None:
        self._unwanted = _kinds(items) - _kinds(wanted)
        self._has_all_news = NEWS in wanted
        self._sources = frozenset(each.partition(b":")[2] for each in wanted if b":" in each)

    def __call__(self, msg_id: bytes, tail: bytes) -> bool:
        """Whether a message is to be shown.

        Args:
            msg_id: its message id.
            tail: what stands behind its request id.
        """
        if msg_id in _TICK_MESSAGES:
            return tail[: tail.index(b"\0")] not in self._unwanted
        if msg_id == _NEWS_MESSAGE:  # time, source, article, ...
            return self._has_all_news or tail.split(b"\0", 2)[1] in self._sources
        return True


def _kinds(items: frozenset[bytes]) -> frozenset[bytes]:
    return frozenset().union(*(TICKS.get(each.partition(b":")[0], ()) for each in items))
