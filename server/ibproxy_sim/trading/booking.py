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
        self._charged: dict[tuple[int, int], _Charged] = {}

    def book(self, order: Order, shares: float, price: float) -> list[Execution]:
        """Enter a fill into the books; a combo gives one execution for itself and each leg."""
        stem = self._stem()
        if order.instrument:
            return [self.enter(order, Leg(order.instrument, 1), shares, price, f"{stem}.01")]
        whole = self._execution(
            order,
            order.legs[0].instrument,
            shares,
            price,
            f"{stem}.01",
            order.sign,
            cumulative=order.filled,
        )
        executions = [whole]
        for number, leg in enumerate(order.legs, start=2):
            quote = self._books.valuation.quote(leg.instrument, self._gateway.now_s)
            leg_price = quote.ask if order.sign * leg.ratio > 0 else quote.bid
            executions.append(
                self.enter(
                    order, leg, shares * abs(leg.ratio), leg_price, f"{stem}.{number:02d}.01"
                )
            )
        self._books.executions += executions
        return executions

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
        is_free: bool = False,
    ) -> Execution:
        """Book one instrument's part of a fill."""
        now_s, books, instrument = self._gateway.now_s, self._books, leg.instrument
        sign = order.sign * (1 if leg.ratio > 0 else -1)
        account = books.accounts[order.account]
        held = account.positions.get(instrument.con_id)
        closes = held is not None and held.quantity * sign < 0
        amount = books.usd(shares * price * multiplier_of(instrument), instrument.currency, now_s)
        charged = self._charged.setdefault((order.perm_id, instrument.con_id), _Charged())
        charged.shares += shares
        charged.amount += amount
        cost = 0.0
        if not is_free:
            cost = commission(instrument, charged.shares, charged.amount, charged.paid)
        charged.paid += cost
        realized = account.trade(instrument, sign * shares, price, cost, eastern_day(now_s))
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
        )
        if order.instrument:
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
    ) -> Execution:
        is_whole = cost is None
        asked = order.terms.text("exchange")
        venue = instrument.primary_exchange or instrument.exchange
        return Execution(
            exec_id=exec_id,
            account=order.account,
            instrument=instrument,
            con_id=int(COMBO_CON_ID) if is_whole else instrument.con_id,
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
