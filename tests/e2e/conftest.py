"""Stand-in gateway, proxy and real clients, on real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB

from ibproxy import RemoteIB
from ibproxy.config import Config, DoorConfig, StrategyConfig
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.e2e.line import Line
from tests.e2e.served import ServedProxy

ACCOUNTS = ("DU1000001", "DU1000002")
STRATEGIES = ("alpha", "beta")
PATIENCE_S = 15.0
SILENCE_MS, PROBE_MS = 500, 100
HERE = Path(__file__).parent


class Desk:
    """A gateway with two accounts, a proxy in front of it, and strategies bound to one each."""

    def __init__(
        self, sim: ThreadedSim, folder: Path, server_version: int, silence_s: float = 60.0
    ) -> None:
        self.sim = sim
        self.proxy = ThreadedProxy(
            Config(
                server_version=server_version,
                gateway_silence_s=silence_s,
                gateway=f"127.0.0.1:{sim.port}",
                listen=(f"ipc://{folder}/p.sock",),
                doors=(DoorConfig("127.0.0.1:0", STRATEGIES[0]),),
                strategies={
                    name: StrategyConfig(accounts=(account,))
                    for name, account in zip(STRATEGIES, ACCOUNTS, strict=True)
                },
            )
        )
        self.url = self.proxy.urls[0]
        self._clients: list[RemoteIB] = []
        self.proxy.wait_until_ready()

    def client(self, strategy: str, client_id: int = 1, **arguments: Any) -> RemoteIB:
        """Return a connected client."""
        ib = RemoteIB()
        ib.strategy = strategy
        self._clients.append(ib)
        ib.connect(clientId=client_id, **arguments)
        return ib

    def stop(self) -> None:
        """Disconnect everybody and end the proxy."""
        for ib in self._clients:
            ib.disconnect()
        self.proxy.stop()


def until(condition: Callable[[], object], *ibs: Any) -> None:
    """Wait until `condition` holds, serving the clients meanwhile."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about in time"
        if ibs:
            ibs[0].sleep(0.02)
        else:
            time.sleep(0.02)


@pytest.fixture(name="until")
def _until() -> Callable[..., None]:
    """Return the function that waits."""
    return until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test here runs straight on the stand-in and both ways into the proxy, or says why not.

    `proxied` is RemoteIB's way in; `door` is ib_async itself, at a port of the proxy's.
    """
    for item in items:
        if item.path.parent == HERE and "way" not in getattr(item, "fixturenames", ()):
            marker = item.get_closest_marker("only_proxied")
            marker = marker or item.get_closest_marker("only_direct")
            if not marker or not marker.args:
                raise pytest.UsageError(f"{item.nodeid} runs one way only and does not say why")


@pytest.fixture(params=["direct", "proxied", "door"])
def way(request: pytest.FixtureRequest) -> str:
    """How a client reaches the gateway."""
    return str(request.param)


@dataclass(frozen=True)
class Reach:
    """How programs reach a gateway that seems to be theirs alone.

    Attributes:
        kind: the class of their `IB`.
        address: host and port for `connect`.
        sim: the gateway.
        proxy: what stands before it; None if the way is direct.
    """

    kind: type[Any]
    address: tuple[str, int]
    sim: ThreadedSim
    proxy: ThreadedProxy | None = None

    def end(self) -> None:
        """What the programs are connected to goes away; the proxy outlives a gateway that does."""
        if self.proxy:
            self.proxy.stop()
            return
        gateway = self.sim.gateway

        def close_all() -> None:
            for client in list(gateway.clients.values()):
                gateway.close(client)

        self.sim.call(lambda: self.sim._server.do(close_all))


@pytest.fixture
def reach(
    way: str,
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    server_version: int,
) -> Iterator[Reach]:
    """A gateway of one account's login: straight, or one that a proxy gives a bound strategy."""
    accounts = ACCOUNTS[:1] if way == "direct" else ACCOUNTS
    sim = start_sim(Settings(accounts=accounts, speed=4, server_version=server_version))
    if way == "direct":
        yield Reach(IB, (sim.host, sim.port), sim)
        return
    desk = Desk(sim, tmp_path_factory.mktemp("p"), server_version)
    monkeypatch.setenv("IBPROXY_URL", desk.url)
    monkeypatch.setenv("IBPROXY_STRATEGY", STRATEGIES[0])
    if way == "door":
        yield Reach(IB, desk.proxy.doors[0], sim, desk.proxy)
    else:
        yield Reach(RemoteIB, ("127.0.0.1", 4002), sim, desk.proxy)
    desk.stop()


@pytest.fixture
def connect(reach: Reach) -> Iterator[Callable[..., Any]]:
    """Connects clients; they are disconnected at the end."""
    connected: list[Any] = []

    def connect(client_id: int = 1, **arguments: Any) -> Any:
        ib = reach.kind()
        connected.append(ib)
        ib.connect(*reach.address, clientId=client_id, **arguments)
        return ib

    yield connect
    for ib in connected:
        ib.disconnect()


@pytest.fixture
def server_version() -> int:
    """The highest version that the proxy asks the gateway for; tests may parametrise it."""
    return 176


@pytest.fixture
def silence_s() -> float:
    """How long the gateway may be silent; tests may parametrise it."""
    return 60.0


@pytest.fixture
def desk(
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    server_version: int,
    silence_s: float,
) -> Iterator[Desk]:
    """A desk with a market four times as fast as the clock."""
    sim = start_sim(Settings(accounts=ACCOUNTS, speed=4))
    desk = Desk(sim, tmp_path_factory.mktemp("p"), server_version, silence_s)
    monkeypatch.setenv("IBPROXY_URL", desk.url)
    yield desk
    desk.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of a link take it for broken after half a second of silence."""
    for module in ("ibproxy.cable", "ibproxy_server.shells.zmq_lane"):
        monkeypatch.setattr(f"{module}.HEARTBEAT_INTERVAL_MS", PROBE_MS)
        monkeypatch.setattr(f"{module}.HEARTBEAT_TIMEOUT_MS", SILENCE_MS)
    monkeypatch.setattr("ibproxy.cable.HANDSHAKE_TIMEOUT_MS", SILENCE_MS)


@pytest.fixture
def make_line(
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Line]]:
    """Makes proxies behind a network that can be cut; arguments are the proxy's configuration."""
    monkeypatch.setenv("IBPROXY_URL", "")  # set for each client, and put back at the end
    lines: list[Line] = []

    def make(sim: Settings | None = None, **settings: Any) -> Line:
        running = start_sim(sim or Settings(accounts=ACCOUNTS[:1], speed=20))
        lines.append(Line(running, tmp_path_factory.mktemp("p"), **settings))
        return lines[-1]

    yield make
    for line in lines:
        line.stop()


@pytest.fixture(params=["proxied", "door"])
def ib(request: pytest.FixtureRequest, desk: Any) -> Iterator[Any]:
    """A program of strategy alpha behind the proxy; `errors` and `ends` are what it was told."""
    if request.param == "proxied":
        program = desk.client("alpha")
    else:
        host, port = desk.proxy.doors[0]
        program = IB()
        program.connect(host, port, clientId=1)
    program.errors, program.ends = [], []
    program.errorEvent += lambda _, code, *__: program.errors.append(code)
    program.disconnectedEvent += lambda: program.ends.append("end")
    yield program
    program.disconnect()


@pytest.fixture
def serve(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ServedProxy]]:
    """Start a proxy in a process of its own, by which programs then reach a gateway.

    Its arguments are the gateway, and more for the command line.
    """
    proxies: list[ServedProxy] = []

    def start(sim: ThreadedSim, *options: str) -> ServedProxy:
        folder = tmp_path_factory.mktemp("p")
        proxies.append(ServedProxy(f"127.0.0.1:{sim.port}", folder, *options))
        monkeypatch.setenv("IBPROXY_URL", proxies[-1].url)
        proxies[-1].start()
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()
