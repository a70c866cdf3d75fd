"""The failure that ibproxy was made to end, with and without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("connect_rounds.py")
ROUNDS = 50


def rounds_of(library: str, port: int, rounds: int) -> list[list[dict[str, Any]]]:
    """Run the script and return its reports, two for each round."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), library, str(port), str(rounds)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return result


@pytest.mark.only_proxied("the next test is its counterpart")
@pytest.mark.timeout(180)
def test_fifty_times_two_processes_connect_through_the_proxy(desk: Any) -> None:
    """Two processes that connect at the same instant both synchronise, fifty times of fifty."""
    rounds = rounds_of("proxied", 0, ROUNDS)
    assert len(rounds) == ROUNDS
    for reports in rounds:
        for report, account in zip(reports, ("DU1000001", "DU1000002"), strict=True):
            assert report.get("failure") is None
            assert report["errors"] == []
            assert report["accounts"] == [account]
            assert report["is_complete"]
            assert report["seconds"] < 4
    statistics = desk.sim.gateway.statistics
    assert (statistics.connections, statistics.most_connections) == (1, 1)


@pytest.mark.only_direct("the test before is its counterpart")
def test_the_same_straight_on_the_gateway_fails(desk: Any) -> None:
    """Without the proxy one of the two is refused the account slot and times out."""
    for reports in rounds_of("direct", desk.sim.port, 2):
        errors = [line for report in reports for line in report.get("errors", [])]
        assert any("2101" in line for line in errors) or any(
            "account updates request timed out" in line for line in errors
        )
        assert not all(report.get("is_complete") and not report["errors"] for report in reports)
