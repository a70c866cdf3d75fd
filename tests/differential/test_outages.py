"""A cut of the gateway's link costs nothing that can be known later."""

from __future__ import annotations

import os

import pytest

from tests.differential.outage_mutations import BUGS
from tests.differential.outages import differences

PROGRAMS = int(os.environ.get("IBPROXY_EXAMPLES", "100"))
"""How many programs are tried; always the same ones first."""

PART = 25


@pytest.mark.parametrize("first", range(0, PROGRAMS, PART))
def test_clients_know_the_same_in_the_end(first: int) -> None:
    """Whatever was under way when the link broke: the same values, orders, fills and answers."""
    for seed in range(first, min(first + PART, PROGRAMS)):
        found = differences(seed)
        assert not found, "\n".join([f"program {seed}:", *found])


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very programs that pass without it show it."""
    BUGS[name](monkeypatch)
    assert any(differences(seed) for seed in range(100))
