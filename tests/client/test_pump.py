"""The pump between a ZeroMQ socket and an asyncio loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from ibproxy.pump import BATCH_MESSAGES, Parts, SocketPump

_numbers = itertools.count()
Socket = zmq.Socket[bytes]


class NoReaderLoop(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors."""

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]
        """Refuse."""
        raise NotImplementedError


@pytest.fixture(name="loop", params=[asyncio.SelectorEventLoop, NoReaderLoop])
def _loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of each kind."""
    loop: asyncio.AbstractEventLoop = request.param()
    yield loop
    loop.close()


@pytest.fixture(name="pair")
def _pair() -> Iterator[tuple[Socket, Socket]]:
    """Two connected sockets; their context must terminate."""
    context: zmq.Context[Socket] = zmq.Context()
    near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (near, far):
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
    address = f"inproc://pump-{next(_numbers)}"
    near.bind(address)
    far.connect(address)
    yield near, far
    far.close()
    assert near.closed, "the pump did not close its socket"
    context.term()


def run_until(loop: asyncio.AbstractEventLoop, is_true: Callable[[], object]) -> None:
    """Run the loop until something is so, at most ten seconds."""

    async def wait() -> None:
        while not is_true():  # noqa: ASYNC110 - what is waited for knows no events
            await asyncio.sleep(0.001)

    loop.run_until_complete(asyncio.wait_for(wait(), 10))


def test_order_and_idle(loop: asyncio.AbstractEventLoop, pair: tuple[Socket, Socket]) -> None:
    """Messages come whole, in order, one at a time, and idle comes after each batch."""
    near, far = pair
    got: list[Parts] = []
    idle_after: list[int] = []
    pump = SocketPump(near, got.append, lambda: idle_after.append(len(got)))
    far.send_multipart([b"before", b"the start"])
    pump.start(loop)
    count = 2 * BATCH_MESSAGES + 10
    for number in range(count):
        far.send_multipart([b"%d" % number, b"x"])
    run_until(loop, lambda: len(got) == count + 1)
    assert got == [[b"before", b"the start"], *([b"%d" % n, b"x"] for n in range(count))]
    assert idle_after[-1] == len(got)
    assert all(one < other for one, other in itertools.pairwise([0, *idle_after]))
    pump.close()
    pump.close()


def test_a_flood_leaves_turns(loop: asyncio.AbstractEventLoop, pair: tuple[Socket, Socket]) -> None:
    """However much comes, other callbacks of the loop run in between."""
    near, far = pair
    got: list[Parts] = []
    pump = SocketPump(near, got.append)
    pump.start(loop)
    for _ in range(10 * BATCH_MESSAGES):
        far.send(b"x")
    seen: list[int] = []

    def look() -> None:
        seen.append(len(got))
        if len(got) < 10 * BATCH_MESSAGES:
            loop.call_soon(look)

    loop.call_soon(look)
    run_until(loop, lambda: len(got) == 10 * BATCH_MESSAGES)
    assert len(set(seen)) > 3
    pump.close()


def test_sending_swallows_no_signal(
    loop: asyncio.AbstractEventLoop, pair: tuple[Socket, Socket]
) -> None:
    """What comes while we send is handed out although the socket gives no further signal."""
    near, far = pair
    got: list[Parts] = []
    pump = SocketPump(near, got.append)
    pump.start(loop)
    for number in range(300):
        loop.run_until_complete(asyncio.sleep(0))
        far.send(b"x")
        pump.send([b"a", b"b"])
        run_until(loop, lambda: len(got) > number)  # noqa: B023 - called at once
    pump.close()


def test_a_handler_that_fails(loop: asyncio.AbstractEventLoop, pair: tuple[Socket, Socket]) -> None:
    """An exception in a handler is the loop's to report; the next messages still come."""
    near, far = pair
    got: list[Parts] = []
    reported: list[object] = []
    loop.set_exception_handler(lambda _loop, context: reported.append(context["exception"]))

    def fail_first(parts: Parts) -> None:
        got.append(parts)
        if len(got) == 1:
            raise ValueError("no")

    pump = SocketPump(near, fail_first)
    pump.start(loop)
    for _ in range(3):
        far.send(b"x")
    run_until(loop, lambda: len(got) == 3)
    assert len(reported) == 1
    pump.close()


def test_close_in_a_handler(loop: asyncio.AbstractEventLoop, pair: tuple[Socket, Socket]) -> None:
    """A pump closed by a handler hands out nothing more, and sends nothing more."""
    near, far = pair
    got: list[Parts] = []

    def close(parts: Parts) -> None:
        got.append(parts)
        pump.close()

    pump = SocketPump(near, close)
    pump.start(loop)
    for _ in range(3):
        far.send(b"x")
    run_until(loop, lambda: got)
    loop.run_until_complete(asyncio.sleep(0.01))
    assert len(got) == 1
    with pytest.raises(zmq.ZMQError):
        pump.send([b"x"])


def test_full(loop: asyncio.AbstractEventLoop) -> None:
    """What cannot be taken now is refused, not kept."""
    context: zmq.Context[Socket] = zmq.Context()
    socket = context.socket(zmq.PAIR)
    pump = SocketPump(socket, lambda _parts: None)
    pump.start(loop)
    with pytest.raises(zmq.Again):
        pump.send([b"a", b"b"])
    pump.close()
    context.term()
