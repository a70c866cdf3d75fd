"""One connection to the proxy's ZeroMQ socket: it comes up, it goes down, and that was it.

ZeroMQ would connect again by itself and send later what waits. Nothing may wait here: an order
that leaves minutes late is another order. So a cable never reconnects; whoever wants to try
again takes a new one. Whatever holds up a connection is ended by ZeroMQ's own threads, so that
a program which is busy for minutes does not miss that a try has come to nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable, Sequence
from typing import Final

import zmq

from ibproxy.context import LINGER_MS, process_context
from ibproxy.pump import Parts, SocketPump

HEARTBEAT_INTERVAL_MS: Final = 2_000
HEARTBEAT_TIMEOUT_MS: Final = 10_000
"""ZeroMQ's own threads ask and answer, so a program that computes for minutes stays connected."""

HANDSHAKE_TIMEOUT_MS: Final = 3_000
"""Below the 4 s that `IB.connect` waits, so that its user reads what is wrong."""

CONNECT_TIMEOUT_MS: Final = 3_000
"""A network that swallows packets would otherwise hold up a try for minutes."""

ONE_DAY_MS: Final = 86_400_000

_numbers: Final = itertools.count(1)
_EVENT: Final = struct.Struct("=Hi")
_UP: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED
_NOT_A_PROXY: Final = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_DOWN: Final = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED | _NOT_A_PROXY


class Cable:
    """A DEALER socket that connects once, and tells when it is up and when it is down.

    Args:
        url: where to.
        on_up: called once, when messages can be sent.
        on_message: called with the parts of each message.
        on_down: called once, after all messages that came, unless `close` was called before;
            its argument says what is wrong, and is empty if the other side closed.
    """

    def __init__(
        self,
        url: str,
        on_up: Callable[[], object],
        on_message: Callable[[Parts], object],
        on_down: Callable[[str], object],
    ) -> None:
        self._url = url
        self._on_up = on_up
        self._on_down = on_down
        self._is_up = False
        self._is_down = False
        context = process_context()
        self._socket = context.socket(zmq.DEALER)
        _set_options(self._socket)
        self._monitor = context.socket(zmq.PAIR)
        endpoint = f"inproc://ibproxy-monitor-{next(_numbers)}"
        self._socket.monitor(endpoint, int(_UP | _DOWN))
        self._monitor.connect(endpoint)
        self._pump = SocketPump(self._socket, on_message)
        self._events = SocketPump(self._monitor, self._on_event)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to connect; everything is called back on `loop`."""
        self._events.start(loop)
        self._pump.start(loop)
        try:
            self._socket.connect(self._url)
        except zmq.ZMQError as error:
            loop.call_soon(self._go_down, f"cannot connect to {self._url}: {error}")

    def send(self, parts: Sequence[bytes]) -> None:
        """Send a message.

        Raises:
            zmq.Again: the cable is not up.
            zmq.ZMQError: it was closed.
        """
        self._pump.send(parts)

    def close(self, linger_ms: int = LINGER_MS) -> None:
        """Close without calling back; what was sent has `linger_ms` to get out."""
        self._is_down = True
        self._pump.close(linger_ms)
        self._events.close()

    def _on_event(self, parts: Parts) -> None:
        event, _ = _EVENT.unpack_from(parts[0])
        if event == _UP:
            self._is_up = True
            self._on_up()
        elif event & _NOT_A_PROXY:
            self._go_down(f"what answers at {self._url} is not an ibproxy")
        elif self._is_up:
            self._pump.drain_all()  # what came before the end comes before the end
            self._go_down("")
        else:
            self._go_down(f"no proxy answers at {self._url}: start one with `ibproxy serve`")

    def _go_down(self, text: str) -> None:
        if not self._is_down:
            self.close(linger_ms=0)
            self._on_down(text)


def _set_options(socket: zmq.Socket[bytes]) -> None:
    """Set what makes a DEALER a cable."""
    # -1 would mean never, but then, as with IMMEDIATE, the end of a connection takes with it what
    # had come and was not read [seen in libzmq 4.3.5]. Long before a day the cable is closed.
    socket.setsockopt(zmq.RECONNECT_IVL, ONE_DAY_MS)
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    socket.setsockopt(zmq.IPV6, 1)
    # No marks: what is on the way is bounded by the lane's window. A full pipe would stop the
    # heartbeats as well, and so cut off a program for being busy.
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS)
