"""What an order would do to its account: the what-if answer, and whether it can be paid."""

from __future__ import annotations

from dataclasses import dataclass

from ibproxy_sim.accounts.books import Books
from ibproxy_sim.accounts.margins import Margin, commission
from ibproxy_sim.accounts.valuation import multiplier_of
from ibproxy_sim.orders.order import Leg, Order


@dataclass(frozen=True)
class Impact:
    """Margins of an account before and after an order, in USD.

    Attributes:
        before: margin without it.
        after: margin with all of it filled at today's price.
        equity_before: equity with loan value without it.
        equity_after: equity with loan value with it.
        commission: what it would cost.
    """

    before: Margin
    after: Margin
    equity_before: float
    equity_after: float
    commission: float

    @property
    def is_affordable(self) -> bool:
        """Whether the account can carry it, or is at least not worse off than before."""
        lack_before = self.before.initial - self.equity_before
        lack_after = self.after.initial - self.equity_after
        return (
            lack_after <= 0
            or self.after.initial <= self.before.initial + 1e-6
            or (lack_after <= lack_before)
        )


def legs_of(order: Order) -> tuple[Leg, ...]:
    """Return what an order trades, an ordinary one as a single leg."""
    return (Leg(order.instrument, 1),) if order.instrument else order.legs


def impact(books: Books, order: Order, time_s: float) -> Impact:
    """Return what filling the rest of `order` now would do."""
    more = [(leg.instrument, order.sign * leg.ratio * order.remaining) for leg in legs_of(order)]
    premium = cost = 0.0
    for instrument, shares in more:
        price = books.valuation.price(instrument, time_s)
        amount = books.usd(shares * price * multiplier_of(instrument), instrument.currency, time_s)
        premium += amount if instrument.is_option else 0.0
        cost += commission(instrument, shares, amount, 0.0)
    equity = books.equity_with_loan(order.account, time_s)
    return Impact(
        books.margin(order.account, time_s),
        books.margin(order.account, time_s, more),
        equity,
        equity - premium - cost,
        cost,
    )
