"""What the hub wants done: imperatives, as values. The shell carries them out in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ibproxy_server.core.orders.journal_entries import Entry


@dataclass(frozen=True)
class AcceptClient:
    """Tell the client that it has a session."""

    session: int


@dataclass(frozen=True)
class SendToClient:
    """Send whole frames to a client."""

    session: int
    data: bytes


@dataclass(frozen=True)
class DropClient:
    """End a session; an empty reason is an orderly end.

    Attributes:
        refused: whether it never got a session, and `reason` says why not.
    """

    session: int
    reason: str = ""
    refused: bool = False


@dataclass(frozen=True)
class OpenUpstream:
    """Open the TCP connection to the gateway."""


@dataclass(frozen=True)
class CloseUpstream:
    """Close the TCP connection to the gateway."""

    reason: str


@dataclass(frozen=True)
class SendUpstream:
    """Send bytes to the gateway."""

    data: bytes


@dataclass(frozen=True)
class Record:
    """Write entries to the journal, all or none; `Recorded` or `NotRecorded` must follow.

    Attributes:
        number: which `Record` of this run it is, from 1.
        entries: what to write.
        is_urgent: whether something waits to leave, so that it must be safe from a power cut.
    """

    number: int
    entries: tuple[Entry, ...]
    is_urgent: bool


class Level(Enum):
    """How much a notice matters to people."""

    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True)
class Notice:
    """Tell people; the core itself logs nothing."""

    level: Level
    text: str


@dataclass(frozen=True)
class GiveUp:
    """The proxy cannot work as configured; `reason` is one line that says what to change."""

    reason: str


Effect = (
    AcceptClient
    | SendToClient
    | DropClient
    | OpenUpstream
    | CloseUpstream
    | SendUpstream
    | Record
    | Notice
    | GiveUp
)
