"""Works orders: sends them out, looks at the market for them, fills and cancels them.

::

    accept ──► PreSubmitted ──first look──► filled, or Submitted, or held (child, trigger, ...)
                                                 │ each step of the market, while anything works
                                                 ▼
                                       filled / expired / cancelled
    ask_cancel ──► PendingCancel (nothing is sent, fact 3.85) ──a moment later──► Cancelled, 202

The delays are market time; they are there because at a real gateway answers cross on the wire.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ibproxy_sim.accounts.books import Books, Execution
from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.orders.adjusted import adjust
from ibproxy_sim.orders.matching import Match, follow, mark, match, net_quote
from ibproxy_sim.orders.order import Event, Order, Status
from ibproxy_sim.orders.profits import close_piece, next_profit, note_piece
from ibproxy_sim.orders.slices import set_level, shown_shares
from ibproxy_sim.trading.booking import Booking, Delivery
from ibproxy_sim.trading.conditions import Conditions
from ibproxy_sim.trading.funding import rejection_of
from ibproxy_sim.trading.hedges import hedge_shares
from ibproxy_sim.trading.holds import LOCATE_S, Holds
from ibproxy_sim.trading.reports import Reports
from ibproxy_sim.trading.venues import OUTSIDE_IGNORED, WARNED_TIFS
from ibproxy_sim.wire.gateway import Gateway

FIRST_LOOK_S: Final = 0.02
CANCEL_S: Final = 0.02
COMMISSION_S: Final = 0.03
RESTATED_TIMES: Final = 2
"""How often a resting order is stated again; with the first that makes three (fact 3.65)."""

REFUSAL_ORDER: Final = ("status", "error", "status")
AT_ONCE: Final = frozenset({"IOC", "FOK"})
CANCELS_PEERS_AT_ONCE: Final = 1
"""ocaType whose peers go with the first fill; the others are made smaller."""


class Engine:
    """Everything that happens to orders once they are transmitted.

    Attributes:
        working: transmitted orders that are not done, by permId.
        most_shares: how much of an order fills at each step at most.
        judges: each may say why the server refuses a transmitted order (code 201's text).
        cancel_judges: each may take over what becomes of a cancel.
        refusal_order: what is told, in which order, if the server refuses an order.
    """

    def __init__(
        self, gateway: Gateway, books: Books, reports: Reports, conditions: Conditions
    ) -> None:
        self.working: dict[int, Order] = {}
        self.most_shares = math.inf
        self.judges: list[Callable[[Order], str | None]] = []
        self.cancel_judges: list[Callable[[Order], bool]] = []
        self.refusal_order: tuple[str, ...] = REFUSAL_ORDER
        self._gateway = gateway
        self._books = books
        self._reports = reports
        self._holds = Holds(gateway, books, conditions)
        self._is_step_planned = False
        self._booking = Booking(gateway, books)

    # what requests ask for

    def release(self, order: Order) -> None:
        """Transmit an order and the untransmitted ones of its family, parents first (3.91)."""
        root = order
        while root.parent:
            root = root.parent
        for member in list(root.family()):
            if not member.is_transmitted:
                self._accept(member)

    def restate(self, order: Order) -> None:
        """An order was modified: look at it afresh."""
        if order.remaining <= 0 and not order.is_done:
            order.apply(Event.FILLED)
            self._leave(order)
        self._reports.pair(order)
        self._plan()

    def ask_cancel(self, order: Order) -> None:
        """Cancel an order that is not done; it can still fill for a moment."""
        if not order.is_transmitted:
            self._cancel(order)
            return
        if order.status is Status.PENDING_CANCEL:
            return
        order.apply(Event.CANCEL_ASKED)
        children = [child for child in order.children if not child.is_done]
        if children:  # fact 3.94
            self._reports.pair(order)
            for child in children:
                self._reports.pair(child)
        self._gateway.call_later(CANCEL_S, partial(self._finish_cancel, order))

    # transmitting

    def _accept(self, order: Order) -> None:
        if order.is_done:
            return
        rejection = rejection_of(order, self._books, self._gateway.now_s, self.judges)
        if rejection:
            self._refuse(order, 201, rejection)
            return
        order.apply(Event.TRANSMITTED)
        self.working[order.perm_id] = order
        if self._holds.waits_for_opening(order) and order.tif in WARNED_TIFS:
            self._reports.refuse(order, 399, self._holds.opening_text(order))
        if order.is_outside_ignored:
            self._reports.refuse(order, 2109, OUTSIDE_IGNORED)
        if self._holds.is_to_be_located(order):
            order.is_locating = True
            self._gateway.call_later(LOCATE_S, partial(self._located, order))
        self._reports.pair(order)
        if order.is_locating:
            self._reports.refuse(order, 404, "Order held while securities are located.")  # 3.59
        self._gateway.call_later(FIRST_LOOK_S, partial(self._first_look, order))

    def _refuse(self, order: Order, code: int, text: str) -> None:
        """The server says no: the status before the reason, and again behind it [recorded].

        So it is a client that takes the error for the end that is surprised (facts 3.67, 11.21).
        """
        order.apply(Event.REFUSED)
        self._leave(order)
        for what in self.refusal_order:
            if what == "status":
                self._reports.pair(order)
            else:
                self._reports.refuse(order, code, text)
        self._cancel_children(order)

    def _first_look(self, order: Order) -> None:
        if order.status is Status.PRE_SUBMITTED:
            self._look(order)
        if order.status is Status.PRE_SUBMITTED:
            if self._holds.hold(order):
                self._reports.pair(order, RESTATED_TIMES)
            else:
                self._go_working(order)
        self._plan()

    # the market moves

    def _plan(self) -> None:
        """Look again at the market's next step, as long as anything works."""
        if self.working and not self._is_step_planned:
            self._is_step_planned = True
            steps = math.floor(self._gateway.now_s / Market.STEP_S + 1e-6) + 1
            self._gateway.call_at(steps * Market.STEP_S, self._step)

    def _step(self) -> None:
        self._is_step_planned = False
        for order in list(self.working.values()):
            if not order.is_done:
                self._look(order)
            if order.status is Status.PRE_SUBMITTED and not self._holds.hold(order):
                self._go_working(order)
        self._plan()

    def _go_working(self, order: Order) -> None:
        order.apply(Event.WORKING)
        self._reports.pair(order)

    def _located(self, order: Order) -> None:
        order.is_locating = False
        if order.status is Status.PRE_SUBMITTED:
            self._look(order)
        if order.status is Status.PRE_SUBMITTED and not self._holds.hold(order):
            self._go_working(order)

    def _look(self, order: Order) -> None:
        now_s = self._gateway.now_s
        is_over = order.expires_at_s is not None and now_s >= order.expires_at_s
        if is_over or self._holds.is_cancelled_by_condition(order):
            self._cancel(order)
            return
        if self._holds.waits_for_opening(order):
            return
        quote = self._quote(order)
        waits = order.waits_for_parent or now_s < order.starts_at_s
        if quote and not waits:
            price = mark(quote) if order.instrument else quote.last
            if adjust(order, price):
                self._reports.pair(order)
            follow(order, price)
        if self._holds.hold(order):
            return
        if quote:
            self._match(order, quote)
        if order.tif in AT_ONCE and not order.is_done:
            self._give_up(order)

    def _match(self, order: Order, quote: Quote) -> None:
        """Trade what can be traded; a scale order first closes what it can."""
        gain = next_profit(order, quote, self.most_shares)
        if gain:
            self._close(order, gain)
        if order.is_done:
            return
        set_level(order)
        most = min(self.most_shares, self._shown_shares(order))
        found = match(order, quote, most)
        if found:
            self._fill(order, found)

    def _shown_shares(self, order: Order) -> float:
        """How much of an order its algo or scale lets trade."""
        instrument = order.instrument or order.legs[0].instrument
        traded = partial(self._books.valuation.traded, instrument)
        settings = self._gateway.settings
        return shown_shares(order, self._gateway.now_s, settings.algo_s, traded)

    def _close(self, order: Order, found: Match) -> None:
        """Close a piece of a scale order, by an execution of the other side."""
        close_piece(order, found.shares)
        executions = self._booking.close(order, found.shares, found.price)
        order.last_price = found.price
        is_over = not order.pieces and not order.remaining
        order.apply(Event.FILLED if is_over else Event.PARTLY_FILLED)
        self._after_fill(order, executions)

    def _quote(self, order: Order) -> Quote | None:
        now_s = self._gateway.now_s
        if order.instrument:
            return self._books.valuation.quote(order.instrument, now_s)
        return net_quote(
            [(self._books.valuation.quote(leg.instrument, now_s), leg.ratio) for leg in order.legs]
        )

    def _give_up(self, order: Order) -> None:
        """What is left of an IOC is cancelled, an FOK becomes Inactive (fact 3.60)."""
        if order.status is Status.PENDING_CANCEL:
            return
        if order.tif == "FOK":
            order.apply(Event.REFUSED)
            self._leave(order)
            self._reports.pair(order)
            self._cancel_children(order)
            return
        if order.status is Status.PRE_SUBMITTED:
            self._go_working(order)
        order.apply(Event.CANCEL_ASKED)
        self._reports.pair(order)
        self._cancel(order)

    # filling

    def fill(self, order: Order, shares: float, price: float) -> None:
        """Fill a working order, whatever the market says."""
        self._fill(order, Match(shares, price))

    def _fill(self, order: Order, found: Match) -> None:
        shares, price = found
        paid = order.average_price * order.filled + price * shares
        fraction = shares / order.remaining
        order.filled = round(order.filled + shares, 8)
        order.average_price = round(paid / order.filled, 10)
        order.last_price = price
        executions = self._booking.book(order, shares, price)
        note_piece(order, shares)
        is_open = order.remaining or order.pieces
        order.apply(Event.PARTLY_FILLED if is_open else Event.FILLED)
        self._after_fill(order, executions)
        self._shrink_peers(order, fraction)
        if order.status is Status.FILLED:
            self._wake_children(order)

    def _after_fill(self, order: Order, executions: list[Execution]) -> None:
        if order.is_done:
            self._leave(order)
        self._reports.filled(order, executions)
        self._gateway.call_later(COMMISSION_S, partial(self._settle, order, executions))
        self._tell_books(executions)

    def _settle(self, order: Order, executions: list[Execution]) -> None:
        order.commission += sum(execution.commission or 0.0 for execution in executions)
        self._reports.settled(order, executions)

    # what happens outside the market

    def accept_outside(self, order: Order) -> None:
        """Take an instruction that does not go to the market: an exercise."""
        self._books.orders.append(order)
        order.apply(Event.TRANSMITTED)
        self._reports.pair(order)

    def settle(self, order: Order, deliveries: Sequence[Delivery]) -> None:
        """Carry an instruction out, and tell its owner."""
        order.filled = order.quantity
        order.apply(Event.FILLED)
        order.done_at_s = self._gateway.now_s
        executions = self.book_outside(order, deliveries)
        self._reports.filled(order, executions)
        if not executions:
            self._reports.pair(order)
        self._gateway.call_later(COMMISSION_S, partial(self._settle, order, executions))

    def book_outside(self, order: Order, deliveries: Sequence[Delivery]) -> list[Execution]:
        """Let things change hands without a market, as at expiry."""
        executions = self._booking.deliver(order, deliveries)
        self._tell_books(executions)
        return executions

    def _tell_books(self, executions: Sequence[Execution]) -> None:
        for execution in executions:
            if execution.commission is not None:
                for tell in self._books.on_trade:
                    tell(execution.account, execution.instrument)

    # families and one-cancels-all groups

    def _peers(self, order: Order) -> list[Order]:
        """Return the others of its group: the name is the account's (fact 3.98)."""
        if not order.oca_group:
            return []
        return [
            other
            for other in self.working.values()
            if other is not order
            and other.oca_group == order.oca_group
            and other.account == order.account
        ]

    def _shrink_peers(self, order: Order, fraction: float) -> None:
        for peer in self._peers(order):
            rest = round(peer.remaining * (1 - fraction), 8)
            if order.oca_type == CANCELS_PEERS_AT_ONCE or rest <= 0:
                self._cancel(peer)
            elif not peer.waits_for_parent:
                peer.quantity = peer.filled + max(1.0, round(rest))
                self._reports.pair(peer)

    def _wake_children(self, order: Order) -> None:
        for child in order.children:
            if child.terms.text("hedge_type") and not child.is_done:
                valuation, now_s = self._books.valuation, self._gateway.now_s
                child.quantity = hedge_shares(child, valuation, now_s)
            if child.status is Status.PRE_SUBMITTED and not self._holds.hold(child):
                self._go_working(child)
            elif child.perm_id in self.working:
                self._reports.pair(child)

    def _finish_cancel(self, order: Order) -> None:
        if order.status is not Status.PENDING_CANCEL:
            return  # it filled, or went with another one
        if any(judge(order) for judge in self.cancel_judges):
            return
        for peer in self._peers(order):  # the others first (fact 3.96)
            self._cancel(peer)
        if not order.is_done:
            self._cancel(order)

    def _cancel(self, order: Order) -> None:
        if order.is_done:
            return  # a child that is in its parent's group as well went with it
        order.apply(Event.CANCELLED)
        self._leave(order)
        self._reports.cancelled(order)
        self._cancel_children(order)

    def _cancel_children(self, order: Order) -> None:
        for child in order.children:
            if not child.is_done:
                self._cancel(child)

    def _leave(self, order: Order) -> None:
        order.done_at_s = self._gateway.now_s
        self.working.pop(order.perm_id, None)
