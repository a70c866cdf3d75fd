"""The end of a ZeroMQ context."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

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


LEAVES = """
import sys, threading
import zmq
from ibproxy import context

context.NO_THREADS_AT_EXIT = True
socket = context.process_context().socket(zmq.PUSH)
socket.connect(sys.argv[1])
socket.send(b"the last word")

def refuse(*_):
    raise RuntimeError("can't create new thread at interpreter shutdown")

threading._start_new_thread = refuse
threading._start_joinable_thread = refuse
context.close_context()
"""


def test_an_exit_that_starts_no_thread(tmp_path: Path) -> None:
    """As on Python 3.12: what was sent gets out, and nothing is complained of."""
    url = f"ipc://{tmp_path}/last"
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.bind(url)
        ended = subprocess.run(
            [sys.executable, "-c", LEAVES, url], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert socket.poll(5000)
        assert socket.recv() == b"the last word"
