"""What keeps a transmitted order from trading yet."""

from __future__ import annotations

from typing import Final

from ibproxy_sim.accounts.books import Books
from ibproxy_sim.exchange.hours import is_open, next_open_s
from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.times import eastern
from ibproxy_sim.orders.order import Order
from ibproxy_sim.trading.conditions import Conditions
from ibproxy_sim.wire.gateway import Gateway
from ibproxy_sim.wire.wording import NOT_BEFORE_OPENING

LOCATE_S: Final = 30.0
"""How long it takes to find stock that is hard to borrow."""


class Holds:
    """Judges whether an order has to wait: for its parent, a time, a trigger, stock to borrow."""

    def __init__(self, gateway: Gateway, books: Books, conditions: Conditions) -> None:
        self._gateway = gateway
        self._books = books
        self._conditions = conditions

    def hold(self, order: Order) -> bool:
        """Whether an order must not trade yet."""
        now_s = self._gateway.now_s
        return (
            order.waits_for_parent
            or now_s < order.starts_at_s
            or order.is_locating
            or self.waits_for_opening(order)
            or not order.triggered
            or not (_cancels_on_condition(order) or self._conditions.hold(order, now_s))
        )

    def is_cancelled_by_condition(self, order: Order) -> bool:
        """Whether its conditions were there to cancel it, and hold now."""
        return _cancels_on_condition(order) and self._conditions.hold(order, self._gateway.now_s)

    def waits_for_opening(self, order: Order) -> bool:
        """Whether its exchange is closed, if exchanges keep their hours here."""
        if not self._gateway.settings.keeps_hours or order.terms.is_set("outside_rth"):
            return False
        kind = _traded(order).sec_type
        if order.tif == "IOC" and kind == "STK":  # works whenever it comes [recorded]
            return False
        return not is_open(kind, self._gateway.now_s, liquid=_is_liquid(order))

    def opening_text(self, order: Order) -> str:
        """A warning that comes before all else; the order lives (facts 3.63, 3.64)."""
        instrument = _traded(order)
        now_s, terms = self._gateway.now_s, order.terms
        opening_s = next_open_s(instrument.sec_type, now_s, liquid=_is_liquid(order))
        place = instrument.primary_exchange or instrument.exchange
        if instrument.trading_class not in {"", instrument.symbol}:
            place += f".{instrument.trading_class}"
        return NOT_BEFORE_OPENING.format(
            action=terms.text("action"),
            quantity=terms.text("total_quantity"),
            symbol=instrument.symbol if order.instrument else terms.text("symbol"),
            place=place if order.instrument else "Combo",
            opening=f"{eastern(opening_s):%Y-%m-%d %H:%M:%S}",
        )

    def is_to_be_located(self, order: Order) -> bool:
        """Whether it sells stock short that is hard to borrow."""
        instrument = order.instrument
        if instrument is None or order.is_buy or instrument.sec_type != "STK":
            return False
        if instrument.symbol not in self._gateway.settings.hard_to_borrow:
            return False
        parts = {order.account: order.quantity}
        if order.allocation:
            parts = order.allocation.of_rest(order.quantity)
        accounts = self._books.accounts
        held = {code: accounts[code].positions.get(instrument.con_id) for code in parts}
        return any((p.quantity if p else 0.0) < parts[code] for code, p in held.items())


def _cancels_on_condition(order: Order) -> bool:
    return order.terms.is_set("conditions_cancel_order")


def _traded(order: Order) -> Instrument:
    """What it is for; of a combo, the first leg."""
    return order.instrument or order.legs[0].instrument


def _is_liquid(order: Order) -> bool:
    """Whether it trades in regular hours alone; a combo's 399 names the start of extended ones."""
    return order.instrument is not None
