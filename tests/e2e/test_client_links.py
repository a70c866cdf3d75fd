"""The link between a program and the proxy is cut, in all the ways that links are."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import LimitOrder, Stock

from ibproxy import RemoteIB
from ibproxy.errors import RefusedError
from ibproxy.wire.framing import frame, join_fields
from ibproxy_sim.control.operations import ShowOrders
from tests.e2e.forwarder import Cut
from tests.e2e.line import SPY, Line, assert_whole, ends_of, quotes_of

pytestmark = [
    pytest.mark.only_proxied("straight on a gateway, a connection that breaks is over"),
    pytest.mark.usefixtures("impatient"),
]

FAR_BELOW = 1.0
MakeLine = Callable[..., Line]
Until = Callable[..., None]
WAYS = pytest.mark.parametrize("way", ["closed", "silent", "unreachable"])


def until_it_ends(ib: RemoteIB, ends: list[str], until: Until) -> None:
    """Serve a client until it is disconnected; whatever it is doing then is told by an error."""
    with contextlib.suppress(ConnectionError):
        until(lambda: ends, ib)
    assert ends


@WAYS
def test_for_seconds(way: Cut, make_line: MakeLine, until: Until) -> None:
    """Quotes, answers and orders that were on their way arrive, once; the program sees nothing."""
    line = make_line()
    cut, whole = line.connect("cut"), line.connect("whole", past=True)
    ends = ends_of(cut)
    seen, all_seen = quotes_of(cut), quotes_of(whole)
    until(lambda: len(seen) > 20 and len(all_seen) > 20, cut)
    before = line.session("cut")
    placed = []
    for number in range(1, 7):
        placed.append(cut.placeOrder(SPY, LimitOrder("BUY", number, FAR_BELOW)))
        if number == 3:  # three are on their way, and three are placed without a link
            line.network.cut(way)
    asked = cut.reqContractDetailsAsync(Stock("AMD", "SMART", "USD"))
    until(lambda: line.session("cut") == (1, True), cut)
    cut.sleep(0.5)  # what had got through before is read
    had = len(seen)
    cut.sleep(1.0)
    assert len(seen) == had, "the network is not cut"
    assert cut.isConnected()
    line.network.mend()
    until(lambda: all(each.orderStatus.status == "Submitted" for each in placed), cut)
    [details] = cut.run(asked)
    assert details.contract
    assert details.contract.symbol == "AMD"
    assert line.session("cut") == before
    assert (ends, cut.isConnected()) == ([], True)
    assert [each.quantity for each in line.sim.perform(ShowOrders())] == [1, 2, 3, 4, 5, 6]
    until(lambda: len(seen) > had + 200, cut)
    assert_whole(seen, all_seen)


def test_for_too_long_for_an_order(make_line: MakeLine, until: Until) -> None:
    """A late order is another order: it is refused, and a cancel is passed on."""
    line = make_line(late_order_s=1.0)
    cut = line.connect("cut")
    first = cut.placeOrder(SPY, LimitOrder("BUY", 1, FAR_BELOW))
    until(lambda: first.orderStatus.status == "Submitted", cut)
    line.network.cut("silent")
    late = cut.placeOrder(SPY, LimitOrder("BUY", 2, FAR_BELOW))
    cut.cancelOrder(first.order)
    cut.sleep(1.5)
    in_time = cut.placeOrder(SPY, LimitOrder("BUY", 3, FAR_BELOW))
    line.network.mend()
    until(lambda: in_time.orderStatus.status == "Submitted" and first.isDone(), cut)
    assert late.isDone()
    assert late.log[-1].errorCode == 201
    assert "a broken link held it up for" in late.log[-1].message
    assert first.orderStatus.status == "Cancelled"
    assert [each.quantity for each in line.sim.perform(ShowOrders())] == [1, 3]


def test_again_and_again(make_line: MakeLine, until: Until) -> None:
    """Twenty cuts of a few milliseconds, at any moment, in mid-message too: nothing is missed."""
    line = make_line()
    cut, whole = line.connect("cut"), line.connect("whole", past=True)
    ends = ends_of(cut)
    seen, all_seen = quotes_of(cut), quotes_of(whole)
    until(lambda: len(seen) > 20 and len(all_seen) > 20, cut)
    for number in range(20):
        carried = line.network.carried_bytes
        cut.placeOrder(SPY, LimitOrder("BUY", number + 1, FAR_BELOW))
        cut.sleep(0.002 * number)
        line.network.cut("unreachable")
        line.network.mend()
        until(lambda carried=carried: line.network.carried_bytes > carried + 300, cut)
    until(lambda: len(line.sim.perform(ShowOrders())) == 20, cut)
    assert [each.quantity for each in line.sim.perform(ShowOrders())] == list(range(1, 21))
    assert (ends, line.session("cut")) == ([], (1, False))
    had = len(seen)
    until(lambda: len(seen) > had + 200, cut)
    assert_whole(seen, all_seen)


def test_under_a_thread_that_sends(make_line: MakeLine, until: Until) -> None:
    """A program may send from a thread of its own: each message arrives once all the same."""
    line = make_line()
    cut = line.connect("cut")
    ends = ends_of(cut)
    asks = frame(join_fields(17, 1))  # for its accounts, which the proxy answers by itself
    [before] = line.sessions()

    link: Any = cut.client.conn
    is_over = threading.Event()

    def send() -> None:
        while not is_over.wait(0.0001):
            link.sendMsg(asks)

    sent = link.numMsgSent
    thread = threading.Thread(target=send)
    thread.start()
    for _ in range(10):
        line.network.cut("unreachable")
        line.network.mend()
        cut.sleep(0.1)
    is_over.set()
    thread.join()
    assert link.numMsgSent - sent > 1000
    expected = before["messages_in"] + link.numMsgSent - sent
    until(lambda: line.sessions()[0]["messages_in"] >= expected, cut)
    cut.sleep(0.1)
    [after] = line.sessions()
    assert (after["messages_in"], after["session"], ends) == (expected, 1, [])


@WAYS
def test_for_longer_than_sessions_are_kept(way: Cut, make_line: MakeLine, until: Until) -> None:
    """Both sides end it; its orders live on, and it finds them when it connects again."""
    line = make_line(resume_s=1.0)
    cut = line.connect("cut", 3)
    ends, seen = ends_of(cut), quotes_of(cut)
    trade = cut.placeOrder(SPY, LimitOrder("BUY", 7, FAR_BELOW))
    until(lambda: trade.orderStatus.status == "Submitted" and seen, cut)
    line.network.cut(way)
    until_it_ends(cut, ends, until)
    assert ends == ["the link to the proxy was broken for 1 s"]
    assert not cut.isConnected()
    until(lambda: line.session("cut") is None)
    assert [each.quantity for each in line.sim.perform(ShowOrders())] == [7]
    line.network.mend()
    cut.connect(clientId=3)
    assert [each.order.totalQuantity for each in cut.openTrades()] == [7]
    assert line.session("cut") == (2, False)
    assert len(ends) == 1


def test_a_program_that_connects_anew_without_a_link(make_line: MakeLine, until: Until) -> None:
    """It need not wait until its old session is given up: its client id is free at once."""
    line = make_line()
    cut = line.connect("cut", 3)
    trade = cut.placeOrder(SPY, LimitOrder("BUY", 7, FAR_BELOW))
    until(lambda: trade.orderStatus.status == "Submitted", cut)
    line.network.cut("silent")
    until(lambda: line.session("cut") == (1, True), cut)
    cut.disconnect()
    again = line.connect("cut", 3, past=True)
    assert [each.order.totalQuantity for each in again.openTrades()] == [7]
    assert [each["session"] for each in line.sessions()] == [2]


def test_a_live_copy_is_still_refused(make_line: MakeLine) -> None:
    """With a whole link under the first one, the second is one too many."""
    line = make_line()
    line.connect("cut", 3)
    with pytest.raises((ConnectionError, TimeoutError)):
        line.connect("cut", 3, past=True)
    assert line.session("cut") == (1, False)


def test_without_keeping(make_line: MakeLine, until: Until) -> None:
    """With `resume_s = 0` a broken link ends the session on both sides at once."""
    line = make_line(resume_s=0)
    cut = line.connect("cut")
    ends = ends_of(cut)
    line.network.cut("unreachable")
    began_s = time.monotonic()
    until_it_ends(cut, ends, until)
    until(lambda: line.session("cut") is None)
    assert ends == ["Peer closed connection."]
    assert time.monotonic() - began_s < 3


def test_a_proxy_elsewhere_that_was_restarted(
    make_line: MakeLine, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that cannot see the proxy's process tries on, and is told by the new one."""
    monkeypatch.setattr("ibproxy.link.machine_id", lambda: "another machine")
    monkeypatch.setattr("ibproxy.link.is_running", lambda *_: None)
    line, other = make_line(), make_line()
    cut = line.connect("cut")
    ends = ends_of(cut)
    line.network.cut("closed")
    cut.sleep(0.5)
    assert cut.isConnected()
    line.network.lead_to(other.proxy.urls[0])
    line.network.mend()
    until_it_ends(cut, ends, until)
    assert ends == ["the proxy has been restarted"]
    assert other.sessions() == []


def test_a_first_connect_into_nothing(make_line: MakeLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a session that was given can be taken up: a connect fails at once, as before."""
    line = make_line()
    line.network.cut("unreachable")
    monkeypatch.setenv("IBPROXY_URL", line.network.url)
    with pytest.raises(RefusedError):
        RemoteIB().connect()


@pytest.mark.parametrize("past", [False, True])
def test_a_program_that_computes(past: bool, make_line: MakeLine, until: Until) -> None:
    """It does not serve its loop for six times the patience, and nobody takes it for gone."""
    line = make_line()
    busy, whole = line.start("busy", past=past), line.connect("whole", past=True)
    all_seen = quotes_of(whole)
    until(lambda: len(all_seen) > 40, whole)
    busy.say("compute", 3.0)
    away: list[Any] = []
    end_s = time.monotonic() + 3.0
    while time.monotonic() < end_s:
        away.append(line.session("busy"))
        whole.sleep(0.05)
    assert set(away) == {(1, False)}
    assert busy.answer() == 3.0
    had = len(all_seen)
    until(lambda: len(all_seen) > had + 100, whole)
    report = busy.ask("report")
    assert (report["is_connected"], report["ends"]) == (True, [])
    seen = [tuple(each) for each in report["quotes"]]
    assert_whole(seen, all_seen)
