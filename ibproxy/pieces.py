"""Cuts what came into pieces that a client library digests quickly. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

PIECE_BYTES: Final = 8 * 1024
"""ib_async copies the rest of a piece for each message in it; 2 to 8 KiB were the fastest."""

_LENGTH_BYTES: Final = 4


def cut_pieces(body: bytes) -> Iterator[bytes]:
    """Yield `body` in pieces of whole frames, of about `PIECE_BYTES` unless a frame is larger."""
    size_bytes = len(body)
    if size_bytes <= PIECE_BYTES:
        yield body
        return
    start = end = 0
    while start < size_bytes:
        limit = min(start + PIECE_BYTES, size_bytes)
        while end < limit:
            end += _LENGTH_BYTES + int.from_bytes(body[end : end + _LENGTH_BYTES], "big")
        yield body[start:end]
        start = end
