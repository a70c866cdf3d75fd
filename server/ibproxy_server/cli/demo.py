"""`ibproxy demo`: two strategies on one connection, and proof that neither noticed."""

from __future__ import annotations

import argparse
import signal

from ibproxy_server.cli.running import FATAL_SIGNAL, run_service
from ibproxy_server.demo.screen import Shown, print_summary
from ibproxy_server.demo.stage import perform

NOT_AS_PROMISED = 1


def run(options: argparse.Namespace) -> int:
    """Perform, show, sum up; 1 if something was not as it should be."""
    return run_service(_demo(options.seconds), terminated=FATAL_SIGNAL + signal.SIGTERM)


async def _demo(seconds: float) -> int:
    with Shown() as screen:
        summary = await perform(seconds, screen)
    print_summary(summary)
    return NOT_AS_PROMISED if summary.complaints() else 0
