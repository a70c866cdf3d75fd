"""The command `ibproxy` as a process, watched with time limits."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TIMEOUT_S = 20.0


class Process:
    """A running `ibproxy`, the leader of a process group of its own.

    Attributes:
        output: lines of standard output so far; `errors` those of standard error.
    """

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.output: list[str] = []
        self.errors: list[str] = []
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "ibproxy_server", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._queues = {"output": queue.Queue[str](), "errors": queue.Queue[str]()}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("output", self._popen.stdout), ("errors", self._popen.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: Iterator[str]) -> None:
        for line in stream:
            getattr(self, name).append(line.rstrip("\n"))
            self._queues[name].put(line.rstrip("\n"))
        self._queues[name].put("")

    def line(self, containing: str = "", stream: str = "output") -> str:
        """Return the next line with this text in it; fail when none comes in time."""
        while True:
            line = self._queues[stream].get(timeout=TIMEOUT_S)
            if not line and self._popen.poll() is not None:
                raise AssertionError(f"ended without {containing!r}: {self.errors}")
            if line and containing in line:
                return line

    def ready(self) -> list[str]:
        """Return where it listens, once it does."""
        word, *places = self.line("ready").split()
        assert word == "ready"
        return places

    def send(self, number: int) -> None:
        """Send a signal to the whole group, as a terminal does."""
        os.killpg(self._popen.pid, number)

    def wait(self) -> int:
        """Return the exit status when it has ended and all its output is here."""
        status = self._popen.wait(TIMEOUT_S)
        for reader in self._readers:
            reader.join(TIMEOUT_S)
        return status

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    @property
    def has_survivors(self) -> bool:
        """Whether anything of its group is still there."""
        try:
            os.killpg(self._popen.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """End all of it by force."""
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGKILL)
        self.wait()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream:
                stream.close()


Start = Callable[..., Process]


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> dict[str, str]:
    """Variables that keep a test away from the user's own settings and sockets."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("IBPROXY", "XDG"))}
    homes = ("CONFIG", "STATE", "DATA", "CACHE")
    return {**variables, **{f"XDG_{name}_HOME": str(tmp_path / name) for name in homes}}


@pytest.fixture(name="start")
def _start(environment: dict[str, str]) -> Iterator[Start]:
    """Starts `ibproxy` with arguments; what still runs at the end is ended by force."""
    started: list[Process] = []

    def start(*arguments: str, **variables: str) -> Process:
        process = Process(arguments, {**environment, **variables})
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


@pytest.fixture(name="mistake")
def _mistake(start: Start) -> Callable[..., str]:
    """Runs `ibproxy` as a user who errs; returns the one line that says so."""

    def mistake(*arguments: str, **variables: str) -> str:
        process = start(*arguments, **variables)
        status = process.wait()
        assert (status, process.output) == (2, []), process.errors
        (line,) = process.errors
        assert line.startswith("ibproxy")
        return line

    return mistake
