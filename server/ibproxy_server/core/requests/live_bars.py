"""Where history meets the live bars that follow it (facts 5.23, 5.24)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ibproxy_server.core.requests.memory import Part

BAR_FIELDS = 8
"""Of a bar in 17: time, open, high, low, close, volume, average, count."""

LIVE_HEAD = b"90\0"
"""What stands before the request id of an update."""

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


def last_bar(past: bytes) -> bytes:
    """Return the time of the last bar of an answer, empty if it has none."""
    bars = _bars(past)
    return bars[-1][_TIME] if bars else b""


def missed_bars(past: bytes, told_until: bytes) -> Iterator[bytes]:
    """Return the bars of an answer from one time on, as updates would have told them.

    Args:
        past: the answer (17), from behind its request id on.
        told_until: time of the last bar that was told; it may not have been finished then.
    """
    for time, opened, high, low, closed, volume, average, count in _bars(past):
        if time >= told_until:
            update = count, time, opened, closed, high, low, average, volume  # fact 5.24
            yield b"\0".join(update) + b"\0"


def _bars(past: bytes) -> list[list[bytes]]:
    """Return the bars of an answer; before them stand the window and their count (fact 5.26)."""
    fields = past.split(b"\0")[:_CLOSED_END]
    first = len(fields) % BAR_FIELDS
    return [fields[at : at + BAR_FIELDS] for at in range(first, len(fields), BAR_FIELDS)]
