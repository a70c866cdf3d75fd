"""What stands in for ib_async's `Connection` under a `Client`: the link to the proxy.

It has the members that ib_async's client uses, with its names, and ends as a TCP connection of
asyncio ends: `disconnected` comes from the loop, once, with an empty text when nothing is wrong.
It moves bytes and never looks at what they say.

::

                connectAsync            Welcome
        IDLE ─────────────► CONNECTING ─────────► OPEN ──── disconnect() ────► CLOSING
          ▲                     │                  │                              │
          └── Refusal, error ───┘                  │ Goodbye, connection lost     │ next turn of
          ◄────────────────────────────────────────┘ (emits disconnected)         │ the loop
          ◄───────────────────────────────────────────────────────────────────────┘ (emits, too)
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import enum
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import zmq
from eventkit import Event  # type: ignore[import-untyped]

from ibproxy.address import IpcAddress
from ibproxy.cable import Cable
from ibproxy.config import proxy_address
from ibproxy.context import close_context
from ibproxy.errors import RefusedError, RemoteProtocolError, UpstreamLostError
from ibproxy.identity import program_path, strategy_name
from ibproxy.wire.lane import (
    CONTROL,
    Ack,
    Channel,
    FromClient,
    Goodbye,
    Hello,
    Refusal,
    Welcome,
    decode_from_proxy,
    encode_control,
)

PIECE_BYTES: Final = 8 * 1024
"""ib_async copies the rest of a piece for each message in it; 2 to 8 KiB were the fastest."""

_LENGTH_BYTES: Final = 4


class LinkState(enum.Enum):
    """Where a link is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"


class Link:
    """A connection to a gateway of one's own, through the proxy.

    Args:
        name_strategy: asked for the strategy's name at each connect.
        library: name and version of the client library.

    Attributes:
        hasData: emits bytes that the gateway sent.
        disconnected: emits once at the end of a connection: what is wrong, or "".
        numBytesSent: bytes sent since the connect.
        numMsgSent: messages sent since the connect.
    """

    def __init__(self, name_strategy: Callable[[], str] = strategy_name, library: str = "") -> None:
        self.hasData = Event("hasData")
        self.disconnected = Event("disconnected")
        self._name_strategy = name_strategy
        self._library = library
        self._send_lock = threading.Lock()  # numbers must leave in their order
        self.reset()

    def reset(self) -> None:
        """Forget everything about an earlier connection."""
        self.numBytesSent = 0
        self.numMsgSent = 0
        self._state = LinkState.IDLE
        self._pid = os.getpid()
        self._channel = Channel()
        self._inbox: deque[bytes] = deque()
        self._cable: Cable | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._welcome: asyncio.Future[Welcome] | None = None

    async def connectAsync(self, host: str, port: int) -> None:  # noqa: N802 - ib_async's name
        """Ask the proxy for a gateway, the one at `host` and `port` if it has several.

        Raises:
            RefusedError: the proxy is not there or refuses; the text says why.
            ConfigError: it is not clear where the proxy is.
        """
        await self._end_earlier_connection()
        self.reset()
        address = proxy_address()
        if isinstance(address, IpcAddress) and not address.exists():
            raise RefusedError(f"no proxy listens at {address.url}: start one with `ibproxy serve`")
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._welcome = loop.create_future()
        self._state = LinkState.CONNECTING
        hello = Hello(
            strategy=self._name_strategy(),
            host=str(host),
            port=int(port),
            program=program_path(),
            pid=self._pid,
            client_library=self._library,
        )
        self._cable = Cable(
            address.url, lambda: self._send_control(hello), self._on_message, self._on_down
        )
        try:
            self._cable.start(loop)
            await self._welcome
        except BaseException:
            self._cable.close(linger_ms=0)
            self._state = LinkState.IDLE
            raise
        _open_links.add(self)

    def disconnect(self) -> None:
        """Say goodbye; `disconnected` follows from the loop."""
        if self._state is not LinkState.OPEN:
            return
        if self._is_inherited:
            self._abandon()
            return
        self._send_control(Goodbye())
        self._close_cable()
        self._state = LinkState.CLOSING
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the next connect tells
                self._loop.call_soon_threadsafe(self._finish_closing, self._channel)

    def isConnected(self) -> bool:  # noqa: N802 - ib_async's name
        """Whether there is a connection that `disconnected` has not ended yet."""
        return self._state in (LinkState.OPEN, LinkState.CLOSING)

    def sendMsg(self, msg: bytes) -> None:  # noqa: N802 - ib_async's name
        """Send TWS frames; without a connection nothing happens.

        Raises:
            UpstreamLostError: the connection belongs to the process that this one was forked from.
        """
        if self._state is not LinkState.OPEN or self._cable is None:
            return
        if self._is_inherited:
            raise UpstreamLostError(
                "this connection belongs to the parent process: connect again in the child"
            )
        with self._send_lock:
            # Refused means that the connection is gone, which the cable is about to say.
            with contextlib.suppress(zmq.ZMQError):
                self._cable.send(self._channel.pack(msg))
            self.numBytesSent += len(msg)
            self.numMsgSent += 1

    @property
    def _is_inherited(self) -> bool:
        return self._pid != os.getpid()

    def _abandon(self) -> None:
        """Leave a connection to the parent process, whose it is, and touch nothing of it."""
        if self._cable is not None:
            _inherited.append(self._cable)  # never collected, so never closed here
        self._cable = None
        self._loop = None
        self._state = LinkState.CLOSING

    async def _end_earlier_connection(self) -> None:
        self.disconnect()
        if self._state is not LinkState.CLOSING:
            return
        if self._loop is asyncio.get_running_loop():
            await self.disconnected
        else:
            self._finish_closing(self._channel)  # its own loop may never run again

    def _finish_closing(self, channel: Channel) -> None:
        if self._state is LinkState.CLOSING and channel is self._channel:
            self._state = LinkState.IDLE
            self.disconnected.emit("")

    def _close_cable(self) -> None:
        _open_links.discard(self)
        self._inbox.clear()
        if self._cable is not None:
            self._cable.close()

    def _send_control(self, message: FromClient) -> None:
        if self._cable is not None:
            with contextlib.suppress(zmq.ZMQError):  # as in sendMsg
                self._cable.send(encode_control(message))

    def _on_message(self, parts: list[bytes]) -> None:
        try:
            header, body = parts
            if header == CONTROL:
                self._on_control(body)
            else:
                self._on_data(header, body)
        except (RemoteProtocolError, ValueError) as error:
            who = (
                "the proxy"
                if self._state is LinkState.OPEN
                else "what answers is not an ibproxy: it"
            )
            reason = f"{who} broke the protocol: {error}"
            self._send_control(Goodbye(reason))
            self._on_down(reason)

    def _on_data(self, header: bytes, body: bytes) -> None:
        data = self._channel.unpack(header, body)
        if data is None:
            return
        if self._channel.owes_ack:
            self._send_control(self._channel.ack())
        self._inbox.extend(cut_pieces(data))
        self._deliver()

    def _on_control(self, body: bytes) -> None:
        message = decode_from_proxy(body)
        match message:
            case Ack(received):
                self._channel.acknowledge(received)
                if self._channel.has_unreported:
                    self._send_control(self._channel.ack())
            case Welcome() if self._welcome is not None and not self._welcome.done():
                self._state = LinkState.OPEN
                self._welcome.set_result(message)
            case Refusal(reason) | Goodbye(reason):
                self._deliver()  # what came before the end comes before the end
                self._on_down(reason)
            case _:
                raise RemoteProtocolError(f"{type(message).__name__} came out of turn")

    def _deliver(self) -> None:
        """Emit what has come, in order, even if a handler runs the loop from inside."""
        inbox = self._inbox
        booked: asyncio.Handle | None = None
        while inbox:
            piece = inbox.popleft()
            if inbox and booked is None and self._loop is not None:
                booked = self._loop.call_soon(self._deliver)
            self.hasData.emit(piece)
        if booked is not None:
            booked.cancel()

    def _on_down(self, reason: str) -> None:
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_exception(RefusedError(reason or "the proxy closed the connection"))
        elif self._state is LinkState.OPEN:
            self._close_cable()
            self._state = LinkState.IDLE
            self.disconnected.emit(reason)


def cut_pieces(body: bytes) -> Iterator[bytes]:
    """Yield `body` in pieces of whole frames, of about `PIECE_BYTES` unless a frame is larger."""
    size_bytes = len(body)
    if size_bytes <= PIECE_BYTES:
        yield body
        return
    start = end = 0
    while start < size_bytes:
        limit = min(start + PIECE_BYTES, size_bytes)
        while end < limit:
            end += _LENGTH_BYTES + int.from_bytes(body[end : end + _LENGTH_BYTES], "big")
        yield body[start:end]
        start = end


_inherited: list[Cable] = []
_open_links: weakref.WeakSet[Link] = weakref.WeakSet()


@atexit.register
def _leave() -> None:
    """Let what was sent get out, and say goodbye, before the process ends."""
    for link in list(_open_links):
        link.disconnect()
    close_context()
