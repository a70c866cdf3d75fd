"""What stands in for ib_async's `Connection` under a `Client`: the link to the proxy.

It has the members that ib_async's client uses, with its names, and ends as a TCP connection of
asyncio ends: `disconnected` comes from the loop, once, with an empty text when nothing is wrong.
It moves bytes and never looks at what they say.

::

                connectAsync            Welcome
        IDLE ─────────────► CONNECTING ─────────► OPEN ──── disconnect() ────► CLOSING
          ▲                     │                │ │ ▲                            │
          └── Refusal, error ───┘      cable down│ │ │ Resumed                    │ next turn of
          ◄─────────────────── Goodbye ──────────│─┘ │                            │ the loop
          ◄── too long, proxy ended, Goodbye ── AWAY ┘                            │ (emits, too)
              (emits disconnected)               └─────── disconnect() ─────────► │
          ◄───────────────────────────────────────────────────────────────────────┘

While it is AWAY the program sees a connection. What it sends is kept, and leaves behind what the
proxy does not have yet, as soon as one of the new cables that are tried reaches the proxy.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import enum
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Final

import zmq
from eventkit import Event  # type: ignore[import-untyped]

from ibproxy.absence import Absence
from ibproxy.address import IpcAddress
from ibproxy.cable import Cable
from ibproxy.config import proxy_address
from ibproxy.context import LINGER_MS, close_context
from ibproxy.errors import RefusedError, RemoteProtocolError, UpstreamLostError
from ibproxy.identity import program_path, strategy_name
from ibproxy.machine import is_running, machine_id
from ibproxy.pieces import cut_pieces
from ibproxy.wire.channel import Channel
from ibproxy.wire.lane import (
    CONTROL,
    Ack,
    FromClient,
    Goodbye,
    Hello,
    Refusal,
    Resume,
    Resumed,
    Welcome,
    decode_from_proxy,
    encode_control,
)

MAX_KEPT_BYTES: Final = 16 * 1024 * 1024
"""Who sends more than this while the link is broken is disconnected."""

_logger: Final = logging.getLogger("ibproxy.link")


class LinkState(enum.Enum):
    """Where a link is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    OPEN = "open"
    AWAY = "away"
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
        self._session = Welcome("", 0, "")
        self._absence: Absence | None = None
        self._url = ""

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
        self._url = address.url
        self._welcome = loop.create_future()
        self._state = LinkState.CONNECTING
        hello = Hello(
            strategy=self._name_strategy(),
            host=str(host),
            port=int(port),
            program=program_path(),
            pid=self._pid,
            client_library=self._library,
            machine=machine_id(),
        )
        try:
            self._take_cable(hello)
            await self._welcome
        except BaseException:
            self._close_cable(linger_ms=0)
            self._state = LinkState.IDLE
            raise
        _open_links.add(self)

    def disconnect(self) -> None:
        """Say goodbye; `disconnected` follows from the loop."""
        if not self._is_in_use:
            return
        if self._is_inherited:
            self._abandon()
            return
        if self._state is LinkState.OPEN:
            self._send_control(Goodbye())
        self._close_cable()
        self._state = LinkState.CLOSING
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the next connect tells
                self._loop.call_soon_threadsafe(self._finish_closing, self._channel)

    def isConnected(self) -> bool:  # noqa: N802 - ib_async's name
        """Whether there is a connection that `disconnected` has not ended yet."""
        return self._is_in_use or self._state is LinkState.CLOSING

    def sendMsg(self, msg: bytes) -> None:  # noqa: N802 - ib_async's name
        """Send TWS frames; without a connection nothing happens.

        Raises:
            UpstreamLostError: the connection belongs to the process that this one was forked from.
        """
        if not self._is_in_use:
            return
        if self._is_inherited:
            raise UpstreamLostError(
                "this connection belongs to the parent process: connect again in the child"
            )
        with self._send_lock:
            self._channel.put(msg, _now_s())
            self._flush()
            self.numBytesSent += len(msg)
            self.numMsgSent += 1
        if self._state is LinkState.AWAY and self._channel.unacked_bytes > MAX_KEPT_BYTES:
            self._end_soon(f"more than {MAX_KEPT_BYTES} bytes wait for a link to the proxy")

    @property
    def _is_in_use(self) -> bool:
        return self._state in (LinkState.OPEN, LinkState.AWAY)

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

    def _take_cable(self, first_word: FromClient) -> None:
        """Take a new cable; `first_word` is said as soon as it is up."""
        assert self._loop is not None  # noqa: S101 - set by connectAsync
        self._cable = Cable(
            self._url,
            lambda: self._send_control(first_word),
            self._on_message,
            self._on_cable_down,
        )
        self._cable.start(self._loop)

    def _close_cable(self, linger_ms: int = LINGER_MS) -> None:
        _open_links.discard(self)
        self._inbox.clear()
        if self._cable is not None:
            self._cable.close(linger_ms)

    def _flush(self) -> None:
        """Send what waits, unless there is no link; the lock must be held."""
        channel, cable = self._channel, self._cable
        if self._state is not LinkState.OPEN or cable is None:
            return
        # Refused means that the cable is down, which it is about to say.
        with contextlib.suppress(zmq.ZMQError):
            while channel.has_waiting:
                cable.send(channel.next_parts(_now_s()))
                channel.has_left()

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
        with self._send_lock:
            data = self._channel.unpack(header, body)
        if data is None:
            return
        if self._channel.owes_ack:
            self._send_control(Ack(self._channel.ack()))
        self._inbox.extend(cut_pieces(data))
        self._deliver()

    def _on_control(self, body: bytes) -> None:
        message = decode_from_proxy(body)
        match message:
            case Ack(received):
                with self._send_lock:
                    self._channel.acknowledge(received)
                if self._channel.has_unreported:
                    self._send_control(Ack(self._channel.ack()))
            case Welcome() if self._welcome is not None and not self._welcome.done():
                self._state = LinkState.OPEN
                self._session = message
                self._welcome.set_result(message)
            case Resumed(received) if self._state is LinkState.AWAY:
                self._come_back(received)
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

    def _on_cable_down(self, text: str) -> None:
        if self._is_in_use and self._session.token:
            self._go_away()
        else:
            self._on_down(text)

    def _go_away(self) -> None:
        """The link broke, or could not be made again: keep on trying, or see that it is no use."""
        now_s = _now_s()
        is_first_try = self._absence is None
        with self._send_lock:  # nothing may leave by a new cable before it has said who we are
            self._state = LinkState.AWAY
            self._cable = None
        if self._absence is None:
            self._absence = Absence(now_s, self._session.resume_s)
        if self._has_proxy_ended(is_first_try=is_first_try):
            self._on_down("the proxy has ended")
        elif self._absence.is_over(now_s):
            self._on_down(f"the link to the proxy was broken for {self._session.resume_s:g} s")
        else:
            if is_first_try:
                _logger.info("the link to the proxy is broken: taking it up again")
            assert self._loop is not None  # noqa: S101 - it runs this
            self._loop.call_later(self._absence.next_pause_s(), self._try_again, self._channel)

    def _has_proxy_ended(self, *, is_first_try: bool) -> bool:
        session = self._session
        is_alive = is_running(session.machine, session.pid)
        if is_alive is None:  # where processes cannot be looked for, an empty address must do
            return session.machine == machine_id() and not is_first_try
        return not is_alive

    def _try_again(self, channel: Channel) -> None:
        if self._state is not LinkState.AWAY or channel is not self._channel:
            return  # disconnected meanwhile
        if self._is_inherited:
            return  # a forked child runs its parent's loop: the session is the parent's
        session = self._session
        self._take_cable(
            Resume(session.run, session.session, session.token, self._channel.received)
        )

    def _come_back(self, received: int) -> None:
        """The proxy is there again: send what it does not have."""
        with self._send_lock:
            self._channel.rewind(received)
            self._state = LinkState.OPEN
            self._flush()
        absence, self._absence = self._absence, None
        if absence is not None:
            away_s = _now_s() - absence.since_s
            _logger.info("the link to the proxy is whole again after %.1f s", away_s)

    def _end_soon(self, reason: str) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(self._on_down, reason)

    def _on_down(self, reason: str) -> None:
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_exception(RefusedError(reason or "the proxy closed the connection"))
        elif self._is_in_use:
            self._close_cable()
            self._state = LinkState.IDLE
            self.disconnected.emit(reason)


def _now_s() -> float:
    """Return seconds of a clock that goes on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


_inherited: list[Cable] = []
_open_links: weakref.WeakSet[Link] = weakref.WeakSet()


@atexit.register
def _leave() -> None:
    """Let what was sent get out, and say goodbye, before the process ends."""
    for link in list(_open_links):
        link.disconnect()
    close_context()
