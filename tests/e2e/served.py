"""`ibproxy serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class ServedProxy:
    """One that can be killed, and started again with the same journal.

    Args:
        gateway: `HOST:PORT` of its gateway.
        folder: where its socket and its journal are.
        options: more for the command line.
    """

    def __init__(self, gateway: str, folder: Path, *options: str) -> None:
        self.url = f"ipc://{folder}/p.sock"
        self.journal = folder / "orders.sqlite"
        self._command = [
            *(sys.executable, "-m", "ibproxy_server", "serve", "--gateway", gateway),
            *("--listen", self.url, "--journal", str(self.journal)),
            *options,
        ]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "IBPROXY_CONFIG": os.devnull},
        )
        assert self._process.stdout
        assert self._process.stdout.readline().startswith("ready")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process
        self._process.send_signal(number)

    def end(self, *, kill: bool) -> None:
        """End it, without a chance to say or write anything if `kill`."""
        assert self._process
        assert self._process.stdout
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(20)
        self._process.stdout.close()
        self._process = None

    def orders(self, *arguments: str) -> Any:
        """Return what `ibproxy orders --json` says."""
        command = [sys.executable, "-m", "ibproxy_server", "orders", "--json"]
        done = subprocess.run(
            [*command, "--journal", str(self.journal), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def close(self) -> None:
        """End it if it still runs."""
        if self._process:
            self.end(kill=True)
