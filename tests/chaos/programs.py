"""The programs of a run, each a process of its own: stand-in gateway, proxy, strategies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from abc import ABC, abstractmethod
from pathlib import Path

READY_S = 20.0
AGAIN_S = 0.2


class Program(ABC):
    """A program that can be killed, stopped, and started again.

    Attributes:
        name: what its files are called.
        starts: how often it was started.
    """

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.starts = 0
        self._log = folder / f"{name}.log"
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None
        self._copying: asyncio.Task[None] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the arguments for Python."""

    @property
    def pid(self) -> int:
        """The process; 0 if none runs."""
        is_running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and is_running else 0

    async def start(self) -> str:
        """Start it, and return its first line; empty if it ended without one."""
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        # through a pipe, for a limit on the size of its files must not silence it
        self._copying = asyncio.ensure_future(self._copy(self._process.stderr))
        return await self.read_line()

    async def read_line(self) -> str:
        """Return the next line of its output."""
        assert self._process
        assert self._process.stdout
        line = await asyncio.wait_for(self._process.stdout.readline(), READY_S)
        return line.decode().strip()

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        if self.pid and self._process and self._process.stdin:
            self._process.stdin.write(f"{line}\n".encode())

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self._process and self.pid:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def kill(self) -> None:
        """End it without a chance to say or write anything."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> int:
        """Wait until it has ended, and return its exit status."""
        if self._process is None:
            return 0
        status = await self._process.wait()
        if self._copying:
            await self._copying
        return status

    async def _copy(self, stream: asyncio.StreamReader | None) -> None:
        assert stream
        with self._log.open("ab") as file:
            file.write(f"--- start {self.starts}\n".encode())
            while piece := await stream.read(4096):
                file.write(piece)
                file.flush()


class GatewayProgram(Program):
    """`ibproxy sim`: it is never killed, for it keeps the broker's books as well."""

    def __init__(self, folder: Path, scenario: Path) -> None:
        super().__init__("gateway", folder, {})
        self.control_url = ""
        self.port = 0
        self._scenario = scenario

    def command(self) -> list[str]:
        """Return the arguments for Python."""
        return [
            *("-m", "ibproxy_server", "sim", "--port", "0"),
            *("--scenario", str(self._scenario), "--control", "tcp://127.0.0.1:0"),
        ]

    async def start(self) -> str:
        """Start it; port and control are known afterwards."""
        first = await super().start()
        self.port = int(first.rpartition(":")[2])
        self.control_url = (await self.read_line()).split()[1]
        return first


class ProxyProgram(Program):
    """`ibproxy serve` with a journal; or the same with a guard switched off."""

    def __init__(self, folder: Path, config: Path, journal: Path, without: str) -> None:
        super().__init__("proxy", folder, {"IBPROXY_CONFIG": str(config)})
        self.journal = journal
        self._without = without

    def command(self) -> list[str]:
        """Return the arguments for Python."""
        serve = ["serve", "--journal", str(self.journal)]
        if self._without:
            return ["-m", "tests.chaos.proxy", self._without, *serve]
        return ["-m", "ibproxy_server", *serve]

    async def start(self) -> str:
        """Start it, again and again until it is ready, as whoever looks after it would."""
        while not (line := await super().start()).startswith("ready"):
            await self.ended()
            await asyncio.sleep(AGAIN_S)
        return line

    def limit_files(self, limit_bytes: int | None) -> None:
        """Let no file grow beyond so many bytes, as a full disk does; None: no limit."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
                soft = hard if limit_bytes is None else limit_bytes
                resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, hard))


class StrategyProgram(Program):
    """One strategy, life after life."""

    def __init__(
        self, name: str, folder: Path, url: str, seed: int, symbols: list[str], pause_s: float
    ) -> None:
        super().__init__(name, folder, {"IBPROXY_URL": url, "IBPROXY_CONFIG": os.devnull})
        self.diary = folder / f"{name}.jsonl"
        self._arguments = str(seed), str(self.diary), ",".join(symbols), str(pause_s)

    def command(self) -> list[str]:
        """Return the arguments for Python."""
        return ["-m", "tests.chaos.strategy", self.name, str(self.starts), *self._arguments]

    async def read_line(self) -> str:
        """It says nothing: its diary does."""
        return ""
