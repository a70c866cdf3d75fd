"""A proxy that ends and is started again, with the same gateway and the same strategies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from ib_async import LimitOrder, MarketOrder, Stock

from ibproxy import RemoteIB
from ibproxy_sim.control.operations import ShowOrders, StartFault
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.e2e.served import ServedProxy
from tests.e2e.test_order_outages import at_the_exchange

pytestmark = pytest.mark.only_proxied("a gateway keeps its own books")

FAR_BELOW = 1.0


@pytest.fixture(name="sim")
def _sim(start_sim: Callable[[Settings], ThreadedSim]) -> ThreadedSim:
    return start_sim(Settings(accounts=("DU1000001",), speed=4))


@pytest.fixture(name="proxy")
def _proxy(sim: ThreadedSim, serve: Callable[..., ServedProxy]) -> ServedProxy:
    """A proxy that runs."""
    return serve(sim)


Connect = Callable[..., RemoteIB]


@pytest.fixture(name="connect")
def _connect(until: Callable[..., None]) -> Iterator[Connect]:
    """Connects strategies, as soon as the proxy lets them in."""
    connected: list[RemoteIB] = []

    def connect(strategy: str, client_id: int = 1) -> RemoteIB:
        ib = RemoteIB()
        ib.strategy = strategy
        connected.append(ib)

        def is_in() -> bool:
            with contextlib.suppress(ConnectionError):
                ib.connect(clientId=client_id)
            return ib.isConnected()

        until(is_in)
        return ib

    yield connect
    for ib in connected:
        ib.disconnect()


@pytest.mark.parametrize("kill", [False, True])
def test_a_strategy_finds_its_orders_again(
    proxy: ServedProxy, connect: Connect, until: Callable[..., None], kill: bool
) -> None:
    """After a restart it sees its open orders under its own ids, cancels one, and places more."""
    alpha, beta = connect("alpha", 3), connect("beta", 3)
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    others = beta.placeOrder(spy, LimitOrder("BUY", 7, FAR_BELOW))
    first, second = (alpha.placeOrder(spy, LimitOrder("BUY", n, FAR_BELOW)) for n in (1, 2))
    placed = (first, second, others)
    until(lambda: all(each.orderStatus.status == "Submitted" for each in placed), alpha, beta)
    before = {each.order.orderId: each.order.permId for each in (first, second)}
    proxy.end(kill=kill)
    alpha.disconnect()
    beta.disconnect()

    proxy.start()
    alpha = connect("alpha", 3)
    trades = alpha.openTrades()
    assert {each.order.orderId: each.order.permId for each in trades} == before
    assert {each.order.clientId for each in trades} == {3}
    [ours] = [each for each in trades if each.order.orderId == second.order.orderId]
    alpha.cancelOrder(ours.order)
    until(lambda: ours.orderStatus.status == "Cancelled", alpha)
    third = alpha.placeOrder(spy, MarketOrder("BUY", 5))
    assert third.order.orderId > max(before)
    until(third.isDone, alpha)
    assert third.orderStatus.status == "Filled"
    [still_open] = alpha.openTrades()
    assert still_open.order.orderId == first.order.orderId
    beta = connect("beta", 3)
    assert [each.order.totalQuantity for each in beta.openTrades()] == [7]


def test_an_order_that_got_lost_is_settled_by_the_gateways_lists(
    proxy: ServedProxy, connect: Connect, until: Callable[..., None], sim: ThreadedSim
) -> None:
    """It was recorded, and the proxy killed before a word of it came; it is not sent again."""
    alpha = connect("alpha", 3)
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    sim.perform(StartFault("lost_orders", {"every": 2}))
    first, lost = (alpha.placeOrder(spy, LimitOrder("BUY", n, FAR_BELOW)) for n in (1, 2))
    until(lambda: first.orderStatus.status == "Submitted", alpha)
    until(lambda: [each["state"] for each in proxy.orders()] == ["Submitted", "sent"], alpha)
    proxy.end(kill=True)
    alpha.disconnect()
    proxy.start()
    until(lambda: [each["state"] for each in proxy.orders()] == ["Submitted", "refused"])
    alpha = connect("alpha", 3)
    assert [each.order.orderId for each in alpha.openTrades()] == [first.order.orderId]
    third = alpha.placeOrder(spy, LimitOrder("BUY", 3, FAR_BELOW))
    assert third.order.orderId > lost.order.orderId
    until(lambda: third.orderStatus.status == "Submitted", alpha)
    assert [each.quantity for each in sim.perform(ShowOrders())] == [1, 3]


def test_a_journal_that_is_taken_away_stops_orders_and_no_cancels(
    proxy: ServedProxy, connect: Connect, until: Callable[..., None], sim: ThreadedSim
) -> None:
    """A new order is refused and never seen by the gateway; an earlier one can be cancelled."""
    alpha = connect("alpha", 3)
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    first = alpha.placeOrder(spy, LimitOrder("BUY", 1, FAR_BELOW))
    until(lambda: first.orderStatus.status == "Submitted", alpha)
    proxy.journal.unlink()
    second = alpha.placeOrder(spy, LimitOrder("BUY", 2, FAR_BELOW))
    until(second.isDone, alpha)
    assert second.log[-1].errorCode == 201
    assert "the journal cannot be written" in second.log[-1].message
    assert "start the proxy again" in second.log[-1].message
    alpha.cancelOrder(first.order)
    until(lambda: first.orderStatus.status == "Cancelled", alpha)
    assert [each.quantity for each in sim.perform(ShowOrders())] == [1]


def test_what_happened_while_no_proxy_ran_is_known(
    proxy: ServedProxy, connect: Connect, until: Callable[..., None], sim: ThreadedSim
) -> None:
    """A fill and a cancel after a kill: the journal has the ends, the strategy asks for fills."""
    alpha = connect("alpha", 3)
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    filled, cancelled = (alpha.placeOrder(spy, LimitOrder("BUY", 1, FAR_BELOW)) for _ in range(2))
    until(lambda: cancelled.orderStatus.status == "Submitted", alpha)
    until(lambda: [each["state"] for each in proxy.orders()] == ["Submitted"] * 2, alpha)
    proxy.end(kill=True)
    at_the_exchange(sim, filled, lambda engine, order: engine.fill(order, 1, 500.0))
    at_the_exchange(sim, cancelled, lambda engine, order: engine.ask_cancel(order))
    sim.control.advance(5.0)
    proxy.start()
    until(lambda: [each["state"] for each in proxy.orders()] == ["Filled", "Cancelled"])
    again = connect("alpha", 3)
    [fill] = again.fills()
    assert (fill.execution.orderId, fill.execution.clientId) == (filled.order.orderId, 3)
    assert again.openOrders() == []


def test_orders_are_listed_whether_a_proxy_runs_or_not(
    proxy: ServedProxy, connect: Connect, until: Callable[..., None]
) -> None:
    """`ibproxy orders` tells whose they are and how they stand, from the journal alone."""
    alpha, beta = connect("alpha", 3), connect("beta", 3)
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    filled = alpha.placeOrder(spy, MarketOrder("BUY", 5))
    beta.placeOrder(spy, LimitOrder("SELL", 2, 10_000.0))
    until(lambda: [each["state"] for each in proxy.orders()] == ["Filled", "Submitted"], alpha)
    until(filled.isDone, alpha)
    running = proxy.orders()
    proxy.end(kill=False)
    assert proxy.orders() == running
    [listed] = proxy.orders("--strategy", "alpha")
    assert (listed["client_id"], listed["order_id"]) == (3, filled.order.orderId)
    assert (listed["perm_id"], listed["account"]) == (filled.order.permId, "DU1000001")
    assert [listed[key] for key in ("action", "symbol", "order_type")] == ["BUY", "SPY", "MKT"]
    assert (listed["quantity"], listed["limit_price"], listed["filled"]) == (5.0, None, 5.0)


def test_a_second_proxy_is_refused(proxy: ServedProxy, sim: ThreadedSim) -> None:
    """Two proxies on one journal would mix up their orders; the second says what to do."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ibproxy_server", "serve"),
            *("--gateway", f"127.0.0.1:{sim.port}", "--client-id", "101"),
            *("--listen", "tcp://127.0.0.1:0", "--journal", str(proxy.journal)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "IBPROXY_CONFIG": os.devnull},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "another proxy writes to the journal" in done.stderr
    assert "Traceback" not in done.stderr
