"""The bench that judges sit on: a stand-in gateway, and clients that nobody here wrote.

A library is installed into a folder of its own if it cannot live in the environment of the
tests (ib_insync's `eventkit` and ib_async's `aeventkit` provide the same module).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ibproxy.config import Config, DoorConfig
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.accounts.books import Account
from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.conftest import install_once

MONDAY_S = 1776092400.0
ACCOUNTS = ("DU1000001", "DU1000002")
ADVISOR_ACCOUNTS = ("DF1000000", *ACCOUNTS)
SPEED = 20.0
AAPL = 265598
PATIENCE_S = 15.0
PACKAGE = "@stoqey/ib@1.6.10"
LIBRARY = os.environ.get("IBPROXY_JUDGE", "ib_async")
"""Which of the two libraries with one API sits on the bench."""

PROXIED_LIBRARY = {"ib_async": "ibproxy", "ib_insync": "ibproxy.ib_insync"}[LIBRARY]
"""What gives the same names, with an `IB` that leads to the proxy."""

NOTICES = {2104, 2106, 2107, 2108, 2119, 2150, 2152, 2158, 2174}
"""Codes that a gateway sends without anything being wrong."""

FROM_GATEWAY = re.compile(r"^(Error|Warning) \d+, reqId |^Canceled order: |^IBKR API validation")
"""Log lines in which a library only repeats what the gateway said."""


def until(condition: Callable[[], object], turn: Callable[[], object], what: str = "") -> None:
    """Wait until something is true; `turn` lets a little time pass."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, what or "it never came true"
        turn()


class Bench:
    """A stand-in gateway, perhaps with a proxy in front, and what a judge may look up in it.

    Attributes:
        sim: the gateway.
        module_name: what the judge imports.
        address: host and port for clients that speak TWS's protocol.
    """

    def __init__(
        self, accounts: tuple[str, ...] = ACCOUNTS, way: str = "direct", speed: float = SPEED
    ) -> None:
        self.sim = ThreadedSim(Settings(accounts=accounts, speed=speed), MONDAY_S)
        self.module_name = LIBRARY
        self._proxy: ThreadedProxy | None = None
        self.address = self.sim.host, self.sim.port
        self._folder = tempfile.TemporaryDirectory()
        if way != "direct":
            self.module_name = PROXIED_LIBRARY if way == "proxied" else LIBRARY
            self._proxy = ThreadedProxy(
                Config(
                    gateway=f"127.0.0.1:{self.sim.port}",
                    client_id=0,  # as which it may bind orders by hand
                    server_version=178 if way == "door" or LIBRARY == "ib_insync" else 176,
                    listen=(f"ipc://{self._folder.name}/p.sock",),
                    doors=(DoorConfig("127.0.0.1:0", "judge"),),
                )
            )
            if way == "door":
                [self.address] = self._proxy.doors
            self._proxy.wait_until_ready()

    @property
    def url(self) -> str | None:
        """Where the proxy listens, if there is one."""
        return self._proxy.urls[0] if self._proxy else None

    def stop(self) -> None:
        """End what runs."""
        if self._proxy:
            self._proxy.stop()
        self.sim.stop()
        self._folder.cleanup()

    def received(self) -> Counter[int]:
        """How often the gateway has had each message."""
        counted = self.sim.call(lambda: dict(self.sim.gateway.statistics.requests))
        return Counter({int(key): count for key, count in counted.items() if key.isdecimal()})

    def instrument(self, con_id: int) -> Instrument:
        """What is listed under a conId."""
        found = self.sim.simulation.universe.by_con_id(con_id)
        assert found
        return found

    def account(self, code: str) -> Account:
        """The true books of an account."""
        account: Account = self.sim.simulation.trading.books.accounts[code]
        return account

    def quote(self, con_id: int, ahead_s: float = 0.0) -> Quote:
        """What the market says of a contract now, or a little later."""
        return self.sim.call(
            lambda: self.sim.simulation.market.quote(
                self.instrument(con_id), self.sim.gateway.now_s + ahead_s
            )
        )

    def price_range(self, con_id: int) -> tuple[float, float]:
        """The lowest and the highest price of the day so far, a little widened."""
        quote = self.quote(con_id, 60)
        return quote.low * 0.995, quote.high * 1.005

    @contextmanager
    def standstill(self) -> Iterator[None]:
        """While it lasts the market does not move, so that nothing is on its way to a client."""
        self.sim.control.set_speed(0)
        yield
        self.sim.control.set_speed(SPEED)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a module that says so twice: straight, and through a proxy."""
    second = getattr(metafunc.module, "SECOND_WAY", "")
    if second and "bench" in metafunc.fixturenames:
        is_direct = metafunc.definition.get_closest_marker("only_direct")
        ways = ["direct"] if is_direct else ["direct", second]
        metafunc.parametrize("bench", ways, indirect=True, scope="module")


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A stand-in gateway at twenty times the speed of the clock."""
    bench = Bench(way=getattr(request, "param", "direct"))
    yield bench
    bench.stop()


@pytest.fixture(scope="module")
def advisor_bench() -> Iterator[Bench]:
    """The gateway of a financial advisor's login."""
    bench = Bench(ADVISOR_ACCOUNTS)
    yield bench
    bench.stop()


@pytest.fixture
def covered(request: pytest.FixtureRequest, bench: Bench) -> Iterator[None]:
    """What a test says that it covers has reached the gateway at its end."""
    # a proxy answers some by itself, and asks once for several
    wanted: tuple[int, ...] = () if bench.url else getattr(request.function, "covers", ())
    if "advisor_bench" in request.fixturenames:
        bench = request.getfixturevalue("advisor_bench")
    before = bench.received()
    yield
    deadline_s = time.monotonic() + 2
    while missing := [i for i in wanted if bench.received()[i] <= before[i]]:
        assert time.monotonic() < deadline_s, f"messages {missing} were never sent"


@pytest.fixture(scope="module")
def package(pytestconfig: pytest.Config) -> Path:
    """Where @stoqey/ib is installed; it is fetched once."""
    return install_by_npm(pytestconfig, "judge-stoqey", PACKAGE)


def install_by_npm(pytestconfig: pytest.Config, name: str, *packages: str) -> Path:
    """Return a folder of that name that outlives the run, with packages; skip if it cannot be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("Node.js is not installed")
    cache = getattr(pytestconfig, "cache", None)
    if not cache:
        pytest.skip("pytest's cache, where the package is kept, is switched off")
    folder = Path(str(cache.mkdir(name)))
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", *packages]
    install_once(folder, command)
    return folder


class Judge:
    """A connected client of ib_async's family, and what it was told.

    Attributes:
        lib: the library.
        ib: its client.
        bench: the gateway, and the truth.
        errors: (request id, code, text) of every error message.
        expected: codes that the test provokes.
    """

    def __init__(self, bench: Bench, client_id: int, **arguments: Any) -> None:
        self.lib: Any = importlib.import_module(bench.module_name)
        self.bench = bench
        self.errors: list[tuple[int, int, str]] = []
        self.expected = set(NOTICES)
        self.ib: Any = self.lib.IB()
        self.ib.RequestTimeout = PATIENCE_S
        self.ib.errorEvent += lambda req_id, code, text, _: self.errors.append((req_id, code, text))
        sim = bench.sim
        self.ib.connect(sim.host, sim.port, clientId=client_id, timeout=10, **arguments)

    def expect(self, *codes: int) -> None:
        """Allow errors with these codes."""
        self.expected |= set(codes)

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something is true."""
        until(condition, lambda: self.ib.waitOnUpdate(timeout=0.05), what)

    def heard(self, code: int) -> None:
        """Wait for an error with that code, and allow it."""
        self.expect(code)
        self.until(lambda: code in [row[1] for row in self.errors], f"no {code}: {self.errors}")

    def hear(self, callback: str) -> list[tuple[Any, ...]]:
        """Return a list that every call of a wrapper's method is added to."""
        calls: list[tuple[Any, ...]] = []
        known = getattr(self.ib.wrapper, callback, None)

        def note(*args: Any) -> None:
            calls.append(args)
            if known:
                known(*args)

        setattr(self.ib.wrapper, callback, note)
        return calls

    def stock(self, symbol: str = "AMD") -> Any:
        """A qualified stock."""
        contract = self.lib.Stock(symbol, "SMART", "USD")
        self.ib.qualifyContracts(contract)
        assert contract.conId
        return contract

    def option(self, number: int) -> Any:
        """A qualified call on AAPL near its price, of the expiry with that number."""
        chains = self.ib.reqSecDefOptParams("AAPL", "", "STK", AAPL)
        chain = next(c for c in chains if c.exchange == "SMART")
        middle = sum(self.bench.price_range(AAPL)) / 2
        strike = min(chain.strikes, key=lambda s: abs(s - middle))
        contract = self.lib.Option("AAPL", chain.expirations[number], strike, "C", "SMART")
        self.ib.qualifyContracts(contract)
        assert contract.conId
        return contract


@pytest.fixture
def own_loop() -> Iterator[None]:
    """The library takes the thread's event loop and never closes it: give it one that is."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def connect_judge(
    own_loop: None,  # noqa: ARG001 - ends after the clients
    covered: None,  # noqa: ARG001 - looks after the clients have left
    bench: Bench,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Judge]]:
    """Connects clients; whatever they complain about by themselves fails the test."""
    if bench.url:
        monkeypatch.setenv("IBPROXY_URL", bench.url)
    judges: list[Judge] = []

    def connect(client_id: int = 1, at: Bench = bench, **arguments: Any) -> Judge:
        judges.append(Judge(at, client_id, **arguments))
        return judges[-1]

    yield connect
    for judge in judges:
        judge.ib.disconnect()
    surprises = [row for j in judges for row in j.errors if row[1] not in j.expected]
    assert not surprises
    complaints = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name.startswith(LIBRARY)
        and record.levelno >= logging.WARNING
        and not FROM_GATEWAY.match(record.getMessage())
    ]
    assert not complaints


@pytest.fixture
def judge(connect_judge: Callable[..., Judge]) -> Judge:
    """A connected client."""
    return connect_judge()
