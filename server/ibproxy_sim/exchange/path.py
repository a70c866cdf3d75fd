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
MAX_KNOWN = 4096
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
        self._extremes: dict[tuple[int, int], tuple[float, float]] = {}
        self._blocks: dict[tuple[int, int], tuple[float, float]] = {}

    def price(self, step: int) -> float:
        """The price at a step."""
        return self.base * math.exp(self._log(step))

    def extremes(self, first_step: int, last_step: int) -> tuple[float, float]:
        """The lowest and the highest price from one step to another, both included."""
        is_long = last_step - first_step > 2 ** BLOCK_LEVELS[0]
        known = self._extremes.get((first_step, last_step)) if is_long else None
        if known is None:
            low, high = self._search(first_step, last_step, BLOCK_LEVELS[is_long])
            known = self.base * math.exp(low), self.base * math.exp(high)
            if is_long:
                if len(self._extremes) >= MAX_KNOWN:
                    self._extremes.clear()
                self._extremes[first_step, last_step] = known
        return known

    def _search(self, first_step: int, last_step: int, top: int) -> tuple[float, float]:
        """Branch and bound over the intervals of level `top` and below, breadth first."""
        low = high = self._log(first_step)
        nodes = [
            (number << top, *self._block(number, top))
            for number in range(first_step >> top, (last_step >> top) + 1)
        ]
        key = self._key
        for level in range(top, -1, -1):
            half = 1 << level >> 1
            scale, reach = self._scale[level], self._reach[level]
            for start, left, _ in nodes:  # the best so far, before anything is ruled out
                if first_step <= start <= last_step:
                    if left > high:
                        high = left
                    elif left < low:
                        low = left
            halves: list[tuple[int, float, float]] = []
            highest, lowest = high - reach, low + reach
            for start, left, right in nodes:
                if (
                    (left <= highest and right <= highest and left >= lowest and right >= lowest)
                    or start > last_step
                    or start + half + half <= first_step
                    or not half
                ):
                    continue
                # mix() and _noise() written out: this is where the time goes
                noise = key ^ (start >> level << 5 | level)
                noise = (noise + 0x9E3779B97F4A7C15) & _MASK
                noise = ((noise ^ (noise >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
                noise = ((noise ^ (noise >> 27)) * 0x94D049BB133111EB) & _MASK
                noise ^= noise >> 31
                middle = (left + right) / 2 + scale * (noise / 2**63 - 1)
                halves += ((start, left, middle), (start + half, middle, right))
            nodes = halves
        return low, high

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

    def _descend(
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
