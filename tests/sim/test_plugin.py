"""The pytest plugin, in projects of its users."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from ibproxy_sim.fixture import SimGateway

pytest_plugins = "pytester"

PLUGINS = {
    "ibproxy": "ibproxy_sim.pytest_plugin",
    "ibproxy_proxy": "ibproxy_server.pytest_plugin",
}
ASYNCIO = "-Wignore:There is no current event loop:DeprecationWarning"
"""ib_async asks for the thread's event loop, of which Python 3.12 and later complain."""

HEAVY = ("ib_async", "msgspec", "zmq", "ibproxy", "ibproxy_sim.build", "numpy")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest as a user who has the wheel installed."""
    installed = {entry.name for entry in entry_points(group="pytest11")}
    missing = [f"-p{module}" for name, module in PLUGINS.items() if name not in installed]
    return pytester.runpytest_subprocess(
        "-q", "--strict-markers", "-Werror", ASYNCIO, "-pno:cacheprovider", *missing, *arguments
    )


def test_the_wheel_registers_it() -> None:
    """The entry points are those modules."""
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    (section,) = (part for part in project.split("\n[") if part.startswith("project.entry-points"))
    assert all(f'{name} = "{module}"' in section for name, module in PLUGINS.items())


def test_it_imports_next_to_nothing() -> None:
    """A project that does not use it does not pay for it."""
    code = f"""
import sys, pytest
import {", ".join(PLUGINS.values())}
print([name for name in {HEAVY} if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "[]"


def test_a_gateway_for_each_test(ib_gateway: SimGateway) -> None:
    """It listens, and it is always the same moment of the same market."""
    assert ib_gateway.port > 0
    assert ib_gateway.time.isoformat().startswith("2026-04-13T11:00:0")
    assert ib_gateway.scenario.faults == ()
    assert ib_gateway.orders == []


@pytest.mark.ib_scenario("strict", seed=5, speed=0, accounts=("DU7",), server_version=170)
def test_a_scenario_by_marker(ib_gateway: SimGateway) -> None:
    """The marker names it, and changes what is to be different."""
    assert "message_rate" in ib_gateway.faults
    (account,) = ib_gateway.accounts
    assert account.account == "DU7"
    assert ib_gateway.scenario.market.seed == 5
    assert ib_gateway.scenario.gateway.server_version == 170


USERS_TESTS = """
import os
import pytest
from ib_async import IB, MarketOrder, Stock

AMD = Stock("AMD", "SMART", "USD", conId=4391)

@pytest.fixture
def ib(ib_gateway):
    ib = IB()
    ib.connect("127.0.0.1", ib_gateway.port, clientId=1)
    yield ib
    ib.disconnect()

@pytest.mark.ib_scenario("mine.toml")
def test_direct(ib, ib_gateway):
    assert ib.managedAccounts() == ["DU7"]
    trade = ib.placeOrder(AMD, MarketOrder("BUY", 10))
    while not trade.isDone():
        ib.waitOnUpdate(timeout=1)
    assert [o.status for o in ib_gateway.orders] == ["Filled"]
    assert [p.quantity for p in ib_gateway.positions("DU7")] == [10]
    assert [e.shares for e in ib_gateway.executions] == [10]

def test_faults_end_with_their_test(ib, ib_gateway):
    ib_gateway.fault("silence", messages=[49])
    assert list(ib_gateway.faults) == ["silence"]

def test_faults_ended(ib_gateway):
    assert ib_gateway.faults == {}

@pytest.mark.ib_strategies(alpha=["DU1000002"])
def test_proxied(ib_proxy, ib_gateway, monkeypatch):
    from ibproxy import IB
    assert os.environ["IBPROXY_URL"] == ib_proxy.url
    assert ib_proxy.status()["upstream"]["state"] == "ready"
    ib = IB()
    ib.strategy = "alpha"
    ib.connect()
    assert ib.managedAccounts() == ["DU1000002"]
    ib.disconnect()
    assert ib_gateway.statistics.open_connections == 1

@pytest.mark.ib_scenario("quiet")
def test_mistake(ib_gateway):
    pass
"""


def test_a_users_project(pytester: pytest.Pytester) -> None:
    """Scenario files beside the test, faults, a proxy, strategies bound to accounts."""
    pytester.makepyfile(test_mine=USERS_TESTS)
    (pytester.path / "mine.toml").write_text('about = "Mine."\naccounts = ["DU7"]\n')
    result = run(pytester)
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*there is no scenario 'quiet'*calm*"])


def test_the_markers_are_explained(pytester: pytest.Pytester) -> None:
    """`pytest --markers` says what they do."""
    result = run(pytester, "--markers")
    result.stdout.fnmatch_lines_random(["*ib_scenario(name*", "*ib_strategies(*"])
