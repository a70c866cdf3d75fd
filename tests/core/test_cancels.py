"""Cancels that the gateway confirms are confirmed to each client for its own part."""

from __future__ import annotations

from typing import Any

SCAN = (5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 19)


def test_a_scanners_cancel_is_confirmed(world: Any) -> None:
    """With 162, also if others go on with the same scan; an id that is not live is 365."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(22, 5, *SCAN)
    beta.say(22, 7, *SCAN)
    for _ in range(2):
        alpha.say(23, 1, 5)
    text = "Historical Market Data Service error message:API scanner subscription cancelled: 5"
    first, second = alpha.take(4)
    assert first[2:5] == ["5", "162", text]
    assert second[2:4] == ["5", "365"]
    assert world.asked(23) == []
    assert beta.take() == []
