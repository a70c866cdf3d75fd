"""The lane on real sockets: who may open it, and what clients cannot do to it."""

from __future__ import annotations

import asyncio
import itertools
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import zmq

from ibproxy.address import IpcAddress, TcpAddress
from ibproxy.errors import BusyError
from ibproxy.wire import lane
from ibproxy.wire.channel import DATA, WINDOW_BYTES, Channel
from ibproxy_server.core import events as ev
from ibproxy_server.shells.zmq_lane import REPORT_BACKLOG_BYTES, ZmqLane

PATIENCE_S = 5.0


async def until(condition: Callable[[], object], otherwise: str = "it did not come about") -> None:
    """Let the loop run until `condition` holds."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + PATIENCE_S
    while not condition():
        assert loop.time() < deadline_s, otherwise
        await asyncio.sleep(0.001)


class Peer:
    """A client's end, in the test's own hands."""

    def __init__(self, url: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(url)
        self.channel = Channel()

    def hello(self, strategy: str = "alpha") -> None:
        """Ask for a session."""
        self.socket.send_multipart(lane.encode_control(lane.Hello(strategy)))

    def data(self, body: bytes) -> None:
        """Send data."""
        self.socket.send_multipart(self.channel.pack(body))

    async def hear(self) -> list[bytes]:
        """Return the next message."""
        await until(lambda: self.socket.poll(0), "the lane is silent")
        return self.socket.recv_multipart()

    async def hear_control(self) -> lane.FromProxy:
        """Return the next control message."""
        kind, body = await self.hear()
        assert kind == lane.CONTROL
        return lane.decode_from_proxy(body)

    def close(self) -> None:
        """Be gone, as a killed process is."""
        self.context.destroy(linger=0)


class Stage:
    """A lane with an event list, and peers."""

    def __init__(self, path: Path) -> None:
        self.events: list[ev.Event] = []
        self.lane = ZmqLane(
            "run1", self.events.append, lambda: {"hello": 1}, itertools.count(1).__next__
        )
        self.url = self.lane.bind(IpcAddress(str(path)))
        self.path = path
        self.peers: list[Peer] = []

    def peer(self) -> Peer:
        """Return a new peer."""
        self.peers.append(Peer(self.url))
        return self.peers[-1]

    async def session(self) -> Peer:
        """Return a peer with an accepted session."""
        before = len(self.events)
        peer = self.peer()
        peer.hello()
        await until(lambda: len(self.events) > before)
        arrived = self.events[-1]
        assert isinstance(arrived, ev.ClientArrived)
        self.lane.accept(arrived.session)
        assert isinstance(await peer.hear_control(), lane.Welcome)
        return peer


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """Return a function that runs a coroutine function on a stage of its own."""
    stages: list[Stage] = []

    def run_it(body: Callable[[Stage], Awaitable[None]]) -> None:
        async def main() -> None:
            stage = Stage(tmp_path_factory.mktemp("s") / "p.sock")
            stages.append(stage)
            stage.lane.start(asyncio.get_running_loop())
            try:
                await body(stage)
            finally:
                for peer in stage.peers:
                    peer.close()
                stage.lane.close("the test is over")

        asyncio.run(main())

    yield run_it
    for stage in stages:
        assert not stage.path.exists()


def test_only_the_owner_can_open_the_socket(run: Callable[..., None]) -> None:
    """The socket file has no rights for group and others."""

    async def body(stage: Stage) -> None:
        assert stat.S_IMODE(stage.path.stat().st_mode) & 0o077 == 0

    run(body)


def test_a_served_path_is_not_taken_over(run: Callable[..., None]) -> None:
    """A second lane on the same path is refused, and the first goes on."""

    async def body(stage: Stage) -> None:
        second = ZmqLane("run2", stage.events.append, dict, itertools.count(1).__next__)
        with pytest.raises(BusyError, match="another proxy"):
            second.bind(IpcAddress(str(stage.path)))
        second.close("")
        assert stage.path.exists()
        await stage.session()

    run(body)


def test_a_dead_proxys_file_is_replaced(run: Callable[..., None], tmp_path: Path) -> None:
    """A socket file that nobody serves is no obstacle."""

    async def body(stage: Stage) -> None:
        left_over = tmp_path / "left.sock"
        left_over.touch()
        other = ZmqLane("run2", stage.events.append, dict, itertools.count(1).__next__)
        other.bind(IpcAddress(str(left_over)))
        other.close("")

    run(body)


def test_port_0_is_told(run: Callable[..., None]) -> None:
    """The URL has the port that was taken."""

    async def body(stage: Stage) -> None:
        url = stage.lane.bind(TcpAddress("127.0.0.1", 0))
        assert url.startswith("tcp://127.0.0.1:")
        assert not url.endswith(":0")

    run(body)


def test_data_arrives_once_and_in_order(run: Callable[..., None]) -> None:
    """Data of a session becomes events; a repeated message does not."""

    async def body(stage: Stage) -> None:
        peer = await stage.session()
        parts = peer.channel.pack(b"one")
        for _ in range(2):
            peer.socket.send_multipart(parts)
        peer.data(b"two")
        await until(lambda: len(stage.events) == 3)
        assert [each.data for each in stage.events[1:] if isinstance(each, ev.ClientData)] == [
            b"one",
            b"two",
        ]

    run(body)


def test_killed_client_is_noticed(run: Callable[..., None]) -> None:
    """The next probe finds that a client is gone without a word."""

    async def body(stage: Stage) -> None:
        peer = await stage.session()
        peer.close()

        def is_noticed() -> bool:
            stage.lane.probe()
            return isinstance(stage.events[-1], ev.ClientLeft)

        await until(is_noticed)

    run(body)


def test_killed_clients_place_is_free_before_the_next_comes(run: Callable[..., None]) -> None:
    """The hub hears that the old one is gone before it hears of the new one."""

    async def body(stage: Stage) -> None:
        peer = await stage.session()
        peer.close()
        await stage.session()
        kinds = [type(each) for each in stage.events]
        assert kinds == [ev.ClientArrived, ev.ClientLeft, ev.ClientArrived]

    run(body)


def test_client_that_does_not_read_is_told_of(run: Callable[..., None]) -> None:
    """Beyond the window data waits, the hub hears how much, and it flows when it is taken."""

    async def body(stage: Stage) -> None:
        peer = await stage.session()
        total = 0
        while not any(isinstance(each, ev.ClientBlocked) for each in stage.events):
            stage.lane.send(1, b"x" * 50_000)
            total += 50_000
            assert total < WINDOW_BYTES + 2 * REPORT_BACKLOG_BYTES
        received = 0
        while received < total:
            kind, body = await peer.hear()
            if kind[:1] == DATA:
                received += len(peer.channel.unpack(kind, body) or b"")
                peer.socket.send_multipart(lane.encode_control(lane.Ack(peer.channel.ack())))
        assert received == total
        assert stage.events[-1] == ev.ClientDrained(1)

    run(body)


@pytest.mark.parametrize(
    "parts",
    [[b""], [b"C", b"{}"], [b"C", b"\x80\x04N."], [b"X", b"x"], [b"D", b"x"], [b"D" * 17, b"x"]],
)
def test_rubbish_harms_nobody_else(run: Callable[..., None], parts: list[bytes]) -> None:
    """A peer that breaks the protocol is turned out; others are served."""

    async def body(stage: Stage) -> None:
        good, bad = await stage.session(), await stage.session()
        bad.socket.send_multipart(parts)
        await until(lambda: any(isinstance(e, ev.ClientLeft) for e in stage.events))
        good.data(b"still here")
        await until(lambda: stage.events[-1] == ev.ClientData(1, b"still here"))
        assert isinstance(await bad.hear_control(), lane.Goodbye)

    run(body)


def test_data_without_a_session_is_answered(run: Callable[..., None]) -> None:
    """A client of an earlier run of the proxy is told that its session is over."""

    async def body(stage: Stage) -> None:
        peer = stage.peer()
        peer.data(b"an order")
        goodbye = await peer.hear_control()
        assert isinstance(goodbye, lane.Goodbye)
        assert "restarted" in goodbye.reason
        assert stage.events == []

    run(body)


def test_status_needs_no_session(run: Callable[..., None]) -> None:
    """Whoever may open the lane may ask for the status."""

    async def body(stage: Stage) -> None:
        peer = stage.peer()
        peer.socket.send_multipart(lane.encode_control(lane.StatusRequest()))
        assert await peer.hear_control() == lane.StatusReply({"hello": 1})

    run(body)
