"""The ZeroMQ lane: how a strategy's bytes travel to the proxy and back.

A strategy holds a DEALER socket, the proxy a ROUTER. A message has two parts behind the
routing id::

    data      b"D" + number (8 bytes) + received (8 bytes) [+ age (4 bytes)]   │ TWS frames, whole
    control   b"C"                                                             │ a struct, JSON

`number` counts the data messages of one direction of one session from 1. `received` is the
highest number that the sender has taken from the other side; what is not acknowledged is
kept. `age` stands in messages that were held up: how many milliseconds old they were when they
left. Numbers are big-endian and unsigned (see `channel`).

A session outlives its link. When a link breaks, the client takes a new socket and both say what
they have; each sends again what the other has not::

    client                          proxy
      │ Hello ───────────────────────► │
      │ ◄─────────── Welcome, a token  │
      │ ◄────── data, both ways ─────► │
      x  the link breaks               │  the proxy keeps the session for `resume_s`
      │ Resume, token, received ─────► │
      │ ◄─────────── Resumed, received │  or Goodbye: another run of the proxy, or it was too long
      │ ◄── what is missing, each way ►│

Who holds the token is the session's client. Nothing on this wire is a pickle, and what comes is
checked before it is believed.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from ibproxy.errors import RemoteProtocolError

PROTOCOL: Final = 2
"""Version of this lane; a peer with another one is refused."""

PROBE_INTERVAL_S: Final = 1.0
"""How often the proxy shows that it lives, and finds out whether a client does."""

CONTROL: Final = b"C"

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
        machine: where `pid` counts; see `ibproxy.machine`.
        protocol: `PROTOCOL` of the sender.
    """

    strategy: StrategyName
    host: str = ""
    port: int = 0
    program: str = ""
    pid: int = 0
    client_library: str = msgspec.field(default="", name="library")
    machine: str = ""
    protocol: int = PROTOCOL


class Welcome(msgspec.Struct, tag="welcome"):
    """Proxy: here it is.

    Attributes:
        run: id of this run of the proxy; a restarted proxy has another one.
        session: id of the session within the run.
        version: version text of the proxy.
        token: secret of the session: who holds it can take it up again. Empty: nobody can.
        resume_s: for how many seconds the session is kept when its link breaks.
        pid: the proxy's process id.
        machine: where `pid` counts.
    """

    run: str
    session: int
    version: str
    token: str = ""
    resume_s: float = 0.0
    pid: int = 0
    machine: str = ""


class Resume(msgspec.Struct, tag="resume", forbid_unknown_fields=True):
    """Client, on a new link: I am that session's client, and have data up to number `received`."""

    run: str
    session: int
    token: str
    received: Annotated[int, msgspec.Meta(ge=0)]


class Resumed(msgspec.Struct, tag="resumed"):
    """Proxy: it goes on, and I have data up to number `received`."""

    received: int


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


FromClient = Hello | Resume | Ack | Goodbye | StatusRequest
FromProxy = Welcome | Resumed | Refusal | Ack | Goodbye | StatusReply

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
