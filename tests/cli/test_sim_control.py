"""`ibproxy sim --scenario`, and `ibproxy sim-control`, as processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Start = Callable[..., Any]


def test_scenarios_are_listed(start: Start) -> None:
    """A name and a sentence each."""
    listing = start("sim", "--list-scenarios")
    assert listing.wait() == 0
    rows = dict(line.split(maxsplit=1) for line in listing.output)
    assert {"calm", "strict", "hostile"} <= set(rows)
    assert all(about.endswith(".") for about in rows.values())


def test_a_scenario_is_played_and_controlled(start: Start, tmp_path: Path) -> None:
    """The file's accounts are there, and the shell can ask and change."""
    file = tmp_path / "mine.toml"
    file.write_text('about = "Mine."\naccounts = ["DU7"]\ncash = 5000\n')
    url = f"ipc://{tmp_path}/c.sock"
    sim = start("sim", "--port", "0", "--scenario", str(file), "--control", url, "--speed", "2")
    sim.ready()
    assert sim.line("control") == f"control {url}"

    def ask(*words: str) -> list[Any]:
        asking = start("sim-control", url, *words)
        assert asking.wait() == 0, asking.errors
        return [json.loads(line) for line in asking.output]

    assert ask("accounts") == [{"account": "DU7", "cash": 5000.0, "net_liquidation": 5000.0}]
    assert ask("fault", "slow", 'delays_s={"17": 2}', "for_s=60") == []
    assert ask("faults") == [{"slow": {"delay_s": 0.0, "delays_s": {"17": 2.0}}}]
    assert len(ask("advance", "61")) == 1
    assert ask("faults") == [{}]
    assert ask("orders") == []
    [entered] = ask("enter", "DU7", "BUY", "3", "AMD", "10.5")
    assert (entered["order_id"], entered["limit_price"]) == (0, 10.5)
    ask("advance", "1")
    wrong = start("sim-control", url, "enter", "DU7", "HOLD", "3", "AMD")
    assert (wrong.wait(), len(wrong.errors)) == (2, 1)
    assert "HOLD" in wrong.errors[0]
    assert ask("cancel", str(entered["perm_id"])) == []
    assert [each["status"] for each in ask("orders")] == ["Cancelled"]


def test_mistakes_are_one_line(start: Start, tmp_path: Path) -> None:
    """Exit status 2, and what was wrong by name."""
    file = tmp_path / "mine.toml"
    file.write_text('about = "x"\ncolour = 1\n')
    for arguments, said in [
        (("sim", "--scenario", "quiet"), "no scenario 'quiet'"),
        (("sim", "--scenario", str(file)), "`colour`"),
        (("sim", "--control", "tcp://0.0.0.0:5"), "cannot listen"),
        (("sim-control", f"ipc://{tmp_path}/none.sock", "orders"), "--control"),
        (("sim-control", f"ipc://{tmp_path}/none.sock", "dance"), "invalid choice"),
        (("sim-control", f"ipc://{tmp_path}/none.sock", "advance"), "--help"),
        (("sim-control", f"ipc://{tmp_path}/none.sock", "enter", "DU7", "BUY", "3"), "--help"),
    ]:
        process = start(*arguments)
        assert process.wait() == 2
        assert len(process.errors) == 1
        assert said in process.errors[0]
