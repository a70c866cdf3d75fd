"""What runs until it is cancelled: subscriptions by client and request id, and their clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.wire.gateway import Client, Gateway


@dataclass(eq=False)
class AnyStream:
    """One subscription.

    Attributes:
        client: whose it is.
        req_id: under which id.
    """

    client: Client
    req_id: str


@dataclass(eq=False)
class Stream(AnyStream):
    """A subscription to one instrument.

    Attributes:
        instrument: of what.
    """

    instrument: Instrument


S = TypeVar("S", bound=AnyStream)


class Streams(Generic[S]):
    """All subscriptions of a kind, updated together at multiples of a period.

    While there are none, no timer runs.

    Attributes:
        is_paused: whether updates are left out; the next one then tells what has changed.
    """

    def __init__(
        self, gateway: Gateway, period_s: float, update: Callable[[S], None], name: str
    ) -> None:
        self.is_paused = False
        gateway.streams[name] = self
        self._gateway = gateway
        self._period_s = period_s
        self._update = update
        self._streams: dict[tuple[int, str], S] = {}
        self._is_ticking = False
        gateway.on_leave.append(self._forget)

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[S]:
        return iter(list(self._streams.values()))

    def get(self, client: Client, req_id: str) -> S | None:
        """The live subscription under an id."""
        return self._streams.get((client.number, req_id))

    def add(self, stream: S) -> None:
        """Start a subscription; its first update is at the next multiple of the period."""
        self._streams[stream.client.number, stream.req_id] = stream
        if not self._is_ticking:
            self._is_ticking = True
            self._schedule()

    def remove(self, client: Client, req_id: str) -> S | None:
        """End a subscription; returns it if it was live."""
        return self._streams.pop((client.number, req_id), None)

    def clear(self) -> None:
        """End all subscriptions, without a word."""
        self._streams.clear()

    def _forget(self, client: Client) -> None:
        for stream in self:
            if stream.client is client:
                self.remove(client, stream.req_id)

    def _schedule(self) -> None:
        period_s = self._period_s
        periods = math.floor(self._gateway.now_s / period_s + 1e-6) + 1
        self._gateway.call_at(periods * period_s, self._tick)

    def _tick(self) -> None:
        if not self._streams:
            self._is_ticking = False
            return
        for stream in () if self.is_paused else self:
            self._update(stream)
        self._schedule()


AnyStreams: TypeAlias = Streams[Any]
"""Streams of whatever kind."""
