"""What the desks of the hub share: the time, the sessions, and where effects go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from ibproxy.wire.framing import join_fields
from ibproxy_server.core.effects import Effect, Level, Notice
from ibproxy_server.core.pacer import Pacer
from ibproxy_server.core.session import Phase, Session


class Context:
    """Shared by all desks; holds no decisions.

    Attributes:
        now_s: time of the event being handled, monotonic seconds.
        sessions: session number -> session.
        effects: what the event being handled brings about, in order.
        pacer: what goes to the gateway.
        server_version: negotiated with the gateway; 0 while there is none.
        counters: how often what happened; see `status`.
        outage: why nothing may be traded just now, for people; empty when it may.
        has_gateway: whether messages reach the gateway, even if it is cut off from IB itself.
    """

    def __init__(self, messages_per_s: float) -> None:
        self.now_s = 0.0
        self.sessions: dict[int, Session] = {}
        self.effects: list[Effect] = []
        self.pacer = Pacer(messages_per_s)
        self.server_version = 0
        self._gateway_time: datetime | None = None
        self._gateway_time_at_s = 0.0
        self.counters: Counter[str] = Counter()
        self.outage = ""
        self.has_gateway = False
        self._unknown: set[bytes] = set()

    def set_gateway_time(self, text: str) -> None:
        """Learn the gateway's clock from its greeting (fact 1.2), if it can be read."""
        try:
            self._gateway_time = datetime.strptime(text[:17], "%Y%m%d %H:%M:%S")  # noqa: DTZ007
        except ValueError:
            self._gateway_time = None
        self._gateway_time_at_s = self.now_s

    def gateway_day(self) -> str:
        """Return the day on the gateway's clock, such as 20261122; empty if it is not known."""
        if self._gateway_time is None:
            return ""
        elapsed = timedelta(seconds=self.now_s - self._gateway_time_at_s)
        return (self._gateway_time + elapsed).strftime("%Y%m%d")

    def ready_sessions(self) -> Iterator[Session]:
        """Return the sessions that have done their handshake."""
        return (each for each in self.sessions.values() if each.phase is Phase.READY)

    def notice(self, level: Level, text: str) -> None:
        """Tell people."""
        self.effects.append(Notice(level, text))

    def ask(self, *fields: object) -> None:
        """Queue a message of the proxy's own for the gateway."""
        self.pacer.push(0, join_fields(*fields))

    def report_unknown(self, kind: str, msg_id: bytes) -> None:
        """Count a message that no row of the message table describes; tell people once of each."""
        self.counters["unknown_messages"] += 1
        mark = kind.encode() + msg_id[:20]
        if mark not in self._unknown:
            self._unknown.add(mark)
            self.notice(Level.WARNING, f"{kind} with unknown message id {msg_id[:20]!r}")

    def report_unreadable(self, payload: bytes, error: Exception) -> None:
        """Count a message of the gateway that cannot be read, and tell people."""
        self.counters["unreadable_messages"] += 1
        self.notice(Level.ERROR, f"unreadable: {payload[:80]!r}: {error}")
