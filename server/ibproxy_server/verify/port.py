"""Where a gateway listens, and the clock that it is watched by: all IO of the checks is here."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Protocol

from ibproxy.errors import UpstreamLostError

READ_BYTES = 65536


class Link(Protocol):
    """One connection: a stream of bytes."""

    def send(self, data: bytes) -> None:
        """Send bytes; if the peer has hung up, they are lost."""

    def read(self, within_s: float) -> bytes | None:
        """Return what has come; None if nothing does within the time, empty at the end."""

    def close(self) -> None:
        """Hang up."""


class Port(Protocol):
    """Opens connections and tells the time; a test has one without sockets and without waiting."""

    def connect(self, within_s: float) -> Link:
        """Open a connection.

        Raises:
            UpstreamLostError: nothing answers there.
        """
        ...

    def now_s(self) -> float:
        """Return the time in seconds, from wherever."""
        ...

    def pause(self, for_s: float) -> None:
        """Let time go by."""


@dataclass(frozen=True)
class TcpPort:
    """A gateway on TCP.

    Attributes:
        host: where it listens.
        port: its port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def connect(self, within_s: float) -> Link:
        """Open a connection; raises as `Port.connect`."""
        try:
            return TcpLink(socket.create_connection((self.host, self.port), timeout=within_s))
        except OSError as error:
            raise UpstreamLostError(
                f"no gateway answers at {self} ({error.strerror or error}): start it, "
                "allow API connections in its settings, or give another --gateway"
            ) from error

    def now_s(self) -> float:
        """Return the clock that never jumps."""
        return time.monotonic()

    def pause(self, for_s: float) -> None:
        """Sleep."""
        time.sleep(for_s)


class TcpLink:
    """A connection on a plain socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Send bytes; what ends the connection is seen by who reads."""
        try:
            self._socket.sendall(data)
        except OSError:
            self._socket.close()

    def read(self, within_s: float) -> bytes | None:
        """Return what has come; None if nothing does within the time, empty at the end."""
        try:
            self._socket.settimeout(within_s)
            return self._socket.recv(READ_BYTES)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
