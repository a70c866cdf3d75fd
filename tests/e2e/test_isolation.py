"""Neither strategy sees anything of the other's account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Stock

ACCOUNT_OF = {"alpha": "DU1000001", "beta": "DU1000002"}

pytestmark = pytest.mark.only_proxied("one gateway of one's own knows of no other account")


def test_neither_strategy_sees_the_others_account(desk: Any, until: Callable[..., None]) -> None:
    """Positions, values, orders, executions and P&L of the other account never arrive."""
    ibs = {name: desk.client(name) for name in ACCOUNT_OF}
    seen: dict[str, set[str]] = {name: set() for name in ibs}
    perm_ids: dict[str, set[int]] = {name: set() for name in ibs}
    for name, ib in ibs.items():
        accounts, perms = seen[name], perm_ids[name]
        ib.positionEvent += lambda p, a=accounts: a.add(p.account)
        ib.updatePortfolioEvent += lambda p, a=accounts: a.add(p.account)
        ib.accountValueEvent += lambda v, a=accounts: a.add(v.account)
        ib.accountSummaryEvent += lambda v, a=accounts: a.add(v.account)
        ib.pnlEvent += lambda p, a=accounts: a.add(p.account)
        ib.pnlSingleEvent += lambda p, a=accounts: a.add(p.account)
        ib.openOrderEvent += lambda t, p=perms: p.add(t.order.permId)
        ib.orderStatusEvent += lambda t, p=perms: p.add(t.order.permId)
        ib.execDetailsEvent += lambda _, f, a=accounts, p=perms: (
            a.add(f.execution.acctNumber),
            p.add(f.execution.permId),
        )
    trades = {}
    for (name, ib), symbol in zip(ibs.items(), ("SPY", "AAPL"), strict=True):
        assert ib.managedAccounts() == [ACCOUNT_OF[name]]
        [contract] = ib.qualifyContracts(Stock(symbol, "SMART", "USD"))
        ib.reqPnL(ACCOUNT_OF[name])
        ib.accountSummary()
        trades[name] = (
            ib.placeOrder(contract, MarketOrder("BUY", 10)),
            ib.placeOrder(contract, LimitOrder("BUY", 1, 1.0)),
        )
    alpha, beta = ibs.values()
    until(
        lambda: all(
            filled.isDone() and resting.orderStatus.permId and ibs[name].portfolio()
            for name, (filled, resting) in trades.items()
        ),
        alpha,
    )
    for name, ib in ibs.items():
        ib.reqAllOpenOrders()
        ib.reqCompletedOrders(apiOnly=False)
        ib.reqExecutions()
        mine = ACCOUNT_OF[name]
        assert {each.account for each in ib.positions()} == {mine}
        assert {each.account for each in ib.portfolio()} == {mine}
        assert {each.account for each in ib.accountValues()} == {mine}
        assert {each.account for each in ib.accountSummary()} <= {mine}
        assert {each.execution.acctNumber for each in ib.fills()} == {mine}
        assert {trade.order.account for trade in ib.trades()} <= {mine, ""}
        assert seen[name] == {mine}
    assert not perm_ids["alpha"] & perm_ids["beta"]
    assert {p.contract.symbol for p in alpha.positions()} == {"SPY"}
    assert {p.contract.symbol for p in beta.positions()} == {"AAPL"}


def test_equal_order_ids_do_not_meet(desk: Any, until: Callable[..., None]) -> None:
    """Orders of two strategies with one client id and one order id are two orders."""
    alpha, beta = desk.client("alpha"), desk.client("beta")
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    orders = [LimitOrder("BUY", 1, 1.0, orderId=50), LimitOrder("BUY", 2, 1.0, orderId=50)]
    trades = [ib.placeOrder(spy, order) for ib, order in zip((alpha, beta), orders, strict=True)]
    until(lambda: all(trade.orderStatus.status == "Submitted" for trade in trades), alpha)
    assert trades[0].order.permId != trades[1].order.permId
    alpha.cancelOrder(trades[0].order)
    until(trades[0].isDone, alpha)
    assert trades[1].orderStatus.status == "Submitted"
