"""Control of a running stand-in: across a thread, over a socket, and from the shell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB, LimitOrder, MarketOrder, StartupFetch, Stock

from ibproxy.address import parse_host_port
from ibproxy.errors import BusyError, ConfigError, UpstreamLostError
from ibproxy.wire.framing import frame, join_fields
from ibproxy_sim.build import Simulation
from ibproxy_sim.control.link import ControlServer, answer, connect
from ibproxy_sim.control.operations import SimControl
from ibproxy_sim.scenario import load_scenario
from ibproxy_sim.server import SimServer
from ibproxy_sim.testing import AMD
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

MONDAY_S = 1776092400.0
ACCOUNT = "DU1000001"
PATIENCE_S = 10


@pytest.fixture
def sim_thread() -> Iterator[ThreadedSim]:
    """A stand-in whose market stands still unless it is moved."""
    sim = ThreadedSim(Settings(speed=0), MONDAY_S)
    yield sim
    sim.stop()


@pytest.fixture
def ib(sim_thread: ThreadedSim) -> Iterator[IB]:
    """A client of it."""
    ib = IB()
    ib.RequestTimeout = PATIENCE_S
    ib.connect("127.0.0.1", sim_thread.port, clientId=7, fetchFields=StartupFetch(0))
    yield ib
    ib.disconnect()


def until(ib: IB, condition: Callable[[], object]) -> None:
    """Wait for something to become true."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "nothing happened"
        ib.waitOnUpdate(timeout=0.05)


# what can be asked of a pure one


def pure(sim: Simulation) -> SimControl:
    """Return the control of a stand-in that has no thread."""
    return SimControl(lambda operation: operation.perform(sim))


def test_orders_by_hand(sim: Simulation) -> None:
    """Somebody sits in front of TWS."""
    control = pure(sim)
    bought = control.enter(ACCOUNT, "BUY", 3, "AMD")
    control.advance(1)
    resting = control.enter(ACCOUNT, "SELL", 2, "AMD", 10_000.0)
    control.cancel(resting.perm_id)
    control.advance(1)
    assert [(each.client_id, each.status) for each in control.orders] == [
        (0, "Filled"),
        (0, "Cancelled"),
    ]
    mistakes: list[tuple[Callable[[], object], str]] = [
        (lambda: control.enter("U1", "BUY", 1, "AMD"), "no account 'U1'"),
        (lambda: control.enter(ACCOUNT, "BUY", 1, "AMDD"), "no stock 'AMDD'"),
        (lambda: control.cancel(bought.perm_id), "works"),
    ]
    for mistake, said in mistakes:
        with pytest.raises(ConfigError, match=said):
            mistake()


def test_the_clock(sim: Simulation) -> None:
    """`advance` moves the market's time, and what is due on the way happens."""
    control, seen = pure(sim), list[float]()
    start = control.time
    sim.gateway.call_later(5, lambda: seen.append(sim.gateway.now_s))
    assert control.advance(10) - start == timedelta(seconds=10)
    assert seen == [MONDAY_S + 5]
    control.set_speed(3)
    assert sim.gateway.settings.speed == 3
    assert start.isoformat() == "2026-04-13T11:00:00-04:00"


def test_faults_by_name(sim: Simulation) -> None:
    """On, listed with their parameters, off; mistakes are refused."""
    control = pure(sim)
    control.fault("slow", delay_s=2)
    control.fault("freeze", for_s=5)
    assert control.faults["slow"] == {"delay_s": 2.0, "delays_s": {}}
    control.advance(5.1)
    assert list(control.faults) == ["slow"]
    control.mend("slow")
    assert control.faults == {}
    with pytest.raises(ConfigError, match="no fault 'frost'"):
        control.fault("frost")
    with pytest.raises(ConfigError, match="`colour`"):
        control.fault("slow", colour=1)


# over a thread, with a real client


def test_what_a_client_did(sim_thread: ThreadedSim, ib: IB) -> None:
    """Orders, executions, positions, accounts and statistics are the truth."""
    control, amd = sim_thread.control, Stock("AMD", "SMART", "USD")
    trade = ib.placeOrder(amd, MarketOrder("BUY", 10, account=ACCOUNT, orderRef="mine"))
    resting = ib.placeOrder(amd, LimitOrder("BUY", 10, 1.0, account=ACCOUNT))
    until(ib, lambda: len(control.orders) == 2)
    assert control.executions == []
    control.advance(1)
    until(ib, trade.isDone)
    until(ib, lambda: resting.orderStatus.status == "Submitted")
    done, waiting = control.orders
    assert (done.status, done.filled, done.order_ref) == ("Filled", 10.0, "mine")
    assert (done.client_id, done.order_id, done.symbol) == (7, trade.order.orderId, "AMD")
    assert (waiting.status, waiting.limit_price) == ("Submitted", 1.0)
    (fill,) = control.executions
    assert (fill.shares, fill.account) == (10.0, ACCOUNT)
    assert fill.exec_id == trade.fills[0].execution.execId
    (held,) = control.positions(ACCOUNT)
    assert (held.symbol, held.quantity, held.average_cost) == ("AMD", 10.0, fill.price)
    assert control.positions("DU1000002") == []
    first, second = control.accounts
    assert first.cash < second.cash == 1_000_000.0
    seen = control.statistics
    assert (seen.client_ids, seen.requests["3"]) == ([7], 2)


def test_only_control_moves_a_market_of_speed_0(sim_thread: ThreadedSim, ib: IB) -> None:
    """A jump gives the ticks of the time in between; without one there are none."""
    amd = Stock("AMD", "SMART", "USD")
    ib.qualifyContracts(amd)
    ticker = ib.reqMktData(amd)
    until(ib, lambda: ticker.bid > 0)
    updates: list[float] = []
    ticker.updateEvent += lambda ticker: updates.append(ticker.bid)
    ib.sleep(0.1)
    assert updates == []
    sim_thread.control.advance(60)
    until(ib, lambda: updates)


@pytest.mark.parametrize("timer_s", [None, 30.0])
def test_an_idle_market_keeps_the_clock(timer_s: float | None) -> None:
    """With nothing due for long, or at all, its time still goes by as on the wall."""
    sim = ThreadedSim(Settings(), MONDAY_S)
    if timer_s:
        sim.call(lambda: sim.gateway.call_later(timer_s, lambda: None))
    began_s = time.monotonic()
    time.sleep(1.6)
    lags_s = [  # the least of some, since the machine may be busy between the two readings
        abs(sim.control.time.timestamp() - MONDAY_S - (time.monotonic() - began_s))
        for _ in range(10)
    ]
    sim.stop()
    assert min(lags_s) < 0.3


def test_a_restart_over_tcp(sim_thread: ThreadedSim, ib: IB) -> None:
    """The connection is reset, the port refuses, and is the same one afterwards (7.15, 7.19)."""
    control = sim_thread.control
    control.fault("restart", closed_s=30)
    with contextlib.suppress(ConnectionError):  # ib_async tells whoever waits
        until(ib, lambda: not ib.isConnected())
    assert not ib.isConnected()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sim_thread.port), timeout=5)
    control.advance(31)
    again = IB()
    again.connect("127.0.0.1", sim_thread.port, clientId=7, fetchFields=StartupFetch(0))
    assert again.managedAccounts() == ["DU1000001", "DU1000002"]
    again.disconnect()


def test_stopping_while_the_port_is_closed() -> None:
    """A stand-in in the midst of its restart can be stopped."""
    sim = ThreadedSim(load_scenario("calm"), MONDAY_S)
    sim.control.fault("restart")
    sim.stop()


def test_a_restart_resets_connections(sim_thread: ThreadedSim) -> None:
    """The peer sees a reset, not an orderly end (fact 7.19)."""
    with socket.create_connection(("127.0.0.1", sim_thread.port), timeout=5) as connection:
        connection.sendall(b"API\0")
        end_s = time.monotonic() + PATIENCE_S
        while not sim_thread.call(lambda: bool(sim_thread.gateway.clients)):
            assert time.monotonic() < end_s
        sim_thread.control.fault("restart")
        with pytest.raises(ConnectionResetError):
            connection.recv(10)


def test_a_freeze_over_tcp(sim_thread: ThreadedSim, ib: IB) -> None:
    """A request hangs until the thaw (facts 1.55, 11.2)."""
    sim_thread.control.fault("freeze")
    asked = ib.reqCurrentTimeAsync()
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):  # two classes before Python 3.11
        ib.run(asked, timeout=0.2)
    sim_thread.control.mend()
    assert ib.reqCurrentTime().year == 2026


def test_a_freeze_stops_a_flood() -> None:
    """Not even load tests get anything out of a frozen gateway; thawed it goes on."""
    sim = ThreadedSim(Settings(flood=True), MONDAY_S)
    flood = sim.simulation.flood
    assert flood

    def produced(seconds: float) -> int:
        before = sim.call(lambda: flood.ticks)
        time.sleep(seconds)
        return sim.call(lambda: flood.ticks) - before

    with contextlib.closing(socket.create_connection(("127.0.0.1", sim.port), 5)) as reader:
        reader.sendall(b"API\0" + frame(b"v157..178"))
        reader.recv(100)
        reader.sendall(frame(join_fields(71, 2, 1, "")))
        reader.sendall(frame(join_fields(1, 11, 5, *AMD, 0, "", 0, 0, "")))
        draining = threading.Thread(target=_drain, args=(reader,))
        draining.start()
        end_s = time.monotonic() + PATIENCE_S
        while not produced(0.02):
            assert time.monotonic() < end_s
        sim.control.fault("freeze")
        sim.call(lambda: None)
        assert produced(0.05) == 0
        sim.control.mend()
        while not produced(0.02):
            assert time.monotonic() < end_s
        sim.stop()
        draining.join(PATIENCE_S)


def _drain(reader: socket.socket) -> None:
    """Read and throw away until the peer ends."""
    with contextlib.suppress(OSError):
        while reader.recv(65536):
            pass


# over a socket


@pytest.fixture(params=["tcp", "ipc"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The control address of a running stand-in."""
    sim = ThreadedSim(Settings(speed=0), MONDAY_S)
    asked = "tcp://127.0.0.1:0" if request.param == "tcp" else f"ipc://{tmp_path}/c.sock"
    control = ControlServer(sim._server, sim.simulation, asked)
    _in_loop(sim, control.start)
    yield control.url
    _in_loop(sim, control.stop)
    sim.stop()
    assert not (tmp_path / "c.sock").exists()


def _in_loop(sim: ThreadedSim, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run_coroutine_threadsafe(start(), sim._loop).result(5)


def test_control_over_a_socket(url: str) -> None:
    """The same operations, with the same results."""
    with connect(url) as control:
        control.fault("freeze", connections="new")
        assert control.faults == {"freeze": {"connections": "new"}}
        before = control.time
        assert control.advance(60) - before == timedelta(seconds=60)
        assert [row.cash for row in control.accounts] == [1_000_000.0] * 2
        assert control.orders == []
        assert control.executions == []
        assert control.positions() == []
        assert control.statistics.open_connections == 0
        with pytest.raises(ConfigError, match="no fault 'frost'"):
            control.fault("frost")
        control.mend()
        assert control.faults == {}


def test_who_does_not_speak_json_is_hung_up_on(url: str) -> None:
    """A web page that posts to the port gets nothing done."""
    if url.startswith("tcp://"):
        place = parse_host_port(url.removeprefix("tcp://"))
        request = b'POST / HTTP/1.1\r\n\r\n{"do":"fault","name":"freeze"}\n'
        with socket.create_connection(place, timeout=5) as connection:
            connection.sendall(request)
            assert connection.recv(100) == b""
    with connect(url) as control:
        assert control.faults == {}


def test_two_at_once(url: str) -> None:
    """Several may control it."""
    with connect(url) as one, connect(url) as two:
        one.fault("freeze")
        assert list(two.faults) == ["freeze"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"do": "dance"}, "'dance'"),
        ({"do": "advance"}, "`seconds`"),
        ({"do": "advance", "seconds": -1}, "`$.seconds`"),
        ({"do": "time", "zone": "UTC"}, "`zone`"),
        ({"do": "fault", "name": "slow", "parameters": {"colour": 1}}, "`colour`"),
    ],
)
def test_a_mistake_is_answered(sim: Simulation, line: dict[str, object], said: str) -> None:
    """Unknown operations, missing and unknown arguments, bad values."""
    told = json.loads(answer(sim, json.dumps(line).encode()))
    assert list(told) == ["error"]
    assert said in told["error"]


def test_it_listens_to_this_machine_only(sim: Simulation) -> None:
    """Whoever reaches the control is the market's master."""
    for url in ("tcp://0.0.0.0:1", "tcp://10.0.0.1:1", "http://127.0.0.1:1", "ipc://here"):
        with pytest.raises(ConfigError):
            ControlServer(SimServer(sim.gateway), sim, url)


def test_a_system_without_unix_sockets_is_told_what_to_use(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Windows; before anything is tried, by who serves and by who connects."""
    monkeypatch.delattr(asyncio, "start_unix_server")
    with pytest.raises(ConfigError, match="use tcp://"):
        ControlServer(SimServer(sim.gateway), sim, f"ipc://{tmp_path}/c.sock")
    with pytest.raises(ConfigError, match="use tcp://"), connect(f"ipc://{tmp_path}/c.sock"):
        pass


def test_nobody_there(tmp_path: Path) -> None:
    """The text says what to do."""
    for url in (f"ipc://{tmp_path}/none.sock", "tcp://127.0.0.1:1"):
        with pytest.raises(UpstreamLostError, match="--control"), connect(url):
            pass


def test_an_address_in_use(url: str) -> None:
    """A second one is told so."""
    if url.startswith("tcp://"):
        sim = ThreadedSim(Settings(), MONDAY_S)
        try:
            with pytest.raises(BusyError, match="cannot listen"):
                _in_loop(sim, ControlServer(sim._server, sim.simulation, url).start)
        finally:
            sim.stop()
