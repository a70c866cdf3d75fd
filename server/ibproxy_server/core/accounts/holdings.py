"""Rows about what is held, whichever message they are of."""

from __future__ import annotations

from ibproxy.wire.messages import Answer


def is_held(row: Answer, payload: bytes) -> bool:
    """Whether a row about what is held states a position other than 0."""
    position_at = row.gone_at[0]
    return float(payload.split(b"\0", position_at + 1)[position_at] or 0) != 0


def closed(row: Answer, payload: bytes) -> bytes:
    """Return a row about what is held, saying that it is not held any more."""
    fields = payload.split(b"\0")
    position_at, *amounts_at = row.gone_at
    fields[position_at] = b"0"
    for at in amounts_at:
        fields[at] = b"0.0"
    return b"\0".join(fields)
