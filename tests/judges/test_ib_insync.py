"""ib_insync sits on ib_async's bench, in a process and with an `eventkit` of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LONGEST_S = 100
REQUIREMENTS = ("ib_insync==0.9.86", "eventkit==1.0.3", "nest_asyncio")


def test_ib_insync_is_served_like_ib_async(install_apart: Callable[..., Path]) -> None:
    """Everything that ib_async can ask, ib_insync 0.9.86 asks too, with the same result."""
    folder = install_apart("ib_insync", *REQUIREMENTS)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    bench = Path(__file__).with_name("test_ib_async.py")
    options = ["-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "--durations=0"]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", str(bench), *options],
        env={**os.environ, "IBPROXY_JUDGE": "ib_insync", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:]
    assert "skipped" not in finished.stdout.splitlines()[-1]
