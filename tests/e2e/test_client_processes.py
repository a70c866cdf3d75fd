"""Programs that are stopped or killed, and the proxy killed under them."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder

from ibproxy import RemoteIB
from ibproxy_sim.control.operations import ShowOrders
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.e2e.line import SPY, Line, Program, assert_whole, ends_of, quotes_of
from tests.e2e.served import ServedProxy

pytestmark = pytest.mark.only_proxied("a gateway neither keeps a session nor is killed here")

FAR_BELOW = 1.0
AT_ONCE_S = 3.0
MakeLine = Callable[..., Line]
Until = Callable[..., None]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("past", [False, True])
def test_a_program_is_stopped_and_continued(past: bool, make_line: MakeLine, until: Until) -> None:
    """For longer than the proxy believes in its link: it goes on as if nothing had been."""
    line = make_line()
    stopped, whole = line.start("stopped", past=past), line.connect("whole", past=True)
    all_seen = quotes_of(whole)
    until(lambda: len(all_seen) > 40, whole)
    assert stopped.ask("place", 7)
    stopped.send_signal(signal.SIGSTOP)
    until(lambda: line.session("stopped") == (1, True), whole)
    whole.sleep(1.0)
    assert line.session("stopped") == (1, True), "a stopped process is no dead one"
    had = len(all_seen)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.ask("place", 8)
    assert line.session("stopped") == (1, False)
    until(lambda: len(all_seen) > had + 200, whole)
    report = stopped.ask("report")
    assert (report["is_connected"], report["ends"]) == (True, [])
    assert list(report["open"].values()) == [7, 8]
    assert_whole([tuple(each) for each in report["quotes"]], all_seen)


@pytest.mark.parametrize("past", [False, True])
def test_a_program_is_killed_and_started_again(
    past: bool, make_line: MakeLine, until: Until
) -> None:
    """Its client id is free at once, and it finds its open orders and its fills."""
    line = make_line()
    first = line.start("alpha", 3, past=past)
    open_id = first.ask("place", 7)
    first.ask("buy", 5)
    fills = first.ask("report")["fills"]
    assert fills
    first.close()
    began_s = time.monotonic()
    second = line.start("alpha", 3, past=past)
    report = second.ask("report")
    assert 326 not in report["errors"]
    assert report["open"] == {str(open_id): 7}
    assert report["fills"] == fills
    assert [each["session"] for each in line.sessions()] == [2]
    assert second.ask("place", 8) > open_id
    second.close()
    began_s = time.monotonic()
    until(lambda: not line.sessions())
    assert time.monotonic() - began_s < AT_ONCE_S


@pytest.mark.usefixtures("impatient")
def test_a_program_is_killed_without_a_link(make_line: MakeLine, until: Until) -> None:
    """Its session is not kept: it could have come back, but has ended."""
    line = make_line()
    program = line.start("alpha", 3)
    line.network.cut("silent")
    until(lambda: line.session("alpha") == (1, True))
    program.close()
    began_s = time.monotonic()
    until(lambda: not line.sessions())
    assert time.monotonic() - began_s < AT_ONCE_S


@pytest.fixture(name="sim")
def _sim(start_sim: Callable[[Settings], ThreadedSim]) -> ThreadedSim:
    return start_sim(Settings(accounts=("DU1000001",), speed=20))


@pytest.fixture(name="proxy")
def _proxy(sim: ThreadedSim, serve: Callable[..., ServedProxy]) -> ServedProxy:
    """A proxy that runs."""
    return serve(sim)


def connect(ib: RemoteIB, client_id: int, until: Until) -> None:
    """Connect as soon as the proxy lets it in."""

    def is_in() -> bool:
        with contextlib.suppress(ConnectionError):
            ib.connect(clientId=client_id)
        return ib.isConnected()

    until(is_in)


@pytest.mark.parametrize("is_restarted_at_once", [False, True])
def test_the_proxy_is_killed_and_started_again(
    is_restarted_at_once: bool, proxy: ServedProxy, sim: ThreadedSim, until: Until
) -> None:
    """Its clients are disconnected at once, and find orders, ids and owners as they were."""
    alpha, beta = RemoteIB(), RemoteIB()
    for name, ib in (("alpha", alpha), ("beta", beta)):
        ib.strategy = name
        connect(ib, 3, until)
    ends = ends_of(alpha), ends_of(beta)
    mine = alpha.placeOrder(SPY, LimitOrder("BUY", 1, FAR_BELOW))
    theirs = beta.placeOrder(SPY, LimitOrder("BUY", 2, FAR_BELOW))
    bought = alpha.placeOrder(SPY, MarketOrder("BUY", 5))
    both = mine, theirs
    until(lambda: all(each.orderStatus.status == "Submitted" for each in both), alpha)
    until(bought.isDone, alpha)
    on_its_way = alpha.placeOrder(SPY, LimitOrder("BUY", 3, FAR_BELOW))
    proxy.end(kill=True)
    if is_restarted_at_once:
        proxy.start()
    began_s = time.monotonic()
    with contextlib.suppress(ConnectionError):
        until(lambda: all(ends), alpha)
    assert time.monotonic() - began_s < AT_ONCE_S
    assert [each[0] for each in ends] in ([ENDED, ENDED], [ENDED, RESTARTED], [RESTARTED] * 2)
    assert not alpha.isConnected()
    if not is_restarted_at_once:
        proxy.start()
    for ib in (alpha, beta):
        connect(ib, 3, until)
    ours = {each.order.orderId: each.order.permId for each in alpha.openTrades()}
    assert ours.pop(mine.order.orderId) == mine.order.permId
    assert set(ours) <= {on_its_way.order.orderId}
    assert [each.order.totalQuantity for each in beta.openTrades()] == [2]
    assert sum(fill.execution.shares for fill in alpha.fills()) == 5
    again = alpha.placeOrder(SPY, LimitOrder("BUY", 4, FAR_BELOW))
    assert again.order.orderId > bought.order.orderId
    until(lambda: again.orderStatus.status == "Submitted", alpha)
    quantities = [each.quantity for each in sim.perform(ShowOrders())]
    assert sorted(set(quantities)) == sorted(quantities), "an order was sent twice"
    assert {1, 2, 4} <= set(quantities)
    for ib in (alpha, beta):
        ib.disconnect()


ENDED, RESTARTED = "the proxy has ended", "the proxy has been restarted"


@pytest.mark.usefixtures("impatient")
def test_the_proxy_is_stopped_and_continued(proxy: ServedProxy, until: Until) -> None:
    """A proxy that hangs for a while is no dead one: sessions go on when it does."""
    alpha = RemoteIB()
    alpha.strategy = "alpha"
    connect(alpha, 3, until)
    ends, seen = ends_of(alpha), quotes_of(alpha)
    until(lambda: len(seen) > 20, alpha)
    proxy.send_signal(signal.SIGSTOP)
    alpha.sleep(1.5)
    trade = alpha.placeOrder(SPY, LimitOrder("BUY", 1, FAR_BELOW))
    alpha.sleep(0.5)
    assert alpha.isConnected()
    proxy.send_signal(signal.SIGCONT)
    until(lambda: trade.orderStatus.status == "Submitted", alpha)
    had = len(seen)
    until(lambda: len(seen) > had + 20, alpha)
    assert ends == []
    alpha.disconnect()


def test_a_fast_hand(make_line: MakeLine) -> None:
    """Killed and started again ten times, without a pause."""
    line = make_line()
    programs: list[Program] = []
    quantities: list[Any] = []
    for number in range(1, 11):
        programs.append(line.start("alpha", 3, past=True))
        programs[-1].ask("place", number)
        quantities = list(programs[-1].ask("report")["open"].values())
        programs[-1].send_signal(signal.SIGKILL)
    assert quantities == list(range(1, 11))
