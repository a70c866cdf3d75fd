"""One request at the gateway, and its members: the (session, id) pairs that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ibproxy.wire.messages import Request
from ibproxy_server.core.requests.memory import Memory, Part
from ibproxy_server.core.session import Place, Session

SILENT_S = 30.0
"""A question without any answer after so long is not joined any more."""

_HISTORY = 20

Accept = Callable[[bytes, bytes], bool]
"""(message id, what stands behind the request id) -> whether a member is shown it."""


@dataclass(eq=False)
class Member:
    """Who asked, and for what.

    Attributes:
        session: the session.
        client_id: the id under which it asked.
        wanted: which of the items that are asked for together it asked for; see `sharing`.
        accept: what it is shown of them; None: everything.
        held: the newest tick of each kind, while the session reads too slowly.
        has_end: whether it has been told the end of a stream's first part.
    """

    session: Session
    client_id: bytes
    wanted: frozenset[bytes] = frozenset()
    accept: Accept | None = None
    held: dict[tuple[bytes, ...], Part] = field(default_factory=dict)
    has_end: bool = False

    def accepts(self, msg_id: bytes, tail: bytes) -> bool:
        """Whether it is to be shown a message."""
        return self.accept is None or self.accept(msg_id, tail)

    def send(self, head: bytes, tail: bytes) -> None:
        """Send a message under the member's own id, behind what was held back before it."""
        if self.held:
            self.release()
        self.session.send(b"%b%b\0%b" % (head, self.client_id, tail))

    def hold(self, key: tuple[bytes, ...], part: Part) -> None:
        """Keep a tick until the session has caught up, in place of an older one of its kind."""
        if self.held.pop(key, None):
            self.session.conflated_ticks += 1
        self.held[key] = part

    def release(self) -> None:
        """Send what was held back, in the order of the last changes."""
        held, self.held = self.held, {}
        for head, tail in held.values():
            self.session.send(b"%b%b\0%b" % (head, self.client_id, tail))


@dataclass(eq=False)
class UpstreamRequest:
    """One request at the gateway.

    Attributes:
        row: its row in the message table.
        upstream_id: its id there, as on the wire.
        fields: the request as sent.
        key: what an equal request has in common with it; None: not shared.
        is_stream: whether it goes on after its first answer.
        source: session under which it was queued.
        items: what it asks for, where that may be more than a member wants.
        sent_at_s: when it left; None while it waits.
        heard_at_s: when its last answer came, or when it left.
        members: (session number, client's id) -> member.
        outlets: client's id -> appenders of the outputs of members that are shown everything.
        choosy: the members that are not, or that are told late.
        memory: what a late joiner is shown.
        is_answered: whether anything has come.
        replaces: a narrower stream whose members come over when this one is answered.
        inherited: what those members have been told there; what comes again unchanged is told
            to `newcomers` only.
        newcomers: members who were not among them.
        leads_to: the stream that members go over to when this one has ended.
        heirs: for such a stream, the requests that lead to it.
        tries: how often the gateway has refused it for its pace.
        told_until: for live history that is asked for anew, the last bar that was told; None
            when there is no gap to be filled.
        follower: the last message that followed it, to be said again with it.
    """

    row: Request
    upstream_id: bytes
    fields: list[bytes]
    key: tuple[bytes, ...] | None
    is_stream: bool
    source: int
    items: frozenset[bytes] = frozenset()
    sent_at_s: float | None = None
    heard_at_s: float = 0.0
    members: dict[tuple[int, bytes], Member] = field(default_factory=dict)
    outlets: list[tuple[bytes, list[Callable[[bytes], None]]]] = field(default_factory=list)
    choosy: list[Member] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    is_answered: bool = False
    replaces: UpstreamRequest | None = None
    inherited: dict[tuple[bytes, ...], Part] = field(default_factory=dict)
    newcomers: set[Member] = field(default_factory=set)
    leads_to: UpstreamRequest | None = None
    heirs: list[UpstreamRequest] = field(default_factory=list)
    tries: int = 0
    told_until: bytes | None = None
    follower: bytes = b""

    def takes(self, session: Session, client_id: bytes, now_s: float) -> bool:
        """Whether (session, client_id) can share it: nothing missed, nothing told once for two.

        A question that has had no answer for long may never have one (fact 3.113), so who asks
        now asks anew.
        """
        if (session.number, client_id) in self.members:
            return False
        is_silent = self.sent_at_s is not None and now_s - self.sent_at_s > SILENT_S
        return self.is_stream or not (self.is_answered or is_silent)

    def join(self, member: Member) -> None:
        """Take a member in."""
        self.members[member.session.number, member.client_id] = member
        member.session.requests[self._place(member.client_id)] = self
        if self.inherited or self.told_until is not None:
            self.newcomers.add(member)
        self.rebuild_outlets()

    def leave(self, member: Member) -> None:
        """End a membership."""
        del self.members[member.session.number, member.client_id]
        del member.session.requests[self._place(member.client_id)]
        self.newcomers.discard(member)
        self.rebuild_outlets()

    def renew(self) -> None:
        """Begin anew: the gateway has forgotten it, its members have not."""
        self.heard_at_s = 0.0
        if self.is_stream and self.is_answered:
            self.inherited = {**self.inherited, **self.memory.values}
            if self.row.msg_id == _HISTORY:
                self.told_until = self.memory.told_until
        self.is_answered = False
        self.memory.clear()

    @property
    def is_needed(self) -> bool:
        """Whether somebody wants its answers, now or soon."""
        return bool(self.members or self.heirs)

    @property
    def subject(self) -> str:
        """What it is about, for people."""
        at = self.row.subject_at
        if at is None:
            return self.row.name.removeprefix("req")
        return self.fields[at].decode(errors="replace")

    def __str__(self) -> str:
        """Return how log lines and notices name it."""
        at = self.row.subject_at
        return self.row.name if at is None else f"{self.row.name} {self.subject}"

    def _place(self, client_id: bytes) -> Place:
        """Return where a session keeps it: what cannot be cancelled may share an id in flight."""
        if self.row.cancelled_by is None:
            return self.row.msg_id, client_id, self.upstream_id
        return self.row.msg_id, client_id

    def rebuild_outlets(self) -> None:
        """Sort the members anew: who is shown everything at once, and who is not."""
        grouped: dict[bytes, list[Callable[[bytes], None]]] = {}
        members = self.members.values()
        for member in members:
            if member.accept is None and not member.session.is_slow:
                grouped.setdefault(member.client_id, []).append(member.session.out.append)
        self.outlets = list(grouped.items())
        self.choosy = [each for each in members if each.accept or each.session.is_slow]
