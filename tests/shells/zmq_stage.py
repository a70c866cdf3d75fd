"""A lane on a real socket, and the clients' ends in the test's own hands."""

from __future__ import annotations

import asyncio
import functools
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import zmq

from ibproxy.address import IpcAddress
from ibproxy.machine import machine_id
from ibproxy.wire import lane
from ibproxy.wire.channel import DATA, Channel
from ibproxy_server.core import events as ev
from ibproxy_server.shells.zmq_lane import ZmqLane

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
        """Return a peer with an accepted session; its process has ended, if none is named."""
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
