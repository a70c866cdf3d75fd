"""`ibproxy check`: what will happen to scripts behind the proxy, told without running them."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ibproxy.config import read_config
from ibproxy_server.check.findings import Finding
from ibproxy_server.check.uses import Grade
from ibproxy_server.check.verdict import Outcome, Report, check_file
from ibproxy_server.core.kinds import Ports

SIGNS = {Grade.CHANGE: "change", Grade.DIFFERS: "differs", Grade.NOTE: "note"}
MOST_PLACES = 6


def run(options: argparse.Namespace) -> int:
    """Judge each file; 1 if one needs a change or cannot be read.

    Raises:
        LocalError: a file is not there.
    """
    config = read_config()
    ports = Ports(config.paper_ports, config.live_ports)
    reports = [check_file(Path(name), ports) for name in options.files]
    if options.json:
        sys.stdout.write(json.dumps([plain(each) for each in reports], indent=2) + "\n")
    else:
        sys.stdout.write("\n".join("\n".join(lines(each)) + "\n" for each in reports))
        if len(reports) > 1:
            sys.stdout.write("\n" + summary(reports) + "\n")
    return int(any(each.outcome in {Outcome.CHANGE, Outcome.UNREADABLE} for each in reports))


def lines(report: Report) -> Iterator[str]:
    """Yield what people read of a report."""
    library = f" ({', '.join(report.libraries)})" if report.libraries else ""
    yield f"{report.file}: {report.outcome.value}{library}"
    yield from (f"  way in   {each}" for each in report.ways)
    yield from (f"  connects {each}" for each in report.connects)
    for finding in report.findings:
        yield f"  {SIGNS[finding.grade]:8} {_places(finding)}: {finding.what}"
        yield f"           {finding.text}"
        row = f", row: {finding.title}" if finding.title else ""
        yield f"           ({finding.page}{row})"
    yield from (f"  same     {each}" for each in report.facts)


def summary(reports: list[Report]) -> str:
    """Return how many were judged how."""
    counts = Counter(each.outcome for each in reports)
    parts = [f"{counts[each]} {each.value}" for each in Outcome if counts[each]]
    return f"{len(reports)} files: {', '.join(parts)}"


def plain(report: Report) -> dict[str, Any]:
    """Return a report as JSON has it."""
    shown: dict[str, Any] = msgspec.to_builtins(report)
    for finding, row in zip(report.findings, shown["findings"], strict=True):
        row["grade"] = SIGNS[finding.grade]
    return shown


def _places(finding: Finding) -> str:
    shown = list(finding.places[:MOST_PLACES])
    more = len(finding.places) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
