"""What happens to the hub: past facts, as values.

A list of `(now_s, event)` is a complete record of a run of the proxy: fed to a new hub it
gives the same effects.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClientArrived:
    """A program asks for a gateway of its own.

    Attributes:
        session: number that the lane gave it; never used twice in a run.
        strategy: who it says it is.
        host: gateway host that it asked for.
        port: gateway port that it asked for.
        program: script or notebook, for people.
        pid: process id on its machine, for people.
        machine: which machine that is; empty if it does not say.
    """

    session: int
    strategy: str
    host: str = ""
    port: int = 0
    program: str = ""
    pid: int = 0
    machine: str = ""


@dataclass(frozen=True)
class ClientData:
    """Bytes came from a client, cut anywhere.

    Attributes:
        session: whose.
        data: the bytes.
        age_s: for how long a broken link has held them up.
    """

    session: int
    data: bytes
    age_s: float = 0.0


@dataclass(frozen=True)
class ClientBlocked:
    """A client reads too slowly: so much waits for it in its lane."""

    session: int
    backlog_bytes: int


@dataclass(frozen=True)
class ClientDrained:
    """A client that read too slowly has caught up."""

    session: int


@dataclass(frozen=True)
class ClientAway:
    """A client's link is broken; it may take up its session by another one."""

    session: int


@dataclass(frozen=True)
class ClientBack:
    """A client whose link was broken has another one."""

    session: int


@dataclass(frozen=True)
class ClientLeft:
    """A client has closed its session, or it has ended, or its link broke for good."""

    session: int
    reason: str = ""


@dataclass(frozen=True)
class UpstreamConnected:
    """The TCP connection to the gateway is open."""


@dataclass(frozen=True)
class UpstreamData:
    """Bytes came from the gateway, cut anywhere."""

    data: bytes


@dataclass(frozen=True)
class UpstreamLost:
    """The TCP connection to the gateway broke, or could not be opened."""

    reason: str


@dataclass(frozen=True)
class Recorded:
    """The journal holds what the effect `Record` of that number brought."""

    number: int


@dataclass(frozen=True)
class NotRecorded:
    """The journal could not be written; nothing of that `Record` is in it.

    Attributes:
        number: of the effect.
        reason: why, for people.
    """

    number: int
    reason: str


@dataclass(frozen=True)
class Stopping:
    """The proxy is about to end: it is the last event."""


@dataclass(frozen=True)
class Tick:
    """Time has passed; something may be due."""


Event = (
    ClientArrived
    | ClientData
    | ClientBlocked
    | ClientDrained
    | ClientAway
    | ClientBack
    | ClientLeft
    | UpstreamConnected
    | UpstreamData
    | UpstreamLost
    | Recorded
    | NotRecorded
    | Stopping
    | Tick
)
