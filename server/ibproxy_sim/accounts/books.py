"""Who owns what: cash, positions, profit and loss of every account, and all that was traded.

Money is kept in the currency in which it was earned and converted to USD only when somebody
looks, so that for each currency::

    cash + value of positions - cash at the start = realised + unrealised - commissions - fees

holds at any price. A future's value is its unrealised profit alone, for nothing is paid for it;
a pair is a holding of its first currency. Average cost and realised profit are before commission
[assumed: IB counts commissions in].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ibproxy_sim.accounts.margins import Margin, margin
from ibproxy_sim.accounts.valuation import BASE_CURRENCY, Valuation, multiplier_of
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.orders.order import Order

UNPAID: Final = frozenset({"FUT", "CFD"})
"""Security types that cost nothing but margin."""

ROUNDING: Final = 1e-9


@dataclass
class Today:
    """What a day has added to a position; `day` says which."""

    day: date = date.min
    quantity: float = 0.0
    cost: float = 0.0
    realized: float = 0.0


@dataclass
class Position:
    """A holding of one instrument in one account.

    Attributes:
        quantity: negative if short.
        average_price: what one unit of the open quantity was bought or sold for.
        realized: profit taken, in the instrument's currency, before commissions.
        today: the part of it that belongs to one day.
        closed_between: of several accounts together that hold as much long as short: what they
            have paid for both in units of price, which no account has taken as a loss yet.
    """

    instrument: Instrument
    quantity: float = 0.0
    average_price: float = 0.0
    realized: float = 0.0
    today: Today = field(default_factory=Today)
    closed_between: float = 0.0

    @property
    def average_cost(self) -> float:
        """Cost of one contract as the wire states it: with the multiplier."""
        return self.average_price * multiplier_of(self.instrument)

    def market_value(self, price: float) -> float:
        """Return its value at `price`, in its currency."""
        return self.quantity * price * multiplier_of(self.instrument)

    def unrealized(self, price: float) -> float:
        """Return the profit not taken at `price`, in its currency."""
        gained = self.quantity * (price - self.average_price) - self.closed_between
        return gained * multiplier_of(self.instrument)

    def equity(self, price: float) -> float:
        """Return what it adds to the account's wealth beside cash, in its currency."""
        if self.instrument.sec_type in UNPAID:
            return self.unrealized(price)
        return self.market_value(price)

    def of_day(self, day: date) -> Today:
        """Return what `day` has added; nothing if it did not trade then."""
        return self.today if self.today.day == day else Today(day)

    def join(self, other: Position) -> None:
        """Count another account's holding of the same instrument in."""
        paid = self.quantity * self.average_price + self.closed_between
        paid += other.quantity * other.average_price + other.closed_between
        self.quantity += other.quantity
        if abs(self.quantity) < ROUNDING:
            self.quantity, self.average_price, self.closed_between = 0.0, 0.0, paid
        else:
            self.average_price, self.closed_between = paid / self.quantity, 0.0
        self.realized += other.realized
        day = max(self.today.day, other.today.day)
        mine, theirs = self.of_day(day), other.of_day(day)
        self.today = Today(
            day,
            mine.quantity + theirs.quantity,
            mine.cost + theirs.cost,
            mine.realized + theirs.realized,
        )

    def trade(self, shares: float, price: float, day: date) -> float:
        """Add a fill (negative: sold) and return the profit that it took."""
        multiplier = multiplier_of(self.instrument)
        closed = 0.0
        if self.quantity * shares < 0:
            closed = min(abs(self.quantity), abs(shares)) * (1 if self.quantity > 0 else -1)
        realized = closed * (price - self.average_price) * multiplier
        quantity = self.quantity + shares
        if abs(quantity) < ROUNDING:
            quantity, average = 0.0, 0.0
        elif not closed:
            average = (self.quantity * self.average_price + shares * price) / quantity
        elif quantity * self.quantity < 0:
            average = price  # crossed zero: what is left was opened by this fill
        else:
            average = self.average_price
        self.quantity, self.average_price = quantity, average
        self.realized += realized
        self.today = self.of_day(day)
        self.today.quantity += shares
        self.today.cost += shares * price * multiplier
        self.today.realized += realized
        return realized


@dataclass(frozen=True)
class Execution:
    """One fill, as message 11 states it.

    Attributes:
        exec_id: unique; message 59 names it.
        shares: how many, always positive.
        side: BOT or SLD.
        cumulative: how much of its order was filled with it.
        commission: None for a combo as a whole: its legs pay (fact 3.109).
        realized: profit that it took; None if it opened.
    """

    exec_id: str
    account: str
    instrument: Instrument
    con_id: int
    order: Order
    shares: float
    price: float
    side: str
    client_id: int
    order_id: int
    perm_id: int
    time_s: float
    exchange: str
    cumulative: float
    average_price: float
    commission: float | None
    realized: float | None


@dataclass
class Account:
    """One account's cash and positions.

    Attributes:
        cash: amount by currency.
        positions: by conId; closed ones stay, with quantity 0 (fact 2.37).
        commissions: paid ever, in USD.
        fees: paid ever for data, in USD.
    """

    code: str
    cash: dict[str, float]
    positions: dict[int, Position] = field(default_factory=dict)
    commissions: float = 0.0
    fees: float = 0.0

    def join(self, other: Account) -> None:
        """Count another account's cash and positions in."""
        for currency, amount in other.cash.items():
            self.cash[currency] = self.cash.get(currency, 0.0) + amount
        for con_id, position in other.positions.items():
            self.positions.setdefault(con_id, Position(position.instrument)).join(position)
        self.commissions += other.commissions
        self.fees += other.fees

    def trade(
        self, instrument: Instrument, shares: float, price: float, commission: float, day: date
    ) -> float:
        """Book a fill (negative: sold) and return the profit that it took, in its currency."""
        position = self.positions.setdefault(instrument.con_id, Position(instrument))
        realized = position.trade(shares, price, day)
        paid = -realized
        if instrument.sec_type not in UNPAID:
            paid = shares * price * multiplier_of(instrument)
        currency = instrument.currency
        self.cash[currency] = self.cash.get(currency, 0.0) - paid
        self.cash[BASE_CURRENCY] = self.cash.get(BASE_CURRENCY, 0.0) - commission
        self.commissions += commission
        return realized


class Books:
    """All accounts of the gateway, and all orders and executions.

    Attributes:
        accounts: by code, in the gateway's order.
        orders: every order ever taken, oldest first.
        executions: every fill, oldest first.
        on_trade: called with account code and instrument after each booking.
        sums: members by a code that means all of them together (facts 2.5, 2.40).
        valuation: prices and rates.
        stale_since_s: since when accounts are not valued any more (fact 2.10); None if they are.
    """

    def __init__(self, codes: Iterable[str], cash: float, valuation: Valuation) -> None:
        self.accounts = {code: Account(code, {BASE_CURRENCY: cash}) for code in codes}
        self.orders: list[Order] = []
        self.executions: list[Execution] = []
        self.on_trade: list[Callable[[str, Instrument], None]] = []
        self.valuation = valuation
        self.sums: dict[str, tuple[str, ...]] = {}
        self.stale_since_s: float | None = None

    def account(self, code: str) -> Account:
        """Return an account, or several as if they were one.

        What is held long in one and short in another counts as what is left [simplified].
        """
        if code not in self.sums:
            return self.accounts[code]
        whole = Account(code, {})
        for member in self.sums[code]:
            whole.join(self.accounts[member])
        return whole

    def charge(self, amount: float) -> None:
        """Take a fee for data, in USD, from the login's first account [assumed which]."""
        account = next(iter(self.accounts.values()))
        account.cash[BASE_CURRENCY] = account.cash.get(BASE_CURRENCY, 0.0) - amount
        account.fees += amount

    def is_about(self, code: str, account: str) -> bool:
        """Whether what happens in `account` happens in what `code` means."""
        return account in self.sums.get(code, (code,))

    def orders_of(self, account: str) -> list[Order]:
        """Return an account's orders, oldest first."""
        return [order for order in self.orders if order.account == account]

    def executions_of(self, account: str) -> list[Execution]:
        """Return an account's executions, oldest first."""
        return [execution for execution in self.executions if execution.account == account]

    def positions_of(self, account: str) -> list[Position]:
        """Return an account's positions, closed ones too."""
        return list(self.account(account).positions.values())

    def usd(self, amount: float, currency: str, time_s: float) -> float:
        """Return an amount in USD."""
        return amount * self.valuation.rate(currency, time_s)

    def position_usd(
        self, account: str, time_s: float, amount: Callable[[Position, float], float]
    ) -> float:
        """Sum `amount(position, price)` over an account's positions, in USD."""
        return sum(
            self.usd(
                amount(position, self.valuation.price(position.instrument, time_s)),
                position.instrument.currency,
                time_s,
            )
            for position in self.account(account).positions.values()
        )

    def cash_usd(self, account: str, time_s: float) -> float:
        """Return all cash, in USD; what a pair's first currency holds is not in it."""
        cash = self.account(account).cash
        return sum(self.usd(amount, currency, time_s) for currency, amount in cash.items())

    def net_liquidation(self, account: str, time_s: float) -> float:
        """Return an account's wealth, in USD."""
        equity = self.position_usd(account, time_s, Position.equity)
        return self.cash_usd(account, time_s) + equity

    def unrealized(self, account: str, time_s: float) -> float:
        """Return the profit not taken, in USD."""
        return self.position_usd(account, time_s, Position.unrealized)

    def realized_today(self, account: str, time_s: float) -> float:
        """Return the profit taken since midnight, in USD (fact 2.14)."""
        day = eastern_day(time_s)
        return self.position_usd(account, time_s, lambda p, _: p.of_day(day).realized)

    def daily(self, position: Position, time_s: float) -> float:
        """Return what a position has gained since midnight, in USD."""
        today = position.of_day(eastern_day(time_s))
        instrument = position.instrument
        price = self.valuation.price(instrument, time_s)
        opening = self.valuation.opening_price(instrument, time_s)
        held = (position.quantity - today.quantity) * opening * multiplier_of(instrument)
        gained = position.market_value(price) - held - today.cost
        return self.usd(gained, instrument.currency, time_s)

    def daily_of_account(self, account: str, time_s: float) -> float:
        """Return what an account's positions have gained since midnight, in USD."""
        return sum(self.daily(p, time_s) for p in self.account(account).positions.values())

    def margin(
        self, account: str, time_s: float, more: Iterable[tuple[Instrument, float]] = ()
    ) -> Margin:
        """Return what an account ties up, with `more` bought (negative: sold) on top."""
        holdings = {
            p.instrument.con_id: (p.instrument, p.quantity)
            for p in self.account(account).positions.values()
        }
        for instrument, shares in more:
            _, quantity = holdings.get(instrument.con_id, (instrument, 0.0))
            holdings[instrument.con_id] = (instrument, quantity + shares)
        parts = [margin(i, q, self.valuation, time_s) for i, q in holdings.values()]
        return Margin(sum(p.initial for p in parts), sum(p.maintenance for p in parts))

    def equity_with_loan(self, account: str, time_s: float) -> float:
        """Return the wealth that secures loans: all but options, in USD."""
        options = self.position_usd(
            account,
            time_s,
            lambda p, price: p.equity(price) if p.instrument.is_option else 0.0,
        )
        return self.net_liquidation(account, time_s) - options
