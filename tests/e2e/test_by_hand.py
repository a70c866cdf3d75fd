"""Orders entered by hand in TWS, as a program sees them that is client 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB, Trade

from ibproxy import RemoteIB
from ibproxy.config import Config, DoorConfig
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

ACCOUNT = "DU1000001"
FAR_BELOW = 1.0

Until = Callable[..., None]


@pytest.fixture
def sim(start_sim: Callable[[Settings], ThreadedSim]) -> ThreadedSim:
    """A gateway at which an order that rests was entered already."""
    sim = start_sim(Settings(accounts=(ACCOUNT,), speed=4))
    sim.control.enter(ACCOUNT, "BUY", 7, "AMD", FAR_BELOW)
    return sim


@pytest.fixture
def ib(
    way: str, sim: ThreadedSim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A program that is client 0, straight or behind a proxy that is."""
    program, address, proxy = IB(), (sim.host, sim.port), None
    if way != "direct":
        proxy = ThreadedProxy(
            Config(
                client_id=0,
                gateway=f"127.0.0.1:{sim.port}",
                listen=(f"ipc://{tmp_path}/p.sock",),
                doors=(DoorConfig("127.0.0.1:0", "alpha"),),
            )
        )
        proxy.wait_until_ready()
        monkeypatch.setenv("IBPROXY_URL", proxy.urls[0])
        [address] = proxy.doors
        program = IB() if way == "door" else RemoteIB()
    program.connect(*address, clientId=0)
    yield program
    program.disconnect()
    if proxy:
        proxy.stop()


def of_size(ib: Any, quantity: float) -> list[Trade]:
    """Return the program's orders of that size; they are told apart by it."""
    return [trade for trade in ib.trades() if trade.order.totalQuantity == quantity]


def test_what_was_entered_before_is_bound_at_the_start(ib: Any, until: Until) -> None:
    """ib_async asks for its open orders when it connects; it can cancel what it is given."""
    until(lambda: of_size(ib, 7), ib)
    [trade] = of_size(ib, 7)
    assert trade.order.orderId < 0
    assert trade.orderStatus.status == "Submitted"
    ib.cancelOrder(trade.order)
    until(trade.isDone, ib)
    assert trade.orderStatus.status == "Cancelled"


def test_what_is_entered_later_is_bound_as_it_comes(
    ib: Any, sim: ThreadedSim, until: Until
) -> None:
    """It can be changed, and its fills are told."""
    sim.control.enter(ACCOUNT, "BUY", 3, "AMD", FAR_BELOW)
    until(lambda: [each.isActive() for each in of_size(ib, 3)] == [True], ib)
    [trade] = of_size(ib, 3)
    assert trade.order.orderId < 0
    trade.order.lmtPrice = 10_000.0
    ib.placeOrder(trade.contract, trade.order)
    until(lambda: trade.orderStatus.status == "Filled" and trade.fills, ib)
    assert [fill.execution.shares for fill in trade.fills] == [3]
    assert [order.status for order in sim.control.orders] == ["Submitted", "Filled"]


def test_what_is_cancelled_by_hand_is_told(ib: Any, sim: ThreadedSim, until: Until) -> None:
    """By whoever."""
    [order] = sim.control.orders
    until(lambda: of_size(ib, 7), ib)
    sim.control.cancel(order.perm_id)
    until(lambda: of_size(ib, 7)[0].orderStatus.status == "Cancelled", ib)
