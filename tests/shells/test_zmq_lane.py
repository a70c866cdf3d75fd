"""The lane on real sockets: who may open it, and what clients cannot do to it."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ibproxy.address import IpcAddress, TcpAddress
from ibproxy.errors import BusyError
from ibproxy.wire import lane
from ibproxy.wire.channel import DATA, WINDOW_BYTES
from ibproxy_server.core import events as ev
from ibproxy_server.shells.zmq_lane import REPORT_BACKLOG_BYTES, ZmqLane
from tests.shells.zmq_stage import Stage, until


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
