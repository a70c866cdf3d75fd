"""What checks work with: connections, ids, an account, a price; and it cleans up behind them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from ib_async import Stock

from ibproxy.errors import IbproxyError, RefusedError
from ibproxy_server.verify.assumption import CannotCheck
from ibproxy_server.verify.order_form import Ticket, cancellation
from ibproxy_server.verify.port import Port
from ibproxy_server.verify.probe import (
    GAP_S,
    HIGHEST_VERSION,
    Message,
    Probe,
    Silence,
    is_error,
    is_kind,
)

FIRST_REQ_ID = 1_500_000_000
"""Request ids are far from order ids, as the proxy's are (fact 3.18)."""

FIRST_CLOSE_AT = 9
PRICES = {"4", "9", "68", "75"}
"""Tick types of the last price and the last close, live and delayed (fact 4.22)."""

FAR = 0.8
"""Price of an order, as a part of the last close: too low to be filled."""

EURUSD: tuple[object, ...] = (0, "EUR", "CASH", "", 0.0, "", "", "IDEALPRO", "", "USD", "", "")
STOCK: tuple[object, ...] = (0, "AAPL", "STK", "", 0.0, "", "", "SMART", "", "USD", "", "")
FUND: tuple[object, ...] = (0, "SPY", "STK", "", 0.0, "", "", "SMART", "", "USD", "", "")
UNKNOWN: tuple[object, ...] = (0, "QQZZQQ", "STK", "", 0.0, "", "", "SMART", "", "USD", "", "")
"""The twelve fields of a contract: one that is quoted around the clock, one that orders are for,
a fund with generic ticks, one that does not exist."""

TO_TRADE = Stock("AAPL", "SMART", "USD")
"""The contract that orders are for."""


@dataclass(frozen=True)
class Order:
    """An order that a check has placed and that is to be cancelled in the end."""

    client_id: int
    order_id: int


@dataclass
class Lab:
    """A gateway on the bench.

    Attributes:
        port: where the gateway listens.
        client_id: the first API client id that is used; others follow it.
        allow_orders: whether orders may be placed.
        patience_s: how long an answer may take.
        quiet_s: how long to listen for what should not come.
        highest: the highest server version that is offered.
        gap_s: time between two messages.
        checking: name of the check that is run; its orders carry it as orderRef.
        main: the connection that most checks share.
        accounts: the accounts of the login.
        before_start: what came before startApi.
        welcome: what came behind it.
    """

    port: Port
    client_id: int
    allow_orders: bool = False
    patience_s: float = 10.0
    quiet_s: float = 1.0
    highest: int = HIGHEST_VERSION
    gap_s: float = GAP_S
    checking: str = ""
    main: Probe = field(init=False)
    accounts: list[str] = field(init=False)
    before_start: list[Message] = field(init=False)
    welcome: list[Message] = field(init=False)
    _req_ids: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_REQ_ID))
    _client_ids: Iterator[int] = field(init=False)
    _placed: list[Order] = field(default_factory=list)
    _tried: set[Order] = field(default_factory=set)
    _price: float = 0.0
    _next_order_id: dict[int, int] = field(default_factory=dict)

    def open(self) -> None:
        """Connect.

        Raises:
            UpstreamLostError: nothing answers.
            RefusedError: the gateway does not let us in.
        """
        self._client_ids = itertools.count(self.client_id + 1)
        self.main = self._connect(self.client_id, self.highest)
        self.main.listen(self.quiet_s)
        self.before_start = list(self.main.received)
        try:
            self.main.start()
        except Silence as silence:
            self.main.close()
            raise RefusedError(
                f"the gateway does not let client id {self.client_id} in ({silence}): "
                "give another --client-id"
            ) from None
        self.main.listen(self.quiet_s)
        self.welcome = self.main.received[len(self.before_start) :]
        listed = next(message for message in self.main.received if message[0] == "15")
        self.accounts = [code for code in listed[2].split(",") if code]
        self._note_next_id(self.main)

    def _connect(self, client_id: int, highest: int) -> Probe:
        return Probe(self.port, client_id, self.patience_s, highest, self.gap_s)

    def close(self) -> None:
        """Cancel what is left of the orders, and hang up."""
        self._tried.clear()
        self.tidy()
        self.main.close()

    def tidy(self) -> None:
        """Cancel what a check has left of its orders, those that were refused too.

        An order that is not known to be gone stays noted, and is tried again at the end.
        """
        for order in [order for order in self._placed if order not in self._tried]:
            self._tried.add(order)
            with (
                contextlib.suppress(Silence, CannotCheck, IbproxyError, OSError),
                self._owner(order.client_id) as probe,
            ):
                self.cancel(probe, order.order_id)

    @property
    def left_over(self) -> list[Order]:
        """Orders that were placed and are not known to be gone."""
        return self._placed

    @contextlib.contextmanager
    def probe(self, client_id: int | None = None, highest: int | None = None) -> Iterator[Probe]:
        """Open one more connection for the time of a check."""
        chosen = next(self._client_ids) if client_id is None else client_id
        probe = self._connect(chosen, highest or self.highest)
        try:
            yield probe
        finally:
            probe.close()

    @contextlib.contextmanager
    def client(self, client_id: int | None = None, highest: int | None = None) -> Iterator[Probe]:
        """Open one more connection that has started.

        Raises:
            CannotCheck: it is not let in, perhaps because its id is held (fact 1.33).
        """
        with self.probe(client_id, highest) as probe:
            try:
                probe.start()
            except Silence as silence:
                reason = f"client id {probe.client_id} is not let in: {silence}"
                raise CannotCheck(reason) from None
            self._note_next_id(probe)
            yield probe

    @contextlib.contextmanager
    def _owner(self, client_id: int) -> Iterator[Probe]:
        if client_id == self.main.client_id and not self.main.is_closed:
            yield self.main
        else:
            with self.client(client_id) as probe:
                yield probe

    def returning_client_id(self) -> int:
        """Return a client id whose owner can come back.

        Raises:
            CannotCheck: ids are held here after their owner has left (fact 1.33).
        """
        with self.client() as first:
            client_id = first.client_id
        with self.client(client_id):
            return client_id

    def stated_order_id(self, probe: Probe) -> int:
        """Ask for a client's next order id (fact 8.14).

        Raises:
            CannotCheck: it is not stated.
        """
        try:
            return int(probe.ask(8, 1, 1, until=is_kind(9))[-1][2])
        except Silence as silence:
            raise CannotCheck(f"reqIds was answered with {silence}") from None

    def req_id(self) -> int:
        """A request id that was never used."""
        return next(self._req_ids)

    def two_accounts(self) -> tuple[str, str]:
        """Return two accounts.

        Raises:
            CannotCheck: the login has one.
        """
        if len(self.accounts) < 2:  # noqa: PLR2004 - two of them
            raise CannotCheck("this login has a single account")
        return self.accounts[0], self.accounts[1]

    # orders

    def need_orders(self) -> None:
        """See that orders may be placed here.

        Raises:
            CannotCheck: they may not.
        """
        if not self.allow_orders:
            raise CannotCheck("it needs orders: allow them with --allow-orders")
        live = [code for code in self.accounts if not code.startswith("D")]
        if live:
            raise CannotCheck(f"it needs orders, and {live[0]} is not a paper account")

    def far_price(self) -> float:
        """Return a price at which the stock cannot be bought.

        Raises:
            CannotCheck: there is no price to start from.
        """
        if not self._price:
            self._price = self._last_close() or self._delayed_price()
        if not self._price:
            raise CannotCheck("there is no price for an order: neither bars nor delayed data")
        return round(self._price * FAR, 2)

    def _last_close(self) -> float:
        req_id = self.req_id()
        fields = (20, req_id, *STOCK, 0, "", "1 day", "2 D", 1, "TRADES", 1, 0, "")
        refused = is_error(of=req_id)
        with contextlib.suppress(Silence):
            answer = self.main.ask(
                *fields, until=lambda m: m[0] == "17" or (refused(m) and m[3] != "2174")
            )[-1]
            if answer[0] == "17":
                return float(answer[FIRST_CLOSE_AT])
        return 0.0

    def _delayed_price(self) -> float:
        req_id = self.req_id()
        self.main.send(59, 1, 3)
        fields = (1, 11, req_id, *STOCK, 0, "", 0, 0, "")
        with contextlib.suppress(Silence):
            tick = self.main.ask(
                *fields,
                until=lambda m: m[0] == "1" and m[2] == str(req_id) and m[3] in PRICES,
            )[-1]
            self.main.send(2, 2, req_id)
            self.main.send(59, 1, 1)
            return max(float(tick[4]), 0.0)
        self.main.send(59, 1, 1)
        return 0.0

    def next_order_id(self, probe: Probe) -> int:
        """Return an order id that this client has not used."""
        order_id = self._next_order_id[probe.client_id]
        self._next_order_id[probe.client_id] = order_id + 1
        return order_id

    def place(self, probe: Probe, ticket: Ticket) -> list[Message]:
        """Place an order and return what comes up to its first status, or to its refusal."""
        order_id = ticket.order_id

        def is_end(message: Message) -> bool:
            if message[0] == "4":
                return is_read_only(message) or (
                    message[2] == str(order_id) and message[3] not in WARNINGS
                )
            return message[0] == "3" and message[1] == str(order_id)

        since = self.send(probe, ticket)
        last = probe.wait(is_end, since)
        if is_read_only(last):
            raise CannotCheck(f"orders are not allowed here: {last[4]}")
        return [*probe.received[since : probe.received.index(last, since)], last]

    def work(self, probe: Probe, ticket: Ticket) -> list[Message]:
        """Place an order that is to be taken, and return what comes up to its first status.

        Raises:
            CannotCheck: it is refused.
        """
        messages = self.place(probe, ticket)
        if messages[-1][0] == "4":
            raise CannotCheck(f"the order was refused: {messages[-1][4]}")
        return messages

    def send(self, probe: Probe, ticket: Ticket) -> int:
        """Send an order, to be cancelled in the end; returns a place for `Probe.wait`."""
        if not ticket.what_if:
            self._placed.append(Order(probe.client_id, ticket.order_id))
        return probe.send(*ticket.fields(probe.version))

    def resting(self, probe: Probe, **terms: object) -> Ticket:
        """Return a ticket for one share, far from the market."""
        return Ticket(
            order_id=self.next_order_id(probe),
            contract=TO_TRADE,
            account=self.accounts[0],
            limit=self.far_price(),
            ref=f"ibproxy verify {self.checking}",
            **terms,  # type: ignore[arg-type] # the ticket's own fields
        )

    def cancel(self, probe: Probe, order_id: int) -> list[Message]:
        """Cancel an order and return what comes up to its end."""
        since = probe.send(*cancellation(order_id, probe.version))
        refused = is_error(202, 10147, 10148, of=order_id)
        done = ["3", str(order_id), "Cancelled"]
        last = probe.wait(
            lambda m: m[:3] == done or refused(m) or is_read_only(m),
            since,
        )
        self.gone(probe, order_id)
        return [*probe.received[since : probe.received.index(last, since)], last]

    def gone(self, probe: Probe, order_id: int) -> None:
        """Note that an order need not be cancelled any more."""
        gone = Order(probe.client_id, order_id)
        self._placed = [order for order in self._placed if order != gone]
        self._tried.discard(gone)

    def _note_next_id(self, probe: Probe) -> None:
        stated = int(probe.wait(is_kind(9))[2])
        known = self._next_order_id.get(probe.client_id, 0)
        self._next_order_id[probe.client_id] = max(stated, known)


WARNINGS = {"399", "404", "10349", "2109", "2146", "2174", "10167"}
"""Codes after which an order lives on (facts 3.9, 3.59, 3.63, 3.68)."""


def is_read_only(message: Message) -> bool:
    """Whether orders are refused altogether, with whatever id and code (fact 1.43)."""
    return is_error(10119, 10132)(message) or (
        is_error()(message) and "read-only" in message[4].lower()
    )
