"""RemoteIB over its link, against a fake proxy."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ibproxy import RemoteIB, StartupFetchNONE
from ibproxy.errors import ConfigError, RefusedError, UpstreamLostError
from ibproxy.link import Link
from ibproxy.pieces import PIECE_BYTES, cut_pieces
from ibproxy.wire.framing import frame, join_fields
from ibproxy.wire.lane import Goodbye

if TYPE_CHECKING:
    from tests.client.conftest import FakeProxy

CONNECT: dict[str, Any] = {"fetchFields": StartupFetchNONE, "timeout": 5}


class NoReaderLoop(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors, as Windows' proactor."""

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]
        """Refuse."""
        raise NotImplementedError


@pytest.fixture(name="loop", params=[asyncio.SelectorEventLoop, NoReaderLoop])
def _loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """The thread's event loop."""
    loop: asyncio.AbstractEventLoop = request.param()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture(name="plain_loop")
def _plain_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The thread's event loop, an ordinary one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


def error_message(number: int) -> bytes:
    """Return TWS's error message that carries `number` as its text."""
    return join_fields(4, 2, -1, 2104, number, "")


def link_of(ib: RemoteIB) -> Link:
    """Return what stands in for ib_async's connection."""
    link = ib.client.conn
    assert isinstance(link, Link)
    return link


def seconds(ib: RemoteIB) -> int:
    """Ask for the gateway's time."""
    return int(ib.reqCurrentTime().timestamp())


@pytest.mark.usefixtures("loop")
def test_blocking_calls(proxy: FakeProxy) -> None:
    """A blocking connect, request and disconnect work on every kind of loop."""
    ib = RemoteIB()
    assert ib.connect("127.0.0.1", 4002, clientId=7, **CONNECT) is ib
    assert ib.isConnected()
    assert [seconds(ib) for _ in range(3)] == [1_600_000_001, 1_600_000_002, 1_600_000_003]
    assert ib.managedAccounts() == ["DU1000001"]
    assert repr(ib) == "<RemoteIB connected to 127.0.0.1:4002 clientId=7>"
    stats = ib.client.connectionStats()
    assert (stats.numMsgSent, stats.numMsgRecv) == (6, 7)
    assert stats.numBytesSent > 40
    assert "sent in 6 messages" in (ib.disconnect() or "")
    assert not ib.isConnected()
    proxy.wait_for(lambda: proxy.goodbyes)
    hello = proxy.hellos[0]
    assert (hello.host, hello.port, hello.pid) == ("127.0.0.1", 4002, os.getpid())
    assert hello.client_library.startswith("ib_async ")


def test_tcp(start_proxy: Callable[[str], FakeProxy]) -> None:
    """A proxy on TCP serves as well."""
    start_proxy("tcp://127.0.0.1:0")

    async def main() -> None:
        with await RemoteIB().connectAsync(**CONNECT) as ib:
            assert await ib.reqCurrentTimeAsync()

    asyncio.run(main())


@pytest.mark.usefixtures("plain_loop")
def test_strategy_name(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name comes from the object, the class, or the environment, when it connects."""

    class Cppi(RemoteIB):
        strategy = "cppi"

    monkeypatch.setenv("IBPROXY_STRATEGY", "from the environment")
    own = RemoteIB()
    own.strategy = "own name"
    for ib in (own, Cppi(), RemoteIB()):
        ib.connect(**CONNECT)
        ib.disconnect()
    names = [hello.strategy for hello in proxy.hellos]
    assert names == ["own_name", "cppi", "from_the_environment"]


@pytest.mark.usefixtures("loop")
def test_reconnect_twenty_times(proxy: FakeProxy) -> None:
    """One object connects, disconnects and connects again at once, as often as one likes."""
    ib = RemoteIB()
    ends: list[bool] = []
    ib.disconnectedEvent += lambda: ends.append(ib.isConnected())
    for number in range(20):
        ib.connect(**CONNECT)
        assert seconds(ib)
        ib.disconnect()
        assert len(ends) == number + 1
    ib.sleep(0.05)
    assert len(ends) == 20
    proxy.wait_for(lambda: len(proxy.goodbyes) == 20)


def test_connect_while_connected(proxy: FakeProxy) -> None:
    """A second connect ends the first connection and makes a new one."""
    ib = RemoteIB()
    ends: list[str] = []
    ib.disconnectedEvent += lambda: ends.append("end")

    async def main() -> None:
        await ib.connectAsync(**CONNECT)
        await ib.connectAsync(**CONNECT)
        assert ends == ["end"]
        assert await ib.reqCurrentTimeAsync()
        ib.disconnect()

    asyncio.run(main())
    proxy.wait_for(lambda: len(proxy.goodbyes) == 2)


def test_one_object_on_several_loops(proxy: FakeProxy) -> None:
    """An object made without a loop works in one asyncio.run after the other."""
    ib = RemoteIB()

    async def main(*, leave: bool) -> None:
        await ib.connectAsync(**CONNECT)
        assert await ib.reqCurrentTimeAsync()
        if leave:
            ib.disconnect()

    asyncio.run(main(leave=True))
    asyncio.run(main(leave=False))
    ib.disconnect()  # its loop is closed
    asyncio.run(main(leave=False))
    asyncio.run(main(leave=True))  # connected on a loop that is closed
    proxy.wait_for(lambda: len(proxy.goodbyes) == 4)


@pytest.mark.usefixtures("proxy")
def test_other_thread() -> None:
    """An object made in one thread connects in another, on that thread's loop."""
    ib = RemoteIB()
    answers: list[int] = []

    def work() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        ib.connect(**CONNECT)
        answers.append(seconds(ib))
        ib.disconnect()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert answers == [1_600_000_001]


@pytest.mark.usefixtures("plain_loop")
def test_send_from_another_thread(proxy: FakeProxy) -> None:
    """A request from another thread leaves although the loop is not running."""
    ib = RemoteIB()
    ib.connect(**CONNECT)
    threads = [threading.Thread(target=link_of(ib).sendMsg, args=[_cancel(i)]) for i in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proxy.wait_for(lambda: sum(fields[0] == "2" for fields in proxy.requests) == 9)
    thread = threading.Thread(target=ib.disconnect)
    thread.start()
    thread.join()
    proxy.wait_for(lambda: proxy.goodbyes)
    ib.sleep(0)


def _cancel(req_id: int) -> bytes:
    return frame(join_fields(2, 2, req_id))


@pytest.mark.usefixtures("plain_loop", "proxy")
def test_several_objects() -> None:
    """Several objects in one process do not meet."""
    ibs = [RemoteIB() for _ in range(3)]
    for number, ib in enumerate(ibs):
        ib.connect(clientId=number + 1, **CONNECT)
    assert len({seconds(ib) for ib in ibs}) == 3
    for ib in ibs:
        ib.disconnect()


@pytest.mark.usefixtures("plain_loop")
def test_subclass_with_old_style_init(proxy: FakeProxy) -> None:
    """A subclass that calls IB.__init__(self) and connects in its constructor works."""

    class Trader(RemoteIB):
        def __init__(self) -> None:
            RemoteIB.__init__(self)
            self.connect(**CONNECT)

    trader = Trader()
    assert seconds(trader)
    trader.disconnect()
    assert len(proxy.hellos) == 1


@pytest.mark.usefixtures("plain_loop")
def test_forgotten_object_disconnects(proxy: FakeProxy) -> None:
    """An object that nobody holds any more says goodbye when it is collected."""
    ib = RemoteIB()
    ib.connect(**CONNECT)
    del ib
    gc.collect()
    proxy.wait_for(lambda: proxy.goodbyes)


@pytest.mark.usefixtures("plain_loop")
def test_refused(proxy: FakeProxy) -> None:
    """A refusal raises a ConnectionRefusedError with the proxy's reason, and is no connection."""
    proxy.refusal = "clientId 1 of cppi is in use"
    ib = RemoteIB()
    with pytest.raises(ConnectionRefusedError, match="clientId 1 of cppi is in use") as caught:
        ib.connect(**CONNECT)
    assert isinstance(caught.value, RefusedError)
    assert not ib.isConnected()
    proxy.refusal = ""
    ib.connect(**CONNECT)
    ib.disconnect()


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("kind", ["no file", "dead file", "tcp"])
def test_no_proxy(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy, connect fails at once, names the address and says what to start."""
    url = "tcp://127.0.0.1:1" if kind == "tcp" else f"ipc://{tmp_path}/p.sock"
    if kind == "dead file":
        (tmp_path / "p.sock").touch()
    monkeypatch.setenv("IBPROXY_URL", url)
    started_s = time.monotonic()
    with pytest.raises(RefusedError, match="ibproxy serve") as caught:
        RemoteIB().connect(**CONNECT)
    assert url in str(caught.value)
    assert time.monotonic() - started_s < 1


@pytest.mark.usefixtures("plain_loop")
def test_not_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """If something else listens there, the error says that."""
    import socket  # noqa: PLC0415 - only here

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as peer:
                peer.recv(100)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("IBPROXY_URL", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(RefusedError, match="not an ibproxy"):
            RemoteIB().connect(**CONNECT)
        thread.join()


@pytest.mark.usefixtures("plain_loop")
def test_deaf_proxy(proxy: FakeProxy) -> None:
    """A proxy that never answers ends in connect's own timeout, and leaves no socket."""
    proxy.is_deaf = True
    with pytest.raises(asyncio.TimeoutError):
        RemoteIB().connect(timeout=0.2)


@pytest.mark.usefixtures("plain_loop")
def test_bad_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed IBPROXY_URL is an error about the setting, not about the network."""
    monkeypatch.setenv("IBPROXY_URL", "http://x")
    with pytest.raises(ConfigError, match="IBPROXY_URL"):
        RemoteIB().connect(**CONNECT)


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize("way", ["vanishes", "says goodbye", "breaks the protocol"])
def test_proxy_ends_it(way: str, proxy: FakeProxy) -> None:
    """However the proxy ends it, disconnectedEvent comes once, after all that was sent before."""
    ib = RemoteIB()
    ends: list[str] = []
    texts: list[str] = []
    errors: list[str] = []
    ib.disconnectedEvent += lambda: ends.append("end")
    ib.errorEvent += lambda _id, _code, text, _contract: texts.append(text)
    ib.connect(**CONNECT)
    ib.client.apiError += errors.append
    proxy.push(*map(error_message, range(1000)))
    if way == "vanishes":
        proxy.vanish()
        expected = "Peer closed connection."
    elif way == "says goodbye":
        proxy.control(Goodbye("you read too slowly"))
        expected = "you read too slowly"
    else:
        proxy.raw(b"D", b"nonsense")
        expected = "protocol"
    _sleep_until(ib, lambda: ends)
    ib.sleep(0.05)
    assert ends == ["end"]
    assert len(texts) == 1000
    assert expected in errors[0]
    assert not ib.isConnected()
    assert not link_of(ib).isConnected()
    ib.disconnect()


def _sleep_until(ib: RemoteIB, is_true: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline_s
        with contextlib.suppress(ConnectionError):  # as ib_async says that the link is lost
            ib.sleep(0.01)


@pytest.mark.usefixtures("plain_loop")
def test_loss_fails_what_was_asked(proxy: FakeProxy) -> None:
    """A request that waits for an answer ends with a ConnectionError when the proxy vanishes."""
    ib = RemoteIB()
    ib.connect(**CONNECT)
    end = threading.Timer(0.05, proxy.vanish)
    end.start()
    with pytest.raises(ConnectionError):
        ib.reqMarketRule(26)
    end.join()


@pytest.mark.usefixtures("plain_loop")
def test_acknowledgements(proxy: FakeProxy) -> None:
    """Much data is acknowledged unasked, little at the next probe, and nothing new not at all."""
    ib = RemoteIB()
    ib.connect(**CONNECT)
    proxy.push(*[join_fields(4, 2, -1, 2104, "x" * 1000, "")] * 100)
    ib.sleep(0.05)
    proxy.wait_for(lambda: proxy.acks == 1)
    proxy.push(error_message(0))
    ib.sleep(0.05)
    assert proxy.acks == 1
    for _ in range(3):
        proxy.probe()
        ib.sleep(0.03)
    proxy.wait_for(lambda: proxy.acks == 2)
    ib.sleep(0.05)
    assert proxy.acks == 2
    ib.disconnect()


@pytest.mark.usefixtures("plain_loop")
def test_busy_program_stays_connected(proxy: FakeProxy) -> None:
    """A program that computes while thousands of messages come loses none and stays connected."""
    ib = RemoteIB()
    texts: list[str] = []
    ib.errorEvent += lambda _id, _code, text, _contract: texts.append(text)
    ib.connect(**CONNECT)
    for number in range(5000):
        proxy.push(error_message(number))
    proxy.wait_for_silence()  # the program's own loop does not run meanwhile
    _sleep_until(ib, lambda: len(texts) >= 5000)
    assert texts == [str(number) for number in range(5000)]
    ib.disconnect()


def test_pieces() -> None:
    """Pieces are whole frames in order; only a frame larger than a piece makes a larger piece."""
    frames = [frame(b"x" * size) for size in (10, 5000, 3000, 3000, 50_000, 1, 8188, 8189, 2) * 5]
    body = b"".join(frames)
    pieces = list(cut_pieces(body))
    assert b"".join(pieces) == body
    boundaries = {0}
    for one in frames:
        boundaries.add(max(boundaries) + len(one))
    position = 0
    for piece in pieces:
        assert len(piece) <= PIECE_BYTES + 50_004
        position += len(piece)
        assert position in boundaries
    assert len(pieces) > 20


@pytest.mark.usefixtures("plain_loop")
def test_idle_link() -> None:
    """A link that never connected ignores what a closed Connection ignores."""
    link = Link()
    link.sendMsg(b"x")
    link.disconnect()
    assert not link.isConnected()
    assert (link.numMsgSent, link.numBytesSent) == (0, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("plain_loop")
def test_fork(proxy: FakeProxy) -> None:
    """A forked child cannot use its parent's connection, can make its own, and harms nothing."""
    ib = RemoteIB()
    ib.connect(**CONNECT)
    child = os.fork()
    if child == 0:
        status = 9
        try:
            status = _in_child(ib)
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert seconds(ib)
    ib.disconnect()
    assert [hello.pid for hello in proxy.hellos] == [os.getpid(), child]


def _in_child(ib: RemoteIB) -> int:
    asyncio.set_event_loop(asyncio.new_event_loop())
    try:
        link_of(ib).sendMsg(b"x")
    except UpstreamLostError:
        ib.disconnect()
        ib.connect(**CONNECT)
        answer = seconds(ib)
        ib.disconnect()
        from ibproxy.link import _leave  # noqa: PLC0415 - what the interpreter does at exit

        _leave()
        return 0 if answer else 1
    return 2


EXITING = """
import sys
from ibproxy import *
ib = IB()
ib.connect(fetchFields=StartupFetchNONE)
ib.client.cancelMktData(77)
sys.exit(3)
"""


def test_exit_sends_what_was_sent(proxy: FakeProxy) -> None:
    """A script whose last line sends something and exits has sent it, and exits at once."""
    started_s = time.monotonic()
    result = subprocess.run([sys.executable, "-c", EXITING], check=False, timeout=20)
    assert result.returncode == 3
    assert time.monotonic() - started_s < 10
    proxy.wait_for(lambda: proxy.goodbyes)
    assert proxy.requests[-1][0] == "2"
