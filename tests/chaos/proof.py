"""Proves every guard needed: the same plan holds with it, and fails without it.

python -m tests.chaos.proof [--orders N] [--faults M] [--seed S] [--guard GUARD ...]
"""

from __future__ import annotations

import argparse
import shutil
import sys

from tests.chaos.guards import GUARDS
from tests.chaos.run import make_chaos


def main() -> int:
    """Run each guard's plan twice; exit status 0 only if each makes the difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.proof", allow_abbrev=False)
    parser.add_argument("--orders", type=int, default=200, metavar="N")
    parser.add_argument("--faults", type=int, default=10, metavar="M")
    parser.add_argument("--strategies", type=int, default=4, metavar="K")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--guard", action="append", choices=GUARDS, metavar="GUARD")
    options = parser.parse_args()
    seed, are_all_needed = options.seed, True
    for name in options.guard or GUARDS:
        sizes = options.orders, options.faults, options.strategies, seed
        with_it = make_chaos(*sizes, like=name).run()
        without = make_chaos(*sizes, without=name).run()
        is_needed = with_it.holds and not without.holds
        are_all_needed &= is_needed
        word = "needed" if is_needed else "NOT PROVED"
        broken = ", ".join(f"{rule} {len(found)}" for rule, found in without.broken.items())
        also = "" if with_it.holds else f"; with it broken as well: {', '.join(with_it.broken)}"
        print(f"{name}: {word}; without it: {broken or 'all holds'}{also}", flush=True)  # noqa: T201
        for verdict in (with_it, without):
            if verdict.folder and is_needed:
                shutil.rmtree(verdict.folder)
            elif verdict.folder:
                print(f"  logs: {verdict.folder}", flush=True)  # noqa: T201
    print(f"seed {seed}: {'each is needed' if are_all_needed else 'not proved'}")  # noqa: T201
    return 0 if are_all_needed else 1


if __name__ == "__main__":
    sys.exit(main())
