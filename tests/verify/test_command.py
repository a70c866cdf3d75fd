"""`ibproxy verify`: its lines, its exit status, and mistakes."""

from __future__ import annotations

import functools
import json
import socket
from collections.abc import Callable

import pytest

from ibproxy_server.cli import main
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.port import TcpPort
from ibproxy_server.verify.table import ASSUMPTIONS
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.verify.breaking import other_code

Start = Callable[[Settings], ThreadedSim]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in answers at once: the command need not listen for long."""
    hurried_lab = functools.partial(Lab, patience_s=2.0, quiet_s=0.05, gap_s=0.0)
    monkeypatch.setattr("ibproxy_server.cli.verify.Lab", hurried_lab)


def test_the_command_ends_with_0_and_a_summary(
    start_sim: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each assumption has a line; without leave no order is placed."""
    monkeypatch.setattr("ibproxy_server.cli.verify.ASSUMPTIONS", ASSUMPTIONS[:8])
    sim = start_sim(Settings(speed=20))
    assert main(["verify", "--gateway", f"127.0.0.1:{sim.port}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   1.1 ")
    assert lines[-1].endswith("7 holds, 0 does not hold, 1 cannot be checked here")


def test_the_command_ends_with_1_if_something_does_not_hold(
    start_sim: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its JSON says what was seen."""
    rows = tuple(row for row in ASSUMPTIONS if row.fact == "1.28")
    monkeypatch.setattr("ibproxy_server.cli.verify.ASSUMPTIONS", rows)
    sim = start_sim(Settings(speed=20))
    sim.call(lambda: other_code(326)(sim.simulation))
    assert main(["verify", "--gateway", f"127.0.0.1:{sim.port}", "--json"]) == 1
    [shown] = json.loads(capsys.readouterr().out)
    assert (shown["fact"], shown["result"]) == ("1.28", "does not hold")
    assert "9999" in shown["detail"]


def test_the_server_version_can_be_chosen(
    start_sim: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway is asked for no higher one."""
    monkeypatch.setattr("ibproxy_server.cli.verify.ASSUMPTIONS", ASSUMPTIONS[:1])
    sim = start_sim(Settings(speed=20))
    gateway = f"127.0.0.1:{sim.port}"
    assert main(["verify", "--gateway", gateway, "--server-version", "163"]) == 0
    assert "server version 163: 1 holds" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:0", "127.0.0.1:{port}"])
def test_a_mistake_is_one_line_and_2(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong address, and a port where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert main(["verify", "--gateway", address.format(port=port)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_client_id_in_use_is_a_mistake(
    start_sim: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told how to choose another."""
    sim = start_sim(Settings(speed=20))
    lab = Lab(TcpPort(sim.host, sim.port), 5, quiet_s=0.05)
    lab.open()
    assert main(["verify", "--gateway", f"127.0.0.1:{sim.port}", "--client-id", "5"]) == 2
    lab.close()
    assert "--client-id" in capsys.readouterr().err
