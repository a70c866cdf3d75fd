"""`ibproxy status`: what a running proxy is doing, as tables or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from ibproxy.address import parse_url
from ibproxy.config import proxy_address
from ibproxy_server.shells.status import fetch_status

TIMEOUT_S = 5.0


def run(options: argparse.Namespace) -> int:
    """Ask the proxy once and show its answer."""
    address = parse_url(options.url) if options.url else proxy_address()
    status = fetch_status(address.url, TIMEOUT_S)
    if options.json:
        sys.stdout.write(json.dumps(status, indent=2) + "\n")
    else:
        Console().print(render(status))
    return 0


def render(status: dict[str, Any]) -> RenderableType:
    """Return the status as text and a table."""
    upstream = status["upstream"]
    note = f": {upstream['note']}" if upstream["note"] else ""
    accounts = ", ".join(upstream["accounts"]) or "not known yet"
    sent, received = upstream["messages_sent"], upstream["messages_received"]
    data_lines, waiting = upstream["market_data_lines"], upstream["open_requests"]
    lines = [
        f"proxy    {status['version']}, up {duration(status['uptime_s'])}",
        f"gateway  {upstream['gateway']} {upstream['state']}{note}",
        f"         client id {upstream['client_id']}, accounts {accounts}",
        f"         {sent} messages sent, {received} received",
        f"         {data_lines} market data lines, {waiting} open requests",
    ]
    ages_s = status["account_slot"]["ages_s"]
    if ages_s:
        ages = (f"{account} {duration(age_s)}" for account, age_s in ages_s.items())
        lines.append(f"         age of the accounts' pictures: {', '.join(ages)}")
    if status["journal"]["failure"]:
        lines.append(f"journal  cannot be written: {status['journal']['failure']}")
    if any(status["counters"].values()):
        counted = (f"{name.replace('_', ' ')} {n}" for name, n in status["counters"].items())
        lines.append(f"counted  {', '.join(counted)}")
    return Group(escape("\n".join(lines)), sessions_table(status["sessions"]))


def sessions_table(sessions: list[dict[str, Any]]) -> RenderableType:
    """Return a table of the connected strategies."""
    if not sessions:
        return "no strategy is connected"
    table = Table("strategy", "accounts", "subscribes to")
    for title in ("orders", "open", "fills", "messages in", "bytes out", "connected"):
        table.add_column(title, justify="right")
    for session in sessions:
        table.add_row(
            escape(f"{session['strategy']}/{session['client_id']}"),
            " ".join(session["accounts"]) or "all",
            escape(listed(session["subscriptions"])),
            *(str(session[key]) for key in ("orders", "open_orders", "fills")),
            *(str(session[key]) for key in ("messages_in", "bytes_out")),
            _connected(session),
        )
    return table


def _connected(session: dict[str, Any]) -> str:
    """Return for how long a strategy has been connected, or has had no link."""
    away_s = session["away_s"]
    return f"no link for {duration(away_s)}" if away_s else duration(session["connected_s"])


def listed(names: list[str], most: int = 4) -> str:
    """Return the first `most` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"
