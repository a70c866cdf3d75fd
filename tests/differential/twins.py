"""The same program twice: on a gateway of one's own, and through the hub on a shared one.

Everything is pure: stand-in gateways, hub and clients live in one process without a socket, and
time is passed in. On the shared side delivery is a step of its own: what the gateway says waits
on the wire until `deliver`, and meanwhile clients go on talking.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub, HubSettings
from ibproxy_server.core.requests import Limits
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.settings import Settings

MONDAY_S = 1776092400.0
VERSION = 176
Fields = list[str]


class SharedSide:
    """One gateway, the hub, and a wire between them that is emptied on demand."""

    def __init__(self, accounts: dict[str, str]) -> None:
        self.sim: Simulation = make_simulation(
            Settings(accounts=tuple(accounts.values())), MONDAY_S
        )
        self.hub = Hub(
            HubSettings(
                messages_per_s=0,
                limits=Limits(history=0),  # what is held back differs in time
                accounts_of_strategy={name: (account,) for name, account in accounts.items()},
            )
        )
        self.out: dict[int, list[Fields]] = defaultdict(list)
        self._buffers: dict[int, FrameBuffer] = defaultdict(FrameBuffer)
        self._link = self.sim.gateway.connect()
        self.feed(ev.Tick())
        self.feed(ev.UpstreamConnected())
        self.deliver()

    @property
    def now_s(self) -> float:
        """The hub's clock: the market's."""
        return self.sim.gateway.now_s

    def feed(self, event: ev.Event) -> None:
        """Give the hub an event; what it sends upstream arrives at once."""
        records: list[int] = []
        for effect in self.hub.handle(self.now_s, event):
            match effect:
                case ef.SendUpstream():
                    self.sim.gateway.receive(self._link, effect.data)
                case ef.SendToClient():
                    payloads = self._buffers[effect.session].feed(effect.data)
                    self.out[effect.session] += map(split_fields, payloads)
                case ef.Record():
                    records.append(effect.number)
        for number in records:
            self.feed(ev.Recorded(number))

    @property
    def is_busy(self) -> bool:
        """Whether something is on the wire."""
        return bool(self._link.outbox)

    def deliver(self) -> None:
        """Empty the wire, and whatever that brings about."""
        while self._link.outbox:
            data = b"".join(self._link.outbox)
            self._link.outbox.clear()
            self.feed(ev.UpstreamData(data))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with the hub's and the gateway's deadlines in their order."""
        end_s = self.now_s + seconds
        while True:
            deadlines = [self.hub.next_deadline_s(), self.sim.gateway.next_deadline_s()]
            due_s = min((each for each in deadlines if each is not None), default=end_s)
            self.sim.gateway.advance(min(max(due_s, self.now_s) + 1e-4, end_s))
            self.deliver()
            self.feed(ev.Tick())
            self.deliver()
            if self.now_s >= end_s:
                return


@dataclass
class Twin:
    """One client of both sides.

    Attributes:
        own_log, shared_log: what each side was told.
        cut_short: request ids that were cancelled, or used again, while an answer was on the
            wire: what arrives then is chance, on a gateway of one's own as well.
    """

    name: str
    account: str
    shared: SharedSide
    own_sim: Simulation = field(init=False)
    own: RawClient | None = None
    session: int = 0
    own_log: list[Fields] = field(default_factory=list)
    shared_log: list[Fields] = field(default_factory=list)
    cut_short: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.own_sim = make_simulation(Settings(accounts=(self.account,)), MONDAY_S)

    def connect(self, session: int, client_id: int = 1) -> None:
        """Connect on both sides."""
        self.session = session
        self.own = RawClient(self.own_sim, client_id, VERSION)
        self.shared.feed(ev.ClientArrived(session, self.name))
        hello = GREETING + frame(b"v157..%d" % VERSION)
        start = frame(join_fields(71, 2, client_id, ""))
        self.shared.feed(ev.ClientData(session, hello + start))
        self.shared.out[session].clear()

    def leave(self) -> None:
        """Disconnect on both sides."""
        if self.own:
            self.collect()
            self.own.leave()
            self.own = None
            self.shared.feed(ev.ClientLeft(self.session))

    def say(self, *fields: object) -> None:
        """Send the same message on both sides."""
        if self.own:
            id_at = ID_AT.get(int(str(fields[0])))
            if id_at and self.shared.is_busy:
                self._note_cut(int(str(fields[0])), str(fields[id_at]))
            self.own.send(*fields)
            self.shared.feed(ev.ClientData(self.session, frame(join_fields(*fields))))

    def _note_cut(self, kind: int, request_id: str) -> None:
        """An id is cancelled, or used again, while an answer to it may be on the wire."""
        session = self.shared.hub.context.sessions[self.session]
        if kind in CANCELS or (kind, request_id.encode()) in session.requests:
            self.cut_short.add(request_id)

    def collect(self) -> None:
        """Take what was said."""
        if self.own:
            self.own_log += self.own.read()
        self.shared_log += self.shared.out[self.session]
        self.shared.out[self.session].clear()


@dataclass
class Normal:
    """Replaces what may differ: broker's ids, by the order in which they are seen."""

    seen: dict[str, str] = field(default_factory=dict)

    def id(self, value: str) -> str:
        """Return a stand-in for a permId or an execution id."""
        if value in {"", "0", "9223372036854775807"}:
            return value
        return self.seen.setdefault(value, f"id{len(self.seen)}")

    def message(self, fields: Fields) -> Fields:
        """Return a message with its broker's ids replaced."""
        shown = list(fields)
        for at in BROKER_IDS.get(fields[0], ()):
            if at < len(shown):
                shown[at] = self.id(shown[at])
        if fields[0] == "5":
            shown[30] = ""  # repeats permId, account and quantity
            if shown[19] in self.seen:
                shown[19] = self.seen[shown[19]]  # a bracket's children name the parent's permId
        if fields[0] == "4":
            shown[4] = re.sub(r"-'\w+'", "", shown[4])
        return shown


CANCELS = {2, 25, 51, 63, 77, 93}
ID_AT = {
    1: 2, 2: 2, 20: 1, 25: 2, 50: 2, 51: 2, 62: 2, 63: 2, 74: 2, 76: 2, 77: 2, 87: 1, 92: 1,
    93: 1, 94: 1,
}  # fmt: skip
"""Requests that can be cancelled, and their cancels: index of the request id."""

BROKER_IDS = {"3": (6,), "5": (25,), "11": (14, 21), "59": (2,), "101": (23, 93), "100": (1,)}
"""Message id -> indexes of permIds and execution ids."""
