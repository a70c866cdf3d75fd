"""Proves every guard needed: the same plan holds with it, and fails without it.

python -m tests.chaos.proof [--orders N] [--faults M] [--seed S] [--guard GUARD ...]

Some faults have to meet something that is seldom, an order whose id was the last one, say: a guard
that is not missed with one seed is tried with the next ones.
"""

from __future__ import annotations

import argparse
import shutil
import sys

from tests.chaos.guards import GUARDS
from tests.chaos.run import Verdict, make_chaos

TRIES = 4


def prove(name: str, orders: int, faults: int, strategies: int, seed: int) -> bool:
    """Run a guard's plan with and without it, and say what came of it."""
    sizes = orders, faults, strategies, seed
    with_it = make_chaos(*sizes, like=name).run()
    without = make_chaos(*sizes, without=name).run()
    tried = [with_it, without]
    for later in range(seed + 1, seed + TRIES):
        if not without.holds or not with_it.holds:
            break
        sizes = orders, faults, strategies, later
        without = make_chaos(*sizes, without=name).run()
        with_it = make_chaos(*sizes, like=name).run()
        tried += [with_it, without]
    is_needed = with_it.holds and not without.holds
    word = "needed" if is_needed else "NOT PROVED"
    broken = ", ".join(f"{rule} {len(found)}" for rule, found in without.broken.items())
    also = "" if with_it.holds else f"; with it broken as well: {', '.join(with_it.broken)}"
    print(f"{name}: {word} (seed {without.seed}); without it: {broken or 'all holds'}{also}")  # noqa: T201
    _keep_or_remove(tried, keep=not is_needed)
    return is_needed


def _keep_or_remove(verdicts: list[Verdict], *, keep: bool) -> None:
    for verdict in verdicts:
        if verdict.folder and keep:
            print(f"  logs: {verdict.folder}")  # noqa: T201
        elif verdict.folder:
            shutil.rmtree(verdict.folder)
    sys.stdout.flush()


def main() -> int:
    """Prove one guard after the other; exit status 0 only if each makes the difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.proof", allow_abbrev=False)
    parser.add_argument("--orders", type=int, default=200, metavar="N")
    parser.add_argument("--faults", type=int, default=10, metavar="M")
    parser.add_argument("--strategies", type=int, default=4, metavar="K")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--guard", action="append", choices=GUARDS, metavar="GUARD")
    options = parser.parse_args()
    sizes = options.orders, options.faults, options.strategies, options.seed
    are_needed = [prove(name, *sizes) for name in options.guard or GUARDS]
    word = "each is needed" if all(are_needed) else "not proved"
    print(f"seed {options.seed}: {word}")  # noqa: T201
    return 0 if all(are_needed) else 1


if __name__ == "__main__":
    sys.exit(main())
