"""The three accounts of what happened, each read from where it was kept.

::

    the stand-in ──control──► Books            what is true
    orders.sqlite ──SQLite──► journal rows     what the proxy believes
    s0.jsonl, ...  ──JSON───► Story            what each client was told

Orders are the same in all three by their orderRef, which only the strategy chose.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ibproxy_sim.control import connect
from ibproxy_sim.control.views import ExecutionView, OrderView
from ibproxy_sim.exchange.market import Market

CLIENT_ID = 1
"""Every strategy's: order ids of all then begin at 1, and meet."""

OF_LOST_ORDERS = {104, 110, 201, 2198}
"""Codes by which a later connection is told of an order that may be none."""

NO_PARENT = "Can't find order with id"
"""What a later connection is told of a child whose parent was refused."""

REF = re.compile(rb"\0(s\d+-\d+-\d+)\0")

Line = dict[str, Any]
"""A line of a diary."""


def owner_of(ref: str) -> str:
    """Return the strategy that chose an orderRef."""
    return ref.partition("-")[0]


@dataclass(frozen=True)
class Books:
    """The stand-in's books.

    Attributes:
        orders: by orderRef; more than one under one ref is what must not be.
        fills: executions by orderRef.
    """

    orders: dict[str, list[OrderView]]
    fills: dict[str, list[ExecutionView]]


def stop_market(control_url: str) -> None:
    """Let no time pass any more, after what has begun has come to its end.

    The market moves in steps, and orders are looked at with each; what a fill is followed by has
    come a moment later.
    """
    with connect(control_url) as control:
        control.set_speed(0)
        into_step_s = control.time.timestamp() % Market.STEP_S
        control.advance(Market.STEP_S - into_step_s + Market.STEP_S / 2)


def read_books(control_url: str) -> Books:
    """Ask the stand-in."""
    with connect(control_url) as control:
        listed, executions = control.orders, control.executions
    orders: defaultdict[str, list[OrderView]] = defaultdict(list)
    for order in listed:
        orders[order.order_ref].append(order)
    ref_by_perm_id = {order.perm_id: order.order_ref for order in listed}
    fills: defaultdict[str, list[ExecutionView]] = defaultdict(list)
    for execution in executions:
        fills[ref_by_perm_id.get(execution.perm_id, "")].append(execution)
    return Books(dict(orders), dict(fills))


def read_journal(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a journal by orderRef."""
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with closing(sqlite3.connect(path, timeout=5.0)) as database:
        database.row_factory = sqlite3.Row
        for row in database.execute("SELECT * FROM orders ORDER BY upstream_id"):
            found = REF.search(row["request"])
            rows[found[1].decode() if found else ""].append(dict(row))
    return dict(rows)


def count_unresolved(path: Path) -> int:
    """Return how many orders the journal does not know the fate of."""
    with closing(sqlite3.connect(path, timeout=5.0)) as database:
        [count] = database.execute(
            "SELECT count(*) FROM orders WHERE is_transmitted AND NOT is_done "
            "AND state IN ('', 'sent', 'unknown')"
        ).fetchone()
    return int(count)


@dataclass
class Story:
    """What one strategy did, and what it was told.

    Attributes:
        name: the strategy.
        placed: lines by orderRef, of what it placed.
        told: lines by orderRef, of what it was told; errors without a known order are in `others`.
        others: what it was told of no order of its own.
        cut: connections that ended before the run did.
        last: the connection that was on at the end; empty if none was.
        fills_told: execution ids that it knows.
        commissions: execution ids whose commission it knows.
        live: (connection, execution id) -> how often it was told live.
        codes: error code -> how often.
    """

    name: str
    placed: dict[str, Line] = field(default_factory=dict)
    told: defaultdict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    others: list[Line] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    last: str = ""
    fills_told: set[str] = field(default_factory=set)
    commissions: set[str] = field(default_factory=set)
    live: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    codes: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    connections: int = 0


def read_story(name: str, path: Path) -> Story:
    """Read a diary; a last line that kill -9 tore is left out."""
    reader = _Reader(name)
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line: Line = json.loads(text)
        except ValueError:
            continue
        reader.read(line)
        if line["k"] == "end":
            break  # it leaves by itself now
    story = reader.story
    story.cut |= reader.seen - {story.last}
    return story


class _Reader:
    """Reads a diary line by line, and finds out which order a line is about."""

    def __init__(self, name: str) -> None:
        self.story = Story(name)
        self.seen: set[str] = set()
        self._ref_by_id: dict[tuple[int, int], str] = {}
        self._ref_by_perm: dict[int, str] = {}

    def read(self, line: Line) -> None:
        """Take the next line."""
        story, kind, connection = self.story, line["k"], line["c"]
        self.seen.add(connection)
        if kind == "connected":
            story.connections += 1
        elif kind in {"disconnected", "not connected"}:
            story.cut.add(connection)
        elif kind == "end":
            story.last = connection if line["is_connected"] else ""
        elif kind in {"place", "change", "cancel"}:
            self._ref_by_id[line["client"], line["id"]] = line["ref"]
            if kind == "place":
                story.placed[line["ref"]] = line
            story.told[line["ref"]].append(line)
        elif kind == "commission":
            story.commissions.add(line["exec"])
        elif kind not in {"life", "connect"}:
            self._told(line)

    def _told(self, line: Line) -> None:
        story = self.story
        if line["k"] == "error":
            story.codes[line["code"]] += 1
        elif line["k"] == "exec":
            story.fills_told.add(line["exec"])
            if line["is_live"]:
                story.live[line["c"], line["exec"]] += 1
        ref = self._ref(line)
        if owner_of(ref) == story.name:
            story.told[ref].append(line)
        else:
            story.others.append({**line, "ref": ref})

    def _ref(self, line: Line) -> str:
        """Return the orderRef that a line is about; empty if it is about no order."""
        if line["k"] == "error":
            ref = self._ref_by_id.get((CLIENT_ID, line["id"]), "")
            return "" if self._is_free_again(ref, line) else ref
        if line["k"] == "status":
            by_id = self._ref_by_id.get((line["client"], line["id"]), "")
            return self._ref_by_perm.get(line["perm"]) or by_id
        ref = str(line["ref"])
        if line["perm"]:
            self._ref_by_perm[line["perm"]] = ref
        if line["k"] == "open" and line["id"] > 0:
            self._ref_by_id[line["client"], line["id"]] = ref
        return ref

    def _is_free_again(self, ref: str, line: Line) -> bool:
        """Whether the id may have become a question's: its order has never been one."""
        if ref not in self.story.placed or self.story.placed[ref]["c"] == line["c"]:
            return False
        is_known = any(each["k"] in {"open", "status", "exec"} for each in self.story.told[ref])
        is_of_order = line["code"] in OF_LOST_ORDERS or NO_PARENT in line["text"]
        return not is_known and not is_of_order
