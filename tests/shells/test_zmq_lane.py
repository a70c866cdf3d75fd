"""The lane on real sockets: who may open it, and what clients cannot do to it."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import zmq

from ibproxy.address import IpcAddress, TcpAddress
from ibproxy.errors import BusyError
from ibproxy.machine import machine_id
from ibproxy.wire import lane
from ibproxy.wire.channel import DATA, WINDOW_BYTES, Channel
from ibproxy_server.core import events as ev
from ibproxy_server.shells.zmq_lane import REPORT_BACKLOG_BYTES, ZmqLane

PATIENCE_S = 5.0
RESUME_S = 60.0


async def until(condition: Callable[[], object], otherwise: str = "it did not come about") -> None:
    """Let the loop run until `condition` holds."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + PATIENCE_S
    while not condition():
        assert loop.time() < deadline_s, otherwise
        await asyncio.sleep(0.001)


@functools.cache
def ended_pid() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


class Peer:
    """A client's end, in the test's own hands."""

    def __init__(self, url: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(url)
        self.channel = Channel()
        self.welcome = lane.Welcome("", 0, "")

    def hello(self, strategy: str = "alpha", machine: str = "", pid: int = 0) -> None:
        """Ask for a session."""
        hello = lane.Hello(strategy, machine=machine, pid=pid)
        self.socket.send_multipart(lane.encode_control(hello))

    def resume(self, of: Peer, token: str | None = None, run: str = "run1") -> None:
        """Say that this is the client of another peer's session."""
        self.channel, self.welcome = of.channel, of.welcome
        token = of.welcome.token if token is None else token
        resume = lane.Resume(run, of.welcome.session, token, of.channel.received)
        self.socket.send_multipart(lane.encode_control(resume))

    def data(self, body: bytes) -> None:
        """Send data."""
        self.socket.send_multipart(self.channel.pack(body))

    async def hear(self) -> list[bytes]:
        """Return the next message."""
        await until(lambda: self.socket.poll(0), "the lane is silent")
        return self.socket.recv_multipart()

    async def hear_control(self) -> lane.FromProxy:
        """Return the next control message that is no probe."""
        while True:
            kind, body = await self.hear()
            assert kind == lane.CONTROL
            message = lane.decode_from_proxy(body)
            if not isinstance(message, lane.Ack):
                return message

    def close(self) -> None:
        """Be gone, as a killed process is."""
        self.context.destroy(linger=0)


class Stage:
    """A lane with an event list, and peers."""

    def __init__(self, path: Path) -> None:
        self.events: list[ev.Event] = []
        self.lane = ZmqLane(
            "run1", self.events.append, lambda: {"hello": 1}, itertools.count(1).__next__, RESUME_S
        )
        self.url = self.lane.bind(IpcAddress(str(path)))
        self.path = path
        self.peers: list[Peer] = []

    def peer(self) -> Peer:
        """Return a new peer."""
        self.peers.append(Peer(self.url))
        return self.peers[-1]

    async def session(self, machine: str | None = None, pid: int = 0) -> Peer:
        """Return a peer with an accepted session; it is of a process that has ended, if gone."""
        before = len(self.events)
        peer = self.peer()
        peer.hello(machine=machine_id() if machine is None else machine, pid=pid or ended_pid())
        await until(lambda: len(self.events) > before)
        arrived = self.events[-1]
        assert isinstance(arrived, ev.ClientArrived)
        self.lane.accept(arrived.session)
        welcome = await peer.hear_control()
        assert isinstance(welcome, lane.Welcome)
        peer.welcome = welcome
        return peer

    async def cut_off(self, peer: Peer) -> None:
        """Break the link of a peer whose process may live, and let the lane find out."""
        peer.close()

        def is_noticed() -> bool:
            self.lane.probe()
            return isinstance(self.events[-1], ev.ClientAway)

        await until(is_noticed)


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


async def hear_data(peer: Peer, count: int) -> list[bytes]:
    """Return the bodies of the next data messages."""
    bodies: list[bytes] = []
    while len(bodies) < count:
        kind, body = await peer.hear()
        if kind[:1] == DATA:
            bodies.append(peer.channel.unpack(kind, body) or b"came twice")
    return bodies


def data_of(events: list[ev.Event]) -> list[bytes]:
    """Return what clients said."""
    return [each.data for each in events if isinstance(each, ev.ClientData)]


def test_a_session_goes_on_by_a_new_link(run: Callable[..., None]) -> None:
    """What was on its way, and what was said without a link, comes once, both ways."""

    async def body(stage: Stage) -> None:
        old = await stage.session(pid=os.getpid())
        old.data(b"one")
        await until(lambda: data_of(stage.events))
        stage.lane.send(1, b"answer one")
        assert await hear_data(old, 1) == [b"answer one"]
        stage.lane.send(1, b"on its way")
        lost = old.channel.pack(b"never came")
        await stage.cut_off(old)
        stage.lane.send(1, b"without a link")
        new = stage.peer()
        new.resume(old)
        resumed = await new.hear_control()
        assert resumed == lane.Resumed(1)
        assert stage.events[-1] == ev.ClientBack(1)
        assert await hear_data(new, 2) == [b"on its way", b"without a link"]
        new.channel.rewind(1)
        assert new.channel.next_parts()[1] == lost[1]
        new.socket.send_multipart(new.channel.next_parts(now_s=2.5))
        new.channel.has_left()
        new.data(b"two")
        await until(lambda: data_of(stage.events)[-1] == b"two")
        assert data_of(stage.events) == [b"one", b"never came", b"two"]
        assert [e.age_s for e in stage.events if isinstance(e, ev.ClientData)] == [0.0, 2.5, 0.0]

    run(body)


def test_a_link_that_seems_whole_is_left_for_a_new_one(run: Callable[..., None]) -> None:
    """A client may know before the proxy; what still comes by the old link counts no more."""

    async def body(stage: Stage) -> None:
        old = await stage.session(pid=os.getpid())
        new = stage.peer()
        new.resume(old)
        assert await new.hear_control() == lane.Resumed(0)
        late = old.channel.pack(b"the same order")
        old.socket.send_multipart(late)
        assert isinstance(await old.hear_control(), lane.Goodbye)
        new.channel.rewind(0)
        new.socket.send_multipart(new.channel.next_parts())
        new.channel.has_left()
        await until(lambda: data_of(stage.events))
        old.close()
        stage.lane.probe()
        stage.lane.send(1, b"still here")
        assert await hear_data(new, 1) == [b"still here"]
        assert [type(each) for each in stage.events] == [ev.ClientArrived, ev.ClientData]

    run(body)


@pytest.mark.parametrize("token", ["", "0" * 32, "ü"])
def test_only_who_holds_the_token_takes_up_a_session(run: Callable[..., None], token: str) -> None:
    """Others are turned away, and its client is not disturbed."""

    async def body(stage: Stage) -> None:
        good, bad = await stage.session(pid=os.getpid()), stage.peer()
        assert len(good.welcome.token) == 32
        bad.resume(good, token)
        goodbye = await bad.hear_control()
        assert goodbye == lane.Goodbye("the proxy does not know this session")
        good.data(b"still here")
        await until(lambda: data_of(stage.events) == [b"still here"])

    run(body)


def test_every_session_has_a_token_of_its_own(run: Callable[..., None]) -> None:
    """One cannot be made of another."""

    async def body(stage: Stage) -> None:
        tokens = {(await stage.session()).welcome.token for _ in range(20)}
        assert len(tokens) == 20

    run(body)


def test_a_session_of_another_run_is_gone(run: Callable[..., None]) -> None:
    """A client of a proxy that was restarted is told so."""

    async def body(stage: Stage) -> None:
        old, new = await stage.session(pid=os.getpid()), stage.peer()
        new.resume(old, run="run0")
        assert await new.hear_control() == lane.Goodbye("the proxy has been restarted")

    run(body)


def test_who_was_dropped_without_a_link_is_told_why_when_it_comes(
    run: Callable[..., None],
) -> None:
    """But only who holds the token."""

    async def body(stage: Stage) -> None:
        old = await stage.session(pid=os.getpid())
        await stage.cut_off(old)
        stage.lane.drop(1, "it reads too slowly")
        new, other = stage.peer(), stage.peer()
        new.resume(old)
        assert await new.hear_control() == lane.Goodbye("it reads too slowly")
        other.resume(old, "another")
        assert await other.hear_control() == lane.Goodbye("the proxy does not know this session")

    run(body)


def test_a_client_on_another_machine_may_come_back(run: Callable[..., None]) -> None:
    """Nobody here knows whether its process lives."""

    async def body(stage: Stage) -> None:
        await stage.cut_off(await stage.session("elsewhere"))

    run(body)


def test_a_process_that_ends_without_a_link_is_noticed(run: Callable[..., None]) -> None:
    """Its session is not kept for longer than it lives."""

    def end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie

    async def body(stage: Stage) -> None:
        await stage.cut_off(await stage.session(pid=process.pid))
        stage.lane.probe()
        assert stage.events[-1] == ev.ClientAway(1)
        end(process)
        stage.lane.probe()
        assert stage.events[2:] == [ev.ClientLeft(1, "its process has ended")]

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run(body)


def test_who_claims_too_much_or_too_little_is_turned_out(run: Callable[..., None]) -> None:
    """A client that has lost its memory cannot go on."""

    async def body(stage: Stage) -> None:
        old, new = await stage.session(pid=os.getpid()), stage.peer()
        old.channel.received = 7
        new.resume(old)
        goodbye = await new.hear_control()
        assert isinstance(goodbye, lane.Goodbye)
        assert "only 0 were sent" in goodbye.reason
        assert isinstance(stage.events[-1], ev.ClientLeft)

    run(body)


def test_a_second_session_on_one_link_is_no_session(run: Callable[..., None]) -> None:
    """Who has one cannot take up another as well."""

    async def body(stage: Stage) -> None:
        one, two = await stage.session(pid=os.getpid()), await stage.session(pid=os.getpid())
        one.resume(two)
        assert isinstance(await one.hear_control(), lane.Goodbye)
        assert stage.events[-1] == ev.ClientLeft(1, stage.events[-1].reason)  # type: ignore[union-attr]
        two.data(b"still here")
        await until(lambda: data_of(stage.events) == [b"still here"])

    run(body)
