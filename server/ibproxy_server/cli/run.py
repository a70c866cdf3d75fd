"""`ibproxy run`: a script of ib_async or ib_insync, unchanged, through the proxy."""

from __future__ import annotations

import argparse

from ibproxy_compat.launch import launch


def run(options: argparse.Namespace) -> int:
    """Become the script's process."""
    return launch(options)
