"""Runs the benchmarks and prints the ratios."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

TICKS = 60_000
"""Ticks of one flood; with 20 clients each gets a tenth of it."""


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        title: what it is.
        arguments: of the client: kind of measurement, then its numbers.
        unit: of the figure.
        scale: figure in its unit ÷ figure as measured.
        flood_ticks: ticks for each subscription.
    """

    title: str
    arguments: tuple[str, ...]
    unit: str
    scale: float = 1.0
    flood_ticks: int = TICKS


MEASURES = (
    Measure("reqUserInfo, to the gateway and back", ("user", "400"), "µs", 1e6),
    Measure("reqContractDetails, asked again", ("details", "200"), "µs", 1e6),
    Measure("ticks to 1 client", ("ticks", "1", str(TICKS)), "1/s"),
    Measure(
        "ticks to 20 clients of 1 stream",
        ("ticks", "20", str(TICKS // 10)),
        "1/s",
        1.0,
        TICKS // 10,
    ),
)


def start(stack: ExitStack, module: str, *arguments: str) -> str:
    """Start a process that ends with `stack`, and return the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.enter_context(process)
    assert process.stdin
    assert process.stdout
    stack.callback(process.stdin.close)
    return process.stdout.readline().strip()


def measure(what: Measure, library: str, port: str, url: str) -> float:
    """Return one figure in its unit."""
    kind, *numbers = what.arguments
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.client", kind, library, port, *numbers],
        env={**os.environ, "IBPROXY_URL": url, "IBPROXY_STRATEGY": "bench"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{what.title}, {library}: {done.stderr}")
    return float(json.loads(done.stdout)["value"]) * what.scale


def main() -> None:
    """Run all, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="three rounds instead of nine")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 9
    rows = []
    for what in MEASURES:
        with ExitStack() as stack:
            port = start(stack, "tests.bench.gateway", str(what.flood_ticks))
            url = start(stack, "tests.bench.proxy", port)
            figures: dict[str, list[float]] = {"direct": [], "proxied": []}
            for _ in range(rounds):
                for library, values in figures.items():
                    values.append(measure(what, library, port, url))
        direct, proxied = (statistics.median(figures[each]) for each in ("direct", "proxied"))
        ratios = [p / d for p, d in zip(figures["proxied"], figures["direct"], strict=True)]
        rows.append(
            {
                "figure": what.title,
                "unit": what.unit,
                "direct": direct,
                "proxied": proxied,
                "ratio": statistics.median(ratios),
                "ratio_min": min(ratios),
                "ratio_max": max(ratios),
            }
        )
    if arguments.json:
        print(json.dumps(rows))  # noqa: T201
        return
    table = Table("figure", "direct", "proxied", "proxied ÷ direct", "min to max")
    for row in rows:
        table.add_row(
            str(row["figure"]),
            f"{row['direct']:,.0f} {row['unit']}",
            f"{row['proxied']:,.0f} {row['unit']}",
            f"{row['ratio']:.2f}",
            f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
