"""`ibproxy orders`: the orders in the journal, whether a proxy runs or not."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ibproxy.config import journal_directory, read_config
from ibproxy.errors import ConfigError
from ibproxy_server.core.orders import layout as at
from ibproxy_server.shells.journal import read_rows


def run(options: argparse.Namespace) -> int:
    """Show the orders of all journals that are meant."""
    orders = [
        described(row, path)
        for path in _journals(options)
        for row in read_rows(path)
        if options.strategy in {None, row["strategy"]}
    ]
    if options.json:
        sys.stdout.write(json.dumps(orders, indent=2) + "\n")
    elif orders:
        Console().print(table(orders))
    else:
        sys.stdout.write("no order is in the journal\n")
    return 0


def _journals(options: argparse.Namespace) -> list[Path]:
    """Return the journal that is named, or all in the place where they are by default.

    Raises:
        ConfigError: there is none.
    """
    if options.journal:
        return [Path(options.journal)]
    config = read_config(Path(options.config) if options.config else None)
    if config.journal:
        path = config.journal_path()
        if path is None:
            raise ConfigError("the configuration says journal = off: no orders are kept")
        return [path]
    found = sorted(journal_directory().glob("orders-*.sqlite"))
    if not found:
        raise ConfigError(f"there is no journal in {journal_directory()} yet")
    return found


def described(row: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a row of a journal as docs/configuration.md describes it."""
    request = [each.decode(errors="replace") for each in row["request"].split(b"\0")]
    status = [each.decode(errors="replace") for each in row["status"].split(b"\0")]
    sent = "sent" if row["is_transmitted"] else "held"
    return {
        "journal": str(path),
        "strategy": row["strategy"],
        "client_id": row["client_id"],
        "order_id": row["client_order_id"],
        "upstream_id": row["upstream_id"],
        "perm_id": int(row["perm_id"] or 0),
        "account": row["account"].decode(errors="replace") or request[at.ACCOUNT],
        "symbol": request[at.SYMBOL],
        "sec_type": request[at.SEC_TYPE],
        "action": request[at.ACTION],
        "quantity": _number(request[at.QUANTITY]),
        "order_type": request[at.ORDER_TYPE],
        "limit_price": _number(request[at.LIMIT_PRICE]),
        "stop_price": _number(request[at.STOP_PRICE]),
        "tif": request[at.TIF],
        "state": row["state"] or sent,
        "is_done": bool(row["is_done"]),
        "filled": (_number(status[at.STATUS_FILLED]) or 0.0) if status[1:] else 0.0,
        "fills": row["fills"],
        "placed": _time(row["placed_at"]),
        "updated": _time(row["updated_at"]),
    }


def table(orders: list[dict[str, Any]]) -> Table:
    """Return the orders for people."""
    shown = Table("strategy", "id", "account", "order", "state", "filled", "placed (UTC)", "permId")
    for order in orders:
        price = order["limit_price"] or order["stop_price"]
        words = (
            order["action"],
            _plain(order["quantity"]),
            order["symbol"],
            order["order_type"],
            _plain(price),
        )
        shown.add_row(
            escape(f"{order['strategy']}/{order['client_id']}"),
            str(order["order_id"]),
            escape(order["account"]),
            escape(" ".join(word for word in words if word)),
            escape(order["state"]),
            _plain(order["filled"]),
            order["placed"][:19].replace("T", " "),
            str(order["perm_id"] or ""),
        )
    return shown


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def _number(text: str) -> float | None:
    """Return the number that a field holds; an empty one, or the largest there is, is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < sys.float_info.max else None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
