"""Addresses, the configuration file, and who a program is."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibproxy.address import (
    IpcAddress,
    TcpAddress,
    check_listen_url,
    create_directory_of,
    default_address,
    parse_url,
)
from ibproxy.config import Config, config_path, parse_config, proxy_address, read_config
from ibproxy.errors import ConfigError
from ibproxy.identity import clean_name, program_path, strategy_name

FULL = """
gateway = "localhost:4001"
client_id = 7
server_version = 178
max_messages_per_second = 40
listen = ["ipc:///run/p.sock", "tcp://[::1]:4100"]
account_turn_s = 3
[strategies.trade_cppi]
accounts = ["DU1000002"]
"""


@pytest.mark.parametrize(
    ("url", "address", "normal"),
    [
        ("ipc:///run/x y/p.sock", IpcAddress("/run/x y/p.sock"), "ipc:///run/x y/p.sock"),
        ("tcp://localhost:1", TcpAddress("127.0.0.1", 1), "tcp://127.0.0.1:1"),
        ("tcp://[::1]:65535", TcpAddress("::1", 65535), "tcp://[::1]:65535"),
        ("tcp://trading-box.lan:4100", TcpAddress("trading-box.lan", 4100), None),
    ],
)
def test_good_urls(url: str, address: object, normal: str | None) -> None:
    """A good address is understood, and written as ZeroMQ takes it."""
    parsed = parse_url(url)
    assert parsed == address
    assert parsed.url == (normal or url)


BAD_URLS = (
    "", "x", "http://a:1", "ipc://", "ipc://a.sock", "ipc://@abstract", "ipc:///dir/", "ipc://*",
    "ipc:///a\0b", "ipc:///" + "a" * 107, "ipc:///" + "é" * 54, "ipc:///\udcff", "tcp://", "tcp://a",
    "tcp://:1", "tcp://a:", "tcp://a:0", "tcp://a:65536", "tcp://a:1_0", "tcp://a:+1", "tcp://a:٤",
    "tcp://*:1", "tcp://[x]:1", "tcp://::1:1", "tcp://a;b:1", "tcp://a b:1", "tcp://a:1/x",
)  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_urls(url: str) -> None:
    """A bad address is an error in one line."""
    with pytest.raises(ConfigError) as caught:
        parse_url(url)
    assert "\n" not in str(caught.value)


@given(st.text() | st.text().map("ipc:///{}".format) | st.text().map("tcp://{}:1".format))
def test_any_url(url: str) -> None:
    """Whatever is written, the answer is an address or a ConfigError."""
    with contextlib.suppress(ConfigError):
        address = parse_url(url)
        assert parse_url(address.url) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "[::]", "[::ffff:10.0.0.1]", "box"])
def test_listens_to_this_machine_only(host: str) -> None:
    """An address that others could reach is refused, with what to write instead."""
    with pytest.raises(ConfigError, match=r"can trade.*write tcp://127\.0\.0\.1:4100"):
        check_listen_url(f"tcp://{host}:4100")


@pytest.mark.parametrize("url", ["ipc:///p.sock", "tcp://127.9.9.9:1", "tcp://[::1]:1"])
def test_may_listen(url: str) -> None:
    """Unix sockets and loopback are fine."""
    assert check_listen_url(url).url == url


@pytest.mark.skipif(os.name != "posix", reason="no Unix sockets here")
@pytest.mark.parametrize("mode", [0o700, 0o755, None])
def test_default_address(mode: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is in the session's runtime directory if that is private, else the state's."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    if mode is not None:
        (tmp_path / "r").mkdir(mode=mode)
    address = default_address()
    assert isinstance(address, IpcAddress)
    where = "r/ibproxy" if mode == 0o700 else "s/ibproxy/run"
    assert address.path == f"{tmp_path}/{where}/proxy.sock"
    create_directory_of(address)
    assert (tmp_path / where).stat().st_mode & 0o777 == 0o700


def test_full_config() -> None:
    """Every key is read."""
    config = parse_config(FULL)
    assert config.gateway_address == ("127.0.0.1", 4001)
    assert (config.client_id, config.server_version) == (7, 178)
    assert (config.max_messages_per_second, config.account_turn_s) == (40, 3.0)
    assert config.listen_addresses() == [IpcAddress("/run/p.sock"), TcpAddress("::1", 4100)]
    assert config.strategies["trade_cppi"].accounts == ("DU1000002",)
    assert parse_config("") == Config()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("client = 1", "`client`"),
        ("[strategies.a]\naccount = 1", "`account`"),
        ("client_id = -1", "client_id"),
        ("server_version = 156", "server_version"),
        ("max_messages_per_second = 51", "max_messages_per_second"),
        ("account_turn_s = 0", "account_turn_s"),
        ('gateway = "here"', "gateway"),
        ('listen = ["tcp://0.0.0.0:1"]', "0.0.0.0"),
        ('[strategies."a b"]', "a b"),
        ("gateway =", "c.toml"),
    ],
)
def test_bad_config(text: str, named: str) -> None:
    """A bad setting is refused by its name, with the file's."""
    with pytest.raises(ConfigError, match=r"^c\.toml: ") as caught:
        parse_config(text, "c.toml")
    assert named in str(caught.value)


def test_where_the_proxy_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """IBPROXY_URL is asked first, then the configuration file, then the default."""
    file = tmp_path / "own.toml"
    file.write_text('listen = ["tcp://127.0.0.1:5"]')
    monkeypatch.setenv("IBPROXY_CONFIG", str(file))
    monkeypatch.setenv("IBPROXY_URL", "tcp://127.0.0.1:6")
    assert proxy_address() == TcpAddress("127.0.0.1", 6)
    monkeypatch.delenv("IBPROXY_URL")
    assert proxy_address() == TcpAddress("127.0.0.1", 5)
    file.write_text("")
    assert proxy_address() == default_address()
    file.unlink()
    with pytest.raises(ConfigError, match=r"own\.toml: there is no such"):
        proxy_address()
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        proxy_address()
    monkeypatch.delenv("IBPROXY_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_config() == Config()
    assert config_path().name == "config.toml"


@given(st.text())
def test_clean_names(text: str) -> None:
    """A cleaned name is a fixed point, and safe."""
    name = clean_name(text)
    assert clean_name(name) == name
    assert len(name) <= 64
    assert name.isascii()


def test_strategy_names(tmp_path: Path) -> None:
    """A script is called as its file, a folder as itself, code without a file `python`."""
    code = "from ibproxy.identity import strategy_name as s; print(s())"
    (tmp_path / "trade cppi.py").write_text(code)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(code)
    for arguments, name in (
        ([str(tmp_path / "trade cppi.py")], "trade_cppi"),
        ([str(tmp_path / "folder")], "folder"),
        (["-c", code], "python"),
    ):
        result = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=True
        )
        assert result.stdout == f"{name}\n"


def test_notebook_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook is called as its file, if Jupyter or VS Code tell, else `notebook`."""
    kernel = types.SimpleNamespace(IPKernelApp=types.SimpleNamespace(initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", kernel)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert strategy_name() == "notebook"
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/My Notebook.ipynb")
    assert strategy_name() == "My_Notebook"
    monkeypatch.setattr(sys.modules["__main__"], "__vsc_ipynb_file__", "/b/code.ipynb", False)
    assert strategy_name() == "code"
    assert program_path() == "/b/code.ipynb"
    monkeypatch.setenv("IBPROXY_STRATEGY", "env")
    assert strategy_name() == "env"
    assert strategy_name("given") == "given"
