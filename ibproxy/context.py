"""The one ZeroMQ context of this process, made when first needed.

A forked child must touch neither its parent's context nor its sockets: their threads did not
come along. It gets a context of its own.
"""

from __future__ import annotations

import os
from typing import Final

import zmq

LINGER_MS: Final = 500
"""How long a closed socket may still send: an order just placed must leave, an exit not hang."""


class _Holder:
    """What was made, and in which process."""

    context: zmq.Context[zmq.Socket[bytes]] | None = None
    pid = 0
    inherited: Final[list[zmq.Context[zmq.Socket[bytes]]]] = []


def process_context() -> zmq.Context[zmq.Socket[bytes]]:
    """Return this process's context."""
    pid = os.getpid()
    if _Holder.context is not None and _Holder.pid != pid:
        _Holder.inherited.append(_Holder.context)  # never collected, so never terminated here
        _Holder.context = None
    if _Holder.context is None or _Holder.context.closed:
        _Holder.context = zmq.Context()
        _Holder.pid = pid
    return _Holder.context


def close_context() -> None:
    """Send what was sent, close what is open, and end the context of this process, if any."""
    context, _Holder.context = _Holder.context, None
    if context is not None and _Holder.pid == os.getpid():
        context.destroy(LINGER_MS)
