"""A short soak holds, and one with a bug planted does not."""

from __future__ import annotations

import pytest

from tests.soak.census import tables
from tests.soak.plants import PLANTS
from tests.soak.run import Soak


@pytest.fixture(autouse=True)
def own_loop() -> None:
    """A soak runs loops of its own."""


def test_a_short_soak_holds() -> None:
    """Clients come and go for some seconds, and nothing is left behind or went astray."""
    verdict = Soak(clients=8, seconds=5.0, rounds=2).run()
    assert verdict.holds, verdict.as_text()
    assert verdict.findings.lives > 8
    assert len(verdict.findings.asked) > 35
    assert verdict.findings.checked > 1000


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found(name: str) -> None:
    """Each bug makes the soak fail, for the reason that it ought to."""
    rounds = 2 if name == "hoarder" else 1  # memory is compared with that after the first round
    verdict = Soak(
        clients=8, seconds=2.0 * rounds, rounds=rounds, planted=name, settle_s=3.0, patience_s=2.0
    ).run()
    assert not verdict.holds
    assert any(_TOLD[name] in each for each in verdict.wrongs), verdict.as_text()


_TOLD = {
    "no_cancel": "the gateway still sends",
    "deaf_to_leaving": "sessions are left",
    "wrong_client": "not for the client that got them",
    "hoarder": "memory has grown",
}
"""Plant -> what the verdict says of it."""


def test_the_census_counts_what_is_reachable() -> None:
    """Tables of objects inside tables are counted, each kind under one path."""

    class Inner:
        def __init__(self, size: int) -> None:
            self.things = list(range(size))

    class Outer:
        def __init__(self) -> None:
            self.inner = {1: Inner(2), 2: Inner(3)}
            self.me = self

    Inner.__module__ = Outer.__module__ = "ibproxy_server.example"
    assert tables(Outer()) == {"inner": 2, "inner[].things": 5}
