"""A client whose link is broken: what it says and does until it is whole, or given up.

That it is made whole, and nothing missed, is tested in `tests/e2e`, with a real proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from ibproxy.absence import FIRST_PAUSE_S, LONGEST_PAUSE_S, Absence
from ibproxy.link import Link
from ibproxy.machine import is_running, machine_id
from ibproxy.wire.framing import frame, join_fields
from ibproxy.wire.lane import Resume, Welcome

if TYPE_CHECKING:
    from tests.client.conftest import FakeProxy

CONNECT: dict[str, Any] = {"fetchFields": StartupFetchNONE, "timeout": 5}
CANCEL = frame(join_fields(2, 2, 77))
HERE = Welcome("run", 0, "0", "secret", 60.0, os.getpid(), machine_id())


@pytest.fixture(name="loop", autouse=True)
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


def until(ib: RemoteIB, is_true: Callable[[], object]) -> None:
    """Serve a client until something is so."""
    deadline_s = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline_s
        with contextlib.suppress(ConnectionError):  # as ib_async says that it was disconnected
            ib.sleep(0.01)


def link_of(ib: RemoteIB) -> Link:
    """Return a client's link."""
    link = ib.client.conn
    assert isinstance(link, Link)
    return link


def cut_off(proxy: FakeProxy, welcome: Welcome = HERE) -> tuple[RemoteIB, list[str]]:
    """Return a client whose proxy has vanished, and why it was disconnected when it is."""
    proxy.welcome = welcome
    ib = RemoteIB()
    ib.connect(**CONNECT)
    reasons: list[str] = []
    ib.client.apiError += reasons.append
    proxy.vanish()
    until(ib, lambda: link_of(ib)._absence or reasons)
    return ib, reasons


def test_it_seems_connected(proxy: FakeProxy) -> None:
    """And what is sent counts as sent."""
    ib, reasons = cut_off(proxy)
    before = link_of(ib).numMsgSent
    link_of(ib).sendMsg(CANCEL)
    assert ib.isConnected()
    assert link_of(ib).isConnected()
    assert link_of(ib).numMsgSent == before + 1
    assert reasons == []
    ib.disconnect()


def test_it_says_which_session_it_wants(
    proxy: FakeProxy, start_proxy: Callable[[str], FakeProxy]
) -> None:
    """By the secret that it was given; told that it is over, it is disconnected, with why."""
    ib, reasons = cut_off(proxy)
    had = link_of(ib)._channel.received
    again = start_proxy(proxy.url)
    until(ib, lambda: reasons)
    assert again.resumes == [Resume("run", 1, "secret", had)]
    assert had > 0
    assert reasons == ["this session is over"]
    assert not ib.isConnected()
    assert again.hellos == []


def test_a_proxy_whose_process_has_ended(proxy: FakeProxy) -> None:
    """It is not waited for: a dead proxy has no sessions."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    dead = Welcome("run", 0, "0", "secret", 60.0, process.pid, machine_id())
    ib, reasons = cut_off(proxy, dead)
    assert reasons == ["the proxy has ended"]
    assert not ib.isConnected()


def test_too_long(proxy: FakeProxy) -> None:
    """When the proxy cannot have the session any more, it is disconnected."""
    ib, reasons = cut_off(proxy, Welcome("run", 0, "0", "secret", 0.2, os.getpid(), machine_id()))
    until(ib, lambda: reasons)
    assert reasons == ["the link to the proxy was broken for 0.2 s"]
    assert not ib.isConnected()


def test_too_much(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that goes on sending is given up before it takes all memory."""
    monkeypatch.setattr("ibproxy.link.MAX_KEPT_BYTES", 1000)
    ib, reasons = cut_off(proxy)
    for _ in range(1000 // len(CANCEL) + 1):
        link_of(ib).sendMsg(CANCEL)
    until(ib, lambda: reasons)
    assert reasons == ["more than 1000 bytes wait for a link to the proxy"]
    assert not ib.isConnected()


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_disconnect(
    is_elsewhere: bool, proxy: FakeProxy, start_proxy: Callable[[str], FakeProxy]
) -> None:
    """It ends once and in order, from another thread too, and takes up nothing afterwards."""
    ib, reasons = cut_off(proxy)
    ends: list[str] = []
    ib.disconnectedEvent += lambda: ends.append("end")
    if is_elsewhere:
        thread = threading.Thread(target=ib.disconnect)
        thread.start()
        thread.join()
    else:
        ib.disconnect()
    until(ib, lambda: ends)
    again = start_proxy(proxy.url)
    ib.connect(**CONNECT)
    assert ib.reqCurrentTime()
    assert (ends, reasons, again.resumes) == (["end"], [], [])
    ib.disconnect()


def test_connect_again(proxy: FakeProxy, start_proxy: Callable[[str], FakeProxy]) -> None:
    """The old session is left, and there is a new one."""
    ib, _ = cut_off(proxy)
    ends: list[str] = []
    ib.disconnectedEvent += lambda: ends.append("end")
    again = start_proxy(proxy.url)

    async def main() -> None:
        await ib.connectAsync(**CONNECT)
        assert await ib.reqCurrentTimeAsync()
        ib.disconnect()

    # the loop on which it was connected has not run since, and will not any more
    asyncio.run(main())
    assert again.resumes == []
    assert len(again.hellos) == 1
    assert "end" in ends


def test_pauses_grow_to_a_limit() -> None:
    """The first try comes at once; ten minutes of trying are not thousands of tries."""
    absence = Absence(since_s=1000.0, resume_s=600.0)
    pauses = [absence.next_pause_s() for _ in range(12)]
    assert pauses[:4] == [0.0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    assert pauses == sorted(pauses)
    assert not absence.is_over(1599.9)
    assert absence.is_over(1600.0)


def test_processes_are_known_from_dead_ones() -> None:
    """One that has ended is dead, even if nobody has asked how; elsewhere nobody knows."""
    assert is_running(machine_id(), os.getpid()) is True
    assert is_running(machine_id(), os.getppid()) is True
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_running(machine_id(), process.pid) is True
        assert is_running("another machine", process.pid) is None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        zombie = is_running(machine_id(), process.pid)
    assert zombie is False
    assert is_running(machine_id(), process.pid) is False
    assert is_running(machine_id(), 0) is None
    assert is_running(machine_id(), 2**70) is False


@pytest.mark.skipif(not Path("/proc/1/stat").exists(), reason="looks into /proc")
def test_another_users_process_is_there() -> None:
    """Whether or not it may be sent signals."""
    assert is_running(machine_id(), 1) is True
