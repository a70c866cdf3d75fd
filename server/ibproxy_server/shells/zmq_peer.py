"""What the ZeroMQ lane holds for one client: its stream, its link, and what waits for it."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from ibproxy.machine import is_running
from ibproxy.wire.channel import Channel

JOIN_BYTES: Final = 64 * 1024
"""What waits is joined to messages of about this size."""

TOKEN_BYTES: Final = 16

MOST_ENDED: Final = 1000
"""Of so many sessions that have ended the lane remembers why."""


@dataclass(eq=False)
class Peer:
    """A client's end of the lane.

    Attributes:
        routing_id: by which its messages come and go; another one after each broken link.
        session: number of its session.
        machine: where `pid` counts.
        pid: its process id, as it says itself.
        token: secret by which it can take up its session; empty while it has none.
        is_up: whether its link is whole, as far as is known.
        channel: what it was sent, and has sent.
        backlog: data that has no place in the window yet.
        backlog_bytes: how much that is.
        is_reported: whether the hub knows that it reads too slowly.
    """

    routing_id: bytes
    session: int
    machine: str = ""
    pid: int = 0
    token: str = ""
    is_up: bool = True
    channel: Channel = field(default_factory=Channel)
    backlog: deque[bytes] = field(default_factory=deque)
    backlog_bytes: int = 0
    is_reported: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether its process is known to be gone."""
        return is_running(self.machine, self.pid) is False

    def add(self, data: bytes) -> None:
        """Let data wait until `next_parts` has a place for it."""
        self.backlog.append(data)
        self.backlog_bytes += len(data)

    def next_parts(self) -> list[bytes] | None:
        """Return the message to send next, None if there is none or the window is closed."""
        channel = self.channel
        if not channel.has_waiting:
            if not self.backlog or not channel.may_put:
                return None
            data = self._take_some()
            self.backlog_bytes -= len(data)
            channel.put(data)
        return channel.next_parts()

    def _take_some(self) -> bytes:
        """Take from the front of what waits as much as fits into one message."""
        backlog = self.backlog
        data = backlog.popleft()
        if not backlog or len(data) >= JOIN_BYTES:
            return data
        pieces, size_bytes = [data], len(data)
        while backlog and size_bytes + len(backlog[0]) <= JOIN_BYTES:
            pieces.append(backlog.popleft())
            size_bytes += len(pieces[-1])
        return b"".join(pieces)


class Ended:
    """Why the proxy has ended sessions, for clients that had no link when it did."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[int, tuple[str, str]] = OrderedDict()

    def note(self, peer: Peer, reason: str) -> None:
        """A session has ended."""
        if peer.token:
            self._reasons[peer.session] = (peer.token, reason)
            while len(self._reasons) > MOST_ENDED:
                self._reasons.popitem(last=False)

    def reason(self, session: int, token: str) -> str:
        """Return why it has ended, for who holds its token."""
        kept, reason = self._reasons.get(session, ("", ""))
        is_theirs = bool(kept) and is_same(kept, token)
        return (reason if is_theirs else "") or "the proxy does not know this session"


def make_token() -> str:
    """Return a secret for a session."""
    return secrets.token_hex(TOKEN_BYTES)


def is_same(token: str, claimed: str) -> bool:
    """Compare secrets in a time that tells nothing about them."""
    return hmac.compare_digest(token.encode(), claimed.encode())
