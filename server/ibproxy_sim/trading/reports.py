"""What clients are told about orders: messages 5, 3, 11, 59, 101, and refusals.

The one who placed an order hears of it, as long as it is connected (fact 3.30), and so does the
master client, if there is one (fact 1.36); nobody else does. Errors are the owner's alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from ibproxy_sim.accounts.books import Execution
from ibproxy_sim.accounts.valuation import BASE_CURRENCY
from ibproxy_sim.exchange.times import eastern_text
from ibproxy_sim.orders.codec import write_order
from ibproxy_sim.orders.layouts import COMPLETED_ORDER, OPEN_ORDER
from ibproxy_sim.orders.order import Order, Status
from ibproxy_sim.orders.terms import UNSET_DOUBLE_TEXT, UNSET_INTEGER_TEXT
from ibproxy_sim.trading.venues import DIRECTLY_ROUTED, DISCARDED
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import contract_fields, price_text, quantity_text

LIVE = -1
"""Request id of an execution that nobody asked for (facts 3.50, 12.4)."""

ORDER_CANCELED = "Order Canceled - reason:"  # fact 3.61
COMBO_CON_ID, COMBO_CLASS = "28812380", "COMB"


class Reports:
    """Writes to clients what becomes of orders."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def discarded(self, client: Client, order: Order, exchange: str) -> None:
        """Tell that an order may not go where it is to go: 10329, 3 without a 5, 201."""
        text = DIRECTLY_ROUTED.format(exchange=exchange)
        self._gateway.error(client, order.order_id, 10329, text)
        self.status(client, order)
        self._gateway.error(client, order.order_id, 201, DISCARDED)

    def api_cancelled(self, client: Client, order_id: int, quantity: float) -> None:
        """Tell that an order is cancelled that was never sent; its prices are unset."""
        self._gateway.send(
            client, 3, order_id, "ApiCancelled", "0", quantity_text(quantity), UNSET_DOUBLE_TEXT,
            0, 0, UNSET_DOUBLE_TEXT, client.client_id, "", UNSET_DOUBLE_TEXT,
        )  # fmt: skip

    def owner(self, order: Order) -> Client | None:
        """Return the connected client with the order's client id, if any (fact 3.88)."""
        if order.is_unbound:
            return None
        for client in self._gateway.clients.values():
            if client.client_id == order.client_id:
                return client
        return None

    def audience(self, order: Order) -> list[Client]:
        """Return who hears of an order: its owner, and the master client (fact 1.36)."""
        master_id = self._gateway.settings.master_client_id
        owner = self.owner(order)
        found = [owner] if owner else []
        if master_id is not None and not order.is_unbound:
            clients = self._gateway.clients.values()
            found += [c for c in clients if c.client_id == master_id and c is not owner]
        return found

    def pair(self, order: Order, times: int = 1) -> None:
        """Tell an order's terms and status, both `times` times (fact 3.56)."""
        for client in self.audience(order):
            for _ in range(times):
                self.open_order(client, order)
                self.status(client, order)

    def refuse(self, order: Order, code: int, text: str) -> None:
        """Tell the owner that something is wrong with an order."""
        client = self.owner(order)
        if client:
            self._gateway.error(client, order.order_id, code, text)

    def cancelled(self, order: Order) -> None:
        """Tell the owner that an order is cancelled: 3 without a 5, then 202 (fact 3.65)."""
        for client in self.audience(order):
            self.status(client, order)
        self.refuse(order, 202, ORDER_CANCELED)

    def filled(self, order: Order, executions: list[Execution]) -> None:
        """Tell of fills: 11, 5, 3 for each (facts 3.50, 3.109).

        Of an order for several accounts only the whole is told (fact 2.48).
        """
        executions = [each for each in executions if each.account == order.account]
        for watcher in self._watchers(order):
            for execution in executions:
                self.execution(watcher, LIVE, execution)
        audience = self.audience(order)
        for execution in executions if audience else ():
            for client in audience:
                self.execution(client, LIVE, execution)
            self.pair(order)

    def settled(self, order: Order, executions: list[Execution]) -> None:
        """Tell what fills cost: 5 with the commission, 3, 59 (facts 3.50, 3.109).

        An allocated fill has no 59 of its own, as a combo has none [assumed].
        """
        if order.allocation:
            self.pair(order)
            return
        for watcher in self._watchers(order):
            for execution in executions:
                self.commission(watcher, execution)
        audience = self.audience(order)
        for execution in executions if audience else ():
            if execution.commission is not None:
                self.pair(order)
                for client in audience:
                    self.commission(client, execution)

    def _watchers(self, order: Order) -> list[Client]:
        """Who hears of the fills of an order that nobody has: client 0 (fact 3.32)."""
        if not order.is_unbound:
            return []
        return [client for client in self._gateway.clients.values() if client.client_id == 0]

    def open_order(
        self, client: Client, order: Order, more: Mapping[str, str] | None = None
    ) -> None:
        """Send 5; `more` adds what only a what-if answer states."""
        stated = {**_stated(order), **(more or {})}
        fields = write_order(OPEN_ORDER, order.terms, stated, client.version)
        self._gateway.send(client, 5, *fields)

    def status(self, client: Client, order: Order) -> None:
        """Send 3."""
        self._gateway.send(
            client,
            3,
            order.order_id,
            order.status.wire_text,
            quantity_text(order.filled),
            quantity_text(order.remaining),
            price_text(order.average_price),
            order.perm_id,
            order.parent.order_id if order.parent else 0,
            price_text(order.last_price),
            order.client_id,
            order.why_held,
            "0",
        )

    def completed(self, client: Client, order: Order) -> None:
        """Send 101: what was ordered is in filledQuantity, not in totalQuantity [assumed]."""
        is_filled = order.status is Status.FILLED
        ending = (
            f"Filled Size: {quantity_text(order.filled)}" if is_filled else "Cancelled by Trader"
        )
        stated = {
            **_stated(order),
            "total_quantity": quantity_text(order.remaining if is_filled else order.quantity),
            "filled_quantity": quantity_text(order.filled),
            "completed_time": eastern_text(order.done_at_s or order.placed_at_s),
            "completed_status": ending,
        }
        if order.parent:
            stated["parent_perm_id"] = str(order.parent.perm_id)
        fields = write_order(COMPLETED_ORDER, order.terms, stated, client.version)
        self._gateway.send(client, 101, *fields)

    def execution(self, client: Client, req_id: int | str, execution: Execution) -> None:
        """Send 11."""
        order = execution.order
        tail = ("0",) if client.version >= 178 else ()  # noqa: PLR2004 - pendingPriceRevision
        if order.legs and execution.con_id == int(COMBO_CON_ID):
            contract = _combo_contract(order)
        else:
            contract = contract_fields(execution.instrument, execution.exchange)
        self._gateway.send(
            client,
            11,
            req_id,
            execution.order_id or UNSET_INTEGER_TEXT,  # entered by hand (facts 3.22, 3.23)
            *contract,
            execution.exec_id,
            eastern_text(execution.time_s),
            execution.account,
            execution.exchange,
            execution.side,
            quantity_text(execution.shares),
            price_text(execution.price),
            execution.perm_id,
            execution.client_id,
            "0",
            quantity_text(execution.cumulative),
            price_text(execution.average_price),
            order.terms.text("order_ref"),
            "",
            "",
            order.terms.text("model_code"),
            "2",
            *tail,
        )

    def commission(self, client: Client, execution: Execution) -> None:
        """Send 59; a fill that took no profit says unset (fact 3.116)."""
        if execution.commission is None:
            return
        self._gateway.send(
            client,
            59,
            1,
            execution.exec_id,
            price_text(execution.commission),
            BASE_CURRENCY,
            UNSET_DOUBLE_TEXT if execution.realized is None else price_text(execution.realized),
            UNSET_DOUBLE_TEXT,
            "",
        )


def _combo_contract(order: Order) -> list[str]:
    text = order.terms.text
    return [
        COMBO_CON_ID,
        text("symbol"),
        "BAG",
        "",
        "0.0",
        "",
        "",
        text("exchange"),
        text("currency"),
        text("symbol"),
        COMBO_CLASS,
    ]


def _stated(order: Order) -> dict[str, str]:
    """What the gateway states itself in messages 5 and 101 (facts 3.66, 3.94)."""
    terms = order.terms
    stated = {
        "order_id": str(order.order_id),
        "client_id": str(order.client_id),
        "perm_id": str(order.perm_id),
        "account": order.account,
        "status": order.status.wire_text,
        "total_quantity": quantity_text(order.quantity),
        "oca_group": order.oca_group,
        "oca_type": str(order.oca_type),
        "dont_use_auto_price_for_hedge": "1",
        "parent_id": str(order.parent.order_id if order.parent else 0),
        "shares_allocation": f"{order.perm_id}.0/{order.account}/{quantity_text(order.quantity)}",
        **_stated_contract(order),
    }
    for name in ("lmt_price", "aux_price"):
        price = terms.number(name)
        if price is not None:
            stated[name] = price_text(price)
    if terms.leg_prices:
        stated["lmt_price"] = ""  # unset, where the legs have prices of their own
    limit = terms.number("lmt_price")
    states_stop = order.type_name == "STP" or "TRAIL" in order.type_name  # with fact 3.94
    if order.stop_price is not None and states_stop:
        stated["trail_stop_price"] = price_text(order.stop_price)
    elif order.type_name == "LMT" and limit is not None:
        stated["trail_stop_price"] = price_text(limit + 1)  # fact 3.66
    if order.legs or not order.type.limited:
        stated["use_price_mgmt_algo"] = "0"
    if order.type_name == "TRAIL LIT" and order.stop_price is not None and limit is not None:
        stated["lmt_price_offset"] = price_text(abs(order.stop_price - limit))
    if order.type_name == "PEG BENCH":
        stated["aux_price"] = terms.text("starting_price") or "0.0"
    if order.commission:
        stated["commission"] = price_text(order.commission)
        stated["commission_currency"] = BASE_CURRENCY
    return stated


def _stated_contract(order: Order) -> dict[str, str]:
    instrument = order.instrument
    if instrument is None:
        return {
            "con_id": COMBO_CON_ID,
            "local_symbol": order.terms.text("symbol"),
            "trading_class": COMBO_CLASS,
            "combo_legs_description": ",".join(
                f"{leg.instrument.con_id}|{leg.ratio}" for leg in order.legs
            ),
        }
    return {
        "con_id": str(instrument.con_id),
        "symbol": instrument.symbol,
        "sec_type": instrument.sec_type,
        "expiry": instrument.expiry,
        "strike": price_text(instrument.strike) if instrument.strike else "0",
        "right": instrument.right or "?",
        "multiplier": instrument.multiplier,
        "exchange": order.terms.text("exchange") or instrument.exchange,
        "currency": instrument.currency,
        "local_symbol": instrument.local_symbol,
        "trading_class": instrument.trading_class,
    }
