"""Orders entered by hand: nobody's, until client 0 binds them.

::

    enter ──► orderId 0, clientId 0, known by its permId (fact 3.21)
      │ client 0 has said reqAutoOpenOrders(1), or asks for its open orders
      ▼
    bound ──► a negative order id (fact 3.45), told by 100, then 5 and 3 as any order of client 0

What binding does to an order's place in the queue is not modelled (fact 3.46).
"""

from __future__ import annotations

import itertools

from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.orders.order import Order
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.trading.requests import Trading
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import price_text, quantity_text

AUTO_BIND = "auto_bind"
NOT_CLIENT_0 = "Only API connections with clientId set to 0 can set the auto bind orders property."


class ManualOrders:
    """Takes orders by hand, and binds them for client 0."""

    def __init__(self, gateway: Gateway, trading: Trading) -> None:
        self._gateway = gateway
        self._trading = trading
        self._numbers = itertools.count(1)

    def install(self) -> None:
        """Take over these message ids of the gateway; 5 only adds to what it did."""
        handlers = self._gateway.handlers
        handlers["15"] = self.auto_bind
        list_orders = handlers["5"]

        def bind_and_list(client: Client, fields: list[str]) -> None:
            if client.client_id == 0:
                self._bind_all(client)
            list_orders(client, fields)

        handlers["5"] = bind_and_list

    def enter(
        self,
        account: str,
        instrument: Instrument,
        action: str,
        quantity: float,
        limit_price: float | None = None,
    ) -> Order:
        """Place an order as somebody does who sits in front of TWS: a limit, or at the market."""
        fields = {
            "action": action,
            "total_quantity": quantity_text(quantity),
            "order_type": "MKT" if limit_price is None else "LMT",
            "lmt_price": "" if limit_price is None else price_text(limit_price),
            "tif": "DAY",
            "exchange": instrument.exchange,
            "transmit": "1",
        }
        order = self._trading.make_order(0, 0, account, Terms(fields), instrument)
        for client in self._gateway.clients.values():
            if client.state.get(AUTO_BIND):
                self._bind(client, order)
        self._trading.books.orders.append(order)
        self._trading.engine.release(order)
        return order

    def auto_bind(self, client: Client, fields: list[str]) -> None:
        """15: orders entered from now on are client 0's (facts 3.43, 3.44)."""
        if client.client_id:
            self._gateway.error(client, -1, 327, NOT_CLIENT_0)
            return
        client.state[AUTO_BIND] = fields[2] == "1"

    def _bind_all(self, client: Client) -> None:
        """Orders that are there already are bound when client 0 asks for its own (fact 3.37)."""
        for order in list(self._trading.engine.working.values()):
            if order.is_unbound:
                self._bind(client, order)

    def _bind(self, client: Client, order: Order) -> None:
        self._trading.give_id(order, -next(self._numbers))
        self._gateway.send(client, 100, order.perm_id, 0, order.order_id)
