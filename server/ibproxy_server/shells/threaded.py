"""A proxy in a thread of its own, for tests and for trying things out."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import Any

from ibproxy.config import Config
from ibproxy_server.shells.runner import Runner

START_TIMEOUT_S = STOP_TIMEOUT_S = 5
READY_TIMEOUT_S = 20


class ThreadedProxy:
    """A running proxy.

    Attributes:
        urls: where it listens.
        doors: host and port of each door, in the order of the configuration.
    """

    def __init__(self, config: Config) -> None:
        """Start it; it waits for its gateway like any other proxy.

        It keeps a journal only if the settings name one.

        Raises:
            BusyError, ConfigError: as `ibproxy_server.shells.runner.serve`.
        """
        self.urls: list[str] = []
        self.doors: list[tuple[str, int]] = []
        self._config = config
        self._runner: Runner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="ibproxy", daemon=True)
        self._thread.start()
        self._ready.result(START_TIMEOUT_S)

    def status(self) -> dict[str, Any]:
        """Return what it is doing."""
        assert self._loop  # noqa: S101 - it is running
        assert self._runner  # noqa: S101
        result: Future[dict[str, Any]] = Future()
        runner = self._runner
        self._loop.call_soon_threadsafe(lambda: result.set_result(runner.status()))
        return result.result(START_TIMEOUT_S)

    def wait_until_ready(self) -> None:
        """Wait until it is connected to its gateway.

        Raises:
            TimeoutError: it is not in time; the text says why not.
        """
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while (upstream := self.status()["upstream"])["state"] != "ready":
            if time.monotonic() > deadline_s:
                raise TimeoutError(
                    f"the proxy is not connected to {upstream['gateway']} after "
                    f"{READY_TIMEOUT_S} s: {upstream['note'] or upstream['state']}"
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, and its thread.

        Raises:
            RuntimeError: it does not end.
        """
        if self._loop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_TIMEOUT_S)
            if self._thread.is_alive():
                raise RuntimeError(f"the proxy has not ended in {STOP_TIMEOUT_S} s")

    def _run(self) -> None:
        self._loop = loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._start())
            loop.run_forever()
            assert self._runner  # noqa: S101 - _start has made it
            self._runner.stop()
            loop.run_until_complete(asyncio.sleep(0))  # let the gateway's socket close
        except BaseException as error:  # noqa: BLE001 - handed to whoever started it
            self._ready.set_exception(error)
        finally:
            loop.close()

    async def _start(self) -> None:
        runner = Runner(self._config)
        try:
            self.urls += [runner.lane.bind(each) for each in self._config.listen_addresses()]
            if self._config.journal and (path := self._config.journal_path()):
                runner.open_journal(path)
            self.doors += [await runner.doors.listen(each) for each in self._config.doors]
        except BaseException:
            runner.stop()
            raise
        runner.start()
        self._runner = runner
        self._ready.set_result(None)
