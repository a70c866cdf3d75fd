"""The link between a program and the proxy breaks, in all the ways that links break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ib_async import LimitOrder, Stock

from ibproxy import RemoteIB
from ibproxy.config import Config
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.control.operations import ShowOrders
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.e2e.forwarder import Cut, Forwarder

pytestmark = pytest.mark.only_proxied("straight on a gateway, a connection that breaks is over")

FAR_BELOW = 1.0
SPY = Stock(conId=756733, symbol="SPY", exchange="SMART", currency="USD")
PATIENCE_MS = 500


class Line:
    """A gateway, a proxy, and a network that can be cut between the proxy and its clients."""

    def __init__(self, sim: ThreadedSim, folder: Path, resume_s: float) -> None:
        self.sim = sim
        self.ipc_url = f"ipc://{folder}/p.sock"
        self.proxy = ThreadedProxy(
            Config(
                gateway=f"127.0.0.1:{sim.port}",
                listen=("tcp://127.0.0.1:0", self.ipc_url),
                resume_s=resume_s,
            )
        )
        self.network = Forwarder(self.proxy.urls[0])
        self.clients: list[RemoteIB] = []
        self.proxy.wait_until_ready()

    def sessions(self) -> list[tuple[str, int, bool]]:
        """Return strategy, number and whether the link is down, for each session."""
        return [
            (each["strategy"], each["session"], each["away_s"] > 0)
            for each in self.proxy.status()["sessions"]
        ]

    def stop(self) -> None:
        """End everything."""
        for ib in self.clients:
            ib.disconnect()
        self.network.close()
        self.proxy.stop()


MakeLine = Callable[..., Line]
Connect = Callable[..., RemoteIB]


@pytest.fixture(name="impatient")
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends take a link for broken after half a second of silence."""
    for module in ("ibproxy.cable", "ibproxy_server.shells.zmq_lane"):
        monkeypatch.setattr(f"{module}.HEARTBEAT_INTERVAL_MS", PATIENCE_MS // 5)
        monkeypatch.setattr(f"{module}.HEARTBEAT_TIMEOUT_MS", PATIENCE_MS)
    monkeypatch.setattr("ibproxy.cable.HANDSHAKE_TIMEOUT_MS", PATIENCE_MS)


@pytest.fixture(name="make_line")
def _make_line(
    start_sim: Callable[[Settings], ThreadedSim], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeLine]:
    lines: list[Line] = []

    def make(resume_s: float = 60.0, **settings: Any) -> Line:
        sim = start_sim(Settings(**{"accounts": ("DU1000001",), "speed": 20, **settings}))
        lines.append(Line(sim, tmp_path_factory.mktemp("p"), resume_s))
        return lines[-1]

    yield make
    for line in lines:
        line.stop()


@pytest.fixture(name="connect")
def _connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Connects a strategy, through the network or past it."""

    def connect(line: Line, strategy: str, client_id: int = 1, *, past: bool = False) -> RemoteIB:
        monkeypatch.setenv("IBPROXY_URL", line.ipc_url if past else line.network.url)
        ib = RemoteIB()
        ib.strategy = strategy
        line.clients.append(ib)
        ib.connect(clientId=client_id)
        return ib

    return connect


def ends_of(ib: RemoteIB) -> list[str]:
    """Return a list of why it was disconnected, which fills as it happens."""
    ends: list[str] = []
    reasons: list[str] = []
    ib.client.apiError += reasons.append
    ib.disconnectedEvent += lambda: ends.append(reasons[-1] if reasons else "")
    return ends


def ticks_of(ib: RemoteIB) -> list[tuple[Any, ...]]:
    """Subscribe to all quotes of SPY, none of which may be left out; return the list that fills."""
    seen: list[tuple[Any, ...]] = []
    ticker = ib.reqTickByTickData(SPY, "BidAsk")
    ticker.updateEvent += lambda one: seen.extend(tuple(each)[1:] for each in one.tickByTicks)
    return seen


def assert_whole(seen: list[tuple[Any, ...]], all_seen: list[tuple[Any, ...]]) -> None:
    """One who subscribed later, and whose link was never cut, saw no other ticks since then."""
    [start] = [at for at in range(len(seen)) if seen[at : at + 20] == all_seen[10:30]]
    since, all_since = seen[start:], all_seen[10:]
    length = min(len(since), len(all_since))
    assert length > 200
    assert since[:length] == all_since[:length]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("way", ["closed", "silent", "unreachable"])
def test_a_link_is_cut_for_seconds(
    way: Cut, make_line: MakeLine, connect: Connect, until: Callable[..., None]
) -> None:
    """Ticks, answers and orders that were on their way arrive, once; the program sees nothing."""
    line = make_line()
    cut, whole = connect(line, "cut"), connect(line, "whole", past=True)
    ends = ends_of(cut)
    seen, all_seen = ticks_of(cut), ticks_of(whole)
    until(lambda: len(seen) > 20 and len(all_seen) > 20, cut)
    placed = []
    for number in range(1, 7):
        placed.append(cut.placeOrder(SPY, LimitOrder("BUY", number, FAR_BELOW)))
        if number == 3:  # three are on their way, and three are placed without a link
            before = line.sessions()
            line.network.cut(way)
    asked = cut.reqContractDetailsAsync(Stock("AMD", "SMART", "USD"))
    until(lambda: ("cut", 1, True) in line.sessions(), cut)
    had = len(seen)
    cut.sleep(1.0)
    assert len(seen) == had, "the network is not cut"
    assert cut.isConnected()
    line.network.mend()
    until(lambda: all(each.orderStatus.status == "Submitted" for each in placed), cut)
    [details] = cut.run(asked)
    assert details.contract
    assert details.contract.symbol == "AMD"
    assert line.sessions() == before
    assert (ends, cut.isConnected()) == ([], True)
    assert [each.quantity for each in line.sim.perform(ShowOrders())] == [1, 2, 3, 4, 5, 6]
    until(lambda: len(seen) > had + 200, cut)
    assert_whole(seen, all_seen)
