"""The ZeroMQ lane, proxy's end: moves strategies' bytes, knows nothing of what they mean.

A plain ROUTER drops what a peer does not take, without an error; this one is mandatory and never
waits: "cannot take it" and "is gone" are answers, and what they mean is decided by the hub.
"""

from __future__ import annotations

import contextlib
import os
import socket as sockets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from ibproxy.address import Address, IpcAddress, create_directory_of
from ibproxy.context import end_context
from ibproxy.errors import BusyError, ConfigError, RemoteProtocolError
from ibproxy.pump import SocketPump
from ibproxy.wire import lane
from ibproxy_server.core import events as ev
from ibproxy_server.version import __version__

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""A client's message longer than this ends its connection; frames have at most 16 MiB."""

HIGH_WATER_MESSAGES = 10_000
"""Messages that ZeroMQ queues for a peer; the window keeps data far below this."""

HEARTBEAT_INTERVAL_MS, HEARTBEAT_TIMEOUT_MS = 2_000, 15_000
"""ZeroMQ's own pings find dead hosts, whatever the client's program is doing."""

REPORT_BACKLOG_BYTES = 1024 * 1024
"""From here on the hub is told how much waits for a client."""

DRAINED_BYTES = 256 * 1024
"""When no more than this waits, the client has caught up."""

JOIN_BYTES = 64 * 1024
"""What waits is joined to messages of about this size."""


@dataclass(eq=False)
class _Peer:
    """A client's end of the lane."""

    routing_id: bytes
    session: int
    channel: lane.Channel = field(default_factory=lane.Channel)
    stuck: list[bytes] | None = None
    backlog: deque[bytes] = field(default_factory=deque)
    backlog_bytes: int = 0
    is_reported: bool = False


class ZmqLane:
    """Listens, and turns what clients do into events.

    Args:
        run: id of this run of the proxy.
        emit: called with each event.
        status: called for a status, when somebody asks.
        next_session: gives numbers to sessions, each once in a run of the proxy.
    """

    def __init__(
        self,
        run: str,
        emit: Callable[[ev.Event], None],
        status: Callable[[], dict[str, Any]],
        next_session: Callable[[], int],
    ) -> None:
        self._next_session = next_session
        self._run = run
        self._emit = emit
        self._status = status
        self._peers: dict[bytes, _Peer] = {}
        self._by_session: dict[int, _Peer] = {}
        self._ipc_paths: list[str] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MESSAGES)
        self._socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MESSAGES)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
        self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
        self._pump = SocketPump(self._socket, self._take)

    def bind(self, address: Address) -> str:
        """Listen on `address` and return its URL, with a free port in place of port 0.

        Raises:
            BusyError: another proxy, or another program, is there.
            ConfigError: the address cannot be listened on.
        """
        if isinstance(address, IpcAddress):
            create_directory_of(address)
            if _is_served(address.path):
                raise BusyError(f"another proxy listens on {address.url}: stop it, or use --listen")
        else:
            self._socket.setsockopt(zmq.IPV6, int(":" in address.host))
        mask = os.umask(0o177)  # the socket file is for its owner only, from its first moment
        try:
            self._socket.bind(address.url)
        except zmq.ZMQError as error:
            if error.errno == zmq.EADDRINUSE:
                text = f"{address.url} is in use: stop what listens there, or use --listen"
                raise BusyError(text) from None
            raise ConfigError(f"cannot listen on {address.url}: {error}") from None
        finally:
            os.umask(mask)
        if isinstance(address, IpcAddress):
            self._ipc_paths.append(address.path)
            return address.url
        endpoint = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)  # noqa: S101 - what libzmq gives for this option
        return endpoint.rstrip(b"\0").decode()

    def start(self, loop: Any) -> None:
        """Begin to serve on `loop`."""
        self._pump.start(loop)

    def close(self, reason: str) -> None:
        """Say goodbye to all and leave nothing behind."""
        for peer in list(self._peers.values()):
            self.drop(peer.session, reason)
        self._pump.close(linger_ms=200)
        end_context(self._context)
        for path in self._ipc_paths:
            with contextlib.suppress(OSError):
                Path(path).unlink()

    # what the hub wants

    def accept(self, session: int) -> None:
        """Tell the client that it has a session."""
        self._control(session, lane.Welcome(self._run, session, __version__))

    def send(self, session: int, data: bytes) -> None:
        """Send data; what cannot leave now waits, and the hub is told how much."""
        peer = self._by_session.get(session)
        if peer is None:
            return
        peer.backlog.append(data)
        peer.backlog_bytes += len(data)
        self._flush(peer)
        if peer.backlog_bytes > REPORT_BACKLOG_BYTES:
            peer.is_reported = True
            self._emit(ev.ClientBlocked(session, peer.backlog_bytes))

    def drop(self, session: int, reason: str, *, refused: bool = False) -> None:
        """End a session."""
        self._control(session, lane.Refusal(reason) if refused else lane.Goodbye(reason))
        peer = self._by_session.pop(session, None)
        if peer:
            self._peers.pop(peer.routing_id, None)

    def probe(self) -> None:
        """Show every client that the proxy lives, and find those who are gone."""
        for peer in list(self._peers.values()):
            if self._send(peer, lane.encode_control(peer.channel.ack())) is not None:
                self._flush(peer)

    # what clients do

    def _take(self, parts: list[bytes]) -> None:
        try:
            if len(parts) != 3:  # noqa: PLR2004 - routing id, header, body
                raise RemoteProtocolError(f"a message of {len(parts) - 1} parts")  # noqa: TRY301
            routing_id, header, body = parts
            peer = self._peers.get(routing_id)
            if header == lane.CONTROL:
                self._take_control(routing_id, peer, lane.decode_from_client(body))
            elif header[:1] != lane.DATA:
                raise RemoteProtocolError(f"a message of unknown kind {header[:1]!r}")  # noqa: TRY301
            elif peer is None:
                # it had a session with an earlier run, or was dropped
                self._answer(routing_id, lane.Goodbye("the proxy has been restarted"))
            else:
                data = peer.channel.unpack(header, body)
                self._flush(peer)
                if data is not None:
                    self._emit(ev.ClientData(peer.session, data))
        except RemoteProtocolError as error:
            self._turn_out(parts[0], f"it does not keep to the lane's protocol: {error}")

    def _take_control(
        self, routing_id: bytes, peer: _Peer | None, message: lane.FromClient
    ) -> None:
        match message:
            case lane.Ack():
                if peer:
                    peer.channel.acknowledge(message.received)
                    self._flush(peer)
            case lane.Hello():
                if peer is not None or message.protocol != lane.PROTOCOL:
                    text = f"this proxy speaks lane protocol {lane.PROTOCOL}: update ibproxy"
                    self._answer(routing_id, lane.Refusal(text))
                    return
                self.probe()  # a killed client's id is free before its successor asks for it
                peer = _Peer(routing_id, self._next_session())
                self._peers[routing_id] = self._by_session[peer.session] = peer
                self._emit(
                    ev.ClientArrived(
                        peer.session,
                        message.strategy,
                        message.host,
                        message.port,
                        message.program,
                        message.pid,
                    )
                )
            case lane.Goodbye():
                if peer:
                    self._lose(peer, "")
            case lane.StatusRequest():
                self._answer(routing_id, lane.StatusReply(self._status()))

    # inside

    def _control(self, session: int, message: lane.FromProxy) -> None:
        peer = self._by_session.get(session)
        if peer:
            self._send(peer, lane.encode_control(message))

    def _answer(self, routing_id: bytes, message: lane.FromProxy) -> None:
        """Answer somebody without a session; whether it arrives is the asker's business."""
        with contextlib.suppress(zmq.ZMQError):
            self._pump.send([routing_id, *lane.encode_control(message)])

    def _turn_out(self, routing_id: bytes, reason: str) -> None:
        self._answer(routing_id, lane.Goodbye(reason))
        peer = self._peers.get(routing_id)
        if peer:
            self._lose(peer, reason)

    def _lose(self, peer: _Peer, reason: str) -> None:
        self._peers.pop(peer.routing_id, None)
        if self._by_session.pop(peer.session, None):
            self._emit(ev.ClientLeft(peer.session, reason))

    def _send(self, peer: _Peer, parts: list[bytes]) -> bool | None:
        """Return True if it left, False if the peer cannot take it now, None if it is gone."""
        try:
            self._pump.send([peer.routing_id, *parts])
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            self._lose(peer, f"its link broke: {error}")
            return None
        return True

    def _flush(self, peer: _Peer) -> None:
        if peer.stuck:
            if not self._send(peer, peer.stuck):
                return
            peer.stuck = None
        while peer.backlog and peer.channel.may_send:
            data = _join(peer.backlog)
            peer.backlog_bytes -= len(data)
            parts = peer.channel.pack(data)
            if not self._send(peer, parts):
                peer.stuck = parts
                return
        if peer.is_reported and peer.backlog_bytes <= DRAINED_BYTES:
            peer.is_reported = False
            self._emit(ev.ClientDrained(peer.session))


def _join(backlog: deque[bytes]) -> bytes:
    """Take from the front of `backlog` what fits into one message."""
    data = backlog.popleft()
    if not backlog or len(data) >= JOIN_BYTES:
        return data
    pieces, size_bytes = [data], len(data)
    while backlog and size_bytes + len(backlog[0]) <= JOIN_BYTES:
        pieces.append(backlog.popleft())
        size_bytes += len(pieces[-1])
    return b"".join(pieces)


def _is_served(path: str) -> bool:
    """Whether somebody listens on the socket file; ZeroMQ itself would just take it over."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
