"""Connections that end, or never begin, for reasons of the gateway's own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from ibproxy.wire.framing import frame
from ibproxy_sim.faults.fault import Fault, Quota, Site
from ibproxy_sim.wire.gateway import START_API, Client

PORT_RESET = (
    "Socket port has been reset and this connection is being dropped. "
    "Please reconnect on the new port -{}"
)
NO_GREETING = frame(b"\xef\xbf\xbd\0")


class ShownOut(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close connections shortly after startApi, without an error."""

    NAME: ClassVar[str] = "shown_out"
    FACTS: ClassVar[str] = "1.31, 11.5"

    after_s: Annotated[float, Meta(ge=0, description="how long after startApi")] = 0.5
    count: Annotated[int, Meta(ge=0, description="so many connections; 0: all")] = 0

    def start(self, site: Site) -> None:
        """Wait for those who start."""
        quota = Quota(self.count)

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] == [START_API] and quota.take():
                site.later(self.after_s, lambda: site.gateway.close(client))
            return False

        site.take_requests(take)


class Garbled(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer the greeting of new connections with what is no version; clients say 506."""

    NAME: ClassVar[str] = "garbled"
    FACTS: ClassVar[str] = "7.17"

    count: Annotated[int, Meta(ge=0, description="so many connections; 0: all")] = 1

    def start(self, site: Site) -> None:
        """Replace the first thing that each is sent."""
        quota = Quota(self.count)
        known = set(site.gateway.clients)

        def take(client: Client, _data: bytes) -> bool:
            if client.number in known:
                return False
            known.add(client.number)
            if not quota.take():
                return False
            client.outbox.append(NO_GREETING)
            site.gateway.close(client)
            return True

        site.take_outgoing(take)


class PortChanged(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say 1300 and drop all connections, as when the port is changed in the settings."""

    NAME: ClassVar[str] = "port_changed"
    FACTS: ClassVar[str] = "1.54, 7.7"

    port: Annotated[int, Meta(ge=1, description="the port it names; the old one works on")] = 4002

    def start(self, site: Site) -> None:
        """Say it, and close."""
        site.tell_all(1300, PORT_RESET.format(self.port))
        for client in list(site.gateway.clients.values()):
            site.gateway.close(client)
        site.end()


class Burst(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop reading for a while when very many messages come at one moment."""

    NAME: ClassVar[str] = "burst"
    FACTS: ClassVar[str] = "6.8, 11.46"

    messages: Annotated[int, Meta(ge=2, description="so many of all clients together")] = 40
    within_s: Annotated[float, Meta(ge=0, description="in this time")] = 0.001
    frozen_s: Annotated[float, Meta(gt=0, description="how long nothing is read")] = 30.0

    def start(self, site: Site) -> None:
        """Count; what comes while it is stuck is read afterwards."""
        recent: list[float] = []
        waiting: list[tuple[Client, list[str]]] = []
        stuck = [False]

        def go_on() -> None:
            stuck[0] = False
            held = list(waiting)
            waiting.clear()
            recent.clear()
            for client, fields in held:
                site.request(client, fields)

        def take(client: Client, fields: list[str]) -> bool:
            if stuck[0]:
                waiting.append((client, fields))
                return True
            now_s = site.gateway.now_s
            recent[:] = [time_s for time_s in recent if now_s - time_s <= self.within_s]
            recent.append(now_s)
            if len(recent) < self.messages:
                return False
            stuck[0] = True
            waiting.append((client, fields))
            site.later(self.frozen_s, go_on)
            return True

        site.at_end(go_on)
        site.take_requests(take)
