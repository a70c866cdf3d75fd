"""`ibproxy serve` and `ibproxy status` as processes."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]
Mistake = Callable[..., str]


@pytest.fixture(name="nowhere")
def _nowhere() -> str:
    """Where no gateway listens."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return f"127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture(name="socket_path")
def _socket_path(tmp_path: Path) -> Path:
    """Where the proxy of this test puts its socket."""
    return tmp_path / "proxy.sock"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_waits_for_a_gateway_and_leaves_nothing_behind(
    start: Start, nowhere: str, socket_path: Path, number: int, status: int
) -> None:
    """Without a gateway it says so and stays; a signal ends it, and its socket file is gone."""
    proxy = start("serve", "--gateway", nowhere, "--listen", f"ipc://{socket_path}")
    assert proxy.ready() == [f"ipc://{socket_path}"]
    assert socket_path.is_socket()
    proxy.line(nowhere, stream="errors")
    assert proxy.is_running
    proxy.send(number)
    assert proxy.wait() == status
    assert not socket_path.exists()
    assert not proxy.has_survivors
    assert not any("Traceback" in line for line in proxy.errors)


def test_port_0_takes_a_free_port(start: Start, nowhere: str, socket_path: Path) -> None:
    """The first line has every address, with the port that was taken in place of 0."""
    proxy = start(
        *("serve", "--gateway", nowhere),
        *("--listen", "tcp://127.0.0.1:0", "--listen", f"ipc://{socket_path}"),
    )
    tcp, ipc = proxy.ready()
    assert ipc == f"ipc://{socket_path}"
    port = int(tcp.removeprefix("tcp://127.0.0.1:"))
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        pass


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
def test_an_address_in_use_is_explained(
    start: Start, mistake: Mistake, nowhere: str, socket_path: Path, scheme: str
) -> None:
    """A second proxy on the same address ends in one line, and the first is not harmed."""
    url = f"ipc://{socket_path}" if scheme == "ipc" else "tcp://127.0.0.1:0"
    first = start("serve", "--gateway", nowhere, "--listen", url)
    (url,) = first.ready()
    assert url in mistake("serve", "--gateway", nowhere, "--listen", url)
    assert first.is_running
    status = start("status", "--url", url, "--json")
    assert status.wait() == 0


def test_the_status_of_a_waiting_proxy(start: Start, nowhere: str, socket_path: Path) -> None:
    """`ibproxy status` answers while there is no gateway, for programs and for people."""
    url = f"ipc://{socket_path}"
    start("serve", "--gateway", nowhere, "--client-id", "77", "--listen", url).ready()
    for_programs = start("status", "--url", url, "--json")
    assert for_programs.wait() == 0
    status = json.loads("\n".join(for_programs.output))
    assert status["upstream"]["gateway"] == nowhere
    assert status["upstream"]["state"] in {"waiting", "connecting"}
    assert status["upstream"]["client_id"] == 77
    assert status["sessions"] == []
    for_people = start("status", IBPROXY_URL=url)
    assert for_people.wait() == 0
    assert any(nowhere in line for line in for_people.output)


def test_it_connects_to_a_gateway_that_comes_up_later(
    start: Start, nowhere: str, socket_path: Path
) -> None:
    """A proxy that was started first finds the gateway once it is there."""
    url = f"ipc://{socket_path}"
    proxy = start("serve", "--gateway", nowhere, "--listen", url)
    proxy.ready()
    proxy.line(nowhere, stream="errors")
    start("sim", "--port", nowhere.rpartition(":")[2], "--accounts", "DU1000009").ready()
    proxy.line("DU1000009", stream="errors")
    answer = start("status", "--url", url, "--json")
    assert answer.wait() == 0
    upstream = json.loads("\n".join(answer.output))["upstream"]
    assert upstream["state"] == "ready"
    assert upstream["accounts"] == ["DU1000009"]


def test_a_strategy_bound_to_an_unknown_account_is_explained(start: Start, tmp_path: Path) -> None:
    """The proxy ends in one line when its configuration names an account that is not there."""
    (place,) = start("sim", "--port", "0", "--accounts", "DU1000001").ready()
    path = tmp_path / "config.toml"
    path.write_text('[strategies.wheel]\naccounts = ["DU7777777"]\n', encoding="utf-8")
    proxy = start(
        *("serve", "--config", str(path), "--gateway", place),
        *("--listen", f"ipc://{tmp_path}/proxy.sock"),
    )
    assert proxy.wait() == 2
    assert "DU7777777" in proxy.errors[-1]
    assert not any("Traceback" in line for line in proxy.errors)
