"""@stoqey/ib's own tests of a live gateway: the same pass by a door as straight on the stand-in.

Many of them name prices and contracts of the day on which they were written, and pass on neither.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import INSTALL_S
from tests.judges.conftest import PACKAGE, Bench, install_by_npm

ACCOUNT = "DU1000001"
RUNNER = ("jest@30", "ajv@8")
LONGEST_S, WORKERS = 150, 4
LIVE = ("unit/api/", "unit/api-next-live/")
SETTINGS = {"default_client_id": 0, "max_req_per_second": 40}
LEAST = 45
"""Tests that pass on the stand-in; of 71 when this was written."""

pytestmark = [pytest.mark.long, pytest.mark.node, pytest.mark.timeout(INSTALL_S + LONGEST_S + 30)]


@pytest.fixture(scope="module")
def suite(pytestconfig: pytest.Config) -> Path:
    """Where the package is installed with what runs its tests; it is fetched once."""
    folder = install_by_npm(pytestconfig, "judge-stoqey-suite", PACKAGE, *RUNNER)
    if not (folder / "copy").exists():
        installed = folder / "node_modules" / "@stoqey" / "ib"
        shutil.copytree(installed, folder / "new")  # tests in node_modules are not found
        (folder / "new" / "config").mkdir()
        (folder / "new" / "config" / "default.json").write_text(json.dumps(SETTINGS))
        (folder / "new").rename(folder / "copy")
    return folder


def results(suite: Path, way: str) -> dict[str, str]:
    """Each test's name, and how it ended."""
    bench = Bench(accounts=(ACCOUNT,), way=way, speed=1.0)
    root, (host, port) = suite / "copy", bench.address
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            str(suite / "node_modules" / ".bin" / "jest"), f"--rootDir={root}", "--forceExit",
            "--testEnvironment=node", f"--setupFilesAfterEnv={root}/dist/tests/setup.js",
            f"--testMatch={root}/dist/tests/**/*.test.js", f"--maxWorkers={WORKERS}",
            "--json", f"--outputFile={report}", *LIVE,
        ]  # fmt: skip
        environment = {"IB_HOST": host, "IB_PORT": str(port), "IB_TEST_ACCOUNT": ACCOUNT}
        try:
            subprocess.run(
                command,
                env={**os.environ, **environment},
                cwd=root,
                capture_output=True,
                timeout=LONGEST_S,
                check=False,
            )
            found: dict[str, Any] = json.loads(report.read_text())
        finally:
            bench.stop()
    return {
        f"{re.sub('.*/unit/', '', file['name'])}: {test['fullName']}": test["status"]
        for file in found["testResults"]
        for test in file["assertionResults"]
    }


def test_the_same_tests_pass(suite: Path) -> None:
    """No test tells the proxy from a gateway."""
    with ThreadPoolExecutor(2) as pool:
        straight, by_door = pool.map(lambda way: results(suite, way), ("direct", "door"))
    assert by_door == straight
    assert sum(status == "passed" for status in straight.values()) >= LEAST
