"""The demo's other processes: how they are started, heard, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from ibproxy.errors import LocalError

START_TIMEOUT_S = 20.0
"""Longest time until the proxy listens; it takes half a second on an idle machine."""

END_TIMEOUT_S = 5.0
"""A process that has not ended so long after it was asked to is ended by force."""


class Program:
    """One process of the demo.

    Attributes:
        name: what the audience knows it by.
        log: where its output goes, the first line perhaps excepted.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(
        self, *arguments: str, environment: dict[str, str], is_heard: bool = False
    ) -> None:
        """Run `python ARGUMENTS`.

        Args:
            arguments: what stands behind `python`.
            environment: variables beside those of this process.
            is_heard: whether standard output is for `first_line`, not for the log.
        """
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if is_heard else log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )

    async def first_line(self) -> str:
        """Return its first line of output.

        Raises:
            LocalError: it ended, or kept silent for too long.
        """
        assert self._process  # noqa: S101 - start comes first
        assert self._process.stdout  # noqa: S101 - so does is_heard
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_TIMEOUT_S)
        except asyncio.TimeoutError:
            line = b""
        if not line:
            raise LocalError(f"{self.name} did not start: {self.last_words()}")
        return line.decode().strip()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process is None or self._process.returncode is not None

    def last_words(self) -> str:
        """Return the last line that it wrote."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def ask_to_end(self) -> None:
        """Ask it to end; returns at once."""
        self._send(signal.SIGTERM)

    async def end(self) -> None:
        """Return when it has ended, by force if need be."""
        if self._process is None:
            return
        try:
            self.ask_to_end()
            await asyncio.wait_for(self._process.wait(), END_TIMEOUT_S)
        except asyncio.TimeoutError:
            pass
        finally:
            self._send(signal.SIGKILL)
        await self._process.wait()

    def _send(self, number: signal.Signals) -> None:
        """Send a signal, if it has not ended.

        asyncio's own way looks first whether the process has ended, and then what waits for its end
        may miss its status, and says so on standard error (python/cpython#119710).
        """
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
