"""Mistakes of users end in one line that says what to do, and in exit status 2."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

Mistake = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "explanation"),
    [
        ((), "command"),
        (("trade",), "trade"),
        (("sim", "--port", "70000"), "from 0 to 65535"),
        (("sim", "--port", "-1"), "from 0 to 65535"),
        (("sim", "--speed", "0"), "not a number above 0"),
        (("sim", "--speed", "fast"), "'fast' is not a number"),
        (("sim", "--server-version", "179"), "from 157 to 178"),
        (("sim", "--accounts", ""), "write them like DU1000001,DU1000002"),
        (("sim", "--accounts", "DU1000001;DU1000002"), "write them like DU1000001,DU1000002"),
        (("sim", "--accounts", "DU1000001,"), "write them like DU1000001,DU1000002"),
        (("sim", "--accounts", "DU1000001,DU1000001"), "named twice"),
        (("sim", "--host", "999.1.1.1", "--port", "0"), "--host"),
        (("demo", "--seconds", "-3"), "not a number above 0"),
        (("demo", "--seconds", "nan"), "not a number above 0"),
        (("serve", "--gateway", "nowhere"), "--gateway nowhere"),
        (("serve", "--client-id", "x"), "not a whole number"),
        (("serve", "--listen", "http://127.0.0.1:1"), "http://127.0.0.1:1"),
        (("serve", "--listen", "tcp://0.0.0.0:4100"), "whoever reaches this port can trade"),
        (("serve", "--config", "missing.toml"), "missing.toml"),
        (("status", "--url", "localhost"), "localhost"),
        (("status", "--ur", "localhost"), "--ur"),
    ],
)
def test_a_mistake_is_explained_in_one_line(
    mistake: Mistake, arguments: tuple[str, ...], explanation: str
) -> None:
    """Whatever is wrong on the command line is named, together with what to write instead."""
    assert explanation in mistake(*arguments)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ("gateway = ", "config.toml"),
        ("gateway = 4002", "gateway"),
        ('gatewai = "127.0.0.1:4002"', "gatewai"),
        ('listen = ["udp://127.0.0.1:1"]', "udp://127.0.0.1:1"),
        ('[strategies.wheel]\naccounts = "DU1000001"', "accounts"),
        ('[strategies.wheel]\nexpects = "papers"', "expects"),
        ("paper_ports = [0]", "paper_ports"),
        ("live_ports = [4002]", "4002"),
    ],
)
def test_a_bad_configuration_file_is_explained(
    mistake: Mistake, tmp_path: Path, text: str, explanation: str
) -> None:
    """The line names the file and the setting that cannot be used."""
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    line = mistake("serve", "--config", str(path))
    assert explanation in line
    assert "config.toml" in line


def test_a_port_in_use_is_explained(mistake: Mistake) -> None:
    """The stand-in cannot share a port, and says which option takes another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = mistake("sim", "--port", str(port))
    assert f"port {port} on 127.0.0.1 is in use" in line
    assert "--port" in line


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
def test_a_proxy_that_is_not_there_is_explained(
    mistake: Mistake, tmp_path: Path, scheme: str
) -> None:
    """`ibproxy status` says where it looked, and how a proxy is started."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    url = f"ipc://{tmp_path}/proxy.sock" if scheme == "ipc" else f"tcp://127.0.0.1:{port}"
    line = mistake("status", "--url", url)
    assert url in line
    assert "ibproxy serve" in line


def test_the_environment_is_checked_too(mistake: Mistake) -> None:
    """A bad address in IBPROXY_URL is explained by that name."""
    assert "IBPROXY_URL" in mistake("status", IBPROXY_URL="nowhere")
