"""The checks against a gateway that a proxy is connected to at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ibproxy import IB
from ibproxy_server.pytest_plugin import RunningProxy
from ibproxy_server.verify.assumption import Finding, Result
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.port import TcpPort
from ibproxy_server.verify.run import run
from ibproxy_server.verify.table import ASSUMPTIONS
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.verify.direct import with_result
from tests.verify.scenes import UNKNOWN, usual

Start = Callable[[Settings], ThreadedSim]
NEED_BOTH = {"second_account_replaces_the_first", "replacement_is_2100_or_silent"}
"""What wants the slot for one account after the other."""


@contextmanager
def listening(sim: ThreadedSim, account: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A script that listens to an account's updates through a proxy, which has the slot for it."""
    proxy = RunningProxy(sim, {})
    monkeypatch.setenv("IBPROXY_URL", proxy.url)
    ib = IB()
    try:
        proxy.wait_until_ready()
        ib.connect("127.0.0.1", sim.port, clientId=1)
        ib.reqAccountUpdates(account)
        while slot(sim) != account:  # it keeps an account for a turn before it moves on
            ib.waitOnUpdate(timeout=0.1)
        yield
    finally:
        ib.disconnect()
        proxy.stop()


def slot(sim: ThreadedSim) -> str:
    """Which account the gateway's slot is taken for."""
    return sim.call(lambda: sim.simulation.accounts.slot)


def findings(sim: ThreadedSim) -> dict[str, Finding]:
    """What the checks find, by their names."""
    lab = Lab(TcpPort(sim.host, sim.port), 40, True, patience_s=5.0, quiet_s=0.05, gap_s=0.0)
    lab.open()
    try:
        found = [row for row in run(lab, ASSUMPTIONS) if row.assumption.check]
    finally:
        lab.close()
    return {row.assumption.check.__name__: row for row in found if row.assumption.check}


@pytest.mark.parametrize(
    ("account", "taken"),
    [
        ("DU1000001", NEED_BOTH),
        ("DU1000002", NEED_BOTH | {"slot_is_gateway_wide"}),
    ],
)
def test_the_slot_that_a_proxy_has_cannot_be_checked(
    start_sim: Start, monkeypatch: pytest.MonkeyPatch, account: str, taken: set[str]
) -> None:
    """Nothing fails, whichever account it is; who has the slot is said, and keeps it."""
    sim = start_sim(Settings(speed=20, not_permitted=("AAPL",)))
    with listening(sim, account, monkeypatch):
        found = findings(sim)
        assert slot(sim) == account
    assert with_result(found, Result.DIFFERS) == {}
    unknown = with_result(found, Result.UNKNOWN)
    assert unknown.keys() == UNKNOWN[usual] | taken
    for check in taken:
        assert "the account slot is taken by another client of this gateway" in unknown[check]
        assert "Unable subscribe to account" in unknown[check]


def test_a_slot_that_comes_free_can_be_checked(start_sim: Start) -> None:
    """A proxy that has ended is in nobody's way."""
    sim = start_sim(Settings(speed=20, not_permitted=("AAPL",)))
    proxy = RunningProxy(sim, {})
    proxy.wait_until_ready()
    proxy.stop()
    found = findings(sim)
    assert with_result(found, Result.DIFFERS) == {}
    assert with_result(found, Result.UNKNOWN).keys() == UNKNOWN[usual]
