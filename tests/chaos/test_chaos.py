"""A short run of chaos holds."""

from __future__ import annotations

import pytest

from tests.chaos.plan import KINDS, make_plan
from tests.chaos.run import make_chaos


@pytest.fixture(autouse=True)
def own_loop() -> None:
    """A run has a loop of its own."""


def test_the_same_seed_gives_the_same_plan() -> None:
    """What strikes, when, whom and for how long follows from the seed; all kinds come."""
    assert make_plan(7, 500, 4) == make_plan(7, 500, 4) != make_plan(8, 500, 4)
    assert {strike.kind for strike in make_plan(7, 500, 4)} == set(KINDS)


def test_a_run_without_faults_holds() -> None:
    """Strategies trade for some seconds, and all three accounts agree."""
    verdict = make_chaos(orders=100, faults=0, strategies=4, seed=5).run()
    assert verdict.holds, verdict.as_text()
    assert verdict.figures["executions"] > 10
