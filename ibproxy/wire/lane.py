"""The ZeroMQ lane: how a strategy's bytes travel to the proxy and back.

A strategy holds a DEALER socket, the proxy a ROUTER. A message has two parts behind the
routing id::

    data      b"D" + number (8 bytes) + received (8 bytes)   │ TWS frames, whole ones
    control   b"C"                                           │ one of the structs below, JSON

`number` counts the data messages of one direction of one session from 1. `received` is the
highest number that the sender has taken from the other side; what is not acknowledged is
kept, so that a session can be taken up again on a new socket. Numbers are big-endian and
unsigned. Nothing on this wire is a pickle, and what comes is checked before it is believed.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Annotated, Any, Final

import msgspec

from ibproxy.errors import RemoteProtocolError

PROTOCOL: Final = 1
"""Version of this lane; a peer with another one is refused."""

PROBE_INTERVAL_S: Final = 1.0
"""How often the proxy shows that it lives, and finds out whether a client does."""

ACK_EVERY_BYTES: Final = 64 * 1024
"""A receiver acknowledges at the latest after so many bytes of data."""

WINDOW_BYTES: Final = 4 * 1024 * 1024
"""A sender holds back what would put more than this on the way unacknowledged."""

DATA: Final = b"D"
CONTROL: Final = b"C"
_NUMBERS = struct.Struct(">QQ")
DATA_HEADER_BYTES: Final = 1 + _NUMBERS.size


StrategyName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.-]{1,64}\Z")]
"""Letters, digits, `_`, `-` and `.`, 1 to 64 of them."""


class Hello(msgspec.Struct, tag="hello", forbid_unknown_fields=True):
    """Client: I want a gateway of my own.

    Attributes:
        strategy: who I am.
        host: the gateway host that the program asked for.
        port: the gateway port that the program asked for.
        program: the script's path or the notebook's name, for people who read a status.
        pid: process id on the client's machine.
        client_library: name and version of the client library, such as `ib_async 2.1.0`.
        protocol: `PROTOCOL` of the sender.
    """

    strategy: StrategyName
    host: str = ""
    port: int = 0
    program: str = ""
    pid: int = 0
    client_library: str = msgspec.field(default="", name="library")
    protocol: int = PROTOCOL


class Welcome(msgspec.Struct, tag="welcome"):
    """Proxy: here it is.

    Attributes:
        run: id of this run of the proxy; a restarted proxy has another one.
        session: id of the session within the run.
        version: version text of the proxy.
    """

    run: str
    session: int
    version: str


class Refusal(msgspec.Struct, tag="refusal"):
    """Proxy: no; `reason` says why and what to do."""

    reason: str


class Ack(msgspec.Struct, tag="ack"):
    """Either: I have taken the other side's data up to number `received`."""

    received: int


class Goodbye(msgspec.Struct, tag="goodbye"):
    """Either: this session is over; `reason` is empty when it was asked for."""

    reason: str = ""


class StatusRequest(msgspec.Struct, tag="status?"):
    """Client: what is going on? Needs no session."""


class StatusReply(msgspec.Struct, tag="status"):
    """Proxy: this is; the shape of `status` is described in docs/."""

    status: dict[str, Any]


FromClient = Hello | Ack | Goodbye | StatusRequest
FromProxy = Welcome | Refusal | Ack | Goodbye | StatusReply

_encoder = msgspec.json.Encoder()
_from_client: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(FromClient)
_from_proxy: msgspec.json.Decoder[FromProxy] = msgspec.json.Decoder(FromProxy)


def encode_control(message: FromClient | FromProxy) -> list[bytes]:
    """Return the two parts that carry a control message."""
    return [CONTROL, _encoder.encode(message)]


def decode_from_client(body: bytes) -> FromClient:
    """Return the control message in `body`, as sent by a client.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return _from_client.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteProtocolError(f"not a control message of a client: {error}") from error


def decode_from_proxy(body: bytes) -> FromProxy:
    """Return the control message in `body`, as sent by a proxy.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return _from_proxy.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteProtocolError(f"not a control message of a proxy: {error}") from error


class Channel:
    """One end of a session's numbered data stream: what to send, what to believe.

    Attributes:
        received: highest number taken from the other side.
        unacked_bytes: how much is on the way and not acknowledged.
    """

    __slots__ = ("_last_number", "_unacked", "_unreported_bytes", "received", "unacked_bytes")

    def __init__(self) -> None:
        self.received = 0
        self.unacked_bytes = 0
        self._last_number = 0
        self._unacked: deque[tuple[int, bytes]] = deque()
        self._unreported_bytes = 0

    @property
    def may_send(self) -> bool:
        """Whether the window is open."""
        return self.unacked_bytes < WINDOW_BYTES

    @property
    def owes_ack(self) -> bool:
        """Whether enough has come that the other side should be told now."""
        return self._unreported_bytes >= ACK_EVERY_BYTES

    @property
    def has_unreported(self) -> bool:
        """Whether anything has come that the other side does not know to be here."""
        return self._unreported_bytes > 0

    def pack(self, body: bytes) -> list[bytes]:
        """Return the two parts of the next data message."""
        self._last_number += 1
        self._unacked.append((self._last_number, body))
        self.unacked_bytes += len(body)
        self._unreported_bytes = 0
        return [DATA + _NUMBERS.pack(self._last_number, self.received), body]

    def ack(self) -> Ack:
        """Return an acknowledgement of all that has come."""
        self._unreported_bytes = 0
        return Ack(self.received)

    def unpack(self, header: bytes, body: bytes) -> bytes | None:
        """Return the body of a data message, or None when it has come before.

        Raises:
            RemoteProtocolError: the header is malformed or a number is missing.
        """
        if len(header) != DATA_HEADER_BYTES:
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
        return body

    def acknowledge(self, received: int) -> None:
        """Forget what the other side has taken.

        Raises:
            RemoteProtocolError: it claims to have taken what was never sent.
        """
        if received > self._last_number:
            raise RemoteProtocolError(
                f"{received} was acknowledged, but only {self._last_number} were sent"
            )
        unacked = self._unacked
        while unacked and unacked[0][0] <= received:
            self.unacked_bytes -= len(unacked.popleft()[1])
