"""A short run of chaos holds."""

from __future__ import annotations

import shutil

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


@pytest.mark.timeout(300)
def test_a_run_with_faults_holds() -> None:
    """Everything around the strategies breaks, and all three accounts agree on every order."""
    verdict = make_chaos(orders=200, faults=15, strategies=4, seed=6).run()
    assert verdict.holds, verdict.as_text()
    assert verdict.figures["executions"] > 30
    assert verdict.figures["faults"] == 15


def test_a_run_without_its_guard_fails() -> None:
    """The auditor finds what is wrong: here every order's messages go to anybody."""
    verdict = make_chaos(orders=60, faults=0, strategies=2, seed=6, without="owners").run()
    assert set(verdict.broken) >= {"none astray", "no fill undelivered"}
    shutil.rmtree(verdict.folder)
