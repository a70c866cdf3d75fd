"""A stand-in gateway without a socket and without waiting: time goes by when a check waits."""

from __future__ import annotations

from collections.abc import Iterable

from ibproxy_server.verify.assumption import Assumption, Finding, Result
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.run import run
from ibproxy_server.verify.table import ASSUMPTIONS
from ibproxy_sim.build import Simulation
from ibproxy_sim.wire.gateway import Client

CLIENT_ID = 40
STEP_S = 0.5
"""How far the market's time goes at one time while nothing is due."""


class DirectPort:
    """The port of a simulation; its clock is the market's."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def connect(self, within_s: float) -> DirectLink:  # noqa: ARG002 - it takes no time
        """Open a connection."""
        return DirectLink(self._sim, self._sim.gateway.connect())

    def now_s(self) -> float:
        """Return the market's time."""
        return self._sim.gateway.now_s

    def pause(self, for_s: float) -> None:
        """Let the market's time go by."""
        self._sim.gateway.advance(self._sim.gateway.now_s + for_s)


class DirectLink:
    """A connection to a simulation."""

    def __init__(self, sim: Simulation, client: Client) -> None:
        self._gateway = sim.gateway
        self._client = client

    def send(self, data: bytes) -> None:
        """Give bytes to the gateway."""
        self._gateway.receive(self._client, data)

    def read(self, within_s: float) -> bytes | None:
        """Return what has come, or what comes while time goes by; empty at the end."""
        until_s = self._gateway.now_s + within_s
        while not self._client.outbox:
            if self._client.closing:
                self.close()
                return b""
            if self._gateway.now_s >= until_s:
                return None
            due_s = self._gateway.next_deadline_s() or until_s
            step_s = self._gateway.now_s + STEP_S
            self._gateway.advance(min(until_s, max(due_s, self._gateway.now_s), step_s))
        data = b"".join(self._client.outbox)
        self._client.outbox.clear()
        return data

    def close(self) -> None:
        """Hang up."""
        self._gateway.disconnect(self._client)


def all_findings(
    sim: Simulation, rows: Iterable[Assumption] = ASSUMPTIONS, highest: int = 176
) -> dict[str, Finding]:
    """Run every check, orders and all; gives the findings by the name of the check."""
    lab = Lab(DirectPort(sim), CLIENT_ID, allow_orders=True, highest=highest)
    lab.open()
    try:
        found = list(run(lab, [row for row in rows if row.check]))
    finally:
        lab.close()
    return {finding.assumption.check.__name__: finding for finding in found}  # type: ignore[union-attr]


def with_result(found: dict[str, Finding], result: Result) -> dict[str, str]:
    """The checks that ended so, and what they say."""
    return {name: f.detail for name, f in found.items() if f.result is result}
