"""Fixtures for all tests: stand-in gateways on real ports, and packages installed apart."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from filelock import FileLock
from ib_async import util

from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

_INSTALLED = {entry.value for entry in entry_points(group="pytest11")}
pytest_plugins = [
    name
    for name in ("ibproxy_sim.pytest_plugin", "ibproxy_server.pytest_plugin")
    if name not in _INSTALLED  # an older installation in editable mode has not registered them
]

INSTALL_S = 100
MONDAY_S = 1776092400.0
"""2026-04-13 11:00 in New York, a Monday in regular hours."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if not os.environ.get("IBPROXY_LONG"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip("it takes long: IBPROXY_LONG=1 runs it"))


@pytest.fixture(autouse=True)
def own_loop() -> Iterator[None]:
    """ib_async takes the thread's event loop and never closes it: give it one that is."""
    loop = asyncio.new_event_loop()
    if hasattr(util.getLoop, "cache_clear"):  # ib_async 2.0 keeps the first one that it sees
        util.getLoop.cache_clear()
        loop.run_until_complete(_see_the_loop())
    asyncio.set_event_loop(loop)
    yield
    for _ in range(3):  # a transport that was told to close does so in the loop's next rounds
        loop.run_until_complete(asyncio.sleep(0))
    asyncio.set_event_loop(None)
    loop.close()


async def _see_the_loop() -> None:
    util.getLoop()  # type: ignore[no-untyped-call]


@pytest.fixture
def start_sim() -> Iterator[Callable[[Settings], ThreadedSim]]:
    """Starts stand-in gateways, given their settings; they end with the test."""
    running: list[ThreadedSim] = []

    def start(settings: Settings) -> ThreadedSim:
        running.append(ThreadedSim(settings, MONDAY_S))
        return running[-1]

    yield start
    for sim in running:
        sim.stop()


@pytest.fixture
def sim_server(start_sim: Callable[[Settings], ThreadedSim]) -> ThreadedSim:
    """A stand-in gateway at twenty times the speed of the clock."""
    return start_sim(Settings(speed=20))


def install_once(folder: Path, command: list[str]) -> None:
    """Run a command that installs into a folder, in one process only; skip if it cannot be."""
    with FileLock(folder / "lock", timeout=2 * INSTALL_S):
        if (folder / "installed").exists():
            return
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"{folder.name} cannot be installed here: {error}")
        (folder / "installed").touch()


@pytest.fixture(scope="session")
def install_apart(pytestconfig: pytest.Config) -> Callable[..., Path]:
    """Installs packages into a folder that outlives the session, without their dependencies."""

    def install(name: str, *requirements: str) -> Path:
        cache = getattr(pytestconfig, "cache", None)
        if not cache:
            pytest.skip("pytest's cache, where packages are kept, is switched off")
        folder = Path(str(cache.mkdir(f"judge-{name}")))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        install_once(folder, [*command, "--target", str(folder), *requirements])
        return folder

    return install
