"""What an order would do to its accounts: the what-if answer, and why the server refuses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ibproxy_sim.accounts.books import Books
from ibproxy_sim.accounts.margins import Margin, commission
from ibproxy_sim.accounts.valuation import BASE_CURRENCY, multiplier_of
from ibproxy_sim.orders.order import Leg, Order
from ibproxy_sim.trading.venues import why_refused
from ibproxy_sim.wire.wording import price_text


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
    """Return what filling the rest of `order` now would do, to all its accounts together."""
    found = impacts(books, order, time_s)
    return Impact(
        Margin(*(sum(part) for part in zip(*(each.before for each in found), strict=True))),
        Margin(*(sum(part) for part in zip(*(each.after for each in found), strict=True))),
        sum(each.equity_before for each in found),
        sum(each.equity_after for each in found),
        sum(each.commission for each in found),
    )


def impacts(books: Books, order: Order, time_s: float) -> list[Impact]:
    """Return what filling the rest of `order` now would do to each of its accounts."""
    shares = {order.account: order.remaining}
    if order.allocation:
        shares = order.allocation.of_rest(order.remaining)
    return [_impact(books, order, account, rest, time_s) for account, rest in shares.items()]


def _impact(books: Books, order: Order, account: str, rest: float, time_s: float) -> Impact:
    more = [(leg.instrument, order.sign * leg.ratio * rest) for leg in legs_of(order)]
    premium = cost = 0.0
    for instrument, shares in more:
        price = books.valuation.price(instrument, time_s)
        amount = books.usd(shares * price * multiplier_of(instrument), instrument.currency, time_s)
        premium += amount if instrument.is_option else 0.0
        cost += commission(instrument, shares, amount, 0.0)
    equity = books.equity_with_loan(account, time_s)
    return Impact(
        books.margin(account, time_s),
        books.margin(account, time_s, more),
        equity,
        equity - premium - cost,
        cost,
    )


def what_if_fields(effect: Impact) -> dict[str, str]:
    """Return what the answer to a what-if states of it (fact 3.99)."""
    amounts = {
        "init_margin_before": effect.before.initial,
        "maint_margin_before": effect.before.maintenance,
        "equity_with_loan_before": effect.equity_before,
        "init_margin_change": effect.after.initial - effect.before.initial,
        "maint_margin_change": effect.after.maintenance - effect.before.maintenance,
        "equity_with_loan_change": effect.equity_after - effect.equity_before,
        "init_margin_after": effect.after.initial,
        "maint_margin_after": effect.after.maintenance,
        "equity_with_loan_after": effect.equity_after,
        "commission": effect.commission,
    }
    return {
        **{name: price_text(round(amount, 2)) for name, amount in amounts.items()},
        "status": "PreSubmitted",
        "what_if": "1",
        "commission_currency": BASE_CURRENCY,
    }


NO_MARGINS: Final = {
    "status": "PreSubmitted",
    "what_if": "1",
    "warning_text": "Your order is not accepted yet.",
}
"""What a first answer to a what-if can be like (fact 3.99); its text is [assumed]."""


NO_FUNDS = (
    "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION "
    "YOUR EQUITY WITH LOAN VALUE [{equity:.2f} USD] MUST EXCEED THE INITIAL MARGIN "
    "[{margin:.2f} USD]"
)

Judge = Callable[[Order], str | None]
"""Says why an order is refused, or nothing."""


def rejection_of(order: Order, books: Books, time_s: float, judges: Iterable[Judge]) -> str | None:
    """Return why the server does not take an order, by judges and by margins; None if it does."""
    for judge in (why_refused, *judges):
        reason = judge(order)
        if reason is not None:
            return f"Order rejected - reason:{reason}"
    if order.parent:  # children close what their parent opens
        return None
    for effect in impacts(books, order, time_s):
        if not effect.is_affordable:
            return NO_FUNDS.format(equity=effect.equity_after, margin=effect.after.initial)
    return None
