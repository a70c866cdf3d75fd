"""One random price path, readable at any moment in any order.

Time is cut into steps; a path is a Brownian bridge over dyadic intervals, whose midpoints are
displaced by a hash of (key, level, number)::

    level 27   a ─────────────────── m ─────────────────── b      388 days
    level 26   a ──────── m ──────── b
       ...                                                        each displaced by at most
    level 1    a m b                                              reach(level)

As every displacement is bounded, so is what a path can do within an interval. That makes highs
and lows of long intervals exact and cheap: whole branches cannot beat the best found so far.
"""

from __future__ import annotations

import math

STEP_S = 0.25
"""Prices change only at multiples of this; live updates of stocks come as often (fact 4.21)."""

TOP_LEVEL = 27
BLOCK_LEVELS = (12, 17)
"""Intervals whose ends are remembered: 17 minutes for quotes, 9 hours for long bars."""

YEAR_S = 365.25 * 86400
MAX_BLOCKS = 4096
_DRIFT = 0.1
_MASK = 2**64 - 1


def mix(value: int) -> int:
    """A well-mixed 64-bit number: the finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def step_at(time_s: float) -> int:
    """The step that is in force at a time."""
    return math.floor(time_s / STEP_S + 1e-6)


class PricePath:
    """The unrounded price of one instrument at each step.

    Attributes:
        base: price around which the path moves.
    """

    def __init__(self, key: int, base: float, volatility: float) -> None:
        self.base = base
        self._key = key
        spread = 0.866 * volatility * math.sqrt(STEP_S / YEAR_S)
        # uniform noise of half-width sqrt(3)/2 * sd has a Brownian bridge's variance
        self._scale = [spread * math.sqrt(2**level) for level in range(TOP_LEVEL + 1)]
        self._reach = [sum(self._scale[1 : level + 1]) for level in range(TOP_LEVEL + 1)]
        self._blocks: dict[tuple[int, int], tuple[float, float]] = {}

    def price(self, step: int) -> float:
        """The price at a step."""
        return self.base * math.exp(self._log(step))

    def extremes(self, first_step: int, last_step: int) -> tuple[float, float]:
        """The lowest and the highest price from one step to another, both included."""
        probes = [self._log(s) for s in range(first_step, last_step + 1, 2 ** BLOCK_LEVELS[0])]
        low, high = min(probes), max(probes)
        top = BLOCK_LEVELS[last_step - first_step > 2 ** BLOCK_LEVELS[0]]
        for number in range(first_step >> top, (last_step >> top) + 1):
            stack = [(number << top, top, *self._block(number, top))]
            while stack:
                start, level, left, right = stack.pop()
                size = 1 << level
                if start > last_step or start + size <= first_step:
                    continue
                if first_step <= start:
                    low, high = min(low, left), max(high, left)
                if not level:
                    continue
                reach = self._reach[level]
                if max(left, right) + reach <= high and min(left, right) - reach >= low:
                    continue
                middle = (left + right) / 2 + self._noise(level, start >> level)
                half = size >> 1
                stack.append((start, level - 1, left, middle))
                stack.append((start + half, level - 1, middle, right))
        return self.base * math.exp(low), self.base * math.exp(high)

    def _log(self, step: int) -> float:
        level = BLOCK_LEVELS[0]
        number = step >> level
        left, right = self._block(number, level)
        return self._descend(left, right, number << level, level, step, 0)[0]

    def _noise(self, level: int, number: int) -> float:
        return self._scale[level] * (mix(self._key ^ (number << 5 | level)) / 2**63 - 1)

    def _block(self, number: int, level: int) -> tuple[float, float]:
        ends = self._blocks.get((level, number))
        if ends is None:
            start = number << level
            top = start >> TOP_LEVEL
            ends = self._descend(
                self._corner(top),
                self._corner(top + 1),
                top << TOP_LEVEL,
                TOP_LEVEL,
                start,
                level,
            )
            if len(self._blocks) >= MAX_BLOCKS:
                self._blocks.clear()
            self._blocks[level, number] = ends
        return ends

    def _corner(self, number: int) -> float:
        return _DRIFT * (mix(self._key ^ (number << 5 | 31)) / 2**63 - 1)

    def _descend(  # noqa: PLR0917 - an interval and a place, all plain numbers
        self, left: float, right: float, start: int, level: int, step: int, to_level: int
    ) -> tuple[float, float]:
        """Ends of the interval of `to_level` that begins at or holds `step`."""
        while level > to_level:
            middle = (left + right) / 2 + self._noise(level, start >> level)
            level -= 1
            if step >= start + (1 << level):
                start += 1 << level
                left = middle
            else:
                right = middle
        return left, right
