"""The status of a proxy at work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ib_async import Stock

from ibproxy import RemoteIB
from ibproxy.config import Config
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

pytestmark = pytest.mark.only_proxied("a gateway has no status")


def run_status(*arguments: str) -> str:
    """Return what `ibproxy status` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "ibproxy_server", "status", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "160"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_status_of_strategies_at_work(desk: Any, until: Callable[..., None]) -> None:
    """People and programs are told who is connected, and what each listens to."""
    alpha = desk.client("alpha", 7)
    desk.client("beta")
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    until(alpha.reqMktData(spy).hasBidAsk, alpha)
    text = run_status("--url", desk.url)
    assert "alpha/7" in text
    assert "beta/1" in text
    assert "age of the accounts' pictures: DU1000001" in text
    status = json.loads(run_status("--url", desk.url, "--json"))
    first, second = status["sessions"]
    assert first["subscriptions"] == [
        "AccountUpdates",
        "AccountUpdatesMulti",
        "Positions",
        "SPY",
    ]
    assert (first["accounts"], second["accounts"]) == (["DU1000001"], ["DU1000002"])
    assert status["upstream"]["market_data_lines"] == 1
    assert set(status["account_slot"]["ages_s"]) == {"DU1000001", "DU1000002"}


def test_a_frozen_gateway_is_noticed_and_found_again(
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Callable[..., None],
) -> None:
    """Its port stays open and nothing is answered; the link is renewed when it answers again."""
    sim = start_sim(Settings())
    proxy = ThreadedProxy(
        Config(
            gateway=f"127.0.0.1:{sim.port}",
            listen=(f"ipc://{tmp_path}/p.sock",),
            gateway_silence_s=1.5,
        )
    )
    monkeypatch.setenv("IBPROXY_URL", proxy.urls[0])
    ib: Any = RemoteIB()
    codes: list[int] = []
    ib.errorEvent += lambda _, code, *__: codes.append(code)
    try:
        proxy.wait_until_ready()
        ib.connect()
        sim.control.fault("freeze")
        until(lambda: "silent" in proxy.status()["upstream"]["note"])
        until(lambda: 1100 in codes, ib)
        sim.control.mend("freeze")
        until(lambda: 1102 in codes, ib)
        assert ib.isConnected()
        assert ib.reqCurrentTime()
    finally:
        ib.disconnect()
        proxy.stop()
