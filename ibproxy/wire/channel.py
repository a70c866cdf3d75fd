"""One end of a session's numbered stream of data: what has to leave, what is to be believed.

::

    put ──► waiting ──── has_left ────► on the way ──── acknowledge ────► forgotten
               ▲                            │
               └────────── rewind ──────────┘      the link broke, and there is a new one

A message keeps its number for good. What the other side has not acknowledged is kept, so that it
can leave again; a number that has come before is recognised and its message not taken twice. So
across any number of links each message is taken once and in order, and a repeat of a request is
answered by what was stored before it was sent the first time.

Pure: it is told the time, and hands bytes to nobody.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

from ibproxy.errors import RemoteProtocolError

ACK_EVERY_BYTES: Final = 64 * 1024
"""A receiver acknowledges at the latest after so many bytes of data."""

WINDOW_BYTES: Final = 4 * 1024 * 1024
"""A sender holds back what would put more than this on the way unacknowledged."""

LATE_S: Final = 1.0
"""A message that leaves so long after it was put says how old it is."""

DATA: Final = b"D"
_NUMBERS: Final = struct.Struct(">QQ")
_AGE: Final = struct.Struct(">I")
DATA_HEADER_BYTES: Final = 1 + _NUMBERS.size
LATE_HEADER_BYTES: Final = DATA_HEADER_BYTES + _AGE.size
_MAX_AGE_MS: Final = 2**32 - 1


class Channel:
    """One end of a stream.

    Attributes:
        received: highest number taken from the other side.
        unacked_bytes: how much is kept: on the way and not acknowledged, or waiting to leave.
        age_s: how old the message that was taken last was when it left, in seconds; 0 if it left
            at once.
    """

    __slots__ = (
        "_acknowledged",
        "_last_left",
        "_last_number",
        "_on_the_way",
        "_unreported_bytes",
        "_waiting",
        "age_s",
        "received",
        "unacked_bytes",
    )

    def __init__(self) -> None:
        self.received = 0
        self.unacked_bytes = 0
        self.age_s = 0.0
        self._last_number = 0
        self._last_left = 0
        self._acknowledged = 0
        self._waiting: deque[tuple[int, bytes, float]] = deque()
        self._on_the_way: deque[tuple[int, bytes, float]] = deque()
        self._unreported_bytes = 0

    @property
    def may_put(self) -> bool:
        """Whether the window is open."""
        return self.unacked_bytes < WINDOW_BYTES

    @property
    def has_waiting(self) -> bool:
        """Whether a message has to leave, for the first time or again."""
        return bool(self._waiting)

    @property
    def owes_ack(self) -> bool:
        """Whether enough has come that the other side should be told now."""
        return self._unreported_bytes >= ACK_EVERY_BYTES

    @property
    def has_unreported(self) -> bool:
        """Whether anything has come that the other side does not know to be here."""
        return self._unreported_bytes > 0

    # sending

    def put(self, body: bytes, now_s: float = 0.0) -> None:
        """Give a message its number; it waits to leave."""
        self._last_number += 1
        self._waiting.append((self._last_number, body, now_s))
        self.unacked_bytes += len(body)

    def next_parts(self, now_s: float = 0.0) -> list[bytes]:
        """Return the two parts of the message that is to leave next; one must be waiting."""
        number, body, put_at_s = self._waiting[0]
        header = DATA + _NUMBERS.pack(number, self.received)
        if now_s - put_at_s >= LATE_S:
            header += _AGE.pack(min(int((now_s - put_at_s) * 1000), _MAX_AGE_MS))
        return [header, body]

    def has_left(self) -> None:
        """What `next_parts` returned is on the way."""
        message = self._waiting.popleft()
        self._last_left = message[0]
        self._on_the_way.append(message)
        self._unreported_bytes = 0

    def pack(self, body: bytes) -> list[bytes]:
        """Return the two parts of a message that leaves at once; none may be waiting."""
        self.put(body)
        parts = self.next_parts()
        self.has_left()
        return parts

    def acknowledge(self, received: int) -> None:
        """Forget what the other side has taken.

        Raises:
            RemoteProtocolError: it claims to have taken what was never sent.
        """
        if received > self._last_left:
            raise RemoteProtocolError(
                f"{received} was acknowledged, but only {self._last_left} were sent"
            )
        if received <= self._acknowledged:
            return
        self._acknowledged = received
        on_the_way = self._on_the_way
        while on_the_way and on_the_way[0][0] <= received:
            self.unacked_bytes -= len(on_the_way.popleft()[1])

    def rewind(self, received: int) -> None:
        """Go on with a new link: what the other side has not taken has to leave again.

        Args:
            received: the highest number that the other side has taken.

        Raises:
            RemoteProtocolError: that cannot be, so one side has lost its memory.
        """
        if received < self._acknowledged:
            raise RemoteProtocolError(
                f"it asks for {received + 1}, but has acknowledged {self._acknowledged}"
            )
        self.acknowledge(received)
        self._waiting.extendleft(reversed(self._on_the_way))
        self._on_the_way.clear()
        self._last_left = received

    # receiving

    def ack(self) -> int:
        """Return what to acknowledge; counts as said."""
        self._unreported_bytes = 0
        return self.received

    def unpack(self, header: bytes, body: bytes) -> bytes | None:
        """Return the body of a data message, or None when it has come before.

        Raises:
            RemoteProtocolError: the header is malformed or a number is missing.
        """
        if len(header) not in (DATA_HEADER_BYTES, LATE_HEADER_BYTES):
            raise RemoteProtocolError(f"a data header of {len(header)} bytes")
        number, acknowledged = _NUMBERS.unpack_from(header, 1)
        self.acknowledge(acknowledged)
        if number <= self.received:
            return None
        if number != self.received + 1:
            raise RemoteProtocolError(
                f"data message {number} came where {self.received + 1} was due"
            )
        self.received = number
        self._unreported_bytes += len(body)
        is_late = len(header) == LATE_HEADER_BYTES
        self.age_s = _AGE.unpack_from(header, DATA_HEADER_BYTES)[0] / 1000 if is_late else 0.0
        return body
