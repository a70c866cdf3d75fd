"""A stand-in gateway in a thread of its own, for tests and for trying things out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.gateway import Gateway, Settings
from ibproxy_sim.server import SimServer

START_TIMEOUT_S = 5


class ThreadedSim:
    """A running stand-in gateway. Look at its state only through `call`, for it changes.

    Attributes:
        host: address that it listens on.
        port: port that it listens on.
        simulation: what it is made of.
    """

    def __init__(self, settings: Settings, now_s: float, port: int = 0) -> None:
        self.simulation: Simulation = make_simulation(settings, now_s)
        self._loop = asyncio.new_event_loop()
        self._server = SimServer(self.simulation.gateway, port=port)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="stand-in gateway", daemon=True
        )
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop)
        starting.result(timeout=START_TIMEOUT_S)
        self.host, self.port = self._server.host, self._server.port

    @property
    def gateway(self) -> Gateway:
        """The gateway that it serves."""
        return self.simulation.gateway

    def call(self, function: Callable[[], object]) -> object:
        """Run a function in the server's thread and return what it returns."""
        result: Future[object] = Future()
        self._loop.call_soon_threadsafe(lambda: result.set_result(function()))
        return result.result(timeout=START_TIMEOUT_S)

    def stop(self) -> None:
        """Close the port and every connection, and end the thread."""
        stopping = asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop)
        stopping.result(timeout=START_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=START_TIMEOUT_S)
        self._loop.close()
