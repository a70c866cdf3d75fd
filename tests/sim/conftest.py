"""A pure gateway, a client of it, and ib_async's decoder as the judge of what it sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timezone

import pytest
from ib_async.decoder import Decoder

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.gateway import Settings
from ibproxy_sim.testing import RawClient

MONDAY_S = 1776092400.0


@pytest.fixture
def sim() -> Simulation:
    """A pure gateway on a Monday at 11:00 in New York."""
    return make_simulation(Settings(), MONDAY_S)


@pytest.fixture
def client(sim: Simulation) -> RawClient:
    """A client of it that has started."""
    return RawClient(sim)


Calls = list[tuple[str, tuple[object, ...]]]


class Judge:
    """A wrapper that writes down each call that ib_async's decoder makes."""

    def __init__(self) -> None:
        self.calls: Calls = []
        self.defaultTimezone = timezone.utc

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.calls.append((name, args))


@pytest.fixture
def decode(caplog: pytest.LogCaptureFixture) -> Callable[..., Calls]:
    """Decodes messages as ib_async does; an error in its log fails the test."""

    def decode(messages: list[list[str]], version: int = 178) -> Calls:
        judge = Judge()
        decoder = Decoder(judge, version)  # type: ignore[arg-type] # all it does is call methods
        for message in messages:
            decoder.interpret(list(message))  # type: ignore[no-untyped-call]
        assert not [record for record in caplog.records if record.name.startswith("ib_async")]
        return judge.calls

    return decode
