"""`ibproxy sim` as a process."""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields

Start = Callable[..., Any]


def greet(place: str) -> list[str]:
    """Return the fields of the gateway's answer to a client's greeting."""
    host, _, port = place.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
        connection.sendall(GREETING + frame(b"v157..178"))
        with connection.makefile("rb") as stream:
            (length,) = struct.unpack(">I", stream.read(4))
            return split_fields(stream.read(length))


@pytest.mark.parametrize("version", [157, 176, 178])
def test_the_first_line_says_where_it_listens(start: Start, version: int) -> None:
    """With port 0 the stand-in takes a free port, says which, and serves it at once."""
    sim = start("sim", "--port", "0", "--server-version", str(version))
    (place,) = sim.ready()
    assert greet(place)[0] == str(version)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_at_once(start: Start, number: int, status: int) -> None:
    """Ctrl-C and SIGTERM end the stand-in silently, even while a client is connected."""
    sim = start("sim", "--port", "0")
    (place,) = sim.ready()
    host, _, port = place.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10):
        sim.send(number)
        assert sim.wait() == status
    assert sim.errors == []
    assert not sim.has_survivors


def test_the_highest_speed_is_the_readers(start: Start) -> None:
    """With `--speed max` ticks come for as long as somebody reads, however little time goes by."""
    sim = start("sim", "--port", "0", "--speed", "max")
    host, _, port = sim.ready()[0].rpartition(":")
    spy = join_fields(1, 11, 7, 0, "SPY", "STK", "", 0, "", "", "SMART", "", "USD", "", "", 0)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(GREETING + frame(b"v157..178") + frame(b"71\x002\x001\x00\x00"))
        connection.sendall(frame(spy + join_fields("", 0, 0, "")))
        buffer, ticks = FrameBuffer(), 0
        while ticks < 50_000:
            payloads = buffer.feed(connection.recv(1 << 16))
            assert payloads or buffer.pending_bytes, "the stand-in has stopped"
            ticks += sum(
                payload.startswith((b"1\x006\x007", b"2\x006\x007")) for payload in payloads
            )


def test_the_options_make_the_gateway(start: Start) -> None:
    """The accounts that were asked for are those that a client is told of."""
    sim = start("sim", "--port", "0", "--accounts", "DU7,U12345678", "--seed", "3", "--speed", "2")
    host, _, port = sim.ready()[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(GREETING + frame(b"v157..178") + frame(b"71\x002\x001\x00\x00"))
        with connection.makefile("rb") as stream:
            while True:
                (length,) = struct.unpack(">I", stream.read(4))
                fields = split_fields(stream.read(length))
                if fields[0] == "15":
                    break
    assert fields[2] == "DU7,U12345678"
