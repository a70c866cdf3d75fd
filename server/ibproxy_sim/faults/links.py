"""What goes wrong between two sockets: frozen, cut, in crumbs."""

from __future__ import annotations

from collections import deque
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy.wire.framing import split_fields
from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

LENGTH_BYTES = 4


class Freeze(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep the port open and answer nothing, until it ends; then go on where it stopped."""

    NAME: ClassVar[str] = "freeze"
    FACTS: ClassVar[str] = "1.55, 1.56, 11.2"

    connections: Annotated[
        Literal["all", "new"], Meta(description="all, or those made from now on")
    ] = "all"

    def start(self, site: Site) -> None:
        """Hold everything, both ways, new connections too."""
        incoming: deque[tuple[Client, bytes]] = deque()
        outgoing: deque[tuple[Client, bytes]] = deque()
        spared = set(site.gateway.clients) if self.connections == "new" else set[int]()

        def hold(queue: deque[tuple[Client, bytes]], client: Client, data: bytes) -> bool:
            if client.number in spared:
                return False
            queue.append((client, data))
            return True

        def thaw() -> None:
            for client, data in outgoing:
                site.gateway.outgoing.run(client, data, after=site.place)
            for client, data in incoming:
                site.gateway.incoming.run(client, data, after=site.place)

        site.at_end(thaw)
        site.take_incoming(lambda client, data: hold(incoming, client, data))
        site.take_outgoing(lambda client, data: hold(outgoing, client, data))


class Crumbs(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send every message in small pieces, with time in between."""

    NAME: ClassVar[str] = "crumbs"
    FACTS: ClassVar[str] = ""

    piece_bytes: Annotated[int, Meta(ge=1, description="size of a piece")] = 7
    gap_s: Annotated[float, Meta(gt=0, description="between two pieces")] = 0.01

    def start(self, site: Site) -> None:
        """Break up what goes out, client by client."""
        waiting: dict[Client, bytearray] = {}

        def take(client: Client, data: bytes) -> bool:
            if client in waiting:
                waiting[client] += data
            else:
                waiting[client] = bytearray(data)
                drop(client)
            return True

        def drop(client: Client) -> None:
            rest = waiting.get(client)
            if not rest:
                waiting.pop(client, None)
                return
            put_out(client, self.piece_bytes)
            site.later(self.gap_s, lambda: drop(client))

        def put_out(client: Client, size: int) -> None:
            rest = waiting[client]
            piece = bytes(rest[:size])
            del rest[:size]
            site.gateway.outgoing.run(client, piece, after=site.place)

        def finish() -> None:
            for client, rest in waiting.items():
                put_out(client, len(rest))

        site.at_end(finish)
        site.take_outgoing(take)


class Cut(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Break a connection in the middle of the next message, or of the next one of a kind."""

    NAME: ClassVar[str] = "cut"
    FACTS: ClassVar[str] = ""

    message: Annotated[int, Meta(ge=0, description="message id; 0: any")] = 0
    client_id: Annotated[int | None, Meta(description="of this client; else whose is next")] = None

    def start(self, site: Site) -> None:
        """Wait for it; one cut, and it is over."""

        def take(client: Client, data: bytes) -> bool:
            kind = split_fields(data[LENGTH_BYTES:])[0]
            if self.message and kind != str(self.message):
                return False
            if self.client_id not in {None, client.client_id}:
                return False
            half = data[: max(LENGTH_BYTES + 1, len(data) // 2)]
            site.gateway.outgoing.run(client, half, after=site.place)
            site.gateway.close(client)
            site.end()
            return True

        site.take_outgoing(take)
