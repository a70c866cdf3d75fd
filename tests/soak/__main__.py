"""Runs the soak and says what came of it."""

from __future__ import annotations

import argparse
import json
import sys

from tests.soak.run import Soak
from tests.soak.verdict import Verdict


def main() -> int:
    """Run, print a summary or JSON, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=6, help="how often all leave at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=4.0, help="of the stand-in's market")
    parser.add_argument("--plant", default="", help="a bug to be found, see plants.py")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    soak = Soak(
        clients=arguments.clients,
        seconds=arguments.minutes * 60,
        rounds=arguments.rounds,
        seed=arguments.seed,
        speed=arguments.speed,
        planted=arguments.plant,
        tell=None if arguments.json else lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201
    )
    verdict: Verdict = soak.run()
    print(json.dumps(verdict.as_json()) if arguments.json else verdict.as_text())  # noqa: T201
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
