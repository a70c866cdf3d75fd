"""A hub without sockets: clients and a gateway whose every word is in the test's hands."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub, HubSettings
from ibproxy_server.core.orders.journal_entries import Entry

Fields = list[str]
Messages = Iterable[tuple[object, ...]]

OWN_EXECUTIONS = 2147000003
"""Under which request id the hub asks for executions itself."""


class Client:
    """A client of the hub; `heard` is what it was told and has not looked at yet.

    `greeted` is what it was told when it connected.
    """

    def __init__(self, world: World, number: int, strategy: str) -> None:
        self.world = world
        self.number = number
        self.strategy = strategy
        self.heard: list[Fields] = []
        self.greeted: list[Fields] = []
        self.dropped: str | None = None
        self.accepted = False
        self._buffer = FrameBuffer()

    def say(self, *fields: object) -> None:
        """Send a message."""
        self.send(frame(join_fields(*fields)))

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.world.feed(ev.ClientData(self.number, data))

    def start(self, client_id: int = 1, versions: str = "v157..178") -> Client:
        """Do the handshake, and forget what was said in it."""
        self.send(GREETING + frame(versions.encode()))
        self.say(71, 2, client_id, "")
        self.greeted = self.take()
        return self

    def leave(self) -> None:
        """Close the session."""
        self.world.feed(ev.ClientLeft(self.number))

    def take(self, message_id: int | None = None) -> list[Fields]:
        """Return and forget what was heard, of one kind or all."""
        wanted = [each for each in self.heard if message_id in {None, int(each[0])}]
        self.heard = [each for each in self.heard if each not in wanted]
        return wanted

    def hear(self, data: bytes) -> None:
        """The hub has sent bytes."""
        self.heard += map(split_fields, self._buffer.feed(data))


class World:
    """A hub, its clients, and a gateway that says what the test wants."""

    def __init__(self, settings: HubSettings, journal: Iterable[Entry] = ()) -> None:
        self.hub = Hub(settings, journal)
        self.recorded: list[Entry] = list(journal)
        self.journal_failure = ""
        self.is_journal_slow = False
        self.unwritten: list[ef.Record] = []
        self.now_s = 100.0
        self.clients: dict[int, Client] = {}
        self.effects: list[ef.Effect] = []
        self.history: list[tuple[float, ev.Event]] = []
        self._asked: list[Fields] = []
        self._buffer = FrameBuffer()

    def feed(self, event: ev.Event) -> None:
        """Give the hub an event, and carry out what it wants; the journal is as fast as that."""
        answers: list[ev.Event] = []
        self.history.append((self.now_s, event))
        for effect in self.hub.handle(self.now_s, event):
            self.effects.append(effect)
            match effect:
                case ef.SendToClient():
                    self.clients[effect.session].hear(effect.data)
                case ef.DropClient():
                    self.clients[effect.session].dropped = effect.reason
                case ef.AcceptClient():
                    self.clients[effect.session].accepted = True
                case ef.SendUpstream():
                    if not effect.data.startswith(GREETING):
                        self._asked += map(split_fields, self._buffer.feed(effect.data))
                case ef.Record() if self.is_journal_slow:
                    self.unwritten.append(effect)
                case ef.Record():
                    answers.append(self._record(effect))
        for answer in answers:
            self.feed(answer)

    def write_journal(self) -> None:
        """Let a slow journal write what it was given."""
        unwritten, self.unwritten = self.unwritten, []
        for effect in unwritten:
            self.feed(self._record(effect))

    def _record(self, effect: ef.Record) -> ev.Event:
        """Write to the journal, which fails when the test says so."""
        if self.journal_failure:
            return ev.NotRecorded(effect.number, self.journal_failure)
        self.recorded += effect.entries
        return ev.Recorded(effect.number)

    def restarted(self) -> World:
        """Return a world whose proxy begins with what this one's has recorded."""
        return World(self.hub.settings, tuple(self.recorded))

    def connect(
        self,
        accounts: str = "DU1,DU2",
        version: int = 176,
        next_id: int = 1,
        *,
        has_lists: bool = True,
    ) -> World:
        """Bring the gateway up, and forget what the hub asked first.

        Args:
            accounts: of the login.
            version: the server version that is agreed upon.
            next_id: what the gateway calls the next order id.
            has_lists: whether it answers the first questions about orders: there are none.
        """
        self.feed(ev.Tick())
        self.feed(ev.UpstreamConnected())
        self.say(version, "20261122 10:00:00 EST")
        self.say(15, 1, accounts)
        self.say(9, 1, next_id)
        if has_lists:
            self.list_orders()
        self.pass_time(5.0)
        self.asked()
        return self

    def list_orders(
        self, open_orders: Messages = (), executions: Messages = (), completed: Messages = ()
    ) -> None:
        """The gateway answers what the hub asks about orders after an outage."""
        for messages, end in (
            (open_orders, (53, 1)),
            (executions, (55, 1, OWN_EXECUTIONS)),
            (completed, (102,)),
        ):
            for message in (*messages, end):
                self.say(*message)

    def client(self, strategy: str = "alpha", port: int = 7497) -> Client:
        """Return a client that has arrived."""
        number = len(self.clients) + 1
        client = self.clients[number] = Client(self, number, strategy)
        self.feed(ev.ClientArrived(number, strategy, "127.0.0.1", port))
        return client

    def say(self, *fields: object) -> None:
        """The gateway says a message."""
        self.feed(ev.UpstreamData(frame(join_fields(*fields))))

    def asked(self, message_id: int | None = None) -> list[Fields]:
        """Return and forget what the gateway was asked, of one kind or all."""
        wanted = [each for each in self._asked if message_id in {None, int(each[0])}]
        self._asked = [each for each in self._asked if each not in wanted]
        return wanted

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with a tick wherever the hub wants one."""
        end_s = self.now_s + seconds
        while (deadline_s := self.hub.next_deadline_s()) is not None and deadline_s <= end_s:
            self.now_s = max(self.now_s, deadline_s) + 0.001
            self.feed(ev.Tick())
        self.now_s = max(self.now_s, end_s)

    def notices(self) -> list[str]:
        """Return what people were told."""
        return [each.text for each in self.effects if isinstance(each, ef.Notice)]


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Return a maker of worlds; its arguments are the hub's settings."""

    def make(**settings: object) -> World:
        return World(HubSettings(**{"messages_per_s": 0.0, **settings}))  # type: ignore[arg-type]

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return a world whose gateway is up, with accounts DU1 and DU2 and two bound strategies."""
    return make_world(accounts_of_strategy={"alpha": ("DU1",), "beta": ("DU2",)}).connect()
