"""The built wheel, and an environment into which only it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", name="root")
def _root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session", name="wheel")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)),
        ],
        check=True,
        timeout=TIMEOUT_S,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session", name="names")
def _names(wheel: Path) -> list[str]:
    """The names of all files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="session", name="run")
def _run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of an environment that has the wheel, from a folder far from the checkout.

    The dependencies come from the environment of the tests, and only on request: a folder on
    PYTHONPATH is not searched for `.pth` files, so an editable install there stays out of sight.
    """
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False, symlinks=os.name == "posix")
    programs = environment / ("bin" if os.name == "posix" else "Scripts")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(programs / "python")),
            *("install", "--quiet", "--no-deps", "--no-index", str(wheel)),
        ],
        check=True,
        timeout=TIMEOUT_S,
    )
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(
        program: str, *arguments: str, with_dependencies: bool = True
    ) -> subprocess.CompletedProcess[str]:
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        if with_dependencies:
            folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
            variables["PYTHONPATH"] = os.pathsep.join(sorted(folders))
        return subprocess.run(
            [str(programs / program), *arguments],
            check=False,
            cwd=elsewhere,
            env=variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )

    return run
