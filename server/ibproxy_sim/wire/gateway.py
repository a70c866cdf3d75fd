"""The pure heart of the stand-in gateway: clients, handshake, time, and who handles what.

It is fed with `connect`, `receive`, `disconnect` and `advance`, and what it wants to send lies
in `Client.outbox` and `Client.closing` afterwards. It never reads a clock.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy_sim.wire.line import Line
from ibproxy_sim.wire.malformed import bad_id_text, text_of, unknown_text
from ibproxy_sim.wire.settings import MIN_VERSION, Settings

if TYPE_CHECKING:
    from ibproxy_sim.accounts.books import Books
    from ibproxy_sim.wire.streams import AnyStreams

START_API = "71"
CLIENT_ID_IN_USE = (  # fact 1.28
    "Unable to connect as the client id is already in use. Retry with a unique client id."
)

Handler = Callable[["Client", list[str]], None]
"""Handles one message of a client; the list holds its fields, the message id first."""


@dataclass(eq=False)
class Client:
    """One API connection.

    Attributes:
        number: counts connections from 1; not the API's client id.
        version: negotiated server version; 0 until the handshake.
        client_id: the API's client id; None until startApi.
        outbox: frames to be sent, oldest first.
        closing: whether the connection ends once the outbox is sent.
        is_reset: whether it ends at once instead, as when the peer's machine died.
        state: what handler modules keep for this client, by the module's own key.
    """

    number: int
    version: int = 0
    client_id: int | None = None
    outbox: list[bytes] = field(default_factory=list)
    closing: bool = False
    is_reset: bool = False
    state: dict[str, object] = field(default_factory=dict)
    buffer: FrameBuffer = field(default_factory=FrameBuffer)
    greeting: bytes = b""

    @property
    def started(self) -> bool:
        """Whether the client has said startApi."""
        return self.client_id is not None


@dataclass
class Statistics:
    """What the gateway has seen; tests and summaries are computed from it.

    Attributes:
        connections: API connections that said startApi, ever.
        open_connections: how many are open now.
        most_connections: the most that were open at one time.
        requests: messages received, by message id.
    """

    connections: int = 0
    open_connections: int = 0
    most_connections: int = 0
    requests: dict[str, int] = field(default_factory=dict)


class Gateway:
    """The stand-in gateway.

    Attributes:
        now_s: the market's time, seconds since the epoch (UTC).
        clients: the open connections by their number.
        endless: gives what a client is sent whenever it can take more; for load tests.
        order_ids: next order id by API client id; it outlives connections.
        is_open: whether the port is there to connect to.
        held_ids: client ids that are still taken though their client has left, and until when.
        streams: what runs until it is cancelled, by its name.
        incoming, requests, answers, outgoing: the lines of `line.py`, where faults stand.
    """

    books: Books
    """Who owns what; the trading side puts it here."""

    def __init__(self, settings: Settings, now_s: float) -> None:
        self.settings = settings
        self.now_s = now_s
        self.clients: dict[int, Client] = {}
        self.endless: Callable[[Client], bytes] | None = None
        self.order_ids: dict[int, int] = {}
        self.is_open = True
        self.held_ids: dict[int, float] = {}
        self.streams: dict[str, AnyStreams] = {}
        self.incoming: Line[bytes] = Line(self._read)
        self.requests: Line[list[str]] = Line(self._handle)
        self.answers: Line[list[str]] = Line(self._write)
        self.outgoing: Line[bytes] = Line(self._put_out)
        self.statistics = Statistics()
        self.handlers: dict[str, Handler] = {}
        self.on_start: list[Callable[[Client], None]] = []
        self.on_leave: list[Callable[[Client], None]] = []
        self.on_restored: list[Callable[[], None]] = []
        self._numbers = itertools.count(1)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_numbers = itertools.count()

    # what handlers use

    def send(self, client: Client, *fields: object) -> None:
        """Queue a message for `client`."""
        payload = join_fields(*fields)
        if self.answers.is_empty:
            self.outgoing.run(client, frame(payload))
        else:
            self.answers.run(client, split_fields(payload))

    def error(self, client: Client, for_id: int | str, code: int, text: str) -> None:
        """Queue an error message (4); from version 166 it has a field for a reject's JSON."""
        tail = ("",) if client.version >= 166 else ()  # noqa: PLR2004
        self.send(client, 4, 2, for_id, code, text, *tail)

    def close(self, client: Client) -> None:
        """End the connection once everything queued is sent."""
        client.closing = True

    def reset(self, client: Client) -> None:
        """End the connection at once."""
        client.closing = client.is_reset = True
        self.disconnect(client)

    def call_at(self, time_s: float, action: Callable[[], None]) -> None:
        """Run `action` when the market's time reaches `time_s`; not before `advance`."""
        heapq.heappush(self._timers, (time_s, next(self._timer_numbers), action))

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` after `delay_s` seconds of market time."""
        self.call_at(self.now_s + delay_s, action)

    # what the shell, or a test, uses

    def connect(self) -> Client:
        """A client has opened a connection."""
        is_full = len(self.clients) >= self.settings.max_clients  # how it refuses is [assumed]
        client = Client(number=next(self._numbers), closing=is_full or not self.is_open)
        if not client.closing:
            self.clients[client.number] = client
        return client

    def disconnect(self, client: Client) -> None:
        """The connection is gone: its subscriptions end, its orders stay (fact 1.57)."""
        if self.clients.pop(client.number, None) and client.started:
            self.statistics.open_connections -= 1
            self._end_subscriptions(client)

    def _end_subscriptions(self, client: Client) -> None:
        for action in self.on_leave:
            action(client)

    def receive(self, client: Client, data: bytes) -> None:
        """Take bytes from a client, wherever the stream was split."""
        self.incoming.run(client, data)

    def _read(self, client: Client, data: bytes) -> None:
        if client.closing:
            return
        if not client.version:
            client.greeting += data
            if len(client.greeting) < len(GREETING):
                return
            if not client.greeting.startswith(GREETING):
                self.close(client)
                return
            data, client.greeting = client.greeting[len(GREETING) :], b""
            client.version = -1  # the greeting is in, the version range is due
        try:
            payloads = client.buffer.feed(data)
        except RemoteProtocolError:
            self.close(client)
            return
        for payload in payloads:
            if client.version < 0:
                self._negotiate(client, payload)
            else:
                self._dispatch(client, split_fields(payload))
            if client.closing:
                return

    def advance(self, now_s: float) -> None:
        """The market's time is `now_s`; run what is due, in order."""
        while self._timers and self._timers[0][0] <= now_s:
            time_s, _, action = heapq.heappop(self._timers)
            self.now_s = max(self.now_s, time_s)
            action()
        self.now_s = max(self.now_s, now_s)

    def next_deadline_s(self) -> float | None:
        """Market time at which `advance` has something to do."""
        return self._timers[0][0] if self._timers else None

    def _write(self, client: Client, fields: list[str]) -> None:
        self.outgoing.run(client, frame(join_fields(*fields)))

    @staticmethod
    def _put_out(client: Client, data: bytes) -> None:
        if not client.closing:
            client.outbox.append(data)

    # the handshake

    def _negotiate(self, client: Client, payload: bytes) -> None:
        """`vMIN..MAX`, perhaps a space and options, is answered with version and time (1.1-1.3)."""
        try:
            low, high = (
                int(part) for part in payload.decode().split(" ")[0].lstrip("v").split("..")
            )
        except ValueError:
            self.close(client)
            return
        version = min(high, self.settings.server_version)
        if version < max(low, MIN_VERSION):
            self.close(client)  # [assumed] no text; the official clients report 506 themselves
            return
        client.version = version
        moment = datetime.fromtimestamp(self.now_s, timezone.utc)
        self.send(client, version, f"{moment:%Y%m%d %H:%M:%S} {self.settings.time_zone_name}")

    def _dispatch(self, client: Client, fields: list[str]) -> None:
        message_id = fields[0] if fields else ""
        requests = self.statistics.requests
        requests[message_id] = requests.get(message_id, 0) + 1
        self.requests.run(client, fields)

    def _handle(self, client: Client, fields: list[str]) -> None:
        message_id = fields[0] if fields else ""
        if client.closing:
            return
        if message_id == START_API and client.number in self.clients:
            self._start(client, fields)
            return
        if not client.started:
            return  # requests before startApi may be lost (1.10)
        handler = self.handlers.get(message_id)
        if handler is None:
            self._complain(client, unknown_text(message_id))
            return
        bad_id = bad_id_text(fields)
        if bad_id:
            self._complain(client, bad_id)
            return
        try:
            handler(client, fields)
        except (ValueError, IndexError) as error:
            self._complain(client, text_of(error))
        if client.number not in self.clients:  # a fault held it back: its sender has left
            self._end_subscriptions(client)

    def _complain(self, client: Client, text: str) -> None:
        """Something cannot be read; whether the connection stays is a setting (1.46, 1.47)."""
        self.error(client, -1, 320, text)
        if not self.settings.keeps_malformed:
            self.close(client)

    def _start(self, client: Client, fields: list[str]) -> None:
        try:
            client_id = int(fields[2])
        except (ValueError, IndexError) as error:  # without an id there is nobody to serve
            self.error(client, -1, 320, text_of(error))
            self.close(client)
            return
        is_held = self.held_ids.get(client_id, 0.0) > self.now_s
        if is_held or any(other.client_id == client_id for other in self.clients.values()):
            self.error(client, -1, 326, CLIENT_ID_IN_USE)
            self.close(client)
            return
        client.client_id = client_id
        seen = self.statistics
        seen.connections += 1
        seen.open_connections += 1
        seen.most_connections = max(seen.most_connections, seen.open_connections)
        for action in self.on_start:
            action(client)
