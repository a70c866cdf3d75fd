"""Every protocol version that the proxy can be configured to, and at which a client may end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ib_async
import pytest
from ib_async import LimitOrder, MarketOrder, Stock

VERSIONS = (157, 158, 160, 162, 163, 164, 166, 169, 170, 176, 177, 178)
"""Each version at which a layout changes, and its neighbours."""


@pytest.mark.parametrize("server_version", VERSIONS)
def test_orders_and_data_at_every_version(
    connect: Callable[..., Any],
    until: Callable[..., None],
    server_version: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Details, ticks, a bracket, a fill and its commission come through, and all is decoded."""
    ib = connect()
    assert ib.client.serverVersion() == server_version
    trade_and_look(ib, until, caplog)


@pytest.mark.parametrize("server_version", [178])
@pytest.mark.parametrize("highest", VERSIONS[:-1])
def test_orders_and_data_of_every_older_client(
    connect: Callable[..., Any],
    until: Callable[..., None],
    server_version: int,
    highest: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same, where the gateway knows more than the client: it is answered with its highest."""
    monkeypatch.setattr(ib_async.Client, "MaxClientVersion", highest)
    ib = connect()
    assert ib.client.serverVersion() == highest < server_version
    trade_and_look(ib, until, caplog)


def trade_and_look(ib: Any, until: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """Trade, look at data, and see that nothing was misread."""
    [spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
    ticker = ib.reqMktData(spy)
    bracket = [ib.placeOrder(spy, each) for each in ib.bracketOrder("BUY", 5, 1.0, 2.0, 0.5)]
    bought = ib.placeOrder(spy, MarketOrder("BUY", 10))
    until(lambda: bought.fills and bought.fills[0].commissionReport.commission, ib)
    until(lambda: all(trade.orderStatus.permId for trade in bracket), ib)
    until(ticker.hasBidAsk, ib)
    assert {trade.orderStatus.parentId for trade in bracket[1:]} == {bracket[0].order.orderId}
    margin = ib.whatIfOrder(spy, LimitOrder("BUY", 100, 1.0))
    assert float(margin.initMarginChange) > 0
    until(ib.portfolio, ib)
    assert ib.portfolio()[0].position == 10
    assert [t.order.orderId for t in ib.reqOpenOrders()] == [t.order.orderId for t in bracket]
    ib.cancelOrder(bracket[0].order)
    until(bracket[0].isDone, ib)
    assert not [each for each in caplog.records if each.name == "ib_async.Decoder"]
    assert not [each for each in caplog.records if "Error handling" in each.getMessage()]
