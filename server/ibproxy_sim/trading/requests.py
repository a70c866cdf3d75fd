"""The requests about orders: place, modify, cancel.

It decides what a request means and whether it is refused; the engine does the rest.
"""

from __future__ import annotations

import itertools
from typing import Final

from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.books import Books
from ibproxy_sim.accounts.summary import ALL
from ibproxy_sim.accounts.valuation import Valuation
from ibproxy_sim.exchange.hours import is_open, next_open_s, session_s
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.times import eastern_day, next_midnight_s, parse_time_s
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.orders.codec import read_place_order
from ibproxy_sim.orders.order import Event, Order
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.trading.allocating import BY_CHANGE, Allocating
from ibproxy_sim.trading.checks import (
    BAD_IDS,
    Proposal,
    Refusal,
    check_modified,
    check_new,
    invalid,
)
from ibproxy_sim.trading.conditions import Conditions
from ibproxy_sim.trading.engine import Engine
from ibproxy_sim.trading.funding import NO_MARGINS, impact, what_if_fields
from ibproxy_sim.trading.lists import Lists
from ibproxy_sim.trading.reports import Reports
from ibproxy_sim.trading.resolving import NO_SUCH_CONTRACT, contract_of
from ibproxy_sim.trading.venues import (
    DISCARDING,
    TAKEN_FOR,
    drops_outside_rth,
)
from ibproxy_sim.wire.gateway import Client, Gateway

FIRST_PERM_ID: Final = 1_376_000_000


class Trading:
    """Handlers of messages 3, 4 and 58; `lists` has those of 5, 7, 16 and 99.

    ``trading = Trading(gateway, universe, market, advisors)`` makes the accounts;
    ``trading.install()`` puts them into ``gateway.books`` and registers the handlers. After it
    comes ``Accounts(gateway, trading.books, advisors).install()``.

    Attributes:
        books: accounts, orders and executions.
        engine: what works the orders.
        reports: what tells clients of them.
        lists: what answers for the lists of orders and executions.
        is_what_if_twice: whether a what-if has a first answer without margins (fact 3.99).
    """

    def __init__(
        self, gateway: Gateway, universe: Universe, market: Market, advisors: Advisors
    ) -> None:
        settings = gateway.settings
        self.books = Books(settings.accounts, settings.cash, Valuation(universe, market))
        if advisors.is_here:
            clients = settings.accounts[1:]
            self.books.sums = dict.fromkeys((f"{advisors.code}A", ALL), clients)
        self._gateway = gateway
        self._universe = universe
        self.reports = Reports(gateway)
        self._allocating = Allocating(advisors, self.books)
        conditions = Conditions(self.books, universe)
        self.engine = Engine(gateway, self.books, self.reports, conditions)
        self._orders: dict[tuple[int, int], Order] = {}
        self._unsent: dict[tuple[int, int], float] = {}
        self._perm_ids = itertools.count(FIRST_PERM_ID + settings.seed % 1000 * 100_000)
        self.is_what_if_twice = False
        self.lists = Lists(gateway, self.books, self.engine.working, self.reports)

    def install(self) -> None:
        """Register the handlers, and give the gateway its books."""
        setattr(self._gateway, "books", self.books)  # noqa: B010 - the gateway knows no books
        self._gateway.handlers.update(
            {
                "3": self.place_order,
                "4": self.cancel_order,
                "58": self.global_cancel,
            }
        )
        self.lists.install()

    # placing and modifying

    def place_order(self, client: Client, fields: list[str]) -> None:
        """3: a new order, a change of one, or a what-if question."""
        order_id = int(fields[1])
        terms = read_place_order(fields, client.version)
        known = self._orders.get((_id_of(client), order_id))
        if known and not terms.is_set("what_if"):
            self._modify(client, known, terms)
            return
        refusal = None if known else self._refused_id(client, order_id)
        made = refusal or self._make(client, order_id, terms)
        if isinstance(made, Refusal):
            self._gateway.error(client, order_id, made.code, made.text)
            if made.text == NO_SUCH_CONTRACT:
                self._unsent[_id_of(client), order_id] = terms.number("total_quantity") or 0.0
            return
        next_id = max(order_id + 1, self._gateway.order_ids.get(made.client_id, 1))
        self._gateway.order_ids[made.client_id] = next_id  # a what-if takes an id too (3.101)
        if terms.is_set("what_if"):
            self._answer_what_if(client, made)
            return
        if terms.text("exchange") in DISCARDING:
            made.apply(Event.CANCELLED)
            self.reports.discarded(client, made, terms.text("exchange"))
            return
        self._orders[made.client_id, order_id] = made
        self.books.orders.append(made)
        if made.parent:
            made.parent.children.append(made)
        if terms.is_set("transmit"):
            self.engine.release(made)

    def _refused_id(self, client: Client, order_id: int) -> Refusal | None:
        """Ids only ever rise, each client's on their own (facts 3.1 to 3.9)."""
        if order_id in BAD_IDS:
            return Refusal(10149, f"Invalid order id: {order_id}")
        if order_id < self._gateway.order_ids.get(_id_of(client), 1):
            return Refusal(103, "Duplicate order id")
        return None

    def _make(self, client: Client, order_id: int, terms: Terms) -> Order | Refusal:
        found = contract_of(self._universe, terms, self._gateway.now_s)
        if isinstance(found, Refusal):
            return found
        instrument, legs = found
        parent = self._orders.get((_id_of(client), terms.integer("parent_id")))
        accounts = self._gateway.settings.accounts
        same_side = self._same_side(terms, instrument)
        unallocated = self._allocating.refusal(terms)
        refusal = check_new(Proposal(terms, accounts, instrument, parent, same_side, unallocated))
        if refusal:
            return refusal
        terms.fields["tif"] = TAKEN_FOR.get(terms.text("tif"), terms.text("tif"))
        if parent and parent.is_done:
            return invalid(f"Can't find order with id ={parent.order_id}")
        order = Order(
            client_id=_id_of(client),
            order_id=order_id,
            perm_id=next(self._perm_ids),
            account=accounts[0] if len(accounts) == 1 else terms.text("account") or accounts[0],
            terms=terms,
            instrument=instrument,
            legs=legs,
            parent=parent,
            placed_at_s=self._gateway.now_s,
        )
        self._take_terms(order)
        refusal = self._allocating.allocate(order, self._gateway.now_s)
        if refusal:
            return refusal
        order.triggered = order.stop_price is None and "TRAIL" not in order.type_name
        order.oca_group = terms.text("oca_group")
        order.oca_type = terms.integer("oca_type") or 3  # fact 3.66
        if parent and not order.oca_group:
            order.oca_group = str(parent.perm_id)  # fact 3.94
        return order

    def make_order(
        self, client_id: int, order_id: int, account: str, terms: Terms, instrument: Instrument
    ) -> Order:
        """An order that no message placed: an exercise, or one entered by hand."""
        order = Order(
            client_id=client_id,
            order_id=order_id,
            perm_id=next(self._perm_ids),
            account=account,
            terms=terms,
            instrument=instrument,
            placed_at_s=self._gateway.now_s,
        )
        if terms.text("order_type"):
            self._take_terms(order)
        return order

    def give_id(self, order: Order, order_id: int) -> None:
        """Let client 0 know an order by an id of its own (fact 3.45)."""
        order.client_id, order.order_id = 0, order_id
        self._orders[0, order_id] = order

    def _take_terms(self, order: Order) -> None:
        """Take over size, prices and times from what the client said last."""
        terms, now_s = order.terms, self._gateway.now_s
        if drops_outside_rth(order):
            terms.fields["outside_rth"] = "0"
            order.is_outside_ignored = not order.is_transmitted
        if order.tif == "IOC" and self._is_extended(order):
            terms.fields["outside_rth"] = "1"
        # a hedge is as much as its parent's fill says, a change as much as is held
        if not terms.text("hedge_type") and terms.text("fa_method") != BY_CHANGE:
            order.quantity = terms.number("total_quantity") or 0.0
        order.restart_prices()
        order.starts_at_s = (
            parse_time_s(terms.text("good_after_time")) if terms.text("good_after_time") else 0.0
        )
        if order.tif == "GTD" and terms.text("good_till_date"):
            order.expires_at_s = parse_time_s(terms.text("good_till_date"))
        elif order.tif == "GTD":
            order.expires_at_s = now_s + float(terms.text("duration"))
        elif order.tif in {"DAY", "OPG"}:
            order.expires_at_s = self._day_end_s(order, max(now_s, order.starts_at_s))
        else:
            order.expires_at_s = None

    def _is_extended(self, order: Order) -> bool:
        """Whether a stock trades outside its regular hours now, if it keeps any."""
        if not self._gateway.settings.keeps_hours or order.instrument is None:
            return False
        kind = order.instrument.sec_type
        return kind == "STK" and not is_open(kind, self._gateway.now_s, liquid=True)

    def _day_end_s(self, order: Order, time_s: float) -> float:
        """When a day order lapses: at midnight if the market never closes [assumed]."""
        if not self._gateway.settings.keeps_hours:
            return next_midnight_s(time_s)
        kind = order.instrument.sec_type if order.instrument else "STK"
        day = eastern_day(next_open_s(kind, time_s))
        liquid = not order.terms.is_set("outside_rth")
        span = session_s(kind, day, liquid=liquid)
        return span[1] if span else next_midnight_s(time_s)

    def _same_side(self, terms: Terms, instrument: Instrument | None) -> int:
        return sum(
            1
            for order in self.engine.working.values()
            if order.instrument
            and instrument
            and order.instrument.con_id == instrument.con_id
            and order.terms.text("action") == terms.text("action")
            and order.account == terms.text("account")
        )

    def _modify(self, client: Client, order: Order, terms: Terms) -> None:
        refusal = check_modified(order, terms)
        if not refusal:
            proposal = Proposal(
                terms, self._gateway.settings.accounts, order.instrument, order.parent, 0
            )
            terms.fields["account"] = terms.text("account") or order.account
            refusal = check_new(proposal)
        if refusal:
            self._gateway.error(client, order.order_id, refusal.code, refusal.text)
            return
        order.terms = terms
        self._take_terms(order)
        if order.is_transmitted:
            self.engine.restate(order)
        elif terms.is_set("transmit"):
            self.engine.release(order)

    def _answer_what_if(self, client: Client, order: Order) -> None:
        """A 5 alone, with margins and commission (fact 3.99)."""
        effect = impact(self.books, order, self._gateway.now_s)
        if self.is_what_if_twice:
            self.reports.open_order(client, order, NO_MARGINS)
        self.reports.open_order(client, order, what_if_fields(effect))

    # cancelling

    def cancel_order(self, client: Client, fields: list[str]) -> None:
        """4: only one's own orders can be cancelled (fact 3.79)."""
        order_id = int(fields[2])
        order = self._orders.get((_id_of(client), order_id))
        unsent = self._unsent.pop((_id_of(client), order_id), None)
        if order is None and unsent is not None:
            self.reports.api_cancelled(client, order_id, unsent)
            return
        if order is None and self._gateway.settings.cancels_others:
            order = self._others_order(order_id)
            if order:  # the reports then state who cancelled it (fact 3.80)
                order.client_id = _id_of(client)
        if order is None or order.is_cancel_refused:  # facts 3.82, 3.83
            text = f"OrderId {order_id} that needs to be cancelled is not found."
            self._gateway.error(client, order_id, 10147, text)
            return
        state = order.status.wire_text
        if order.is_done or state == "PendingCancel":
            order.is_cancel_refused = order.is_done
            text = f"OrderId {order_id} that needs to be cancelled cannot be cancelled"
            self._gateway.error(client, order_id, 10148, f"{text}, state: {state}.")
            return
        self.engine.ask_cancel(order)

    def _others_order(self, order_id: int) -> Order | None:
        working = self.engine.working.values()
        return next((order for order in working if order.order_id == order_id), None)

    def global_cancel(self, _client: Client, _fields: list[str]) -> None:
        """58: all orders of all clients; each owner hears of its own (facts 3.86, 3.87)."""
        for order in self.books.orders:
            if not order.is_done:
                self.engine.ask_cancel(order)

    def forget(self, order: Order) -> None:
        """Lose an order without a trace; its id is free again (fact 3.17)."""
        if not order.is_done:
            order.apply(Event.CANCELLED)
        self.engine.working.pop(order.perm_id, None)
        self._forget_id(order)
        self.books.orders.remove(order)
        if not order.is_unbound:
            ids = self._gateway.order_ids
            ids[order.client_id] = min(ids[order.client_id], order.order_id)

    def double(self, client: Client, fields: list[str]) -> bool:
        """Take a change of a working order as a second order with the same id (fact 3.89).

        Returns:
            Whether it was one.
        """
        order_id = int(fields[1])
        known = self._orders.get((_id_of(client), order_id))
        if known is None or known.is_done:
            return False
        terms = read_place_order(fields, client.version)
        made = self._make(client, order_id, terms)
        if isinstance(made, Refusal):
            return False
        self._orders[made.client_id, order_id] = made
        self.books.orders.append(made)
        self.engine.release(made)
        return True

    def disown(self, order: Order) -> None:
        """Know an order by its permId alone, as one of an earlier session (fact 3.39)."""
        self._forget_id(order)
        order.client_id = order.order_id = 0

    def _forget_id(self, order: Order) -> None:
        key = order.client_id, order.order_id
        if self._orders.get(key) is order:  # the second of two with one id has it
            del self._orders[key]


def books_of(gateway: Gateway) -> Books:
    """Return the books that `Trading.install` gave to the gateway."""
    books = getattr(gateway, "books", None)
    assert isinstance(books, Books)  # noqa: S101 - a caller's mistake
    return books


def _id_of(client: Client) -> int:
    """The client id; handlers run only once it is known."""
    return client.client_id or 0
