"""The ZeroMQ lane, proxy's end: moves strategies' bytes, knows nothing of what they mean.

A plain ROUTER drops what a peer does not take, without an error; this one is mandatory and never
waits: "cannot take it" and "is gone" are answers, and what they mean is decided by the hub.

Who is gone may come back by another link, if its process has not ended: its session is kept, for
as long as the hub wants, and goes on where it was.
"""

from __future__ import annotations

import contextlib
import os
import socket as sockets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

from ibproxy.address import Address, IpcAddress, create_directory_of
from ibproxy.context import end_context
from ibproxy.errors import BusyError, ConfigError, RemoteProtocolError
from ibproxy.machine import machine_id
from ibproxy.pump import SocketPump
from ibproxy.wire import lane
from ibproxy.wire.channel import DATA
from ibproxy_server.core import events as ev
from ibproxy_server.shells.zmq_peer import Ended, Peer, is_same, make_token
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

RESTARTED = "the proxy has been restarted"


class ZmqLane:
    """Listens, and turns what clients do into events.

    Args:
        run: id of this run of the proxy.
        emit: called with each event.
        status: called for a status, when somebody asks.
        next_session: gives numbers to sessions, each once in a run of the proxy.
        resume_s: how long a session is kept whose link is broken; 0: not at all.
    """

    def __init__(
        self,
        run: str,
        emit: Callable[[ev.Event], None],
        status: Callable[[], dict[str, Any]],
        next_session: Callable[[], int],
        resume_s: float = 0.0,
    ) -> None:
        self._resume_s = resume_s
        self._next_session = next_session
        self._run = run
        self._emit = emit
        self._status = status
        self._peers: dict[bytes, Peer] = {}
        self._by_session: dict[int, Peer] = {}
        self._ended = Ended()
        self._farewells: dict[bytes, list[bytes]] = {}
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
        for session in list(self._by_session):
            self.drop(session, reason)
        self._pump.close(linger_ms=200)
        end_context(self._context)
        for path in self._ipc_paths:
            with contextlib.suppress(OSError):
                Path(path).unlink()

    # what the hub wants

    def accept(self, session: int) -> None:
        """Tell the client that it has a session, and the secret by which it can take it up."""
        peer = self._by_session.get(session)
        if peer:
            token = make_token() if self._resume_s > 0 else ""
            welcome = lane.Welcome(
                self._run, session, __version__, token, self._resume_s, os.getpid(), machine_id()
            )
            if self._send(peer, lane.encode_control(welcome)):
                peer.token = token

    def send(self, session: int, data: bytes) -> None:
        """Send data; what cannot leave now waits, and the hub is told how much."""
        peer = self._by_session.get(session)
        if peer is None:
            return
        peer.add(data)
        self._flush(peer)
        if peer.backlog_bytes > REPORT_BACKLOG_BYTES:
            peer.is_reported = True
            self._emit(ev.ClientBlocked(session, peer.backlog_bytes))

    def drop(self, session: int, reason: str, *, refused: bool = False) -> None:
        """End a session; its client is told why now, or when it can be reached again."""
        peer = self._by_session.pop(session, None)
        if peer is None:
            return
        self._peers.pop(peer.routing_id, None)
        parts = lane.encode_control(lane.Refusal(reason) if refused else lane.Goodbye(reason))
        self._ended.note(peer, reason)  # it may break off before it hears of it
        if not self._send(peer, parts):
            self._farewells[peer.routing_id] = parts

    def probe(self) -> None:
        """Show every client that the proxy lives, and find those who are gone."""
        for peer in list(self._by_session.values()):
            if not peer.is_up:
                if peer.has_ended:
                    self._lose(peer, "its process has ended")
            elif self._send(peer, lane.encode_control(lane.Ack(peer.channel.ack()))):
                self._flush(peer)
        for routing_id, parts in list(self._farewells.items()):
            with contextlib.suppress(zmq.Again):
                self._answer(routing_id, parts)
                del self._farewells[routing_id]

    # what clients do

    def _take(self, parts: list[bytes]) -> None:
        try:
            if len(parts) != 3:  # noqa: PLR2004 - routing id, header, body
                raise RemoteProtocolError(f"a message of {len(parts) - 1} parts")  # noqa: TRY301
            routing_id, header, body = parts
            peer = self._peers.get(routing_id)
            if header == lane.CONTROL:
                self._take_control(routing_id, peer, lane.decode_from_client(body))
            elif header[:1] != DATA:
                raise RemoteProtocolError(f"a message of unknown kind {header[:1]!r}")  # noqa: TRY301
            elif peer is None:
                # it had a session with an earlier run, or was dropped
                self._tell(routing_id, lane.Goodbye(RESTARTED))
            else:
                data = peer.channel.unpack(header, body)
                self._flush(peer)
                if data is not None:
                    self._emit(ev.ClientData(peer.session, data, peer.channel.age_s))
        except RemoteProtocolError as error:
            self._turn_out(parts[0], f"it does not keep to the lane's protocol: {error}")

    def _take_control(self, routing_id: bytes, peer: Peer | None, message: lane.FromClient) -> None:
        match message:
            case lane.Ack():
                if peer:
                    peer.channel.acknowledge(message.received)
                    self._flush(peer)
            case lane.Hello():
                if peer is not None or message.protocol != lane.PROTOCOL:
                    text = f"this proxy speaks lane protocol {lane.PROTOCOL}: update ibproxy"
                    self._tell(routing_id, lane.Refusal(text))
                    return
                self.probe()  # a killed client's id is free before its successor asks for it
                peer = Peer(routing_id, self._next_session(), message.machine, message.pid)
                self._peers[routing_id] = self._by_session[peer.session] = peer
                self._emit(
                    ev.ClientArrived(
                        peer.session,
                        message.strategy,
                        message.host,
                        message.port,
                        message.program,
                        message.pid,
                        message.machine,
                    )
                )
            case lane.Resume():
                self._resume(routing_id, peer, message)
            case lane.Goodbye():
                if peer:
                    self._lose(peer, "")
            case lane.StatusRequest():
                self._tell(routing_id, lane.StatusReply(self._status()))

    def _resume(self, routing_id: bytes, other: Peer | None, message: lane.Resume) -> None:
        """Let a session go on by a new link, if who asks is its client."""
        if other is not None:
            raise RemoteProtocolError("it takes up a session where it has one")
        if message.run != self._run:
            self._tell(routing_id, lane.Goodbye(RESTARTED))
            return
        peer = self._by_session.get(message.session)
        if peer is None or not peer.token or not is_same(peer.token, message.token):
            reason = self._ended.reason(message.session, message.token)
            self._tell(routing_id, lane.Goodbye(reason))
            return
        # The old link may seem whole: its client knows better.
        self._peers.pop(peer.routing_id, None)
        self._peers[routing_id] = peer
        peer.routing_id = routing_id
        was_up, peer.is_up = peer.is_up, True
        peer.channel.rewind(message.received)
        if not was_up:
            self._emit(ev.ClientBack(peer.session))
        if self._send(peer, lane.encode_control(lane.Resumed(peer.channel.ack()))):
            self._flush(peer)

    # inside

    def _tell(self, routing_id: bytes, message: lane.FromProxy) -> None:
        """Answer somebody without a session; whether it arrives is the asker's business."""
        with contextlib.suppress(zmq.Again):
            self._answer(routing_id, lane.encode_control(message))

    def _answer(self, routing_id: bytes, parts: list[bytes]) -> None:
        try:
            self._pump.send([routing_id, *parts])
        except zmq.Again:
            raise
        except zmq.ZMQError:
            pass  # it is gone

    def _turn_out(self, routing_id: bytes, reason: str) -> None:
        peer = self._peers.get(routing_id)
        self._tell(routing_id, lane.Goodbye(reason))
        if peer:
            self._lose(peer, reason)

    def _lose(self, peer: Peer, reason: str) -> None:
        self._peers.pop(peer.routing_id, None)
        if self._by_session.pop(peer.session, None):
            self._emit(ev.ClientLeft(peer.session, reason))

    def _unplug(self, peer: Peer, reason: str) -> None:
        """A link is broken: the client is gone for good, or may come back.

        What it said before may still be in the socket, so it stays known by its routing id.
        """
        if peer.session not in self._by_session:
            return  # it was being told goodbye
        if not peer.token or peer.has_ended:
            self._lose(peer, reason)
        else:
            peer.is_up = False
            self._emit(ev.ClientAway(peer.session))

    def _send(self, peer: Peer, parts: list[bytes]) -> bool:
        """Return whether it left."""
        if not peer.is_up:
            return False
        try:
            self._pump.send([peer.routing_id, *parts])
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            self._unplug(peer, f"its link broke: {error}")
            return False
        return True

    def _flush(self, peer: Peer) -> None:
        """Send what waits, as far as the client takes it."""
        while peer.is_up and (parts := peer.next_parts()):
            if not self._send(peer, parts):
                return
            peer.channel.has_left()
        if peer.is_reported and peer.backlog_bytes <= DRAINED_BYTES:
            peer.is_reported = False
            self._emit(ev.ClientDrained(peer.session))


def _is_served(path: str) -> bool:
    """Whether somebody listens on the socket file; ZeroMQ itself would just take it over."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
