"""The end of contracts: options exercised or left to lapse (21), and what happens at expiry.

An exercised option is closed at 0, and what it is on is bought or sold at the strike; where
nothing can be delivered (an index), it is closed at what it is worth. At expiry options in the
money are exercised by themselves, for and against their holders, unless they were left to
lapse; the rest is worth nothing; futures and CFDs are settled at the last price, bonds paid back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from ibproxy_sim.accounts.books import Position
from ibproxy_sim.accounts.valuation import multiplier_of
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.market import expiry_s
from ibproxy_sim.exchange.universe import ContractQuery, Universe
from ibproxy_sim.orders.order import Order
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.trading.booking import Delivery
from ibproxy_sim.trading.requests import Trading
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import fail

EXERCISE, LAPSE = "1", "2"
PROCESSED_S: Final = 0.05
IN_THE_MONEY: Final = 0.01
"""From which on an option is exercised by itself at expiry."""

PAID_BACK: Final = 100.0


class Exercises:
    """Serves exerciseOptions, and settles what expires."""

    def __init__(self, gateway: Gateway, universe: Universe, trading: Trading) -> None:
        self._gateway = gateway
        self._universe = universe
        self._books = trading.books
        self._engine = trading.engine
        self._trading = trading
        self._lapsed: dict[tuple[str, int], float] = {}
        self._watched: set[int] = set()

    def install(self) -> None:
        """Take over this message id of the gateway, and watch what is held."""
        self._gateway.handlers["21"] = self.exercise
        self._books.on_trade.append(self._watch)

    def exercise(self, client: Client, fields: list[str]) -> None:
        """21: exercise or lapse (facts 3.117, 3.118); its id becomes the order's [assumed]."""
        req_id, action, override = fields[2], fields[14], fields[17]
        query = ContractQuery.from_fields([*fields[3:11], "", *fields[11:14]])
        account = self._account(fields[16])
        instrument = self._universe.resolve(query)
        count = float(fields[15] or 0)
        if instrument is None or count <= 0 or self._unlapsed(account, instrument) < count:
            text = f"No unlapsed position exists in this option in account {fields[16]}"
            fail(self._gateway, client, req_id, text)
        elif action == EXERCISE and override != "1" and self._intrinsic(instrument) <= 0:
            text = "The option is out of the money, and override is not set"  # [assumed] wording
            fail(self._gateway, client, req_id, text)
        elif action == LAPSE:
            key = account, instrument.con_id
            self._lapsed[key] = self._lapsed.get(key, 0.0) + count
            self._engine.settle(self._order(client, int(req_id), account, instrument, count), [])
        else:
            order = self._order(client, int(req_id), account, instrument, count)
            deliveries = list(self._deliveries(instrument, count))
            self._gateway.call_later(PROCESSED_S, partial(self._engine.settle, order, deliveries))

    def _account(self, code: str) -> str:
        accounts = self._gateway.settings.accounts
        return accounts[0] if len(accounts) == 1 else code

    def _order(
        self, client: Client, order_id: int, account: str, instrument: Instrument, count: float
    ) -> Order:
        """What the instruction looks like: a purchase at 0 (fact 3.118)."""
        fields = {
            "action": "BUY",
            "order_type": "LMT",
            "lmt_price": "0",
            "total_quantity": f"{count:g}",
            "tif": "DAY",
            "exchange": instrument.exchange,
            "transmit": "1",
        }
        order = self._trading.make_order(
            client.client_id or 0, order_id, account, Terms(fields), instrument
        )
        self._engine.accept_outside(order)
        return order

    def _unlapsed(self, account: str, instrument: Instrument) -> float:
        if not instrument.is_option or account not in self._books.accounts:
            return 0.0
        position = self._books.accounts[account].positions.get(instrument.con_id)
        lapsed = self._lapsed.get((account, instrument.con_id), 0.0)
        return position.quantity - lapsed if position else 0.0

    def _spot(self, instrument: Instrument) -> float:
        return self._books.valuation.underlying_price(instrument, self._gateway.now_s)

    def _intrinsic(self, instrument: Instrument) -> float:
        """What an option is worth if it is exercised now."""
        spot, sign = self._spot(instrument), 1 if instrument.right == "C" else -1
        return max(0.0, sign * (spot - instrument.strike))

    def _deliveries(self, option: Instrument, count: float) -> Iterator[Delivery]:
        """What changes hands for `count` options; negative if they were sold."""
        under = self._universe.by_con_id(option.under_con_id)
        if under is None or not under.has_quotes:
            yield Delivery(option, -count, round(self._intrinsic(option), 6))
            return
        yield Delivery(option, -count, 0.0)
        per_option = 1.0 if under.sec_type == "FUT" else multiplier_of(option)
        sign = 1 if option.right == "C" else -1
        yield Delivery(under, sign * count * per_option, option.strike)

    # expiry

    def _watch(self, _account: str, instrument: Instrument) -> None:
        """Something is held now that ends one day."""
        if instrument.expiry and instrument.con_id not in self._watched:
            self._watched.add(instrument.con_id)
            end_s = max(expiry_s(instrument.expiry), self._gateway.now_s)
            self._gateway.call_at(end_s, partial(self._expire, instrument))

    def _expire(self, instrument: Instrument) -> None:
        self._watched.discard(instrument.con_id)
        for code, account in self._books.accounts.items():
            position = account.positions.get(instrument.con_id)
            if position is None or not position.quantity:
                continue
            deliveries = list(self._at_expiry(code, position))
            order = self._trading.make_order(0, 0, code, Terms({"action": "BUY"}), instrument)
            self._engine.book_outside(order, deliveries)

    def _at_expiry(self, account: str, position: Position) -> Iterator[Delivery]:
        instrument, quantity = position.instrument, position.quantity
        if not instrument.is_option:
            price = self._books.valuation.price(instrument, self._gateway.now_s)
            is_bond = instrument.sec_type == "BOND"
            yield Delivery(instrument, -quantity, PAID_BACK if is_bond else price)
            return
        lapsed = min(self._lapsed.pop((account, instrument.con_id), 0.0), max(quantity, 0.0))
        if self._intrinsic(instrument) < IN_THE_MONEY:
            lapsed = quantity
        if lapsed:
            yield Delivery(instrument, -lapsed, 0.0)
        if quantity - lapsed:
            yield from self._deliveries(instrument, quantity - lapsed)
