"""What goes wrong, when, and for how long: drawn from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

MARKET_SPEED = 4.0
"""Market seconds for each second; the stand-in counts its own troubles in market time."""

GAP_S = (0.5, 4.5)
"""From one strike to the next; one that takes longer goes on meanwhile."""

ORDERS_PER_STRIKE = 30
"""So many are placed from one strike to the next."""

SILENCE_S = 4.0
"""After so long a silence the proxy renews its link; some freezes are shorter, some longer."""

RESUME_S = 4.0
"""For how long the proxy keeps a session whose link is broken; some are for longer."""

Draw = Callable[[random.Random], dict[str, Any]]


@dataclass(frozen=True)
class Strike:
    """One fault.

    Attributes:
        after_s: how long after the strike before it.
        kind: key of `KINDS`.
        target: what it befalls: link, gateway, proxy, journal, or the number of a strategy.
        how: its own parameters; times are seconds.
    """

    after_s: float
    kind: str
    target: str
    how: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        how = ", ".join(f"{name} {value}" for name, value in self.how.items())
        return f"{self.kind} ({self.target}{': ' if how else ''}{how})"


def _for(low: float, high: float) -> Draw:
    return lambda dice: {"for_s": _seconds(dice, low, high)}


def _seconds(dice: random.Random, low: float, high: float) -> float:
    return round(dice.uniform(low, high), 2)


def _down(dice: random.Random) -> dict[str, Any]:
    return {"down_s": dice.choice((0.0, 0.0, 0.0, _seconds(dice, 0.2, 3.0), RESUME_S + 2))}


def _tear(dice: random.Random) -> dict[str, Any]:
    return {"direction": dice.choice(("up", "up", "down")), **_down(dice)}


def _freeze(dice: random.Random) -> dict[str, Any]:
    return {"for_s": _seconds(dice, *dice.choice(((0.2, 2.0), (SILENCE_S + 1, SILENCE_S + 3))))}


def _restart(dice: random.Random) -> dict[str, Any]:
    """The id may be taken for a while when it is back, and nobody be behind the port (7.16)."""
    return {
        "for_s": _seconds(dice, 0.5, 4.0),
        "held_s": dice.choice((0.0, 0.0, _seconds(dice, 0.5, 2.0))),
        "unready_s": dice.choice((0.0, 0.0, _seconds(dice, 0.5, 2.0))),
        "lost_s": dice.choice((0.0, 0.0, 0.0, 0.3)),
        "orders": dice.choice(("kept", "kept", "anonymous")),
    }


def _outage(dice: random.Random) -> dict[str, Any]:
    return {
        "for_s": _seconds(dice, 1.0, 5.0),
        "data": dice.choice(("lost", "kept")),
        "orders": dice.choice(("queued", "lost")),
        "fills": dice.choice(("untold", "untold", "told")),
    }


KINDS: dict[str, tuple[str, int, Draw]] = {
    "link cut": ("link", 3, _down),
    "link torn": ("link", 4, _tear),
    "link frozen": ("link", 2, _freeze),
    "link delayed": ("link", 1, lambda dice: {"delay_s": _seconds(dice, 0.05, 0.4), "for_s": 2.0}),
    "link crumbled": ("link", 1, _for(1.0, 3.0)),
    "gateway restarted": ("gateway", 3, _restart),
    "gateway cut off": ("gateway", 4, _outage),
    "gateway frozen": ("gateway", 1, _freeze),
    "proxy killed": ("proxy", 5, _for(0.0, 2.0)),
    "proxy killed when the disk is full": ("proxy", 2, _for(0.5, 1.5)),
    "proxy stopped": ("proxy", 2, _for(0.2, 6.0)),
    "strategy's link cut": ("strategy", 2, _down),
    "strategy's link torn": ("strategy", 2, _tear),
    "strategy's link frozen": ("strategy", 1, _freeze),
    "strategy killed": ("strategy", 3, _for(0.0, 2.0)),
    "strategy stopped": ("strategy", 2, _for(0.2, 6.0)),
    "journal full": ("journal", 2, _for(0.5, 3.0)),
    "journal locked": ("journal", 1, _for(0.5, 3.0)),
}
"""Kind -> what it befalls, how often compared with the others, and what draws its parameters."""


def make_plan(
    seed: int, strikes: int, strategies: int, kinds: Sequence[str] = (), orders: int = 0
) -> list[Strike]:
    """Return what will happen.

    Args:
        seed: the same seed gives the same plan.
        strikes: how many faults.
        strategies: how many there are to befall.
        kinds: which kinds are drawn; empty: all.
        orders: how many are to be placed meanwhile; the more, the longer from strike to strike.
    """
    stretch = max(1.0, orders / max(1, strikes) / ORDERS_PER_STRIKE)
    dice = random.Random(f"{seed}/plan")
    chosen = list(kinds or KINDS)
    weights = [KINDS[kind][1] for kind in chosen]
    plan = []
    for _ in range(strikes):
        [kind] = dice.choices(chosen, weights)
        target, _, draw = KINDS[kind]
        if target == "strategy":
            target = f"s{dice.randrange(strategies)}"
        plan.append(Strike(round(_seconds(dice, *GAP_S) * stretch, 2), kind, target, draw(dice)))
    return plan
