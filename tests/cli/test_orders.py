"""`ibproxy orders`: what it shows, and what it says when there is nothing to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from ibproxy_server.cli.orders import described, table
from ibproxy_server.core.orders import journal_entries as je
from ibproxy_server.shells.journal import Journal, read_rows
from tests.core.test_orders import order

Start = Callable[..., Any]
Mistake = Callable[..., str]


def write(path: Path) -> Path:
    """Write a journal with an order of each of two strategies."""
    journal = Journal(path, 100, lambda: 1_776_092_400.0)
    request = "\0".join(map(str, order(7, account="DU1"))).encode()
    status = b"3\x007\x00PreSubmitted\x004\x006\x000\x00900\x000\x000\x00100\x00\x000\x00"
    entries: list[je.Entry] = [
        je.OrderIntent(1, "alpha", 2, 7, b"", True, "20260413", request),
        je.OrderIntent(2, "beta", 2, 7, b"", False, "20260413", request),
        je.OrderState(1, b"900", b"DU1", True, False, False, 1, status, "PreSubmitted"),
    ]
    assert journal.write(entries, is_urgent=True) == ""
    journal.close()
    return path


def test_an_order_is_described(tmp_path: Path) -> None:
    """Every key that the page lists, from the message and the last status."""
    path = write(tmp_path / "orders.sqlite")
    first, second = (described(row, path) for row in read_rows(path))
    assert first == {
        "journal": str(path),
        "strategy": "alpha",
        "client_id": 2,
        "order_id": 7,
        "upstream_id": 1,
        "perm_id": 900,
        "account": "DU1",
        "symbol": "SPY",
        "sec_type": "STK",
        "action": "BUY",
        "quantity": 10.0,
        "order_type": "LMT",
        "limit_price": 100.0,
        "stop_price": 0.0,
        "tif": "DAY",
        "state": "PreSubmitted",
        "is_done": False,
        "filled": 4.0,
        "fills": 1,
        "placed": "2026-04-13T15:00:00.000+00:00",
        "updated": "2026-04-13T15:00:00.000+00:00",
    }
    assert (second["state"], second["perm_id"], second["filled"]) == ("held", 0, 0.0)
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for key in first:
        assert any(f"`{key}`" in row.split(" | ")[0] for row in rows), key


def test_people_see_a_table(tmp_path: Path) -> None:
    """Whose it is, what it is, and how it stands, in one line each."""
    path = write(tmp_path / "orders.sqlite")
    console = Console(width=140, no_color=True)
    with console.capture() as capture:
        console.print(table([described(row, path) for row in read_rows(path)]))
    [line] = [each for each in capture.get().splitlines() if "alpha" in each]
    for text in ("alpha/2", "7", "DU1", "BUY 10 SPY LMT 100", "PreSubmitted", "2026-04-13 15:00"):
        assert text in line


def test_the_journals_in_the_default_place_are_listed(start: Start, tmp_path: Path) -> None:
    """Without a word in the configuration all of them; a strategy can be singled out."""
    write(tmp_path / "STATE" / "ibproxy" / "orders-127.0.0.1-4002-100.sqlite")
    everything = start("orders", "--json")
    assert everything.wait() == 0
    listed = json.loads("\n".join(everything.output))
    assert [each["strategy"] for each in listed] == ["alpha", "beta"]
    of_one = start("orders", "--json", "--strategy", "beta")
    assert of_one.wait() == 0
    assert [each["strategy"] for each in json.loads("\n".join(of_one.output))] == ["beta"]
    of_nobody = start("orders", "--strategy", "gamma")
    assert of_nobody.wait() == 0
    assert of_nobody.output == ["no order is in the journal"]


def test_where_there_is_none_it_says_so(mistake: Mistake, tmp_path: Path) -> None:
    """No journal yet, none that is configured, none of that name: one line each."""
    assert "there is no journal in" in mistake("orders")
    assert "there is no journal /nowhere" in mistake("orders", "--journal", "/nowhere")
    off = tmp_path / "off.toml"
    off.write_text('journal = "off"\n', encoding="utf-8")
    assert "journal = off" in mistake("orders", "--config", str(off))
    relative = tmp_path / "relative.toml"
    relative.write_text('journal = "orders.sqlite"\n', encoding="utf-8")
    assert "write an absolute path" in mistake("serve", "--config", str(relative))


def test_a_proxy_makes_its_journal_in_the_default_place(start: Start, tmp_path: Path) -> None:
    """Its name says gateway and client id, so that the orders of two logins never meet."""
    proxy = start("serve", "--gateway", "127.0.0.1:1", "--listen", f"ipc://{tmp_path}/p.sock")
    proxy.ready()
    assert (tmp_path / "STATE" / "ibproxy" / "orders-127.0.0.1-1-100.sqlite").is_file()
