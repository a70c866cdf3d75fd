"""Starts the processes of a soak, lets the crowd loose, and looks at what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ibproxy.context import close_context
from tests.soak.crowd import at_doors, run_crowd, strategies
from tests.soak.findings import Findings
from tests.soak.program import Market
from tests.soak.verdict import Rest, Verdict

READY_S = 10.0
CONTRACTS = ("stocks", "lines", "options")


class Child:
    """A process of the soak: it says a line when it is ready, and a report for each line it gets.

    Attributes:
        about: what it said when it was ready.
    """

    def __init__(self, stack: ExitStack, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.enter_context(self._process)
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        stack.callback(self._in.close)
        self.about: dict[str, Any] = self._read()

    def report(self) -> dict[str, Any]:
        """Return what it holds now."""
        self._in.write("\n")
        self._in.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._out.readline())
        return read


@dataclass(frozen=True)
class Soak:
    """One soak.

    Attributes:
        clients: how many there are at one time.
        seconds: how long they come and go, all rounds together.
        rounds: how often all leave, so that what they left behind can be seen.
        seed: where chance comes from.
        speed: market seconds for each second.
        planted: name of a bug to plant into the proxy, see `plants`.
        settle_s: after so long without clients nothing is on its way any more; cancels wait for
            a second, and who vanished is missed in the next one.
        patience_s: a question that is not answered after so long never will be.
        tell: takes a line about each round.
    """

    clients: int = 20
    seconds: float = 600.0
    rounds: int = 6
    seed: int = 1
    speed: float = 4.0
    planted: str = ""
    settle_s: float = 15.0
    patience_s: float = 30.0
    tell: Callable[[str], object] | None = None

    def run(self) -> Verdict:
        """Run it to its end."""
        with ExitStack() as stack:
            gateway = Child(stack, "tests.soak.gateway", str(self.seed), str(self.speed))
            bound = strategies(self.clients, gateway.about["accounts"])
            proxy = Child(
                stack,
                "tests.soak.proxy",
                str(gateway.about["port"]),
                json.dumps(bound),
                json.dumps(at_doors(bound)),
                self.planted,
            )
            before = os.environ.get("IBPROXY_URL")
            os.environ["IBPROXY_URL"] = proxy.about["url"]
            try:
                return self._rounds(gateway, proxy, bound)
            finally:
                close_context()
                os.environ.pop("IBPROXY_URL")
                if before is not None:
                    os.environ["IBPROXY_URL"] = before

    def _rounds(self, gateway: Child, proxy: Child, bound: dict[str, list[str]]) -> Verdict:
        about = gateway.about
        market = Market(*([(con_id, name) for con_id, name in about[kind]] for kind in CONTRACTS))
        findings = Findings(patience_s=self.patience_s)
        doors = {name: (host, port) for name, (host, port) in proxy.about["doors"].items()}
        rests = [_first_rest(gateway, proxy, len(gateway.about["accounts"]))]
        began_s = time.monotonic()
        each_s = self.seconds / self.rounds
        for number in range(1, self.rounds + 1):
            crowd = run_crowd(bound, doors, market, findings, self.seed * 1000 + number, each_s)
            asyncio.run(crowd)
            rests.append(self._rest(gateway, proxy, rests[0]))
            if self.tell:
                memory = rests[-1].proxy["memory"]
                self.tell(
                    f"round {number}: {findings.lives} connections, {findings.told:,} messages, "
                    f"{findings.wrong + findings.unanswered} wrong, {memory['mib']} MiB, "
                    f"{memory['blocks']:,} blocks"
                )
        seconds = time.monotonic() - began_s
        return Verdict(findings, rests, seconds, self.clients, self.seed)

    def _rest(self, gateway: Child, proxy: Child, first: Rest) -> Rest:
        """Return what is held when nothing changes any more, or after a while."""
        deadline_s = time.monotonic() + self.settle_s
        while True:
            rest = Rest(gateway.report(), proxy.report())
            if rest.is_at_rest_like(first) or time.monotonic() > deadline_s:
                return rest
            time.sleep(0.2)


def _first_rest(gateway: Child, proxy: Child, accounts: int) -> Rest:
    """Return what is held before the first client, once the proxy has seen all accounts."""
    deadline_s = time.monotonic() + READY_S
    while True:
        rest = Rest(gateway.report(), proxy.report())
        tables = rest.proxy["tables"]
        is_ready = rest.proxy["status"]["upstream"]["state"] == "ready"
        if (is_ready and tables.get("hub.accounts.updates._pictures") == accounts) or (
            time.monotonic() > deadline_s
        ):
            return Rest(gateway.report(), proxy.report())
        time.sleep(0.2)
