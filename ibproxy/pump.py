"""Moves messages between one ZeroMQ socket and an asyncio loop; decides nothing.

The file descriptor of a ZeroMQ socket tells of changes, not of states: it fires once and is
silent until everything has been taken. So a pump

* takes what has come until there is nothing, or `BATCH_MESSAGES` of it, and hands it out for at
  most `TURN_S` before it lets the loop's other callbacks run,
* looks at the socket again after every send, since a send may swallow the signal,
* books another turn *before* it hands out a message behind which others wait, since a handler
  may run the loop from inside (Jupyter does) and wait there for just those others.

The answer to a message that was sent in one turn of the loop is handed out in a later one, behind
all callbacks that were booked before, as with a socket of asyncio: ib_async begins to listen for
an answer only in the turn after its question.

Loops that cannot watch descriptors (Windows' proactor) get a thread that does nothing but wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket as sockets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import zmq

TURN_S: Final = 0.01
"""How long one turn may go on taking messages before other callbacks of the loop run."""

BATCH_MESSAGES: Final = 200
"""How many messages are taken at once; more wait in the socket, where they are counted."""

Parts = list[bytes]

_NOBLOCK: Final = int(zmq.NOBLOCK)
_SNDMORE_NOBLOCK: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
_POLLIN: Final = int(zmq.POLLIN)
_POLLOUT: Final = int(zmq.POLLOUT)


class SocketPump:
    """Hands the messages of a ZeroMQ socket to a callback, on an asyncio loop.

    `send` and `close` may be called from any thread, everything else is called on the loop.
    The socket belongs to the pump from `start` to `close`.

    Args:
        socket: a connected or bound socket.
        on_message: called with the parts of each message, in order.
        on_idle: called when all that had come is handed out, or a turn's time is over.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        on_message: Callable[[Parts], object],
        on_idle: Callable[[], object] | None = None,
    ) -> None:
        self._socket = socket
        self._on_message = on_message
        self._on_idle = on_idle
        self._lock = threading.Lock()  # a program may send from a thread of its own
        self._is_open = True
        self._batch: deque[Parts] = deque()
        self._is_empty = False
        self._is_turn_booked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._waiter: _Waiter | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to hand out messages on `loop`."""
        self._loop = loop
        self._fd = int(self._socket.getsockopt(zmq.FD))
        try:
            loop.add_reader(self._fd, self._on_signal)
        except NotImplementedError:
            self._waiter = _Waiter(self._fd, loop, self._drain)
        self._on_signal()  # what came before we watched gives no signal

    def send(self, parts: Sequence[bytes]) -> None:
        """Send a message of these parts.

        Raises:
            zmq.Again: the peer cannot take it now, or is not there.
            zmq.ZMQError: the socket is closed, or a ROUTER's peer is unknown (EHOSTUNREACH).
        """
        has_swallowed_signal = False
        try:
            with self._lock:
                if not self._is_open:
                    raise zmq.ZMQError(zmq.ENOTSOCK)
                try:
                    self._send_all(parts)
                finally:  # a refused send may have swallowed it as well
                    has_swallowed_signal = bool(self._events() & _POLLIN)
        finally:
            if has_swallowed_signal:
                self._book_turn()

    def _send_all(self, parts: Sequence[bytes]) -> None:
        # Only the first part can be refused; the others of a message follow it.
        try:
            self._send_part(parts, 0)
        except zmq.Again:
            # ZeroMQ looks for news of its connections now and then only, and asking for
            # events makes it look: a connection just made takes the message now.
            if not self._events() & _POLLOUT:
                raise
            self._send_part(parts, 0)
        for index in range(1, len(parts)):
            self._send_part(parts, index)

    def drain_all(self) -> None:
        """Hand out everything that has come, however long it takes."""
        while self._is_open and (self._batch or self._collect()):
            self._on_message(self._batch.popleft())

    def close(self, linger_ms: int = 0) -> None:
        """Stop and close the socket; what was sent has `linger_ms` to get out."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            if self._waiter is not None:
                self._waiter.stop()
            elif self._loop is not None and not self._loop.is_closed():
                # From another thread this still works: the selector takes it at its next turn.
                with contextlib.suppress(RuntimeError, KeyError, OSError):
                    self._loop.remove_reader(self._fd)
            if not self._socket.closed:  # its context may be closed already
                self._socket.disable_monitor()  # before anybody closes the monitor's other end
                self._socket.close(linger_ms)

    def _send_part(self, parts: Sequence[bytes], index: int) -> None:
        is_last = index == len(parts) - 1
        self._socket.send(parts[index], _NOBLOCK if is_last else _SNDMORE_NOBLOCK)

    def _events(self) -> int:
        return int(self._socket.getsockopt(zmq.EVENTS))

    def _on_signal(self) -> None:
        # A reader's callback cannot be entered again while it runs, and a handler that runs the
        # loop from inside has to be reached by the next signal: so it only books.
        if not self._is_turn_booked and self._loop is not None:
            self._is_turn_booked = True
            self._loop.call_soon(self._drain)

    def _book_turn(self) -> None:
        """See to it that the loop looks again, from whichever thread this is called."""
        if self._is_turn_booked or self._loop is None:
            return
        self._is_turn_booked = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            # Twice booked, to come behind what the caller is going to book.
            self._loop.call_soon_threadsafe(self._loop.call_later, 0, self._drain)

    def _collect(self) -> deque[Parts]:
        """Take what has come, up to `BATCH_MESSAGES`."""
        batch = self._batch
        self._is_empty = False
        with self._lock:
            if not self._is_open:
                return batch
            receive = self._socket.recv_multipart
            try:
                for _ in range(BATCH_MESSAGES):
                    batch.append(receive(_NOBLOCK))
            except zmq.Again:
                self._is_empty = True
        if self._is_empty:
            self._rearm()
        return batch

    def _drain(self) -> None:
        """Hand out messages for one turn."""
        loop = self._loop
        batch = self._batch
        self._is_turn_booked = False
        if loop is None or not (batch or self._collect()):
            return
        deadline_s = time.monotonic() + TURN_S
        booked: asyncio.Handle | None = None
        while batch and self._is_open:
            parts = batch.popleft()
            if booked is None and (batch or not self._is_empty):
                booked = loop.call_later(0, self._drain)
            self._on_message(parts)
            if time.monotonic() > deadline_s:
                break
        if booked is not None and self._is_empty and not batch:
            booked.cancel()
        if self._on_idle is not None:
            self._on_idle()

    def _rearm(self) -> None:
        if self._waiter is not None:
            self._waiter.rearm()


class _Waiter:
    """A thread that waits for a descriptor on behalf of a loop that cannot.

    It wakes the loop and then sleeps until `rearm`, so that one signal is one wake-up.
    """

    def __init__(
        self, fd: int, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._callback = callback
        self._may_wait = threading.Event()
        self._may_wait.set()
        self._is_stopped = False
        self._wake_receiver, self._wake_sender = sockets.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(fd, selectors.EVENT_READ)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"ibproxy-fd-{fd}", daemon=True)
        self._thread.start()

    def rearm(self) -> None:
        """Wait for the next signal."""
        self._may_wait.set()

    def stop(self) -> None:
        """End the thread; afterwards the descriptor may be closed."""
        self._is_stopped = True
        self._may_wait.set()
        self._wake_sender.send(b"\0")
        self._thread.join()
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()

    def _run(self) -> None:
        while True:
            self._may_wait.wait()
            self._selector.select()
            if self._is_stopped:
                return
            self._may_wait.clear()
            try:
                self._loop.call_soon_threadsafe(self._callback)
            except RuntimeError:  # the loop is closed
                return
