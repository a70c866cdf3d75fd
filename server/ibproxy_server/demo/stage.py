"""The demo's play: a stand-in gateway, the proxy, and two strategies that know nothing of it.

The gateway lives in this process, so that the truth can be read from its books; the proxy and
the strategies are processes of their own, as they would be on anybody's machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibproxy.config import CONFIG_VARIABLE, URL_VARIABLE
from ibproxy.errors import IbproxyError
from ibproxy.identity import STRATEGY_VARIABLE
from ibproxy_server.demo.books import books_of
from ibproxy_server.demo.programs import Program
from ibproxy_server.demo.report import read_report
from ibproxy_server.demo.screen import Screen, Standing, View
from ibproxy_server.demo.verdict import Outcome, Summary
from ibproxy_server.shells.status import fetch_status
from ibproxy_sim.build import make_gateway
from ibproxy_sim.server import SimServer
from ibproxy_sim.wire.settings import Settings

LOOK_EVERY_S = 0.5
STATUS_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Part:
    """A strategy and the account that it is bound to."""

    script: Path
    account: str

    @property
    def strategy(self) -> str:
        """Its name, which is its file's."""
        return self.script.stem


def cast() -> tuple[Part, ...]:
    """Return who plays: the examples, from the wheel or from the checkout."""
    here = Path(__file__).resolve()
    folder = here.parent / "strategies"
    if not folder.is_dir():
        folder = here.parents[3] / "docs" / "examples"
    return (
        Part(folder / "trade_option_wheel.py", "DU1000001"),
        Part(folder / "trade_cppi.py", "DU1000002"),
    )


async def perform(seconds: float, screen: Screen, parts: Sequence[Part] | None = None) -> Summary:
    """Play for so many seconds and return what happened.

    Raises:
        IbproxyError: it could not begin.
    """
    stage = Stage(parts or cast())
    with tempfile.TemporaryDirectory(prefix="ibproxy-") as folder:
        async with stage.set_up(Path(folder)):
            await stage.watch(seconds, screen)
            await stage.end_strategies()
            return await stage.summary()


class Stage:
    """Everything that runs during the demo.

    Attributes:
        parts: who plays.
        gateway: the stand-in.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        accounts = tuple(part.account for part in parts)
        self.gateway = make_gateway(Settings(accounts=accounts), time.time())
        self._server = SimServer(self.gateway)
        self._url = ""
        self._programs: list[Program] = []
        self._accidents: list[str] = []
        self._status: dict[str, Any] = {}
        self._stopped_at_s = 0.0
        self._folder = Path()

    @contextlib.asynccontextmanager
    async def set_up(self, folder: Path) -> AsyncIterator[None]:
        """Start everything; at the end nothing of it is left."""
        self._folder = folder
        proxy = Program("proxy", folder)
        await self._server.start()
        try:
            environment = self._environment()
            self._write_config(Path(environment[CONFIG_VARIABLE]))
            await proxy.start(
                *("-m", "ibproxy_server", "serve", "--journal", "off"),
                environment=environment,
                is_heard=True,
            )
            self._url = (await proxy.first_line()).split()[1]
            for part in self.parts:
                program = Program(part.strategy, folder)
                self._programs.append(program)
                await program.start(
                    *("-m", "ibproxy_server.demo.observed"),
                    *(str(part.script), str(self._report_path(part))),
                    environment={**environment, URL_VARIABLE: self._url},
                )
            yield
        finally:
            # strategies first: one that cannot say goodbye would complain
            await asyncio.gather(*(program.end() for program in self._programs))
            await proxy.end()
            await self._server.stop()

    async def watch(self, seconds: float, screen: Screen) -> None:
        """Show what happens for so many seconds, or until a strategy ends too early."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        while (left_s := end_s - loop.time()) > 0:
            await self._look()
            screen.show(self._view(left_s))
            ended = [program for program in self._programs if program.has_ended]
            if ended:
                self._accidents += [f"{p.name} ended too early: {p.last_words()}" for p in ended]
                return
            await asyncio.sleep(min(LOOK_EVERY_S, max(0.0, end_s - loop.time())))

    async def end_strategies(self) -> None:
        """Let the strategies end as they would on Ctrl-C."""
        self._server.advance()
        self._stopped_at_s = self.gateway.now_s
        await asyncio.gather(*(program.end() for program in self._programs))

    async def summary(self) -> Summary:
        """Return what happened; the strategies have ended."""
        await self._look()
        if not self._status:
            self._accidents.append("the proxy gave no status")
        outcomes = tuple(
            Outcome(
                part.strategy,
                part.account,
                books_of(self.gateway, part.account, self._stopped_at_s),
                read_report(self._report_path(part)),
            )
            for part in self.parts
        )
        statistics = self.gateway.statistics
        return Summary(
            connections=statistics.connections,
            most_connections=statistics.most_connections,
            outcomes=outcomes,
            proxy_timeouts=self._status.get("counters", {}).get("timeouts", 0),
            accidents=tuple(self._accidents),
        )

    async def _look(self) -> None:
        """Ask the proxy how things stand; one that is busy is asked again later."""
        with contextlib.suppress(IbproxyError):
            self._status = await asyncio.to_thread(fetch_status, self._url, STATUS_TIMEOUT_S)

    def _view(self, left_s: float) -> View:
        sessions = {session["strategy"]: session for session in self._status.get("sessions", [])}
        standings = []
        for part in self.parts:
            session = sessions.get(part.strategy)
            standings.append(
                Standing(
                    strategy=part.strategy,
                    account=part.account,
                    client_id=session["client_id"] if session else None,
                    subscriptions=tuple(session["subscriptions"]) if session else (),
                    orders=len(self.gateway.books.orders_of(part.account)),
                    fills=len(self.gateway.books.executions_of(part.account)),
                )
            )
        upstream = self._status.get("upstream", {})
        return View(
            standings=tuple(standings),
            connections=self.gateway.statistics.open_connections,
            gateway=f"{self._server.host}:{self._server.port}",
            client_id=upstream.get("client_id"),
            messages_sent=upstream.get("messages_sent", 0),
            messages_received=upstream.get("messages_received", 0),
            left_s=left_s,
        )

    def _report_path(self, part: Part) -> Path:
        return self._folder / f"{part.strategy}.json"

    def _environment(self) -> dict[str, str]:
        """Keep the demo away from the user's own proxy, settings and journal."""
        folder = str(self._folder)
        homes = ("CONFIG", "STATE", "DATA", "CACHE")
        return {
            **{f"XDG_{name}_HOME": folder for name in homes},
            CONFIG_VARIABLE: str(self._folder / "config.toml"),
            STRATEGY_VARIABLE: "",
        }

    def _write_config(self, path: Path) -> None:
        listen = f"ipc://{self._folder}/proxy.sock" if os.name == "posix" else "tcp://127.0.0.1:0"
        lines = [
            f'gateway = "{self._server.host}:{self._server.port}"',
            f"listen = [{json.dumps(listen)}]",
        ]
        for part in self.parts:
            lines += [f"[strategies.{part.strategy}]", f'accounts = ["{part.account}"]']
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
