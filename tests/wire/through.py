"""A hub between one client and the pure stand-in gateway: what passes is kept, both ways.

The stand-in knows nothing of the message table, so a wrong position there shows as a message
that is not what it was.
"""

from __future__ import annotations

from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub, HubSettings
from ibproxy_server.core.requests import Limits
from ibproxy_sim.build import Simulation
from ibproxy_sim.wire.gateway import Client

STEP_S = 0.05
SETTLE_S = 2.0
"""After so long the proxy has asked all that it asks for itself."""


class Through:
    """One client's connection through a hub.

    Attributes:
        sim: the gateway.
        said: what the client said, as fields.
        asked: what the gateway was asked.
        told: what the client was told.
        dropped: why the hub has ended the connection.
    """

    def __init__(
        self, sim: Simulation, client_id: int, version: int, upstream_version: int = 0
    ) -> None:
        self.sim = sim
        self.said: list[list[str]] = []
        self.asked: list[list[str]] = []
        self.told: list[list[str]] = []
        self.dropped: str | None = None
        self._client: Client = sim.gateway.connect()
        self._began_s = sim.gateway.now_s
        limits = Limits(history=0)  # what is held back is another test's
        highest = upstream_version or version
        self._hub = Hub(HubSettings(max_version=highest, messages_per_s=0.0, limits=limits))
        self._up, self._down = FrameBuffer(), FrameBuffer()
        self._feed(ev.Tick())
        self._feed(ev.UpstreamConnected())
        self.wait(SETTLE_S)
        self._feed(ev.ClientArrived(1, "one"))
        self._feed(ev.ClientData(1, GREETING + frame(f"v157..{version}".encode())))
        self.feed(frame(join_fields(71, 2, client_id, "")))
        self.clear()

    def feed(self, data: bytes) -> None:
        """The client sends bytes."""
        self.said += map(split_fields, FrameBuffer().feed(data))
        self._feed(ev.ClientData(1, data))

    def wait(self, seconds: float) -> None:
        """Let time go by, a little at a time."""
        end_s = self.sim.gateway.now_s + seconds
        while self.sim.gateway.now_s < end_s:
            self.sim.gateway.advance(min(end_s, self.sim.gateway.now_s + STEP_S))
            self._feed(ev.Tick())

    def clear(self) -> None:
        """Forget what has passed."""
        self.said.clear()
        self.asked.clear()
        self.told.clear()

    def _feed(self, event: ev.Event) -> None:
        events: list[ev.Event] = [event]
        while events:
            now_s = self.sim.gateway.now_s - self._began_s
            for effect in self._hub.handle(now_s, events.pop(0)):
                match effect:
                    case ef.SendUpstream():
                        self._ask(effect.data)
                    case ef.SendToClient():
                        self.told += map(split_fields, self._down.feed(effect.data))
                    case ef.DropClient():
                        self.dropped = effect.reason
                    case ef.Record():
                        events.append(ev.Recorded(effect.number))
            if self._client.outbox:
                events.append(ev.UpstreamData(b"".join(self._client.outbox)))
                self._client.outbox.clear()

    def _ask(self, data: bytes) -> None:
        if not data.startswith(GREETING):
            self.asked += map(split_fields, self._up.feed(data))
        self.sim.gateway.receive(self._client, data)
