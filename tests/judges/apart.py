"""Lets a library that is installed in a folder of its own sit on the bench, by its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LONGEST_S = 100
EXAMPLES = 60
"""Of the differential test, which has more of them with ib_async."""


def serve(folder: Path, bench: Path, *options: str, library: str = "ib_async") -> None:
    """Run the tests in `bench` with what is installed in `folder`; none may be skipped."""
    paths = [str(folder), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    options += ("-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "--durations=0")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", str(bench), *options],
        env={
            **os.environ,
            "IBPROXY_JUDGE": library,
            "IBPROXY_EXAMPLES": str(EXAMPLES),
            "PYTHONPATH": os.pathsep.join(paths),
        },
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    assert "skipped" not in finished.stdout.splitlines()[-1]
