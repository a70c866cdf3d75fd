"""The stand-in gateway of the benchmarks: a bounded flood of ticks for each subscription."""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import cycle
from weakref import WeakKeyDictionary

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.data.flood import Flood
from ibproxy_sim.data.quotes import Subscription
from ibproxy_sim.server import SimServer
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import Settings

HOLD_S = 1.5
"""A flood begins so long after its subscription: everybody has subscribed by then."""

CHUNK_TICKS = 1000


class BoundedFlood:
    """Gives each subscription a fixed number of ticks, as fast as they are read."""

    def __init__(self, simulation: Simulation, limit_ticks: int) -> None:
        self._quotes = simulation.quotes
        self._flood = Flood(simulation.gateway, simulation.quotes, simulation.market)
        self._limit_ticks = limit_ticks
        self._began_at_s: WeakKeyDictionary[Subscription, float] = WeakKeyDictionary()
        self._sent_ticks: WeakKeyDictionary[Subscription, int] = WeakKeyDictionary()
        self._chunks: WeakKeyDictionary[Subscription, cycle[tuple[bytes, int]]]
        self._chunks = WeakKeyDictionary()

    def chunk(self, client: Client) -> bytes:
        """Return the next ticks of a client's subscriptions."""
        pieces, now_s = [], time.monotonic()
        for stream in self._quotes.streams:
            if stream.client is not client:
                continue
            began_at_s = self._began_at_s.setdefault(stream, now_s)
            sent_ticks = self._sent_ticks.get(stream, 0)
            if now_s - began_at_s < HOLD_S or sent_ticks >= self._limit_ticks:
                continue
            if stream not in self._chunks:
                self._chunks[stream] = cycle([self._encode(stream)])
            piece, ticks = next(self._chunks[stream])
            pieces.append(piece)
            self._sent_ticks[stream] = sent_ticks + ticks
        return b"".join(pieces)

    def _encode(self, stream: Subscription) -> tuple[bytes, int]:
        pieces, count, step = [], 0, 1
        while count < CHUNK_TICKS:
            piece, ticks = self._flood._encode(stream, step)
            pieces.append(piece)
            count += ticks
            step += 1
        return b"".join(pieces), count


async def main(limit_ticks: int) -> None:
    """Serve until the standard input closes."""
    simulation = make_simulation(Settings(flood=True), time.time())
    simulation.gateway.endless = BoundedFlood(simulation, limit_ticks).chunk
    server = SimServer(simulation.gateway)
    await server.start()
    print(server.port, flush=True)  # noqa: T201 - read by the parent
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
