"""Where history meets the live bars that follow it (facts 5.23, 5.24)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ibproxy_server.core.requests.memory import Part

BAR_FIELDS = 8
"""Of a bar in 17: time, open, high, low, close, volume, average, count."""

_VOLUME_OF_BAR, _TIME_OF_UPDATE, _VOLUME_OF_UPDATE = 5, 1, -1
_TIME, _CLOSED_END = 0, -1


def newer_bars(past: bytes, updates: Iterable[Part]) -> Iterator[Part]:
    """Return the updates (90) that say more than an answer (17), in their order.

    An answer may have been long on its way while live bars came: what is later than its last
    bar, or is that bar with more volume, belongs behind it. Bars without volume are left to the
    next update, which comes within seconds (fact 5.23).

    Args:
        past: the answer, from behind its request id on.
        updates: live bars, each with what stands behind its request id.
    """
    fields = past.split(b"\0")[:_CLOSED_END]
    last = fields[-BAR_FIELDS:] if len(fields) > BAR_FIELDS else None
    for head, tail in updates:
        update = tail.split(b"\0")[:_CLOSED_END]
        time = update[_TIME_OF_UPDATE]
        if (
            last is None
            or time > last[_TIME]
            or (
                time == last[_TIME]
                and float(update[_VOLUME_OF_UPDATE]) > float(last[_VOLUME_OF_BAR])
            )
        ):
            yield head, tail
