"""The same clients twice: on gateways of their own, and through the hub on one that all share.

Everything is pure: stand-in gateways, hub and clients live in one process without a socket, and
time is passed in. On the shared side delivery is a step of its own: what the gateway says waits
on the wire, message by message, and meanwhile clients go on talking.

Clients that may see the same accounts share a gateway on their own side as well: with client
ids of their own, as scripts would without the proxy. And as accounts trade the same whoever
looks at them, whoever may trade an account does so on every gateway that has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub, HubSettings
from ibproxy_server.core.requests import Limits
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import STEP_S
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.faults.board import make_fault
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import Settings
from tests.differential.messages import MONDAY_S, NOT_PERMITTED, VERSION

Fields = list[str]

SAFE_S = 0.07
"""Longer than orders take to be looked at or cancelled."""

FIRST_ORDER_ID = 41
ENOUGH = 99
"""Limits that all sessions share are out of reach: they are known to differ."""

STAMPED: Mapping[str, tuple[str, int]] = {
    "51": ("fundamentals", 2),
    "67": ("groups", 2),
    "77": ("soft dollars", 1),
    "79": ("matching", 1),
    "86": ("past news", 1),
    "87": ("past news", 1),
    "89": ("histogram", 1),
    "104": ("calendar", 1),
    "105": ("events", 1),
    "107": ("user", 1),
}
"""Answers that get a serial number behind their last field, the conversation they belong to and
where its id stands: each must have reached the hub after its question, and is told once. What a
hub has to understand as a whole (bars, books, lists of orders) is left alone, and what it may keep
for a while (contracts, option chains, head time stamps, exchanges' letters)."""

SERIAL = frozenset({"102"})
"""Answers without an id, with a number as well: each must have been made after its question. The
others are kept for a while as well."""

MARK = "serial "


@dataclass(frozen=True)
class Role:
    """A client.

    Attributes:
        name: of the client.
        strategy: who it says it is.
        client_id: its client id at the beginning.
        accounts: what its strategy may see.
        number: of the strategy; makes its client ids unlike those of others on its own side.
    """

    name: str
    strategy: str
    client_id: int
    accounts: tuple[str, ...]
    number: int

    def own_id(self, client_id: int) -> int:
        """Return the client id that it has on its own side."""
        return 10 * self.number + client_id


@lru_cache(maxsize=4)
def _market(volatility: float) -> Market:
    """Prices are functions of seed, contract and time: all gateways and programs share them."""
    seed = Settings().seed
    return Market(seed, Universe(seed, MONDAY_S, volatility))


def make_gateway(accounts: tuple[str, ...], volatility: float) -> Simulation:
    """Return a stand-in for these accounts."""
    settings = Settings(
        accounts=accounts,
        volatility=volatility,
        not_permitted=(NOT_PERMITTED,),
        max_books=ENOUGH,
        max_tick_by_tick=ENOUGH,
    )
    return make_simulation(settings, MONDAY_S, _market(volatility))


class SharedSide:
    """One gateway, the hub, and a wire between them.

    Attributes:
        made: how many messages the gateway has made.
        delivered: how many of them have reached the hub.
        is_over: sessions that the hub has ended.
    """

    def __init__(self, roles: Sequence[Role], volatility: float) -> None:
        whole = max((role.accounts for role in roles), key=len)
        accounts = tuple(sorted({each for role in roles for each in role.accounts}))
        self.sim = make_gateway(accounts, volatility)
        bound = {r.strategy: r.accounts for r in roles if len(whole) == 1 or r.accounts != whole}
        self.hub = Hub(
            HubSettings(
                messages_per_s=0,
                limits=Limits(history=0),  # what is held back differs in time
                accounts_of_strategy=bound,
            )
        )
        self.out: dict[int, list[Fields]] = defaultdict(list)
        self.is_over: set[int] = set()
        self.made = self.delivered = 0
        self._wire: list[bytes] = []
        self._buffers: dict[int, FrameBuffer] = defaultdict(FrameBuffer)
        # an earlier run of the proxy has placed orders: upstream ids are never the clients'
        self.sim.gateway.order_ids[self.hub.settings.client_id] = FIRST_ORDER_ID
        self._link: Client
        self._down_until_s = 0.0
        self.feed(ev.Tick())
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
                case ef.DropClient():
                    self.is_over.add(effect.session)
                case ef.Record():
                    records.append(effect.number)
                case ef.OpenUpstream() if self.now_s < self._down_until_s:
                    self.feed(ev.UpstreamLost("it is down"))
                case ef.OpenUpstream():
                    self._link = self.sim.gateway.connect()
                    self.feed(ev.UpstreamConnected())
        self._take()
        for number in records:
            self.feed(ev.Recorded(number))

    def cut(self, down_s: float) -> None:
        """The link breaks, what is on the wire is lost, and the gateway is away for a while."""
        self._down_until_s = self.now_s + down_s
        self._take()
        self._wire.clear()
        self.sim.gateway.disconnect(self._link)
        self.feed(ev.UpstreamLost("it was cut"))

    def _take(self) -> None:
        """Put what the gateway has said on the wire, with serial numbers."""
        for data in self._link.outbox:
            self.made += 1
            kind = data[4 : data.find(b"\0", 4)].decode()
            if kind in STAMPED or kind in SERIAL:
                self._wire.append(frame(data[4:] + f"{MARK}{self.made}\0".encode()))
            else:
                self._wire.append(data)
        self._link.outbox.clear()

    def deliver(self, count: int | None = None) -> None:
        """Let some messages arrive; without a number all, and whatever they bring about."""
        self._take()
        while self._wire and count != 0:
            taken = self._wire[:count]
            del self._wire[: len(taken)]
            self.delivered += len(taken)
            self.feed(ev.UpstreamData(b"".join(taken)))
            count = None if count is None else 0

    @property
    def left_over(self) -> list[str]:
        """What runs at the gateway for somebody, by kind."""
        return [name for name, streams in self.sim.gateway.streams.items() if len(streams)]

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with the hub's and the gateway's deadlines in their order."""
        self.deliver()
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


class OwnSide:
    """A gateway for each set of accounts that some client may see."""

    def __init__(self, roles: Sequence[Role], volatility: float) -> None:
        self.gateways = {
            accounts: make_gateway(accounts, volatility)
            for accounts in dict.fromkeys(role.accounts for role in roles)
        }

    def advance(self, now_s: float) -> None:
        """It is `now_s`."""
        for sim in self.gateways.values():
            sim.gateway.advance(now_s)

    def others(self, role: Role) -> Iterator[tuple[tuple[str, ...], Simulation]]:
        """The gateways of others on which the role trades as well."""
        for accounts, sim in self.gateways.items():
            if accounts != role.accounts and set(accounts) & set(role.accounts):
                yield accounts, sim


@dataclass
class Sides:
    """Both sides, for what happens to both at once."""

    own: OwnSide
    shared: SharedSide

    @property
    def simulations(self) -> list[Simulation]:
        """All gateways."""
        return [*self.own.gateways.values(), self.shared.sim]

    def pass_time(self, seconds: float) -> None:
        """Let the same time pass on both sides.

        It never ends just before the market moves, when a moment decides what comes first.
        """
        early_s = (self.shared.now_s + seconds) % STEP_S
        self.shared.pass_time(seconds + (SAFE_S if early_s > STEP_S - SAFE_S else 0.0))
        self.own.advance(self.shared.now_s)

    def farm_blinks(self, kind: str) -> None:
        """A data farm goes away and comes back."""
        self.shared.deliver()
        for sim in self.simulations:
            sim.faults.start(make_fault("farm", {"kind": kind, "bars": "live"}))
        self.pass_time(0.3137)
        for sim in self.simulations:
            sim.faults.end("farm")
        self.pass_time(0.3137)  # everybody has its last word, and streams go on

    def publish(self) -> None:
        """There is a news bulletin; who subscribes after it has arrived does not hear of it."""
        self.shared.deliver()
        for sim in self.simulations:
            sim.bulletins.publish(1, f"at {sim.gateway.now_s:.2f}", "NYSE")
        self.shared.deliver()


class Connection:
    """A connection to a gateway of one's own; it ends when the gateway ends it."""

    def __init__(self, sim: Simulation, client_id: int) -> None:
        self.raw = RawClient(sim, client_id, VERSION)
        self.first = list(self.raw.welcome)

    @property
    def is_over(self) -> bool:
        """Whether the gateway has ended it."""
        return self.raw.client.closing

    def say(self, fields: Sequence[str]) -> None:
        """Send a message."""
        self.raw.send(*fields)

    def leave(self) -> None:
        """Close it."""
        self.raw.leave()

    def read(self) -> list[Fields]:
        """Take what has come."""
        first, self.first = self.first, []
        return first + self.raw.read()


class SharedConnection:
    """A connection through the hub."""

    def __init__(self, shared: SharedSide, session: int, role: Role, client_id: int) -> None:
        self._shared, self._session = shared, session
        shared.feed(ev.ClientArrived(session, role.strategy))
        hello = GREETING + frame(b"v157..%d" % VERSION)
        shared.feed(ev.ClientData(session, hello + frame(join_fields(71, 2, client_id, ""))))
        del shared.out[session][0]  # the greeting: version and time

    @property
    def is_over(self) -> bool:
        """Whether the hub has ended it."""
        return self._session in self._shared.is_over

    def say(self, fields: Sequence[str]) -> None:
        """Send a message."""
        self._shared.feed(ev.ClientData(self._session, frame(join_fields(*fields))))

    def leave(self) -> None:
        """Close it."""
        self._shared.feed(ev.ClientLeft(self._session))

    def read(self) -> list[Fields]:
        """Take what has come."""
        return self._shared.out.pop(self._session, [])
