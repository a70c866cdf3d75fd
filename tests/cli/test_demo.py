"""`ibproxy demo` as a process, and what it shows."""

from __future__ import annotations

import asyncio
import io
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ibproxy_server.demo.screen import LiveScreen, PlainScreen, Standing, View
from ibproxy_server.demo.stage import Stage, cast

Start = Callable[..., Any]
STRATEGIES = ("trade_option_wheel", "trade_cppi")


def test_the_demo_keeps_its_promises(start: Start, tmp_path: Path) -> None:
    """Two strategies trade through one connection, and the summary is what was measured."""
    demo = start("demo", "--seconds", "8", TMPDIR=str(tmp_path))
    assert demo.wait() == 0, demo.output
    assert demo.errors == []
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in demo.output if "  " in line)
    assert rows["connections upstream"] == "1"
    assert rows["strategies"] == "2"
    assert rows["timeouts"] == "0"
    for strategy, account in zip(STRATEGIES, ("DU1000001", "DU1000002"), strict=True):
        counts = [int(text) for text in re.findall(r"[0-9]+", rows[f"{strategy} in {account}"])]
        orders, fills, *told = counts
        assert orders > 0
        assert fills > 0
        assert told == [orders, fills]
        assert f"{strategy} is connected as client 1" in demo.output
    wrong, _, messages = rows["messages that reached the wrong strategy"].partition(" of ")
    assert wrong == "0"
    assert int(messages) > 100
    assert not demo.has_survivors
    assert list(tmp_path.glob("ibproxy-*")) == []


def test_a_demo_that_is_too_short_says_so(start: Start) -> None:
    """Without an order there is nothing to show, and the demo does not claim otherwise."""
    demo = start("demo", "--seconds", "0.2")
    assert demo.wait() == 1
    assert any("not as it should be" in line and "--seconds" in line for line in demo.output)
    assert demo.errors == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_whole_demo(
    start: Start, tmp_path: Path, number: int, status: int
) -> None:
    """Ctrl-C in the middle leaves no process and no file behind."""
    demo = start("demo", TMPDIR=str(tmp_path))
    demo.line("is connected")
    demo.send(number)
    assert demo.wait() == status
    assert demo.errors == []
    assert not demo.has_survivors
    assert list(tmp_path.glob("ibproxy-*")) == []


def view(**changes: Any) -> View:
    """Return how things stand in the middle of a demo."""
    standings = (
        Standing("trade_option_wheel", "DU1000001", 1, ("AAPL", "AAPL 270 P"), 31, 24),
        Standing("trade_cppi", "DU1000002", None, (), 0, 0),
    )
    values = {
        "standings": standings,
        "connections": 1,
        "gateway": "127.0.0.1:4002",
        "client_id": 100,
        "messages_sent": 77,
        "messages_received": 888,
        "left_s": 12.4,
        **changes,
    }
    return View(**values)


def test_a_terminal_gets_a_live_table() -> None:
    """Who is connected, what they receive and trade, and the one connection are all in it."""
    output = io.StringIO()
    screen = LiveScreen(
        Console(file=output, force_terminal=True, no_color=True, highlight=False, width=120)
    )
    screen.show(view())
    screen.close()
    text = output.getvalue()
    for part in (*STRATEGIES, "connecting", "AAPL, AAPL 270 P", "31", "24", "77 messages", "12 s"):
        assert part in text
    assert "1 connection to the gateway at 127.0.0.1:4002, client id 100" in text


def test_what_is_no_terminal_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Each thing that happens is one line, and is said once."""
    screen = PlainScreen()
    screen.show(view())
    screen.show(view())
    screen.close()
    assert capsys.readouterr().out.splitlines() == [
        "trade_option_wheel is connected as client 1",
        "trade_option_wheel has placed its first order, in DU1000001",
        "trade_option_wheel has its first fill",
        "connections that the gateway at 127.0.0.1:4002 sees: 1",
    ]


class _Leaky(Stage):
    """A demo whose proxy binds nobody to an account, so that everybody sees everything."""

    def _write_config(self, path: Path) -> None:
        super()._write_config(path)
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: text.index("[strategies")], encoding="utf-8")


async def _leak(folder: Path) -> list[str]:
    """Return the complaints of a demo that leaks."""
    stage = _Leaky(cast())
    async with stage.set_up(folder):
        await stage.watch(4.0, PlainScreen())
        await stage.end_strategies()
        return (await stage.summary()).complaints()


def test_the_audit_catches_a_proxy_that_leaks(tmp_path: Path) -> None:
    """When strategies are shown each other's accounts for real, the demo fails and says so."""
    complaints = asyncio.run(_leak(tmp_path))
    for strategy in STRATEGIES:
        assert any(
            re.fullmatch(rf"{strategy} received \d+ messages that were not for it", text)
            for text in complaints
        ), complaints
