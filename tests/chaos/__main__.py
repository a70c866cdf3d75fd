"""Runs chaos and says what came of it."""

from __future__ import annotations

import argparse
import json
import random
import sys

from tests.chaos.guards import GUARDS
from tests.chaos.plan import KINDS
from tests.chaos.run import make_chaos


def main() -> int:
    """Run, print what broke or that all holds, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", allow_abbrev=False)
    parser.add_argument("--orders", type=int, default=2000, metavar="N", help="at least (2000)")
    parser.add_argument("--faults", type=int, default=40, metavar="M", help="how many (40)")
    parser.add_argument("--strategies", type=int, default=4, metavar="K", help="how many (4)")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="else a new one")
    parser.add_argument("--without", default="", choices=GUARDS, help="switch a guard off")
    parser.add_argument(
        "--only", action="append", choices=KINDS, metavar="KIND", help="faults of this kind; again"
    )
    parser.add_argument("--keep", action="store_true", help="keep the logs even if all holds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(100_000) if options.seed is None else options.seed
    verdict = make_chaos(
        options.orders,
        options.faults,
        options.strategies,
        seed,
        without=options.without,
        kinds=options.only or (),
        keep=options.keep,
        tell=lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201
    ).run()
    print(json.dumps(verdict.as_json()) if options.json else verdict.as_text())  # noqa: T201
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
