"""Programs that know nothing of ibproxy, run by plain Python and by ibproxy, side by side."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ib_async
import pytest

from ibproxy.config import Config
from ibproxy.seam import name_of, version_of
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

INSYNC = ("ib_insync==0.9.86", "eventkit==1.0.3", "nest_asyncio")  # as tests/judges has it
PATIENCE_S = 30.0
NEWEST = "2.1.0"
"""The ib_async under which every program of these tests runs."""

ROOT = Path(__file__).parents[2]
PLAIN: tuple[str, ...] = ()
AS_MODULE = ("-m", "ibproxy")
LAUNCHED = ("-m", "ibproxy_server", "run")


@dataclass(frozen=True)
class Ended:
    """How a program ended; two that behave alike are equal."""

    status: int
    output: str
    errors: str


class Stage:
    """A folder with programs, and how they are run.

    Attributes:
        folder: where programs lie, and run.
        environment: the environment of their processes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith("IBPROXY")
        }
        (folder / "no.toml").touch()
        self.environment["IBPROXY_CONFIG"] = str(folder / "no.toml")
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it is a flag of the interpreter

    def write(self, text: str, name: str = "script.py") -> str:
        """Write a program; return its name."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
        return name

    def start(self, way: tuple[str, ...], *arguments: str) -> subprocess.Popen[str]:
        """Start a program, by a way of running programs."""
        return subprocess.Popen(
            [sys.executable, *way, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, way: tuple[str, ...], *arguments: str) -> Ended:
        """Run a program to its end."""
        process = self.start(way, *arguments)
        return self.end(process)

    def end(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for a program's end."""
        try:
            output, errors = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Ended(process.returncode, output, errors)

    def skip_if_the_library_cannot(self, *arguments: str, ended: Ended | None = None) -> None:
        """Skip the test of a program that an older ib_async does not run under plain Python."""
        if version_of(ib_async) == NEWEST:
            return
        ended = ended or self.run(PLAIN, *arguments)
        if ended.status:
            pytest.skip(f"{name_of(ib_async)} itself: {ended.errors.strip().splitlines()[-1]}")

    def interrupt(self, way: tuple[str, ...], *arguments: str) -> Ended:
        """Run a program, and send it Ctrl-C after its first line of output."""
        process = self.start(way, *arguments)
        assert process.stdout
        first = process.stdout.readline()
        assert first, process.communicate()[1]
        process.send_signal(signal.SIGINT)
        ended = self.end(process)
        return Ended(ended.status, first + ended.output, ended.errors)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A folder with programs."""
    return Stage(tmp_path)


@pytest.fixture
def insync(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """A stage whose programs have ib_insync; skipped where it cannot be installed."""
    if importlib.util.find_spec("ib_insync") is None:
        folder: Path = request.getfixturevalue("install_apart")("ib_insync", *INSYNC)
        former = stage.environment.get("PYTHONPATH", "")
        stage.environment["PYTHONPATH"] = f"{folder}{os.pathsep}{former}"
    return stage


@pytest.fixture
def sim(start_sim: Callable[[Settings], ThreadedSim]) -> ThreadedSim:
    """A stand-in gateway of one account's login."""
    return start_sim(Settings(accounts=("DU1000001",), speed=4, server_version=176))


@pytest.fixture
def proxy(
    sim: ThreadedSim, tmp_path_factory: pytest.TempPathFactory, stage: Stage
) -> Iterator[ThreadedProxy]:
    """A proxy in front of it, which the stage's programs find."""
    folder = tmp_path_factory.mktemp("p")
    proxy = ThreadedProxy(
        Config(gateway=f"127.0.0.1:{sim.port}", listen=(f"ipc://{folder}/p.sock",))
    )
    stage.environment["IBPROXY_URL"] = proxy.urls[0]
    proxy.wait_until_ready()
    yield proxy
    proxy.stop()


@pytest.fixture
def until() -> Callable[..., None]:
    """Return the function that waits, serving a client meanwhile."""

    def wait(condition: Callable[[], object], ib: Any) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, "it did not come about in time"
            ib.sleep(0.02)

    return wait
