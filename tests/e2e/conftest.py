"""Stand-in gateway, proxy and real clients, on real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ibproxy import RemoteIB
from ibproxy.config import Config, StrategyConfig
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

ACCOUNTS = ("DU1000001", "DU1000002")
STRATEGIES = ("alpha", "beta")
PATIENCE_S = 15.0


class Desk:
    """A gateway with two accounts, a proxy in front of it, and strategies bound to one each."""

    def __init__(self, sim: ThreadedSim, folder: Path, server_version: int) -> None:
        self.sim = sim
        self.proxy = ThreadedProxy(
            Config(
                server_version=server_version,
                gateway=f"127.0.0.1:{sim.port}",
                listen=(f"ipc://{folder}/p.sock",),
                strategies={
                    name: StrategyConfig(accounts=(account,))
                    for name, account in zip(STRATEGIES, ACCOUNTS, strict=True)
                },
            )
        )
        self.url = self.proxy.urls[0]
        self._clients: list[RemoteIB] = []
        until(lambda: self.proxy.status()["upstream"]["state"] == "ready")

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


@pytest.fixture
def server_version() -> int:
    """The highest version that the proxy asks the gateway for; tests may parametrise it."""
    return 176


@pytest.fixture
def desk(
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    server_version: int,
) -> Iterator[Desk]:
    """A desk with a market four times as fast as the clock."""
    sim = start_sim(Settings(accounts=ACCOUNTS, speed=4))
    desk = Desk(sim, tmp_path_factory.mktemp("p"), server_version)
    monkeypatch.setenv("IBPROXY_URL", desk.url)
    yield desk
    desk.stop()
