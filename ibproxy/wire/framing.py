r"""TWS's frame format, both directions.

::

    client's first bytes   API\0
    then every message     ┌────────────────┬──────────────────────────────┐
                           │ length, 4 bytes│ field \0 field \0 ... field \0 │
                           │ big-endian     │ `length` bytes                │
                           └────────────────┴──────────────────────────────┘

A *payload* is the part after the length. Fields are ended, not separated, by NUL.
Source: wire-table section 1 [api ibapi/comm.py, ib_async/client.py].
"""

from __future__ import annotations

import struct

from ibproxy.errors import RemoteProtocolError

MAX_PAYLOAD_BYTES = 0xFFFFFF
"""Largest payload that IBKR's own readers take [api ibapi/client.py, const.py]."""

GREETING = b"API\0"
"""What a client sends before its first frame [api ibapi/client.py]."""

_LENGTH = struct.Struct(">I")
prefix = _LENGTH.pack
"""Length in bytes -> the four bytes that precede a payload of that length."""


def frame(payload: bytes) -> bytes:
    """Return `payload` with its length in front, ready to be sent."""
    return prefix(len(payload)) + payload


def join_fields(*fields: object) -> bytes:
    """Return the payload of a message with these fields.

    Booleans become 1 or 0, None becomes empty, everything else its `str`.
    """
    return "".join(f"{_text(field)}\0" for field in fields).encode()


def split_fields(payload: bytes) -> list[str]:
    """Return the fields of `payload` as text; bytes that are no UTF-8 stay readable."""
    fields = payload.decode(errors="backslashreplace").split("\0")
    fields.pop()  # behind the last NUL
    return fields


def _text(field: object) -> str:
    if field is None:
        return ""
    if isinstance(field, bool):
        return "1" if field else "0"
    return str(field)


class FrameBuffer:
    """Cuts a stream of bytes into payloads, wherever the stream was split.

    Attributes:
        pending_bytes: how many bytes of an unfinished frame are held.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that has not come whole yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the stream and return the payloads completed by them.

        Raises:
            RemoteProtocolError: a frame claims to be longer than `MAX_PAYLOAD_BYTES`.
        """
        if self._rest:
            data = self._rest + data
        payloads = []
        start, available = 0, len(data)
        unpack_length = _LENGTH.unpack_from
        while available - start >= 4:  # noqa: PLR2004 - the length's own size
            (length,) = unpack_length(data, start)
            if length > MAX_PAYLOAD_BYTES:
                self._rest = b""
                raise RemoteProtocolError(
                    f"a frame claims {length} bytes; at most {MAX_PAYLOAD_BYTES} are allowed"
                )
            end = start + 4 + length
            if end > available:
                break
            payloads.append(data[start + 4 : end])
            start = end
        self._rest = data[start:]
        return payloads
