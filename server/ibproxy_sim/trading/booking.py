"""Enters fills into the books: who gets what, at which price, for which commission."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ibproxy_sim.accounts.books import Books, Execution
from ibproxy_sim.accounts.margins import commission
from ibproxy_sim.accounts.valuation import multiplier_of
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.orders.order import Leg, Order
from ibproxy_sim.trading.reports import COMBO_CON_ID
from ibproxy_sim.wire.gateway import Gateway


class Delivery(NamedTuple):
    """One instrument that changes hands, and at what price; negative shares go out."""

    instrument: Instrument
    shares: float
    price: float


@dataclass
class _Charged:
    """What an order's fills in one instrument have come to, for its commission."""

    shares: float = 0.0
    amount: float = 0.0
    paid: float = 0.0


class Booking:
    """Turns fills into executions and positions."""

    def __init__(self, gateway: Gateway, books: Books) -> None:
        self._gateway = gateway
        self._books = books
        self._exec_numbers = itertools.count(1)
        self._charged: dict[tuple[int, int, str], _Charged] = {}

    def book(self, order: Order, shares: float, price: float) -> list[Execution]:
        """Enter a fill into the books.

        Returns:
            One execution for an ordinary order; for a combo one for itself and one for each leg;
            for an advisor's order one for itself and those of each account.
        """
        stem = self._stem()
        if order.allocation:
            return self._share(order, shares, price, stem)
        if order.instrument:
            return [self.enter(order, Leg(order.instrument, 1), shares, price, f"{stem}.01")]
        return self._book_combo(order, shares, price, stem)

    def _share(self, order: Order, shares: float, price: float, stem: str) -> list[Execution]:
        """Divide a fill: the accounts' executions are told only to who asks (fact 2.48)."""
        assert order.allocation  # noqa: S101 - looked at above
        instrument = order.instrument or order.legs[0].instrument
        whole = self._execution(
            order, instrument, shares, price, f"{stem}.01", order.sign, cumulative=order.filled
        )
        self._books.executions.append(whole)
        executions = [whole]
        for number, (account, part) in enumerate(order.allocation.divide(shares).items(), start=2):
            for leg_number, (leg, each) in enumerate(self._legs(order, price), start=1):
                exec_id = f"{stem}.{number:02d}.{leg_number:02d}"
                size = part * abs(leg.ratio)
                executions.append(self.enter(order, leg, size, each, exec_id, account=account))
        return executions

    def _legs(self, order: Order, price: float) -> list[tuple[Leg, float]]:
        """What an order trades, and for how much."""
        if order.instrument:
            return [(Leg(order.instrument, 1), price)]
        legs = []
        for leg in order.legs:
            quote = self._books.valuation.quote(leg.instrument, self._gateway.now_s)
            legs.append((leg, quote.ask if order.sign * leg.ratio > 0 else quote.bid))
        return legs

    def _book_combo(self, order: Order, shares: float, price: float, stem: str) -> list[Execution]:
        whole = self._execution(
            order,
            order.legs[0].instrument,
            shares,
            price,
            f"{stem}.01",
            order.sign,
            cumulative=order.filled,
        )
        self._books.executions.append(whole)
        executions = [whole]
        for number, (leg, each) in enumerate(self._legs(order, price), start=2):
            size = shares * abs(leg.ratio)
            executions.append(self.enter(order, leg, size, each, f"{stem}.{number:02d}.01"))
        return executions

    def close(self, order: Order, shares: float, price: float) -> list[Execution]:
        """Enter what a scale order closes again into the books."""
        assert order.instrument  # noqa: S101 - a combo has no scale here
        leg = Leg(order.instrument, -1)
        return [self.enter(order, leg, shares, price, f"{self._stem()}.01")]

    def deliver(self, order: Order, deliveries: Sequence[Delivery]) -> list[Execution]:
        """Enter what changes hands without a market, and without a commission."""
        stem = self._stem()
        return [
            self.enter(
                order,
                Leg(delivery.instrument, 1 if delivery.shares > 0 else -1),
                abs(delivery.shares),
                delivery.price,
                f"{stem}.{number:02d}.01",
                is_free=True,
            )
            for number, delivery in enumerate(deliveries, start=1)
        ]

    def _stem(self) -> str:
        """How the ids of one fill's executions begin."""
        seed = self._gateway.settings.seed
        return f"{0x0000E0D5 + seed:08x}.{next(self._exec_numbers):08x}.01"

    def enter(
        self,
        order: Order,
        leg: Leg,
        shares: float,
        price: float,
        exec_id: str,
        *,
        account: str = "",
        is_free: bool = False,
    ) -> Execution:
        """Book one instrument's part of a fill, for the order's account or another one."""
        now_s, books, instrument = self._gateway.now_s, self._books, leg.instrument
        sign = order.sign * (1 if leg.ratio > 0 else -1)
        code = account or order.account
        owner = books.accounts[code]
        held = owner.positions.get(instrument.con_id)
        closes = held is not None and held.quantity * sign < 0
        amount = books.usd(shares * price * multiplier_of(instrument), instrument.currency, now_s)
        charged = self._charged.setdefault((order.perm_id, instrument.con_id, code), _Charged())
        charged.shares += shares
        charged.amount += amount
        cost = 0.0
        if not is_free:
            cost = commission(instrument, charged.shares, charged.amount, charged.paid)
        charged.paid += cost
        realized = owner.trade(instrument, sign * shares, price, cost, eastern_day(now_s))
        execution = self._execution(
            order,
            instrument,
            shares,
            price,
            exec_id,
            sign,
            cumulative=charged.shares,
            cost=cost,
            realized=books.usd(realized, instrument.currency, now_s) if closes else None,
            account=code,
        )
        books.executions.append(execution)
        return execution

    def _execution(
        self,
        order: Order,
        instrument: Instrument,
        shares: float,
        price: float,
        exec_id: str,
        sign: int,
        *,
        cumulative: float,
        cost: float | None = None,
        realized: float | None = None,
        account: str = "",
    ) -> Execution:
        is_whole = cost is None
        asked = order.terms.text("exchange")
        venue = instrument.primary_exchange or instrument.exchange
        return Execution(
            exec_id=exec_id,
            account=account or order.account,
            instrument=instrument,
            con_id=int(COMBO_CON_ID) if is_whole and order.legs else instrument.con_id,
            order=order,
            shares=shares,
            price=price,
            side="BOT" if sign > 0 else "SLD",
            client_id=order.client_id,
            order_id=order.order_id,
            perm_id=order.perm_id,
            time_s=self._gateway.now_s,
            exchange=venue if asked in {"", "SMART"} else asked,
            cumulative=cumulative,
            average_price=order.average_price if order.instrument or is_whole else price,
            commission=cost,
            realized=realized,
        )
