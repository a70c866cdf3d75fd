"""Carries the plan out. Strikes on one target wait for each other, those on different ones meet."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ibproxy.errors import ConfigError
from ibproxy_sim.control import connect
from tests.chaos.audit import WORKING
from tests.chaos.link import Forwarder
from tests.chaos.plan import MARKET_SPEED, Strike
from tests.chaos.programs import GatewayProgram, ProxyProgram, StrategyProgram

Strikes = Callable[..., Awaitable[None]]

LOCK_TIMEOUT_S = 30.0
"""A proxy that is stopped while it writes holds the lock for some seconds itself."""

TIDY_AFTER_S = 6.0
"""How long after a restart somebody cancels by hand what no program can cancel any more."""


class Striker:
    """Does to the programs what the plan says.

    Attributes:
        done: how often each kind has struck.
    """

    def __init__(
        self,
        gateway: GatewayProgram,
        link: Forwarder,
        proxy: ProxyProgram,
        strategies: dict[str, StrategyProgram],
        links: dict[str, Forwarder],
    ) -> None:
        self.done: defaultdict[str, int] = defaultdict(int)
        self._gateway = gateway
        self._link = link
        self._proxy = proxy
        self._strategies = strategies
        self._links = links
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._do: dict[str, Strikes] = {
            "link cut": self._cut,
            "link torn": self._tear,
            "link frozen": self._freeze_link,
            "link delayed": self._delay,
            "link crumbled": self._crumble,
            "gateway restarted": self._restart_gateway,
            "gateway cut off": self._cut_off,
            "gateway frozen": self._freeze_gateway,
            "proxy killed": self._kill_proxy,
            "proxy killed when the disk is full": self._kill_full_proxy,
            "proxy stopped": self._stop_proxy,
            "strategy's link cut": self._cut,
            "strategy's link torn": self._tear,
            "strategy's link frozen": self._freeze_link,
            "strategy killed": self._kill_strategy,
            "strategy stopped": self._stop_strategy,
            "journal full": self._fill_disk,
            "journal locked": self._lock_journal,
        }

    async def strike(self, strike: Strike) -> None:
        """Do one thing, when nothing else is being done to its target."""
        async with self._turns[strike.target]:
            arguments = dict(strike.how)
            if "link" in strike.kind:
                arguments["link"] = self._links.get(strike.target, self._link)
            elif strike.target in self._strategies:
                arguments["strategy"] = self._strategies[strike.target]
            await self._do[strike.kind](**arguments)
            self.done[strike.kind] += 1

    async def _control(self, name: str, for_s: float | None = None, **how: Any) -> None:
        """Switch one of the stand-in's own faults on; all times are in the market's seconds."""

        def ask() -> None:
            with connect(self._gateway.control_url) as control:
                control.fault(name, for_s=for_s, **how)

        await asyncio.to_thread(ask)

    async def _cut(self, link: Forwarder, down_s: float) -> None:
        link.cut(down_s)

    async def _tear(self, link: Forwarder, direction: str, down_s: float) -> None:
        link.tear(direction, down_s)

    async def _freeze_link(self, link: Forwarder, for_s: float) -> None:
        link.freeze()
        await asyncio.sleep(for_s)
        link.mend()

    async def _delay(self, link: Forwarder, delay_s: float, for_s: float) -> None:
        link.delay_s = delay_s
        await asyncio.sleep(for_s)
        link.mend()

    async def _crumble(self, link: Forwarder, for_s: float) -> None:
        link.is_crumbling = True
        await asyncio.sleep(for_s)
        link.mend()

    async def _restart_gateway(self, for_s: float, orders: str, **times_s: float) -> None:
        in_market_s = {name: time_s * MARKET_SPEED for name, time_s in times_s.items()}
        await self._control("restart", closed_s=for_s * MARKET_SPEED, orders=orders, **in_market_s)
        await asyncio.sleep(for_s + times_s["unready_s"])
        if orders == "anonymous":
            await asyncio.sleep(TIDY_AFTER_S)
            await asyncio.to_thread(_tidy_up, self._gateway.control_url)

    async def _cut_off(self, for_s: float, **how: Any) -> None:
        await self._control("outage", down_s=for_s * MARKET_SPEED, **how)
        await asyncio.sleep(for_s + 0.1)

    async def _freeze_gateway(self, for_s: float) -> None:
        await self._control("freeze", for_s=for_s * MARKET_SPEED)
        await asyncio.sleep(for_s + 0.1)

    async def _kill_proxy(self, for_s: float) -> None:
        await self._proxy.kill()
        await asyncio.sleep(for_s)
        await self._proxy.start()

    async def _kill_full_proxy(self, for_s: float) -> None:
        """What could not be written while there was time is not known afterwards."""
        self._proxy.limit_files(0)
        await asyncio.sleep(for_s)
        await self._proxy.kill()
        await self._proxy.start()

    async def _stop_proxy(self, for_s: float) -> None:
        self._proxy.signal(signal.SIGSTOP)
        await asyncio.sleep(for_s)
        self._proxy.signal(signal.SIGCONT)

    async def _kill_strategy(self, for_s: float, strategy: StrategyProgram) -> None:
        await strategy.kill()
        await asyncio.sleep(for_s)
        await strategy.start()

    async def _stop_strategy(self, for_s: float, strategy: StrategyProgram) -> None:
        strategy.signal(signal.SIGSTOP)
        await asyncio.sleep(for_s)
        strategy.signal(signal.SIGCONT)

    async def _fill_disk(self, for_s: float) -> None:
        """No file of the proxy's may grow, as if the disk were full."""
        self._proxy.limit_files(0)
        await asyncio.sleep(for_s)
        self._proxy.limit_files(None)

    async def _lock_journal(self, for_s: float) -> None:
        await asyncio.to_thread(_hold, self._proxy.journal, for_s)


def _tidy_up(control_url: str) -> None:
    """Cancel by hand what has lost its ids and still works: no API client can (fact 3.39)."""
    with connect(control_url) as control:
        for order in control.orders:
            if order.order_id == 0 and order.status in WORKING:
                with contextlib.suppress(ConfigError):  # it has ended this moment
                    control.cancel(order.perm_id)


def _hold(journal: Path, for_s: float) -> None:
    """Hold SQLite's lock on writing, as another program that looks into the file may.

    Raises:
        sqlite3.OperationalError: it cannot be had; what has not struck may not be counted.
    """
    database = sqlite3.connect(journal, timeout=LOCK_TIMEOUT_S, isolation_level=None)
    with contextlib.closing(database):
        database.execute("BEGIN IMMEDIATE")
        time.sleep(for_s)
        database.execute("ROLLBACK")
