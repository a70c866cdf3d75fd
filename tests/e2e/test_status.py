"""The status of a proxy at work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import Stock

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
