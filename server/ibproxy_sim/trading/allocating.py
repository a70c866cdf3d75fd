"""Makes the allocation of an advisor's order: by which method, to whom (facts 2.45 to 2.48).

An order names a group and perhaps a method; without one the group's own counts. A profile, which
versions below 177 can still name, is a group by that name, since the two were merged (2.45).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ibproxy_sim.accounts.advisors import Advisors, Group
from ibproxy_sim.accounts.books import Books
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.orders.allocation import Allocation
from ibproxy_sim.orders.order import Order
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.trading.checks import FRACTIONAL, Refusal

BY_CHANGE: Final = "PctChange"
"""The method that takes its size from what the accounts hold, not from the order."""

NO_ALLOCATION: Final = Refusal(
    436, "You must specify an allocation (either a single account, group, or profile)."
)
NOT_BOTH: Final = Refusal(201, "Order rejected - reason:Invalid account number.")  # fact 2.47

NO_SCALE: Final = Refusal(485, "Multiple account allocation scale order is currently not supported")
NOTHING_HELD: Final = Refusal(426, "None of the accounts have enough securities.")
LEAST_CHANGE, MOST_CHANGE = -200.0, 1000.0
"""Bounds of faPercentage (the gateway's own table of codes, as for the refusals above)."""

Weights = Mapping[str, float]


class Allocating:
    """Finds out who shares in an order."""

    def __init__(self, advisors: Advisors, books: Books) -> None:
        self._advisors = advisors
        self._books = books
        self._methods: Mapping[str, Callable[[Group, float], Weights]] = {
            "Equal": self._equal,
            "EqualQuantity": self._equal,
            "NetLiq": self._wealth,
            "AvailableEquity": self._equity,
        }

    def refusal(self, terms: Terms) -> Refusal | None:
        """Return why an order's allocation cannot be taken; None if it can, or has none."""
        name = group_name(terms)
        if not self._advisors.is_here:
            return Refusal(201, "Order rejected - reason:Invalid account.") if name else None
        if not name:
            return None if terms.text("account") else NO_ALLOCATION
        if terms.text("account") not in {"", self._advisors.code}:
            return NOT_BOTH
        group = self._advisors.groups.get(name)
        if group is None:
            return NO_ALLOCATION
        return self._refused_method(terms, group)

    def _refused_method(self, terms: Terms, group: Group) -> Refusal | None:
        if (terms.number("scale_price_increment") or 0.0) > 0:
            return NO_SCALE
        method = terms.text("fa_method") or group.method
        if method == BY_CHANGE:
            return _bad_change(terms)
        is_known = method in self._methods or method == group.method
        return None if is_known else Refusal(201, "Order rejected - reason:Invalid method.")

    def allocate(self, order: Order, time_s: float) -> Refusal | None:
        """Give an order its allocation, if it names a group; `refusal` was asked before."""
        terms = order.terms
        if not group_name(terms):
            return None
        group = self._advisors.groups[group_name(terms)]
        method = terms.text("fa_method") or group.method
        if method == BY_CHANGE:
            weights = self._change(order, group)
            order.quantity = sum(weights.values())
        elif method in self._methods:
            weights = self._methods[method](group, time_s)
        else:
            weights = dict(zip(group.accounts, group.amounts, strict=True))
        kinds = {instrument.sec_type for instrument in _instruments(order)}
        try:
            order.allocation = Allocation.by_weight(weights, is_whole=not kinds <= FRACTIONAL)
        except ValueError:
            return NOTHING_HELD
        return None

    @staticmethod
    def _equal(group: Group, _time_s: float) -> Weights:
        return dict.fromkeys(group.accounts, 1.0)

    def _wealth(self, group: Group, time_s: float) -> Weights:
        return {a: self._books.net_liquidation(a, time_s) for a in group.accounts}

    def _equity(self, group: Group, time_s: float) -> Weights:
        return {a: self._books.equity_with_loan(a, time_s) for a in group.accounts}

    def _change(self, order: Order, group: Group) -> Weights:
        """By so many percent of what each account holds, in whole shares.

        Buying adds to long positions, or below 0 covers short ones; selling adds to short
        positions, or below 0 reduces long ones.
        """
        percent = order.terms.number("fa_percentage") or 0.0
        side = order.sign * (1 if percent > 0 else -1)
        con_id = order.instrument.con_id if order.instrument else 0
        changes = {}
        for account in group.accounts:
            position = self._books.accounts[account].positions.get(con_id)
            held = position.quantity if position else 0.0
            if held * side > 0:
                changes[account] = float(round(abs(held * percent) / 100))
        return changes


def _bad_change(terms: Terms) -> Refusal | None:
    """What is wrong with an order for a change by percent."""
    percent = terms.number("fa_percentage")
    if (percent is None) == (not terms.number("total_quantity")):
        text = "Percent Change orders must have size or percent change but not both"
        return Refusal(10068, text)
    if percent is None or not LEAST_CHANGE <= percent <= MOST_CHANGE:
        text = "For PctChange orders, percent change must be between -200% and +1000% inclusive."
        return Refusal(10014, text)
    return None


def group_name(terms: Terms) -> str:
    """The group, or the profile, that an order is for; empty if it is for one account."""
    return terms.text("fa_group") or terms.text("fa_profile")


def _instruments(order: Order) -> list[Instrument]:
    if order.instrument:
        return [order.instrument]
    return [leg.instrument for leg in order.legs]
