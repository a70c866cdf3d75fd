"""Trading as an unmodified ib_async sees it, over TCP; its values are checked by the books."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from ib_async import IB, Forex, LimitOrder, MarketOrder, Order, Stock, StopOrder, Trade

from ibproxy_sim.accounts.books import Books
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.trading.requests import books_of

ACCOUNT, OTHER = "DU1000001", "DU1000002"
TIMEOUT_S = 10.0
EXPECTED = ("Error 202", "Warning")
"""What ib_async logs as an error although it is not: every cancel."""

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if ib_async's decoder or wrapper logged an error."""
    yield
    bad = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name.startswith("ib_async") and record.levelno >= logging.ERROR
    ]
    assert [text for text in bad if not text.startswith(EXPECTED)] == []


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with _timeout():
        while not holds():  # noqa: ASYNC110 - ib_async's objects have no events for all of this
            await asyncio.sleep(0.01)


class _timeout:  # noqa: N801 - reads like asyncio.timeout, which is of Python 3.11
    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task
        self._handle = asyncio.get_running_loop().call_later(TIMEOUT_S, task.cancel)

    async def __aexit__(self, *_: object) -> None:
        if self._handle:
            self._handle.cancel()


def run(sim: ThreadedSim, script: Callable[[IB], Awaitable[T]], client_id: int = 1) -> T:
    """Run a script of an IB that is connected to the stand-in."""

    async def main() -> T:
        ib = IB()
        await ib.connectAsync(sim.host, sim.port, clientId=client_id)
        try:
            return await script(ib)
        finally:
            ib.disconnect()

    return asyncio.run(main())


async def apple(ib: IB) -> Stock:
    """Return a qualified contract."""
    contract = Stock("AAPL", "SMART", "USD")
    await ib.qualifyContractsAsync(contract)
    return contract


def mine(order: Order) -> Order:
    """Return the order with the account that these tests trade in."""
    order.account = ACCOUNT
    return order


def far(sim: ThreadedSim, factor: float) -> float:
    """Return a price at some distance from AAPL's, on a whole cent."""
    instrument = sim.simulation.universe.by_con_id(265598)
    assert instrument
    quote = sim.simulation.market.quote
    price = sim.call(lambda: quote(instrument, sim.gateway.now_s).last)
    assert isinstance(price, float)
    return round(price * factor, 2)


def books(sim: ThreadedSim) -> Books:
    """Return the gateway's books."""
    return books_of(sim.gateway)


def test_market_order_fills_with_commissions(sim_server: ThreadedSim) -> None:
    """Fills, status, position and commission agree with the books."""

    async def script(ib: IB) -> Trade:
        trade = ib.placeOrder(await apple(ib), mine(MarketOrder("BUY", 900, orderRef="ref")))
        await until(lambda: trade.orderStatus.status == "Filled")
        await until(lambda: all(fill.commissionReport.execId for fill in trade.fills))
        await until(lambda: ib.positions(ACCOUNT)[0].position == 900)
        assert ib.positions(ACCOUNT)[0].avgCost == pytest.approx(trade.orderStatus.avgFillPrice)
        return trade

    trade = run(sim_server, script)
    executions = books(sim_server).executions_of(ACCOUNT)
    assert [(f.execution.execId, f.execution.shares, f.execution.price) for f in trade.fills] == [
        (e.exec_id, e.shares, e.price) for e in executions
    ]
    paid = sum(fill.commissionReport.commission for fill in trade.fills)
    assert paid == pytest.approx(books(sim_server).accounts[ACCOUNT].commissions)
    assert {f.execution.orderRef for f in trade.fills} == {"ref"}
    statuses = [entry.status for entry in trade.log]
    assert (statuses[0], statuses[1], statuses[-1]) == ("PendingSubmit", "PreSubmitted", "Filled")


def test_limit_modify_cancel(sim_server: ThreadedSim) -> None:
    """A limit order works, changes and is cancelled."""
    price = far(sim_server, 0.5)

    async def script(ib: IB) -> None:
        order = mine(LimitOrder("BUY", 10, price))
        trade = ib.placeOrder(await apple(ib), order)
        await until(lambda: trade.orderStatus.status == "Submitted")
        perm_id = trade.order.permId
        order.lmtPrice, order.totalQuantity = price + 1, 20
        assert ib.placeOrder(trade.contract, order) is trade
        await until(
            lambda: trade.log[-1].message == "Modified" or trade.orderStatus.remaining == 20
        )
        assert (trade.orderStatus.remaining, trade.order.permId) == (20, perm_id)
        (again,) = await ib.reqOpenOrdersAsync()
        assert (again.order.lmtPrice, again.orderStatus.status) == (price + 1, "Submitted")
        ib.cancelOrder(order)
        await until(lambda: trade.orderStatus.status == "Cancelled")
        assert trade.log[-1].errorCode in {0, 202}
        assert await ib.reqAllOpenOrdersAsync() == []

    run(sim_server, script)
    assert not sim_server.simulation.trading.engine.working


def test_bracket_and_oca(sim_server: ThreadedSim) -> None:
    """A bracket's children wait for the parent; one of a group cancels the other."""
    low, high = far(sim_server, 0.5), far(sim_server, 2.0)
    stop = far(sim_server, 0.4)

    async def script(ib: IB) -> None:
        contract = await apple(ib)
        orders = ib.bracketOrder("BUY", 10, low, high, stop, account=ACCOUNT)
        trades = [ib.placeOrder(contract, order) for order in orders]
        await until(lambda: trades[0].orderStatus.status == "Submitted")
        await until(lambda: trades[2].orderStatus.whyHeld == "child,trigger")
        ib.cancelOrder(orders[0])
        await until(lambda: all(trade.isDone() for trade in trades))

        pair = [mine(LimitOrder("BUY", 10, low)), mine(LimitOrder("BUY", 10, low - 1))]
        grouped = [ib.placeOrder(contract, order) for order in ib.oneCancelsAll(pair, "mine", 1)]
        await until(lambda: all(t.orderStatus.status == "Submitted" for t in grouped))
        ib.cancelOrder(pair[0])
        await until(lambda: all(trade.isDone() for trade in grouped))

    run(sim_server, script)


def test_stop_and_forex(sim_server: ThreadedSim) -> None:
    """A stop waits; a forex order fills in its own currency."""
    price = far(sim_server, 2.0)

    async def script(ib: IB) -> None:
        stop = ib.placeOrder(await apple(ib), mine(StopOrder("BUY", 10, price)))
        await until(lambda: stop.orderStatus.whyHeld == "trigger")
        yen = Forex("USDJPY")
        await ib.qualifyContractsAsync(yen)
        trade = ib.placeOrder(yen, mine(MarketOrder("SELL", 50_000)))
        await until(lambda: trade.orderStatus.status == "Filled")
        ib.reqGlobalCancel()  # type: ignore[no-untyped-call]
        await until(stop.isDone)

    run(sim_server, script)
    assert books(sim_server).accounts[ACCOUNT].cash["JPY"] > 5_000_000


def test_what_if(sim_server: ThreadedSim) -> None:
    """Margins and commission come back, and nothing is placed."""

    async def script(ib: IB) -> None:
        state = await ib.whatIfOrderAsync(await apple(ib), mine(MarketOrder("BUY", 100)))
        change = float(state.initMarginChange)
        assert change == pytest.approx(50 * far(sim_server, 1.0), rel=0.05)
        assert (state.commission, state.commissionCurrency) == (1.0, "USD")

    run(sim_server, script)
    assert books(sim_server).orders == []


def test_executions_after_reconnect(sim_server: ThreadedSim) -> None:
    """A new session of the same id sees its orders, executions and completed orders."""
    price = far(sim_server, 0.5)

    async def before(ib: IB) -> int:
        contract = await apple(ib)
        filled = ib.placeOrder(contract, mine(MarketOrder("SELL", 10)))
        resting = ib.placeOrder(contract, mine(LimitOrder("BUY", 10, price)))
        await until(lambda: filled.isDone() and resting.orderStatus.status == "Submitted")
        return resting.order.permId

    async def after(ib: IB) -> None:
        (resting,) = ib.openTrades()
        assert (resting.order.permId, resting.order.lmtPrice) == (perm_id, price)
        (fill,) = ib.fills()
        assert (fill.execution.side, fill.execution.shares) == ("SLD", 10)
        assert fill.commissionReport.commission == pytest.approx(1.0)
        (done,) = await ib.reqCompletedOrdersAsync(apiOnly=False)
        assert (done.orderStatus.status, done.order.filledQuantity) == ("Filled", 10)
        assert ib.client.getReqId() > resting.order.orderId
        ib.cancelOrder(resting.order)
        await until(resting.isDone)

    async def elsewhere(ib: IB) -> None:
        assert ib.openTrades() == []
        (foreign,) = await ib.reqAllOpenOrdersAsync()
        assert (foreign.order.clientId, foreign.order.permId) == (1, perm_id)

    perm_id = run(sim_server, before)
    run(sim_server, elsewhere, client_id=2)
    run(sim_server, after)


def test_account_data_agrees_with_the_books(sim_server: ThreadedSim) -> None:
    """Values, portfolio, summary and P&L are those of the books."""

    async def script(ib: IB) -> None:
        contract = await apple(ib)
        trade = ib.placeOrder(contract, mine(MarketOrder("BUY", 100)))
        await until(trade.isDone)
        price = trade.orderStatus.avgFillPrice
        await ib.reqAccountUpdatesAsync(ACCOUNT)
        (item,) = ib.portfolio(ACCOUNT)
        assert [item.position, item.averageCost] == pytest.approx([100, price])
        assert item.marketValue == pytest.approx(100 * item.marketPrice)
        assert item.unrealizedPNL == pytest.approx(100 * (item.marketPrice - price), abs=0.01)
        cash = {
            v.currency: float(v.value) for v in ib.accountValues(ACCOUNT) if v.tag == "CashBalance"
        }
        assert cash["USD"] == pytest.approx(
            books(sim_server).accounts[ACCOUNT].cash["USD"], abs=0.01
        )
        summary = await ib.accountSummaryAsync(OTHER)
        assert {v.tag: v.value for v in summary}["NetLiquidation"] == "1000000.00"
        whole, single = ib.reqPnL(ACCOUNT), ib.reqPnLSingle(ACCOUNT, "", contract.conId)
        await until(lambda: single.position == 100 and whole.dailyPnL == whole.dailyPnL)
        assert whole.realizedPnL == 0
        assert abs(whole.unrealizedPnL or 0.0) < 5000
        ib.cancelPnL(ACCOUNT)
        ib.cancelPnLSingle(ACCOUNT, "", contract.conId)

    run(sim_server, script)


def test_slot_is_refused_to_another_client(sim_server: ThreadedSim) -> None:
    """A second client's other account gets 2101 and no end marker (fact 2.3)."""

    async def second(first: IB) -> None:
        await first.reqAccountUpdatesAsync(ACCOUNT)
        ib, codes = IB(), []
        ib.errorEvent += lambda _id, code, _text, _contract: codes.append(code)
        await ib.connectAsync(sim_server.host, sim_server.port, clientId=2)
        try:
            ib.client.reqAccountUpdates(True, OTHER)  # type: ignore[no-untyped-call]
            await until(lambda: 2101 in codes)
        finally:
            ib.disconnect()

    run(sim_server, second)
