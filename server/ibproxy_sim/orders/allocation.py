"""How an advisor's order is divided among the accounts of a group (fact 2.48)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SMALLEST: Final = 1e-8
"""The unit in which what cannot be dealt in whole pieces is divided."""


@dataclass
class Allocation:
    """Who gets which part of an order, and what everybody was given so far.

    Attributes:
        parts: account -> its part of the whole; they add up to 1.
        is_whole: whether nobody can be given a fraction.
        given: account -> shares of the fills so far.
    """

    parts: Mapping[str, float]
    is_whole: bool = True
    given: dict[str, float] = field(default_factory=dict)

    @classmethod
    def by_weight(cls, weights: Mapping[str, float], *, is_whole: bool) -> Allocation:
        """Return the division by weights; who weighs nothing gets nothing.

        Raises:
            ValueError: nobody weighs anything.
        """
        heavy = {account: weight for account, weight in weights.items() if weight > 0}
        total = sum(heavy.values())
        if not total:
            raise ValueError("nobody to allocate to")
        return cls({account: weight / total for account, weight in heavy.items()}, is_whole)

    def divide(self, shares: float) -> dict[str, float]:
        """Give a fill to the accounts, so that all of them together are as near as can be.

        What cannot be divided goes to who is furthest behind, one unit each. What an account was
        given is never taken back, so a fill in pieces can end a unit off [assumed].

        Args:
            shares: of the fill, above 0.

        Returns:
            Account -> shares; only those that get some.
        """
        unit = 1.0 if self.is_whole else SMALLEST
        units = round(shares / unit)
        total = sum(self.given.values()) / unit + units
        due = {a: p * total - self.given.get(a, 0.0) / unit for a, p in self.parts.items()}
        pieces = {account: max(0, math.floor(open_ + 1e-6)) for account, open_ in due.items()}
        behind = sorted(due, key=lambda account: pieces[account] - due[account])
        while sum(pieces.values()) > units:  # somebody was given too much before
            ahead = next(account for account in reversed(behind) if pieces[account])
            pieces[ahead] -= 1
        for number in range(units - sum(pieces.values())):
            pieces[behind[number % len(behind)]] += 1
        shared = {account: round(n * unit, 8) for account, n in pieces.items() if n}
        for account, got in shared.items():
            self.given[account] = round(self.given.get(account, 0.0) + got, 8)
        return shared

    def of_rest(self, quantity: float) -> dict[str, float]:
        """Return what a quantity comes to by account, without giving it."""
        return Allocation(self.parts, self.is_whole, dict(self.given)).divide(quantity)
