"""The one ZeroMQ context of this process, made when first needed.

A forked child must touch neither its parent's context nor its sockets: their threads did not
come along. It gets a context of its own.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Final

import zmq

LINGER_MS: Final = 500
"""How long a closed socket may still send: an order just placed must leave, an exit not hang."""


NO_THREADS_AT_EXIT: Final = sys.version_info[:2] == (3, 12)
"""Whether Python starts no thread any more once it has begun to exit [seen in 3.12.1]."""


class _Ender:
    """A thread that waits for a context to end."""

    def __init__(self) -> None:
        self._contexts: queue.SimpleQueue[zmq.Context[zmq.Socket[bytes]]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="end of ZeroMQ", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._contexts.get().destroy(LINGER_MS)

    def end(self, context: zmq.Context[zmq.Socket[bytes]]) -> bool:
        """Let the thread end a context, once; return whether that came to its end in time."""
        self._contexts.put(context)
        self._thread.join(LINGER_MS / 1000 + 0.5)
        return not self._thread.is_alive()


class _Holder:
    """What was made, and in which process."""

    context: zmq.Context[zmq.Socket[bytes]] | None = None
    ender: _Ender | None = None
    pid = 0
    inherited: Final[list[zmq.Context[zmq.Socket[bytes]]]] = []


def process_context() -> zmq.Context[zmq.Socket[bytes]]:
    """Return this process's context."""
    pid = os.getpid()
    if _Holder.context is not None and _Holder.pid != pid:
        _Holder.inherited.append(_Holder.context)  # never collected, so never terminated here
        _Holder.context = None
    if _Holder.context is None or _Holder.context.closed:
        if NO_THREADS_AT_EXIT and (_Holder.ender is None or _Holder.pid != pid):
            _Holder.ender = _Ender()
        _Holder.context = zmq.Context()
        _Holder.pid = pid
    return _Holder.context


def close_context() -> None:
    """Send what was sent, close what is open, and end the context of this process, if any."""
    context, _Holder.context = _Holder.context, None
    if context is not None and _Holder.pid == os.getpid():
        ender, _Holder.ender = _Holder.ender, None
        (ender or _Ender()).end(context)


def end_context(context: zmq.Context[zmq.Socket[bytes]]) -> bool:
    """Close what is open and end a context; return whether that came to its end.

    Ending it can hang for good when a peer closes in the very moment in which something is sent
    to it [seen in libzmq 4.3.5, 3 of 100 times]. Nothing is lost by leaving it to the exit.
    """
    return _Ender().end(context)
