"""A stand-in gateway in a thread of its own, for tests and for trying things out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.control.operations import AnyOperation, SimControl
from ibproxy_sim.scenario import Scenario
from ibproxy_sim.server import SimServer
from ibproxy_sim.wire.gateway import Gateway
from ibproxy_sim.wire.settings import Settings

START_TIMEOUT_S = 5
OPERATION_TIMEOUT_S = 60
"""A jump of hours with many subscriptions takes its time."""

T = TypeVar("T")


class ThreadedSim:
    """A running stand-in gateway. Look at its state only through `call`, for it changes.

    Attributes:
        host: address that it listens on.
        port: port that it listens on.
        simulation: what it is made of.
        control: switches its faults, moves its clock, and tells what it knows.
    """

    def __init__(self, settings: Settings | Scenario, now_s: float, port: int = 0) -> None:
        """Start it.

        Args:
            settings: what kind of gateway it is, or the scenario that it plays.
            now_s: the market's time at the start.
            port: where it listens; 0 takes any.
        """
        self.simulation: Simulation = (
            settings.build(now_s)
            if isinstance(settings, Scenario)
            else make_simulation(settings, now_s)
        )
        self.control = SimControl(self.perform)
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

    def call(self, function: Callable[[], T], timeout_s: float = START_TIMEOUT_S) -> T:
        """Run a function in the server's thread and return what it returns."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function())
            except Exception as error:  # noqa: BLE001 - it is the caller's
                result.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return result.result(timeout=timeout_s)

    def perform(self, operation: AnyOperation) -> Any:
        """Do an operation of the control in the server's thread."""
        return self.call(
            lambda: self._server.do(lambda: operation.perform(self.simulation)),
            OPERATION_TIMEOUT_S,
        )

    def stop(self) -> None:
        """Close the port and every connection, and end the thread."""
        stopping = asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop)
        stopping.result(timeout=START_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=START_TIMEOUT_S)
        if self._thread.is_alive():
            raise RuntimeError(f"the stand-in has not ended in {START_TIMEOUT_S} s")
        self._loop.close()
