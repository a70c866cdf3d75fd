"""What holds for all programs."""

from __future__ import annotations

import pytest

from ibproxy_sim.data import ticks


@pytest.fixture(autouse=True)
def no_shared_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift the rule that looks at all sessions together: 15 s between two requests (fact 4.46)."""
    monkeypatch.setattr(ticks, "GAP_S", 0.0)
