"""What the journal costs: orders a second with it and without, as a ratio.

python -m tests.bench.journal [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from tests.bench.__main__ import Measure, measure, start

MEASURES = (
    Measure("orders placed and cancelled, one after the other", ("orders", "100", "1"), "1/s"),
    Measure("orders placed and cancelled, ten at once", ("orders", "200", "10"), "1/s"),
)


def main() -> None:
    """Run all, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.journal")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often (5)")
    rounds = parser.parse_args().rounds
    table = Table("figure", "without", "with", "with ÷ without", "min to max")
    for what in MEASURES:
        without: list[float] = []
        kept: list[float] = []
        for _ in range(rounds):
            for arguments, values in (((), without), (("journal",), kept)):
                with ExitStack() as stack:
                    port = start(stack, "tests.bench.gateway", "1")
                    url = start(stack, "tests.bench.proxy", port, *arguments)
                    values.append(measure(what, "proxied", port, url))
        ratios = [a / b for a, b in zip(kept, without, strict=True)]
        table.add_row(
            what.title,
            f"{statistics.median(without):,.0f} {what.unit}",
            f"{statistics.median(kept):,.0f} {what.unit}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
