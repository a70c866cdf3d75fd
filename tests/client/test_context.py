"""The end of a ZeroMQ context."""

from __future__ import annotations

import time

import zmq

from ibproxy.context import end_context


def test_a_context_that_is_done_ends() -> None:
    """With nothing left to send it ends at once."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.socket(zmq.DEALER).close(0)
    assert end_context(context)
    assert context.closed


def test_a_context_that_cannot_end_holds_nobody_up() -> None:
    """What ZeroMQ does not finish is left behind, and the program goes on."""

    class Stuck(zmq.Context[zmq.Socket[bytes]]):
        def destroy(self, linger: int | None = None) -> None:
            del linger
            while not released:
                time.sleep(0.01)

    released: list[bool] = []
    context = Stuck()
    began_s = time.monotonic()
    assert not end_context(context)
    assert time.monotonic() - began_s < 5
    released.append(True)
    zmq.Context.destroy(context, 0)
