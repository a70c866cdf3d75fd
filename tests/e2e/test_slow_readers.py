"""A program that reads slowly or not at all, while much is said to it: bounded, and alone."""

from __future__ import annotations

import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ib_async import Option

from ibproxy import RemoteIB
from ibproxy_server.core.hub import MAX_BACKLOG_BYTES
from ibproxy_server.shells.status import fetch_status
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings
from tests.e2e.line import SPY, Program
from tests.e2e.served import ServedProxy

pytestmark = [
    pytest.mark.only_proxied("a gateway lets everything wait"),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc"),
]

MIB = 1024 * 1024
UNREAD_MIB = 24
"""4 MiB on the way, 1 MiB before ticks are conflated, and what the allocator makes of it."""

QUICK_S = 0.25
FLOOD_S = 3.0

MakeProxy = Callable[..., ServedProxy]
Until = Callable[..., None]


@pytest.fixture(name="make_proxy")
def _make_proxy(
    start_sim: Callable[[Settings], ThreadedSim], serve: Callable[..., ServedProxy]
) -> MakeProxy:
    """Starts a proxy as a process, whose memory is its own."""

    def make(*options: str, **settings: Any) -> ServedProxy:
        return serve(start_sim(Settings(accounts=("DU1000001",), **settings)), *options)

    return make


@pytest.fixture(name="start")
def _start(until: Until) -> Iterator[Callable[[ServedProxy, str], Program]]:
    """Starts programs, once the proxy has a gateway."""
    programs: list[Program] = []

    def start(proxy: ServedProxy, strategy: str, door: int = 0) -> Program:
        until(lambda: fetch_status(proxy.url)["upstream"]["state"] == "ready")
        programs.append(Program(proxy.url, strategy, 1, door))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def memory_mib(pid: int, which: str = "VmRSS") -> float:
    """Return how much memory a process has, or with "VmHWM" the most that it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [each for each in lines if each.startswith(which)]
    return int(line.split()[1]) / 1024


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def connected(strategy: str) -> Any:
    """Return a connected client that asks as often as it likes."""
    ib = RemoteIB()
    ib.strategy = strategy
    ib.client.MaxRequests = 0
    ib.connect()
    return ib


def delays(ib: Any, seconds: float) -> list[float]:
    """Ask again and again what the proxy knows by itself; return how long each answer took."""
    delays_s = []
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        began_s = time.perf_counter()
        assert ib.reqContractDetails(SPY)
        delays_s.append(time.perf_counter() - began_s)
    return delays_s


def session_of(proxy: ServedProxy, strategy: str) -> dict[str, Any] | None:
    """Return a strategy's session, as the status shows it."""
    sessions = fetch_status(proxy.url)["sessions"]
    return next((each for each in sessions if each["strategy"] == strategy), None)


@pytest.mark.parametrize("how", ["stops", "computes"])
def test_ticks_without_end(how: str, make_proxy: MakeProxy, start: Callable[..., Program]) -> None:
    """They are conflated for it, the proxy's memory stays, and others are answered as before."""
    proxy = make_proxy(flood=True)
    slow = start(proxy, "slow")
    quick = connected("quick")
    slow.ask("watch")
    usual_s = statistics.median(delays(quick, 1.0))
    before = memory_mib(proxy.pid)
    if how == "stops":
        slow.send_signal(signal.SIGSTOP)
    else:
        slow.say("compute", FLOOD_S + 1)
    slow_s = statistics.median(delays(quick, FLOOD_S))
    most = memory_mib(proxy.pid, "VmHWM")
    waiting = session_of(proxy, "slow")
    assert waiting
    assert waiting["conflated_ticks"] > 10_000
    assert most - before < UNREAD_MIB
    assert slow_s < usual_s + QUICK_S
    if how == "stops":
        slow.send_signal(signal.SIGCONT)
    else:
        slow.answer()
    assert slow.ask("bid") > 0
    report = slow.ask("report")
    assert (report["is_connected"], report["ends"]) == (True, [])
    quick.disconnect()


@pytest.mark.parametrize("is_at_door", [False, True])
def test_at_the_hard_limit(
    is_at_door: bool, make_proxy: MakeProxy, start: Callable[..., Program], until: Until
) -> None:
    """Nothing but ticks is left out, so a program that never reads is disconnected, with why.

    At a door there is no word for why: the proxy's log has it.
    """
    port = free_port()
    proxy = make_proxy("--tcp", f"127.0.0.1:{port}", "--tcp-strategy", "slow")
    slow = start(proxy, "slow", port if is_at_door else 0)
    quick = connected("quick")
    quick.reqContractDetails(Option("SPY"))  # from now on the proxy has them
    usual_s = statistics.median(delays(quick, 0.5))
    before = memory_mib(proxy.pid)
    slow.say("ask_much", 25, 8.0)
    slow_s = statistics.median(delays(quick, 4.0))
    most = memory_mib(proxy.pid, "VmHWM")
    assert session_of(proxy, "slow") is None
    copies = 5 if is_at_door else 2  # asyncio's buffer grows by copying itself
    assert most - before < copies * MAX_BACKLOG_BYTES / MIB
    assert slow_s < usual_s + QUICK_S
    slow.answer()
    until(lambda: slow.ask("ended"))  # the last that it was sent takes it a while
    [end] = slow.ask("ended")
    expected = ("Peer closed", "[Errno 104]") if is_at_door else ("it reads too slowly: ",)
    assert end.startswith(expected)
    assert session_of(proxy, "quick")
    if not is_at_door:  # what one buffer leaves behind when it is freed is the allocator's affair
        until(lambda: memory_mib(proxy.pid) - before < MAX_BACKLOG_BYTES / MIB / 2, quick)
    quick.disconnect()
