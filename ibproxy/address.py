"""Addresses of a proxy: what may be written, and where a proxy is when nothing is written.

An address is `ipc://PATH` (a Unix socket, which only its owner can open) or `tcp://HOST:PORT`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from ibproxy.errors import ConfigError

DEFAULT_PORT: Final = 4100
"""Where a proxy listens on systems without Unix sockets."""

MAX_PORT: Final = 65535

MAX_IPC_PATH_BYTES: Final = 107
"""Longest path of a Unix socket: `sun_path` has 108 bytes, one of them the ending NUL [Linux]."""

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_HELP: Final = "write ipc:///absolute/path.sock or tcp://HOST:PORT"


@dataclass(frozen=True)
class IpcAddress:
    """A Unix socket at an absolute path."""

    path: str

    @property
    def url(self) -> str:
        """The address as ZeroMQ takes it."""
        return f"ipc://{self.path}"

    def exists(self) -> bool:
        """Whether there is such a file, be anybody listening or not."""
        return Path(self.path).exists()


@dataclass(frozen=True)
class TcpAddress:
    """A TCP port; `host` is a name or an IP address, IPv6 without brackets."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a name is not looked up."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        # Python looks through an IPv4 address written as IPv6 only from 3.13 on.
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback

    @property
    def url(self) -> str:
        """The address as ZeroMQ takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


Address = IpcAddress | TcpAddress


def parse_url(url: str, *, lowest_port: int = 1) -> Address:
    """Return the address that `url` stands for.

    Args:
        url: `ipc://PATH` or `tcp://HOST:PORT`.
        lowest_port: 0 where a free port may be asked for.

    Raises:
        ConfigError: it stands for none; the text says what to write instead.
    """
    if url.startswith("ipc://"):
        return _parse_ipc(url)
    if url.startswith("tcp://"):
        host, port = parse_host_port(
            url.removeprefix("tcp://"), shown_as=url, lowest_port=lowest_port
        )
        return TcpAddress(host, port)
    raise ConfigError(f"{url!r} is not an address of a proxy: {_HELP}")


def check_listen_url(url: str) -> Address:
    """Return the address to listen on, if it is one that only this machine can reach.

    Port 0 stands for any free one.

    Raises:
        ConfigError: it is none, or others could reach it.
    """
    address = parse_url(url, lowest_port=0)
    if isinstance(address, TcpAddress) and not address.is_loopback:
        raise ConfigError(
            f"cannot listen on {url!r}: whoever reaches this port can trade, and there is no key "
            f"to keep anybody out; write tcp://127.0.0.1:{address.port} or ipc:///absolute/path"
        )
    return address


def parse_host_port(text: str, *, shown_as: str = "", lowest_port: int = 1) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`; IPv6 stands in brackets, `localhost` is 127.0.0.1.

    Raises:
        ConfigError: `text` is not of that form.
    """
    shown = shown_as or text
    host, colon, port_text = text.rpartition(":")
    if not colon or not host:
        raise ConfigError(f"{shown!r} is not HOST:PORT: write for example 127.0.0.1:{DEFAULT_PORT}")
    if not re.fullmatch(r"[0-9]{1,5}", port_text) or not lowest_port <= int(port_text) <= MAX_PORT:
        raise ConfigError(
            f"{shown!r} ends in no port: write a number from {lowest_port} to {MAX_PORT} there"
        )
    return _check_host(host, shown), int(port_text)


def default_address() -> Address:
    """Return where `ibproxy serve` listens, and where strategies look for it, if nobody says.

    Raises:
        ConfigError: the user's directories have names too long for a Unix socket.
    """
    if os.name != "posix":
        return TcpAddress("127.0.0.1", DEFAULT_PORT)
    return _parse_ipc(f"ipc://{_private_directory() / 'proxy.sock'}")


def create_directory_of(address: Address) -> None:
    """Make the directory of a Unix socket, open to its owner only, if it is missing."""
    if isinstance(address, IpcAddress):
        Path(address.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _private_directory() -> Path:
    with warnings.catch_warnings():
        # It warns when the session gave no directory; the next lines see to that.
        warnings.simplefilter("ignore")
        runtime = Path(platformdirs.user_runtime_dir("ibproxy"))
    if _is_private(runtime.parent):
        return runtime
    # Without a session (cron, containers) the runtime directory may be missing or in /tmp,
    # where another user can be first.
    return Path(platformdirs.user_state_dir("ibproxy")) / "run"


def _is_private(directory: Path) -> bool:
    try:
        status = directory.stat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def _parse_ipc(url: str) -> IpcAddress:
    path = url.removeprefix("ipc://")
    if not path.startswith("/") or path.endswith("/"):
        raise ConfigError(f"{url!r} names no file by its absolute path: {_HELP}")
    if not path.isprintable():
        raise ConfigError(f"{url!r} contains characters that no path should have: {_HELP}")
    size_bytes = len(path.encode())
    if size_bytes > MAX_IPC_PATH_BYTES:
        raise ConfigError(
            f"{url!r} is too long for a Unix socket: its path has {size_bytes} bytes of at most "
            f"{MAX_IPC_PATH_BYTES}; write a shorter one, for example in IBPROXY_URL"
        )
    return IpcAddress(path)


def _check_host(host: str, shown: str) -> str:
    if host == "localhost":
        return "127.0.0.1"  # ZeroMQ binds to numbers only
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise ConfigError(f"{shown!r} holds no IPv6 address between its brackets") from None
    if not _HOST_NAME.fullmatch(host):
        raise ConfigError(
            f"{shown!r} names no host: write a name or an address such as 127.0.0.1 or [::1]"
        )
    return host
