"""Market data as fast as it is read: for load tests, not for truth.

Each subscription gets a round of frames, encoded once from the market's next steps and then
sent over and over. It is pulled: the server asks for more whenever a client can take more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from weakref import WeakKeyDictionary

from ibproxy.wire.framing import frame, join_fields
from ibproxy_sim.data.quotes import Quotes, Subscription
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import step_at
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import size_text

ROUND_STEPS = 32
CHUNK_BYTES = 64 * 1024
"""About what is asked for at once: asyncio's own high-water mark."""


class Flood:
    """Produces ticks without end.

    Attributes:
        ticks: how many were produced.
    """

    def __init__(self, gateway: Gateway, quotes: Quotes, market: Market) -> None:
        self.ticks = 0
        self._gateway = gateway
        self._quotes = quotes
        self._market = market
        self._rounds: WeakKeyDictionary[Subscription, Iterator[tuple[bytes, int]]]
        self._rounds = WeakKeyDictionary()

    def chunk(self, client: Client) -> bytes:
        """The next ticks of all of a client's subscriptions; empty if it has none."""
        rounds = [self._round(s) for s in self._quotes.streams if s.client is client]
        pieces: list[bytes] = []
        size = 0
        while rounds and size < CHUNK_BYTES:
            for piece, ticks in (next(r) for r in rounds):
                pieces.append(piece)
                size += len(piece)
                self.ticks += ticks
        return b"".join(pieces)

    def _round(self, stream: Subscription) -> Iterator[tuple[bytes, int]]:
        known = self._rounds.get(stream)
        if known is None:
            first = step_at(self._gateway.now_s)
            steps = range(first, first + ROUND_STEPS)
            known = cycle([self._encode(stream, step) for step in steps])
            self._rounds[stream] = known
        return known

    def _encode(self, stream: Subscription, step: int) -> tuple[bytes, int]:
        """Frames of one step, and how many ticks they are."""
        market, instrument = self._market, stream.instrument
        price = market.price(instrument, step)
        ticks: list[tuple[object, ...]] = []
        if instrument.has_quotes:
            bid_size, ask_size = (size_text(size) for size in market.sizes(instrument, step))
            ticks += [
                (1, 6, stream.req_id, 1, market.bid(instrument, price), bid_size, 1),
                (2, 6, stream.req_id, 0, bid_size),
                (1, 6, stream.req_id, 2, market.ask(instrument, price), ask_size, 1),
                (2, 6, stream.req_id, 3, ask_size),
            ]
        if instrument.has_trades:
            size = size_text(market.traded(instrument, step, step + 1))
            ticks += [
                (1, 6, stream.req_id, 4, market.last(instrument, price), size, 0),
                (2, 6, stream.req_id, 5, size),
            ]
        return b"".join(frame(join_fields(*tick)) for tick in ticks), len(ticks)
