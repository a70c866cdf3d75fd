"""Orders over an outage: what happened meanwhile is told once, and nothing is sent late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Stock, Trade

from ibproxy_sim.orders.order import Order

pytestmark = pytest.mark.only_proxied("at a gateway of its own the connection ends")

AMD = Stock("AMD", "SMART", "USD")
FAR_BELOW = 1.0
NEVER_S = 86_400.0
WARNINGS = range(2100, 2200)

Until = Callable[..., None]


@contextmanager
def outage(desk: Any, ib: Any, until: Until, **how: Any) -> Iterator[None]:
    """The gateway is away in the block; behind it the program has heard the end of it."""
    before = ib.errors.count(1102)
    desk.sim.control.fault("restart", closed_s=NEVER_S, **how)
    until(lambda: ib.errors.count(1100) > before, ib)
    yield
    desk.sim.control.mend("restart")
    until(lambda: ib.errors.count(1102) > before, ib)


def at_the_exchange(sim: Any, trade: Trade, what: Callable[[Any, Order], None]) -> None:
    """Something happens to an order, whoever is connected."""
    trading = sim.simulation.trading

    def happen() -> None:
        [order] = [each for each in trading.books.orders if each.perm_id == trade.order.permId]
        what(trading.engine, order)

    sim.call(lambda: sim._server.do(happen))


def resting(ib: Any, until: Until, quantity: float = 10) -> Trade:
    """Return an order far from the market that the gateway has stated."""
    [amd] = ib.qualifyContracts(AMD)
    trade: Trade = ib.placeOrder(amd, LimitOrder("BUY", quantity, FAR_BELOW))
    until(lambda: trade.orderStatus.status == "Submitted", ib)
    return trade


def codes_of(trade: Trade) -> list[int]:
    """Return the codes that the program was told about an order."""
    return [entry.errorCode for entry in trade.log if entry.errorCode]


def test_a_fill_meanwhile_is_told_once(desk: Any, ib: Any, until: Until) -> None:
    """With its commission, by the events of a live fill, on the trade of before."""
    trade = resting(ib, until)
    events: list[str] = []
    trade.fillEvent += lambda *_: events.append("fill")
    trade.commissionReportEvent += lambda *_: events.append("commission")
    trade.filledEvent += lambda *_: events.append("filled")
    with outage(desk, ib, until):
        at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 4, 99.5))
        at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 6, 100.5))
        desk.sim.control.advance(10.0)
        assert events == []
    until(lambda: trade.orderStatus.status == "Filled", ib)
    assert events == ["fill", "commission", "fill", "commission", "filled"]
    assert [fill.execution.shares for fill in trade.fills] == [4, 6]
    assert (trade.orderStatus.filled, trade.orderStatus.remaining) == (10, 0)
    assert trade.orderStatus.avgFillPrice == pytest.approx(100.1)
    with outage(desk, ib, until):
        pass
    assert len(events) == 5


def test_a_part_that_was_filled_before_is_not_told_again(desk: Any, ib: Any, until: Until) -> None:
    """The order is still open, and its second part comes with the first one known."""
    trade = resting(ib, until)
    at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 3, 99.0))
    until(lambda: trade.fills and trade.fills[0].commissionReport.commission, ib)
    with outage(desk, ib, until):
        at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 2, 99.0))
    until(lambda: trade.orderStatus.filled == 5, ib)
    assert [fill.execution.shares for fill in trade.fills] == [3, 2]
    assert trade.orderStatus.status == "Submitted"
    at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 5, 99.0))
    until(lambda: trade.orderStatus.status == "Filled", ib)
    assert [fill.execution.shares for fill in trade.fills] == [3, 2, 5]


def test_a_cancel_meanwhile_is_told(desk: Any, ib: Any, until: Until) -> None:
    """Somebody has cancelled it in TWS: the status, and 202, as at a gateway."""
    trade, other = resting(ib, until), resting(ib, until)
    ends: list[str] = []
    trade.cancelledEvent += lambda *_: ends.append("cancelled")
    with outage(desk, ib, until):
        at_the_exchange(desk.sim, trade, lambda engine, order: engine.ask_cancel(order))
        desk.sim.control.advance(5.0)
    until(trade.isDone, ib)
    assert trade.orderStatus.status == "Cancelled"
    assert ends == ["cancelled"]
    assert ib.errors.count(202) == 1
    assert other.orderStatus.status == "Submitted"
    assert [each.order.orderId for each in ib.reqOpenOrders()] == [other.order.orderId]


def test_an_order_on_its_way_at_the_cut_is_found(desk: Any, ib: Any, until: Until) -> None:
    """The link breaks within the gateway's first word of it: shown as pending, then as it is."""
    [amd] = ib.qualifyContracts(AMD)
    desk.sim.control.fault("cut", message=5)
    trade = ib.placeOrder(amd, LimitOrder("BUY", 1, FAR_BELOW))
    seen: list[str] = []
    trade.statusEvent += lambda trade: seen.append(trade.orderStatus.status)
    until(lambda: 1102 in ib.errors and trade.orderStatus.status == "Submitted", ib)
    assert codes_of(trade) == [2198]
    assert "ApiPending" in seen
    assert trade.isActive()
    assert len(desk.sim.control.orders) == 1


def test_an_order_that_got_lost_is_refused(desk: Any, ib: Any, until: Until) -> None:
    """The gateway has lost it without a word: unknown at the cut, 201 when its lists are in."""
    [amd] = ib.qualifyContracts(AMD)
    desk.sim.control.set_speed(0)  # so that both are of one second
    desk.sim.control.fault("lost_orders", every=2)
    kept, lost = (ib.placeOrder(amd, LimitOrder("BUY", 1, FAR_BELOW)) for _ in range(2))
    ib.reqOpenOrders()  # it comes behind them
    desk.sim.control.mend("lost_orders")
    desk.sim.control.set_speed(4)
    until(lambda: kept.orderStatus.status == "Submitted", ib)
    with outage(desk, ib, until):
        until(lambda: lost.orderStatus.status == "ApiPending", ib)
        assert lost.isActive()
    until(lambda: lost.orderStatus.status == "Cancelled", ib)
    assert codes_of(lost) == [2198, 201]
    assert kept.orderStatus.status == "Submitted"
    assert len(desk.sim.control.orders) == 1


def test_a_gateway_that_forgets_order_ids_is_understood(desk: Any, ib: Any, until: Until) -> None:
    """After its restart it lists orders with 0 for both ids: they are known by their permIds."""
    trade = resting(ib, until)
    with outage(desk, ib, until, orders="anonymous"):
        pass
    assert trade.orderStatus.status == "Submitted"
    assert codes_of(trade) == []
    trade.order.lmtPrice = 2.0
    ib.placeOrder(trade.contract, trade.order)
    until(lambda: trade.order.lmtPrice == FAR_BELOW, ib)
    ib.cancelOrder(trade.order)
    until(lambda: codes_of(trade) == [2197, 2197], ib)
    until(lambda: trade.orderStatus.status == "Submitted", ib)
    at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 10, 99.0))
    ib.reqAllOpenOrders()  # or after WATCH_EVERY_S, when the proxy asks for itself
    until(lambda: trade.orderStatus.status == "Filled" and trade.fills, ib)
    assert [fill.execution.shares for fill in trade.fills] == [10]
    assert len(desk.sim.control.orders) == 1


def test_orders_cancels_and_changes_during_an_outage(desk: Any, ib: Any, until: Until) -> None:
    """All are answered at once, the working order is as it was, and nothing is sent later."""
    trade = resting(ib, until)
    with outage(desk, ib, until):
        refused = ib.placeOrder(trade.contract, MarketOrder("BUY", 1))
        until(refused.isDone, ib)
        assert codes_of(refused) == [201]
        assert "no gateway at" in refused.log[-1].message
        ib.cancelOrder(trade.order)
        until(lambda: trade.orderStatus.status == "Submitted", ib)
        trade.order.lmtPrice = 2.0
        ib.placeOrder(trade.contract, trade.order)
        until(lambda: trade.order.lmtPrice == FAR_BELOW, ib)
        assert codes_of(trade) == [2197, 2197]
    assert trade.orderStatus.status == "Submitted"
    [order] = desk.sim.control.orders
    assert (order.status, order.limit_price) == ("Submitted", FAR_BELOW)
    ib.cancelOrder(trade.order)
    until(lambda: trade.orderStatus.status == "Cancelled", ib)
    again = ib.placeOrder(trade.contract, LimitOrder("BUY", 1, FAR_BELOW))
    until(lambda: again.orderStatus.status == "Submitted", ib)


def test_a_cancel_while_ib_is_cut_off_is_passed_on(desk: Any, ib: Any, until: Until) -> None:
    """1100 of the gateway's own: an order is refused, a cancel waits there and is done then."""
    trade = resting(ib, until)
    desk.sim.control.fault("outage", down_s=NEVER_S, data="kept")
    until(lambda: 1100 in ib.errors, ib)
    refused = ib.placeOrder(trade.contract, LimitOrder("BUY", 1, FAR_BELOW))
    ib.cancelOrder(trade.order)
    until(lambda: refused.isDone() and codes_of(trade) == [2196], ib)
    until(lambda: trade.orderStatus.status == "PendingCancel", ib)
    desk.sim.control.mend("outage")
    until(trade.isDone, ib)
    assert trade.orderStatus.status == "Cancelled"
    assert len(desk.sim.control.orders) == 1


def test_a_fill_while_ib_is_cut_off_is_told_after_1102(desk: Any, ib: Any, until: Until) -> None:
    """The gateway does not replay it (fact 7.12)."""
    trade = resting(ib, until)
    desk.sim.control.fault("outage", down_s=NEVER_S, data="kept")
    until(lambda: 1100 in ib.errors, ib)
    at_the_exchange(desk.sim, trade, lambda engine, order: engine.fill(order, 10, 99.0))
    desk.sim.control.advance(5.0)
    assert trade.fills == []
    desk.sim.control.mend("outage")
    until(lambda: trade.orderStatus.status == "Filled", ib)
    assert [fill.commissionReport.commission > 0 for fill in trade.fills] == [True]


def test_a_what_if_at_the_cut_ends(desk: Any, ib: Any, until: Until) -> None:
    """Whoever waits for it is not left hanging."""
    [amd] = ib.qualifyContracts(AMD)
    desk.sim.control.fault("cut", message=5)
    asked = ib.whatIfOrder(amd, LimitOrder("BUY", 1, FAR_BELOW))
    assert not getattr(asked, "initMarginChange", "")
    until(lambda: 1102 in ib.errors, ib)
    assert 201 in ib.errors
    assert float(ib.whatIfOrder(amd, LimitOrder("BUY", 1, FAR_BELOW)).initMarginChange) > 0
