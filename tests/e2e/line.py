"""A proxy behind a network that can be cut, and programs that are processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ib_async import Stock

from ibproxy import RemoteIB
from ibproxy.config import Config
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.e2e.forwarder import Forwarder

SPY = Stock(conId=756733, symbol="SPY", exchange="SMART", currency="USD")

Quote = tuple[Any, ...]


class Line:
    """A gateway, a proxy, and a network that can be cut between the proxy and its clients.

    Attributes:
        ipc_url: the way past the network.
        network: the network; its url leads through it.
        doors: host and port of each door.
    """

    def __init__(self, sim: ThreadedSim, folder: Path, **settings: Any) -> None:
        self.sim = sim
        self.ipc_url = f"ipc://{folder}/p.sock"
        self.proxy = ThreadedProxy(
            Config(
                **{
                    "gateway": f"127.0.0.1:{sim.port}",
                    "listen": ("tcp://127.0.0.1:0", self.ipc_url),
                    **settings,
                }
            )
        )
        self.network = Forwarder(self.proxy.urls[0])
        self.doors = self.proxy.doors
        self._clients: list[RemoteIB] = []
        self._programs: list[Program] = []
        self.proxy.wait_until_ready()

    def connect(self, strategy: str, client_id: int = 1, *, past: bool = False) -> RemoteIB:
        """Return a connected client, through the network or past it."""
        os.environ["IBPROXY_URL"] = self.ipc_url if past else self.network.url
        ib = RemoteIB()
        ib.strategy = strategy
        self._clients.append(ib)
        ib.connect(clientId=client_id)
        return ib

    def start(self, strategy: str, client_id: int = 1, *, past: bool = False) -> Program:
        """Return a program that has connected."""
        url = self.ipc_url if past else self.network.url
        self._programs.append(Program(url, strategy, client_id))
        return self._programs[-1]

    def sessions(self) -> list[dict[str, Any]]:
        """Return what the proxy's status says of its sessions."""
        sessions: list[dict[str, Any]] = self.proxy.status()["sessions"]
        return sessions

    def session(self, strategy: str) -> tuple[int, bool] | None:
        """Return number and whether the link is broken, of a strategy's session; None without."""
        found = [
            (each["session"], each["away_s"] > 0)
            for each in self.sessions()
            if each["strategy"] == strategy
        ]
        return found[0] if found else None

    def stop(self) -> None:
        """End everything."""
        for program in self._programs:
            program.close()
        for ib in self._clients:
            ib.disconnect()
        self.network.close()
        self.proxy.stop()


class Program:
    """`tests.e2e.link_client` as a process of its own.

    Args:
        url: where it finds the proxy.
        strategy: who it is.
        client_id: by which id it connects.
        door: the port by which it comes in, with ib_async's own `IB`; 0: with ours.

    Attributes:
        pid: its process id.
        hello: what it said when it had connected.
    """

    def __init__(self, url: str, strategy: str, client_id: int, door: int = 0) -> None:
        arguments = [strategy, str(client_id), str(door)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.link_client", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "IBPROXY_URL": url},
        )
        self.pid = self._process.pid
        self.hello = self.answer()

    def say(self, word: str, *arguments: object) -> None:
        """Tell it to do something."""
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps([word, *arguments])}\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """Return its next answer."""
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def ask(self, word: str, *arguments: object) -> Any:
        """Tell it to do something, and return its answer."""
        self.say(word, *arguments)
        return self.answer()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def quotes_of(ib: Any) -> list[Quote]:
    """Subscribe to all quotes of SPY, none of which may be left out; return the list that fills."""
    seen: list[Quote] = []
    ticker = ib.reqTickByTickData(SPY, "BidAsk")
    # The first field is the time at which the program saw it.
    ticker.updateEvent += lambda one: seen.extend(tuple(each)[1:5] for each in one.tickByTicks)
    return seen


def ends_of(ib: Any) -> list[str]:
    """Return a list of why a program was disconnected, which fills as it happens."""
    ends: list[str] = []
    reasons: list[str] = []
    ib.client.apiError += reasons.append
    ib.disconnectedEvent += lambda: ends.append(reasons[-1] if reasons else "")
    return ends


def assert_whole(seen: list[Quote], all_seen: list[Quote]) -> None:
    """One who subscribed later, and whose link was never cut, saw no other quotes since then."""
    [start] = [at for at in range(len(seen)) if seen[at : at + 20] == all_seen[10:30]]
    since, all_since = seen[start:], all_seen[10:]
    length = min(len(since), len(all_since))
    assert length > 200
    assert since[:length] == all_since[:length]
