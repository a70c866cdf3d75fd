"""A proxy made of one thread and a ROUTER, with a tiny gateway behind it.

It speaks the lane as `ibproxy.wire.lane` says, answers what a connect without start-up requests
needs, and does on command what a proxy should not: refuse, fall silent, vanish. Unlike a proxy
it sends without asking whether the client keeps up.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from ibproxy.context import close_context, end_context, process_context
from ibproxy.wire.channel import DATA, Channel
from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy.wire.lane import (
    Ack,
    FromProxy,
    Goodbye,
    Hello,
    Refusal,
    Resume,
    Welcome,
    decode_from_client,
    encode_control,
)

WAIT_S = 10.0
SERVER_TIME_S = 1_600_000_000


class Peer:
    """What the fake proxy holds for one client."""

    def __init__(self) -> None:
        self.channel = Channel()
        self.buffer = FrameBuffer()
        self.is_greeted = False


class FakeProxy:
    """A proxy for tests; everything below `start` is called from the test's thread.

    Attributes:
        url: where it listens.
        hellos: what clients said on connecting.
        requests: fields of all TWS messages that came.
        goodbyes: how many clients left politely.
        acked: highest acknowledgement that came in a control message.
        refusal: when set, new clients are refused with it.
        welcome: what new clients are told, but for the number of the session.
        resumes: what clients said to take up a session; none of them can.
        is_deaf: when set, nothing is answered.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.hellos: list[Hello] = []
        self.requests: list[list[str]] = []
        self.goodbyes: list[Goodbye] = []
        self.acked = 0
        self.acks = 0
        self.refusal = ""
        self.welcome = Welcome("run", 0, "0")
        self.resumes: list[Resume] = []
        self.is_deaf = False
        self._peers: dict[bytes, Peer] = {}
        self._clock_s = SERVER_TIME_S
        self._orders: queue.SimpleQueue[Callable[[], bool | None]] = queue.SimpleQueue()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        if url.endswith(":0"):
            port = self._socket.bind_to_random_port(url.removesuffix(":0"))
            self.url = f"{url.removesuffix(':0')}:{port}"
        else:
            self._socket.bind(url)
        self._thread = threading.Thread(target=self._run, name="fake-proxy")
        self._thread.start()

    def push(self, *payloads: bytes) -> None:
        """Send these TWS messages to every client, in one lane message."""
        body = b"".join(map(frame, payloads))
        self._order(lambda: self._to_all_data(body))

    def control(self, message: FromProxy) -> None:
        """Send a control message to every client."""
        self._order(lambda: self._to_all(encode_control(message)))

    def raw(self, *parts: bytes) -> None:
        """Send these parts to every client."""
        self._order(lambda: self._to_all(list(parts)))

    def probe(self) -> None:
        """Send every client the probe that a proxy sends each second."""
        for peer in list(self._peers.values()):
            self.control(Ack(peer.channel.received))

    def vanish(self) -> None:
        """Close without a word, as a process that dies."""
        if self._thread.is_alive():
            self._order(lambda: True)
            self._thread.join(WAIT_S)
        assert end_context(self._context)

    def wait_for(self, is_true: Callable[[], object]) -> None:
        """Wait until the fake has seen something."""
        deadline_s = time.monotonic() + WAIT_S
        while not is_true():
            assert time.monotonic() < deadline_s, "the proxy never saw it"
            time.sleep(0.002)

    def wait_for_silence(self) -> None:
        """Wait until all that was ordered has been sent."""
        done = threading.Event()
        self._order(done.set)
        assert done.wait(WAIT_S), "the fake is stuck"

    def _order(self, order: Callable[[], bool | None]) -> None:
        self._orders.put(order)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        while True:
            poller.poll(2)
            with contextlib.suppress(zmq.Again):
                while True:
                    self._on_message(*self._socket.recv_multipart(zmq.NOBLOCK))
            with contextlib.suppress(queue.Empty):
                while True:
                    if self._orders.get_nowait()():
                        self._socket.close(500)
                        return

    def _on_message(self, who: bytes, header: bytes, body: bytes) -> None:
        if self.is_deaf:
            return
        if header[:1] == DATA:
            peer = self._peers[who]
            data = peer.channel.unpack(header, body)
            if data is not None:
                self._on_data(who, peer, data)
            return
        match decode_from_client(body):
            case Hello() as hello:
                self.hellos.append(hello)
                if self.refusal:
                    self._send(who, encode_control(Refusal(self.refusal)))
                else:
                    self._peers[who] = Peer()
                    welcome = msgspec.structs.replace(self.welcome, session=len(self.hellos))
                    self._send(who, encode_control(welcome))
            case Resume() as resume:
                self.resumes.append(resume)
                self._send(who, encode_control(Goodbye("this session is over")))
            case Goodbye() as goodbye:
                self.goodbyes.append(goodbye)
                self._peers.pop(who, None)
            case Ack(received):
                self.acks += 1
                self.acked = max(self.acked, received)
                self._peers[who].channel.acknowledge(received)
            case _:
                pass

    def _on_data(self, who: bytes, peer: Peer, data: bytes) -> None:
        if not peer.is_greeted:
            assert data.startswith(GREETING)
            data = data.removeprefix(GREETING)
        for payload in peer.buffer.feed(data):
            if not peer.is_greeted:
                peer.is_greeted = True
                answers = [join_fields(176, "20200913 12:26:40 UTC")]
            else:
                fields = split_fields(payload)
                self.requests.append(fields)
                answers = self._answer(fields)
            if answers:
                self._send(who, peer.channel.pack(b"".join(map(frame, answers))))

    def _answer(self, fields: list[str]) -> list[bytes]:
        match fields[0]:
            case "71":  # startApi
                return [join_fields(9, 1, 1), join_fields(15, 1, "DU1000001")]
            case "61":  # reqPositions
                return [join_fields(62, 1)]
            case "81":  # reqMatchingSymbols: none match
                return [join_fields(79, fields[1], 0)]
            case "49":  # reqCurrentTime: another answer each time, so that none is mistaken
                self._clock_s += 1
                return [join_fields(49, 1, self._clock_s)]
            case _:
                return []

    def _to_all_data(self, body: bytes) -> None:
        for who, peer in self._peers.items():
            self._send(who, peer.channel.pack(body))

    def _to_all(self, parts: list[bytes]) -> None:
        for who in self._peers:
            self._send(who, parts)

    def _send(self, who: bytes, parts: list[bytes]) -> None:
        with contextlib.suppress(zmq.ZMQError):  # it has gone
            self._socket.send_multipart([who, *parts], zmq.NOBLOCK)


@pytest.fixture(name="no_leaks", autouse=True)
def _no_leaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads the user's configuration, and none leaves a socket open."""
    monkeypatch.setenv("IBPROXY_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").touch()
    monkeypatch.delenv("IBPROXY_URL", raising=False)
    monkeypatch.delenv("IBPROXY_STRATEGY", raising=False)
    yield
    leaked = [socket for socket in process_context()._sockets if not socket.closed]
    close_context()
    assert not leaked, "a socket is still open"


@pytest.fixture(name="start_proxy")
def _start_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], FakeProxy]]:
    """Start a fake proxy at an address, which becomes the clients' one."""
    started: list[FakeProxy] = []

    def start(url: str) -> FakeProxy:
        proxy = FakeProxy(url)
        started.append(proxy)
        monkeypatch.setenv("IBPROXY_URL", proxy.url)
        return proxy

    yield start
    for proxy in started:
        proxy.vanish()


@pytest.fixture(name="proxy")
def _proxy(tmp_path: Path, start_proxy: Callable[[str], FakeProxy]) -> FakeProxy:
    """A fake proxy on a Unix socket."""
    return start_proxy(f"ipc://{tmp_path}/proxy.sock")
