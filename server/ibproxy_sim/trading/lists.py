"""The requests for lists: of open and completed orders, and of executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ibproxy_sim.accounts.books import Books, Execution
from ibproxy_sim.exchange.times import day_start_s, eastern_day, parse_time_s
from ibproxy_sim.orders.order import Order
from ibproxy_sim.trading.reports import Reports
from ibproxy_sim.wire.gateway import Client, Gateway

COMPLETED_S: Final = 0.02
"""How long the one slot for completed orders is taken (fact 3.104)."""


class Lists:
    """Handlers of messages 5, 7, 16 and 99.

    Attributes:
        completed_s: how long a request for completed orders takes the one slot for these.
    """

    def __init__(
        self, gateway: Gateway, books: Books, working: Mapping[int, Order], reports: Reports
    ) -> None:
        self._gateway = gateway
        self._books = books
        self._working = working
        self._reports = reports
        self._is_completed_asked = False
        self.completed_s = COMPLETED_S

    def install(self) -> None:
        """Register the handlers."""
        self._gateway.handlers.update(
            {
                "5": self.open_orders,
                "7": self.executions,
                "16": self.all_open_orders,
                "99": self.completed_orders,
            }
        )
        if self._gateway.settings.download_open_orders:  # before the accounts, and the next id
            self._gateway.on_start.insert(0, self._state_orders)

    def open_orders(self, client: Client, _fields: list[str]) -> None:
        """5: the client id's own working orders, 5 and 3 each, then 53 (facts 3.37, 3.38)."""
        self._list_orders(client, is_for_all=False)

    def all_open_orders(self, client: Client, _fields: list[str]) -> None:
        """16: all clients' working orders (fact 3.41)."""
        self._list_orders(client, is_for_all=True)

    def _list_orders(self, client: Client, *, is_for_all: bool) -> None:
        self._state_orders(client, is_for_all=is_for_all)
        self._gateway.send(client, 53, 1)

    def _state_orders(self, client: Client, *, is_for_all: bool = False) -> None:
        for order in list(self._working.values()):
            if is_for_all or order.client_id == client.client_id:
                self._reports.open_order(client, order)
                self._reports.status(client, order)

    def completed_orders(self, client: Client, _fields: list[str]) -> None:
        """99: today's done orders; a request while another one is pending is lost (3.104)."""
        if self._is_completed_asked:
            return
        self._is_completed_asked = True

        def answer() -> None:
            self._is_completed_asked = False
            start_s = day_start_s(eastern_day(self._gateway.now_s))
            done = [o for o in self._books.orders if o.is_done and (o.done_at_s or 0) >= start_s]
            for order in done:
                self._reports.completed(client, order)
            self._gateway.send(client, 102)

        self._gateway.call_later(self.completed_s, answer)

    def executions(self, client: Client, fields: list[str]) -> None:
        """7: executions since midnight, of all client ids unless filtered (3.105 to 3.112)."""
        req_id = fields[2]
        start_s = day_start_s(eastern_day(self._gateway.now_s))
        for execution in self._books.executions:
            if execution.time_s >= start_s and _passes(execution, fields[3:10]):
                self._reports.execution(client, req_id, execution)
                self._reports.commission(client, execution)
        self._gateway.send(client, 55, 1, req_id)


def _passes(execution: Execution, wanted: list[str]) -> bool:
    """Whether an execution passes the filter of message 7 (fact 3.111)."""
    client_id, account, since, symbol, sec_type, exchange, side = wanted
    instrument, terms = execution.instrument, execution.order.terms
    sides = {"BUY": "BOT", "SELL": "SLD"}
    try:
        since_s = parse_time_s(since)
    except ValueError:
        since_s = 0.0  # an unreadable time is ignored
    return (
        client_id in {"", "0", str(execution.client_id)}
        and account.upper() in {"", execution.account.upper()}
        and execution.time_s >= since_s
        and symbol in {"", instrument.symbol}
        and sec_type in {"", instrument.sec_type, terms.text("sec_type")}
        and exchange in {"", execution.exchange}
        and sides.get(side, side) in {"", execution.side}
    )
