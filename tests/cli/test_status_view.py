"""What `ibproxy status` prints for people."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from ibproxy_server.cli.status import duration, listed, render


def status(**changes: Any) -> dict[str, Any]:
    """Return the status of a proxy with one strategy."""
    return {
        "run": "r1",
        "version": "0.1.0",
        "uptime_s": 3725.0,
        "upstream": {
            "gateway": "127.0.0.1:4002",
            "state": "ready",
            "client_id": 100,
            "server_version": 176,
            "accounts": ["DU1000001", "DU1000002"],
            "messages_sent": 11,
            "messages_received": 222,
            "market_data_lines": 1,
            "open_requests": 0,
            "note": "",
        },
        "sessions": [
            {
                "session": 1,
                "strategy": "trade_cppi",
                "client_id": 1,
                "program": "trade_cppi.py",
                "pid": 1,
                "accounts": ["DU1000002"],
                "connected_s": 3.0,
                "away_s": 0.0,
                "subscriptions": ["SPY"],
                "orders": 31,
                "open_orders": 7,
                "fills": 24,
                "messages_in": 10,
                "bytes_out": 100,
            }
        ],
        "account_slot": {"account": "DU1000001", "ages_s": {"DU1000001": 1.2}},
        "counters": {"unknown_messages": 0, "timeouts": 0, "refusals": 0},
        "journal": {"file": "", "failure": ""},
        **changes,
    }


def shown(value: dict[str, Any]) -> str:
    """Return the rendered status as text."""
    console = Console(width=120, no_color=True)
    with console.capture() as capture:
        console.print(render(value))
    return capture.get()


def test_who_is_connected_and_what_they_do_is_shown() -> None:
    """A strategy's row names it, its account, its subscriptions and its counts."""
    (row,) = [line for line in shown(status()).splitlines() if "trade_cppi" in line]
    for text in ("trade_cppi/1", "DU1000002", "SPY", "31", "7", "24", "10", "100", "3 s"):
        assert text in row


def test_a_broken_link_is_shown() -> None:
    """Who has no link is not shown as connected."""
    value = status()
    value["sessions"][0]["away_s"] = 65.2
    assert "no link for 1 min 5 s" in " ".join(shown(value).split())


def test_the_upstream_connection_is_shown() -> None:
    """The gateway, its state, and the accounts come before the strategies."""
    text = shown(status())
    assert "up 1 h 2 min" in text
    assert "127.0.0.1:4002 ready" in text
    assert "DU1000001, DU1000002" in text
    assert "11 messages sent, 222 received" in text
    assert "counted" not in text


def test_why_it_waits_is_shown() -> None:
    """While there is no gateway, the reason stands beside the state."""
    value = status(sessions=[])
    value["upstream"].update(state="waiting", note="connection refused", accounts=[])
    text = shown(value)
    assert "waiting: connection refused" in text
    assert "no strategy is connected" in text
    assert "not known yet" in text


def test_counters_are_shown_when_there_is_something_to_tell() -> None:
    """A counter that is not zero brings up the line of counters."""
    value = status(counters={"unknown_messages": 0, "timeouts": 2, "refusals": 0})
    assert "timeouts 2" in shown(value)


def test_names_are_not_taken_for_markup() -> None:
    """Square brackets in a name are shown as they are."""
    value = status()
    value["sessions"][0]["subscriptions"] = ["[bold]SPY"]
    assert "[bold]SPY" in shown(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.9, "59 s"), (60.0, "1 min 0 s"), (3600.0, "1 h 0 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    """Seconds up to a minute, minutes up to an hour, then hours and minutes."""
    assert duration(seconds) == text


def test_long_lists_are_cut() -> None:
    """More names than fit are counted."""
    assert listed(["A", "B", "C"], most=2) == "A, B and 1 more"
    assert listed(["A", "B"], most=2) == "A, B"


def test_a_journal_that_fails_is_shown() -> None:
    """New orders are refused then, so people must hear of it."""
    assert "journal" not in shown(status())
    failing = status(journal={"file": "/j", "failure": "/j: disk full"})
    assert "journal  cannot be written: /j: disk full" in shown(failing)
