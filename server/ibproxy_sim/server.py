"""The stand-in gateway on a TCP port: the only module here with a socket or a clock."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from ibproxy_sim.wire.gateway import Client, Gateway

T = TypeVar("T")

MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""A client that leaves more than this unread is dropped."""

REOPEN_S = 0.1
"""How soon it is tried again to take the port back."""

LONGEST_STEP_S = 1.0
"""Wall time that is made up for at once; beyond it the market's time falls behind the clock.

A machine that is too slow for its `speed` then has a slower market instead of none.
"""


class SimServer:
    """Serves one `Gateway` on TCP.

    Attributes:
        gateway: the pure gateway that it drives.
        host: address that it listens on.
        port: port that it listens on; the one that was given by the system if 0 was asked for.
    """

    def __init__(self, gateway: Gateway, host: str = "127.0.0.1", port: int = 0) -> None:
        self.gateway = gateway
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._connections: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._seen_at_s = 0.0

    async def start(self) -> None:
        """Listen; `port` is known afterwards.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._seen_at_s = time.monotonic()
        self.settle()

    def _open_or_close(self) -> None:
        """Have the port open or closed, as the gateway says; who connects next finds it so."""
        if self._server and not self.gateway.is_open:
            self._server.close()
            self._server = None
        elif not self._server and self.gateway.is_open and not self._is_opening:
            loop = asyncio.get_running_loop()
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            try:
                listener = socket.create_server((self.host, self.port), family=family)
            except OSError:  # somebody else has it for a moment
                self._reopening = loop.call_later(REOPEN_S, self._open_or_close)
                return
            self._opening = loop.create_task(
                self._serve(listener), name="stand-in gateway: open the port again"
            )

    @property
    def _is_opening(self) -> bool:
        return self._opening is not None and not self._opening.done()

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), sock=listener)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._reopening:
            self._reopening.cancel()
        if self._opening:
            await self._opening
        if self._timer:
            self._timer.cancel()
        if self._server:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        if self._server:
            await self._server.wait_closed()

    def advance(self) -> None:
        """Let the market's time catch up with the clock: the time gone by, times the speed."""
        now_s = time.monotonic()
        elapsed_s = min(now_s - self._seen_at_s, LONGEST_STEP_S)
        self._seen_at_s = now_s
        self.gateway.advance(self.gateway.now_s + elapsed_s * self.gateway.settings.speed)

    def do(self, action: Callable[[], T]) -> T:
        """Do something to the gateway at the present moment, and send what comes of it."""
        self.advance()
        try:
            return action()
        finally:
            self.settle()

    def tick(self) -> None:
        """Advance, and send what came of it."""
        self._timer = None
        self.advance()
        self.settle()

    def settle(self) -> None:
        """Send what is to be sent, and sleep until the gateway's next deadline."""
        self._open_or_close()
        for connection in list(self._connections):
            connection.flush()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        speed = self.gateway.settings.speed
        if not speed:
            return
        delay_s = LONGEST_STEP_S / 2  # so that no time is lost while nothing is due
        deadline_s = self.gateway.next_deadline_s()
        if deadline_s is not None:
            delay_s = min(delay_s, max(0.0, deadline_s - self.gateway.now_s) / speed)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self.tick)

    def add(self, connection: _Connection) -> None:
        """A connection was accepted."""
        self._connections.add(connection)

    def remove(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that its peer sees "connection reset", not an orderly end."""
    connection = transport.get_extra_info("socket")
    layout = "hh" if sys.platform == "win32" else "ii"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
    transport.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, server: SimServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._client: Client | None = None
        self._can_write = True
        self._is_pouring = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes these
        self._transport = transport
        self._client = self._server.gateway.connect()
        self._server.add(self)

    def data_received(self, data: bytes) -> None:
        assert self._client  # noqa: S101 - connection_made comes first
        self._server.advance()
        self._server.gateway.receive(self._client, data)
        self._server.settle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._server.remove(self)
        if self._client:
            self._server.gateway.disconnect(self._client)
        self._transport = None

    def flush(self) -> None:
        client, transport = self._client, self._transport
        if not client or not transport:
            return
        if client.is_reset:
            reset(transport)
            return
        if client.outbox:
            transport.write(b"".join(client.outbox))
            client.outbox.clear()
            if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                transport.abort()
                return
        self._pour()
        if client.closing:
            transport.close()

    def pause_writing(self) -> None:
        """The reader is slower than a flood: wait for it (asyncio calls this)."""
        self._can_write = False

    def resume_writing(self) -> None:
        """The reader has caught up (asyncio calls this)."""
        self._can_write = True
        self._pour()

    def _pour(self) -> None:
        """Write the next piece of a flood, and come back after everybody else had a turn."""
        gateway = self._server.gateway
        if self._is_pouring or not self._can_write or not gateway.endless:
            return
        if not gateway.outgoing.is_empty:
            return  # a fault looks at every byte
        self._is_pouring = True
        asyncio.get_running_loop().call_soon(self._pour_next)

    def _pour_next(self) -> None:
        self._is_pouring = False
        client, transport, endless = self._client, self._transport, self._server.gateway.endless
        is_free = self._server.gateway.outgoing.is_empty
        if client and endless and is_free and transport and not transport.is_closing():
            chunk = endless(client)
            if chunk:
                transport.write(chunk)
                self._pour()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()
