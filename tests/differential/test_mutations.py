"""The machine is worth something: it finds bugs that are planted on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.differential.drawing import drawn
from tests.differential.mutations import MUTATIONS
from tests.differential.programs import Run

MOST_PROGRAMS = 100
"""Programs in which each bug has to be found; the same ones for all."""


def found_at() -> int:
    """Return how many programs it takes to see a difference; 0: there is none."""
    for seed in range(MOST_PROGRAMS):
        if Run(drawn(seed)).differences():
            return seed + 1
    return 0


@pytest.mark.parametrize("name", MUTATIONS)
def test_planted_bug_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """Each bug shows within a few programs."""
    MUTATIONS[name](monkeypatch)
    number = found_at()
    record_property("programs", number)
    assert number


def test_nothing_is_found_without_a_bug() -> None:
    """The very programs that find the bugs pass without them."""
    assert not found_at()
