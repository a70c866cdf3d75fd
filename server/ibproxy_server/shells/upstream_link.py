"""The one TCP connection to the gateway."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from ibproxy_server.core import events as ev


class UpstreamLink(asyncio.Protocol):
    """Opens and closes the connection, and turns what comes into events.

    Args:
        host: the gateway's host.
        port: the gateway's port.
        emit: called with each event.
    """

    def __init__(self, host: str, port: int, emit: Callable[[ev.Event], None]) -> None:
        self._host = host
        self._port = port
        self._emit = emit
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._reason = ""

    def open(self) -> None:
        """Try to connect once; `UpstreamConnected` or `UpstreamLost` follows."""
        loop = asyncio.get_running_loop()
        self._opening = loop.create_task(self._connect(), name="open the gateway connection")

    def close(self, reason: str) -> None:
        """End the connection or the attempt; `UpstreamLost` with `reason` follows."""
        self._reason = reason
        if self._transport:
            self._transport.abort()
        elif self._opening:
            self._opening.cancel()

    def send(self, data: bytes) -> None:
        """Send bytes; what is sent after the connection broke is lost, and the hub is told."""
        if self._transport:
            self._transport.write(data)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self, self._host, self._port)
        except OSError as error:
            self._emit(ev.UpstreamLost(_named(error)))
        except asyncio.CancelledError:
            self._emit(ev.UpstreamLost(self._reason))
            raise
        finally:
            self._opening = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection makes it
        self._transport = transport
        self._reason = ""
        self._emit(ev.UpstreamConnected())

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._emit(ev.UpstreamData(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        reason = self._reason or (_named(exc) if exc else "the gateway closed the connection")
        self._emit(ev.UpstreamLost(reason))


def _named(error: Exception) -> str:
    """Return what went wrong, in the system's words; asyncio adds an address that is known."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number).lower() if number else str(error)
