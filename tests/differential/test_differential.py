"""Nobody can tell that the connection is not their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.differential.drawing import drawn
from tests.differential.programs import Program, Run, Step

EXAMPLES = int(os.environ.get("IBPROXY_EXAMPLES", "300"))
"""How many programs are tried; more of them, and others each time, by hand."""

IS_BY_HAND = "IBPROXY_EXAMPLES" in os.environ


def shortened(program: Program) -> Program:
    """Return what is left of a program that fails when no step can be left out."""
    steps: Sequence[Step] = program.steps
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps):
            fewer = [*steps[:at], *steps[at + size :]]
            if Run(replace(program, steps=fewer)).differences():
                steps = fewer
            else:
                at += size
        size //= 2
    return replace(program, steps=steps)


def report(program: Program) -> str:
    """Return the shortest form of a program that fails, and what differs then."""
    short = shortened(program)
    return "\n".join([repr(short), *Run(short).differences()])


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not IS_BY_HAND,
    phases=[Phase.reuse, Phase.generate],  # a number cannot be shrunk, a program can
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 2**62))
def test_nobody_can_tell(seed: int) -> None:
    """Whatever clients do, each sees what it would see on a gateway of its own."""
    program = drawn(seed)
    assert not Run(program).differences(), report(program)
