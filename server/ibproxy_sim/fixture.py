"""What the fixture `ib_gateway` is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ibproxy_sim.control.operations import SimControl
from ibproxy_sim.scenario import DEFAULT, SUFFIX, Scenario, load_scenario
from ibproxy_sim.threaded import ThreadedSim

START_S = 1776092400.0
"""2026-04-13 11:00 in New York, a Monday in regular hours: each run sees the same market."""


class SimGateway(SimControl):
    """A running stand-in gateway, and the control of it.

    Attributes:
        host: address that it listens on.
        port: port that it listens on.
        scenario: what it plays.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._sim = ThreadedSim(scenario, START_S)
        self.host, self.port = self._sim.host, self._sim.port
        super().__init__(self._sim.perform)

    def stop(self) -> None:
        """Close the port and every connection."""
        self._sim.stop()


def marked_scenario(folder: Path, name: str = DEFAULT, **changes: Any) -> Scenario:
    """Return the scenario that a marker asks for.

    Args:
        folder: where files are looked for.
        name: as for `load_scenario`.
        changes: as for `Scenario.changed`.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """
    return load_scenario(str(folder / name) if name.endswith(SUFFIX) else name).changed(**changes)
