"""The TCP lane: TWS's own socket protocol, for programs in any language.

Each door is a port that stands for one strategy: whoever connects there is that strategy. The
protocol has no place for a name, nor for a reason why somebody is turned away; that is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any

from ibproxy.config import DoorConfig
from ibproxy.errors import BusyError
from ibproxy_server.core import events as ev

_logger = logging.getLogger("ibproxy.server")

REPORT_BACKLOG_BYTES = 1024 * 1024
"""From here on the hub is told how much waits for a client."""

DRAINED_BYTES = 256 * 1024
"""When no more than this waits, the client has caught up."""

HANG_UP_S = 5.0
"""So long a caller has to read what was said last; what it does not read would be kept for it."""

SILENCE_S, PROBE_S, PROBES = 30, 10, 3
"""After so much silence its machine is asked, so often, whether it is still there: a program that
computes answers by its system, one whose network is gone loses its place after a minute."""

UNREAD_BYTES = 64 * 1024
"""What a client may say before it has been let in; a handshake has some thirty bytes."""


class TcpLane:
    """Listens, and turns what clients do into events.

    Args:
        emit: called with each event.
        next_session: gives numbers to sessions, each once in a run of the proxy.
    """

    def __init__(self, emit: Callable[[ev.Event], None], next_session: Callable[[], int]) -> None:
        self._emit = emit
        self._next_session = next_session
        self._servers: list[asyncio.Server] = []
        self._callers: dict[int, _Caller] = {}

    def __contains__(self, session: int) -> bool:
        return session in self._callers

    async def listen(self, door: DoorConfig) -> tuple[str, int]:
        """Open a door; returns host and port, with a free port in place of port 0.

        Raises:
            BusyError: another program is there, or the address is not this machine's.
        """
        host, port = door.address
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: _Caller(self, door), host, port)
        except OSError as error:
            text = f"cannot listen on {door.listen} for {door.strategy}: {error.strerror or error}"
            raise BusyError(f"{text}: choose another port") from None
        self._servers.append(server)
        taken: int = server.sockets[0].getsockname()[1]
        _logger.info("%s may come in at %s:%d, in TWS's own protocol", door.strategy, host, taken)
        return host, taken

    def close(self, reason: str) -> None:
        """Hang up on all, and close the doors."""
        for server in self._servers:
            server.close()
        for session in list(self._callers):
            self.drop(session, reason)

    # what the hub wants

    def accept(self, session: int) -> None:
        """Let a client in: what it has said meanwhile is heard."""
        caller = self._callers.get(session)
        if caller:
            caller.let_in()

    def send(self, session: int, data: bytes) -> None:
        """Send data; what cannot leave now waits, and the hub is told how much."""
        caller = self._callers.get(session)
        if caller is None:
            return
        waiting = caller.write(data)
        if waiting > REPORT_BACKLOG_BYTES:
            self._emit(ev.ClientBlocked(session, waiting))

    def drop(self, session: int, reason: str, *, refused: bool = False) -> None:
        """Hang up, when what was said last has left; TWS's protocol has no word for why."""
        caller = self._callers.pop(session, None)
        if caller:
            if refused:
                _logger.warning("turned away at %s: %s", caller.door.listen, reason)
            caller.hang_up()

    # what callers do

    def arrived(self, caller: _Caller, host: str, port: int) -> int:
        """Somebody has connected; returns the number of the session."""
        session = self._next_session()
        self._callers[session] = caller
        program = f"program at {host}:{port}"
        self._emit(ev.ClientArrived(session, caller.door.strategy, program=program))
        return session

    def said(self, session: int, data: bytes) -> None:
        """A client has said something."""
        self._emit(ev.ClientData(session, data))

    def drained(self, session: int) -> None:
        """A client has read what waited for it."""
        if session in self._callers:
            self._emit(ev.ClientDrained(session))

    def left(self, session: int, reason: str) -> None:
        """A client has gone."""
        if self._callers.pop(session, None):
            self._emit(ev.ClientLeft(session, reason))


class _Caller(asyncio.Protocol):
    """One connection.

    Attributes:
        door: where it came in.
    """

    def __init__(self, lane: TcpLane, door: DoorConfig) -> None:
        self.door = door
        self._lane = lane
        self._session = 0
        self._is_in = False
        self._early = bytearray()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def let_in(self) -> None:
        """The hub knows it: hand over what it said before."""
        self._is_in = True
        early, self._early = bytes(self._early), bytearray()
        if early:
            self._lane.said(self._session, early)

    def write(self, data: bytes) -> int:
        """Send bytes; returns how many wait."""
        if self._transport is None:
            return 0
        self._transport.write(data)
        return self._transport.get_write_buffer_size()

    def hang_up(self) -> None:
        """Close the connection behind what is still to be sent."""
        if self._transport:
            self._transport.close()
            self._loop.call_later(HANG_UP_S, self._transport.abort)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, if it comes from where it may."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes it
        self._transport = transport
        transport.set_write_buffer_limits(REPORT_BACKLOG_BYTES, DRAINED_BYTES)
        host, port, *_ = transport.get_extra_info("peername")
        if not self.door.admits(host):
            _logger.warning("turned away %s at %s: not of its networks", host, self.door.listen)
            transport.abort()
            return
        raw: Any = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            _probe(raw)
        self._session = self._lane.arrived(self, host, port)

    def data_received(self, data: bytes) -> None:
        """Hand it on, or keep it until the hub has let the client in."""
        if self._is_in:
            self._lane.said(self._session, data)
            return
        self._early += data
        if len(self._early) > UNREAD_BYTES:
            self._lane.left(self._session, "it says too much before it is let in")
            self.hang_up()

    def resume_writing(self) -> None:
        """What waited has left, but for a little."""
        self._lane.drained(self._session)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has hung up, or its link broke."""
        self._transport = None
        if self._session:
            self._lane.left(self._session, str(exc) if exc else "")


def _probe(raw: socket.socket) -> None:
    """Let the system find out when a caller's machine cannot be reached any more."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {"TCP_KEEPIDLE": SILENCE_S, "TCP_KEEPINTVL": PROBE_S, "TCP_KEEPCNT": PROBES}
    for name, value in options.items():
        if hasattr(socket, name):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
