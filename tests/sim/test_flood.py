"""Market data without end is written faster than any client reads it."""

from __future__ import annotations

import time
from datetime import timezone
from typing import Any

from ib_async.decoder import Decoder

from ibproxy.wire.framing import FrameBuffer, split_fields
from ibproxy_sim.build import make_simulation
from ibproxy_sim.testing import AMD, RawClient
from ibproxy_sim.wire.settings import Settings

CHUNKS = 40


class Deaf:
    """A wrapper that takes every call and does nothing."""

    defaultTimezone = timezone.utc  # noqa: N815 - ib_async's name

    def __getattr__(self, name: str) -> Any:
        return lambda *_args: None


def test_a_flood_is_written_several_times_faster_than_it_is_decoded() -> None:
    """The ratio holds on any machine; `python -m tests.bench.flood` tells the figure."""
    sim = make_simulation(Settings(flood=True), 1776092400.0)
    client = RawClient(sim)
    client.send(1, 11, 7, *AMD, 0, "", 0, 0, "")
    client.read()
    assert sim.flood
    sim.flood.chunk(client.client)  # the first one encodes what is sent over and over
    before, started_s = sim.flood.ticks, time.perf_counter()
    data = [sim.flood.chunk(client.client) for _ in range(CHUNKS)]
    writing_s = time.perf_counter() - started_s
    decoder: Any = Decoder(Deaf(), 178)  # type: ignore[arg-type] # all it does is call methods
    buffer, decoded = FrameBuffer(), 0
    started_s = time.perf_counter()
    for piece in data:
        for payload in buffer.feed(piece):
            decoder.interpret(split_fields(payload))
            decoded += 1
    reading_s = time.perf_counter() - started_s
    assert decoded == sim.flood.ticks - before
    assert writing_s * 5 < reading_s
