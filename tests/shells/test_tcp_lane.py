"""The TCP lane by itself: doors, bytes both ways, who may come in, who reads too slowly."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ibproxy.config import Config, DoorConfig, parse_config
from ibproxy.errors import BusyError, ConfigError
from ibproxy_server.core import events as ev
from ibproxy_server.shells.tcp_lane import REPORT_BACKLOG_BYTES, UNREAD_BYTES, TcpLane

PATIENCE_S = 20.0


class Stage:
    """A lane with a door, and what it said."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.changed = asyncio.Condition()
        self.lane = TcpLane(self.note, itertools.count(1).__next__)

    def note(self, event: ev.Event) -> None:
        """The lane says something."""
        self.events.append(event)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop turn until something is so."""
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while not condition():
            assert asyncio.get_running_loop().time() < deadline_s, self.events
            await asyncio.sleep(0)

    def kinds(self) -> list[type]:
        """The kinds of what it said."""
        return [type(event) for event in self.events]


@contextlib.asynccontextmanager
async def stage(door: DoorConfig | None = None) -> AsyncIterator[tuple[Stage, Any, Any]]:
    """A lane, and a caller's two ends."""
    made = Stage()
    address = await made.lane.listen(door or DoorConfig("127.0.0.1:0", "legacy"))
    reader, writer = await asyncio.open_connection(*address)
    yield made, reader, writer
    made.lane.close("it is over")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def test_a_caller_is_the_strategy_of_its_door() -> None:
    """It arrives as such; what it says before it is let in is heard then, and in one piece."""

    async def play() -> None:
        async with stage() as (made, reader, writer):
            await made.until(lambda: made.events)
            [arrived] = made.events
            assert isinstance(arrived, ev.ClientArrived)
            assert (arrived.session, arrived.strategy) == (1, "legacy")
            assert arrived.program.startswith("program at 127.0.0.1:")
            writer.write(b"API\0")
            await made.until(lambda: made.lane._callers[1]._early)
            assert len(made.events) == 1
            assert 1 in made.lane
            made.lane.accept(1)
            await made.until(lambda: len(made.events) > 1)
            assert made.events[1:] == [ev.ClientData(1, b"API\0")]
            made.lane.send(1, b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            await made.until(lambda: ev.ClientLeft in made.kinds())
            assert 1 not in made.lane

    asyncio.run(play())


def test_what_was_said_last_leaves_before_the_line_is_cut() -> None:
    """And nobody hears that a client left who was sent away."""

    async def play() -> None:
        async with stage() as (made, reader, _):
            await made.until(lambda: made.events)
            made.lane.accept(1)
            made.lane.send(1, b"goodbye")
            made.lane.drop(1, "no room")
            assert await reader.read() == b"goodbye"
            assert made.kinds() == [ev.ClientArrived]
            made.lane.send(1, b"nobody is there")
            made.lane.accept(1)

    asyncio.run(play())


def test_who_does_not_read_is_cut_off_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all that waits for it would be kept for as long as it lives."""
    monkeypatch.setattr("ibproxy_server.shells.tcp_lane.HANG_UP_S", 0.1)

    async def play() -> None:
        async with stage() as (made, reader, _):
            await made.until(lambda: made.events)
            made.lane.accept(1)
            for _ in range(32):  # more than the system takes for it
                made.lane.send(1, b"x" * REPORT_BACKLOG_BYTES)
            caller = made.lane._callers[1]
            assert caller._transport
            raw = caller._transport.get_extra_info("socket")
            assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            made.lane.drop(1, "it reads too slowly")
            await made.until(lambda: caller._transport is None)
            with contextlib.suppress(ConnectionResetError):
                assert len(await reader.read()) < 32 * REPORT_BACKLOG_BYTES

    asyncio.run(play())


def test_a_slow_reader_is_reported_and_its_catching_up_too() -> None:
    """The hub hears how much waits, and when it has been read."""

    async def play() -> None:
        async with stage() as (made, reader, _):
            await made.until(lambda: made.events)
            made.lane.accept(1)
            piece, sent = b"x" * 65536, 0
            while ev.ClientBlocked not in made.kinds():
                made.lane.send(1, piece)
                sent += len(piece)
                assert sent < 512 * REPORT_BACKLOG_BYTES
            [blocked] = [each for each in made.events if isinstance(each, ev.ClientBlocked)]
            assert blocked.backlog_bytes > REPORT_BACKLOG_BYTES
            assert ev.ClientDrained not in made.kinds()
            assert len(await reader.readexactly(sent)) == sent
            await made.until(lambda: ev.ClientDrained in made.kinds())

    asyncio.run(play())


def test_who_says_too_much_at_the_door_is_hung_up_on() -> None:
    """Nothing is kept without a bound."""

    async def play() -> None:
        async with stage() as (made, reader, writer):
            writer.write(b"x" * (UNREAD_BYTES + 1))
            assert await reader.read() == b""
            assert made.kinds() == [ev.ClientArrived, ev.ClientLeft]

    asyncio.run(play())


def test_who_is_not_of_the_networks_is_turned_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hub does not even hear of it; the log does."""

    async def play() -> None:
        monkeypatch.setattr(DoorConfig, "admits", lambda *_: False)
        async with stage() as (made, reader, _):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            assert made.events == []

    with caplog.at_level(logging.WARNING):
        asyncio.run(play())
    assert "not of its networks" in caplog.text


@pytest.mark.parametrize(
    ("host", "is_in"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.77", True),
        ("::ffff:192.168.1.77", True),
        ("192.168.2.77", False),
        ("8.8.8.8", False),
        ("fe80::1%eth0", False),
    ],
)
def test_a_door_admits_this_machine_and_its_networks(host: str, is_in: bool) -> None:
    """Whatever way an address is written."""
    assert DoorConfig("0.0.0.0:1", "legacy", ("192.168.1.0/24",)).admits(host) is is_in


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('listen = "0.0.0.0:4101"\nstrategy = "a"', "other machines"),
        ('listen = "127.0.0.1"\nstrategy = "a"', "HOST:PORT"),
        ('listen = "127.0.0.1:4101"\nstrategy = "a b"', "a_b"),
        ('listen = "127.0.0.1:4101"\nstrategy = ""', "a name"),
        ('listen = "0.0.0.0:1"\nstrategy = "a"\nnetworks = ["home"]', "192.168.1.0/24"),
        ('listen = "127.0.0.1:4101"', "strategy"),
    ],
)
def test_a_door_that_cannot_be_opened_is_an_error_of_the_configuration(
    lines: str, words: str
) -> None:
    """The text says what to write."""
    with pytest.raises(ConfigError, match=words):
        parse_config(f"[[doors]]\n{lines}\n")


def test_a_port_in_use_is_named() -> None:
    """With the strategy that would have come in there."""

    async def play() -> None:
        made = Stage()
        host, port = await made.lane.listen(DoorConfig("127.0.0.1:0", "legacy"))
        with pytest.raises(BusyError, match=f"{port} for other"):
            await made.lane.listen(DoorConfig(f"{host}:{port}", "other"))
        made.lane.close("it is over")

    asyncio.run(play())


def test_there_are_no_doors_by_default() -> None:
    """They must be asked for."""
    assert Config().doors == ()
