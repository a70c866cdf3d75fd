"""Eight strategies, eight sub-accounts, and the one account slot of the gateway."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ib_async import MarketOrder, Stock

from ibproxy import RemoteIB
from ibproxy.config import Config, StrategyConfig
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

pytestmark = pytest.mark.only_proxied("a gateway has one account slot for all its clients")

ACCOUNTS = tuple(f"DU100000{number}" for number in range(1, 9))
TIMEOUT_S = 4.0
"""ib_async's own time limit for each part of connecting."""

TURN_S = 0.2
SLACK_S = 5.0
"""What a loaded machine may add to a round of turns."""


def note_foreign(foreign: list[Any], own: str, seen: Any) -> None:
    """Note what is about another account."""
    if seen.account != own:
        foreign.append(seen)


def test_each_of_eight_strategies_sees_its_whole_account_and_no_other(
    start_sim: Callable[[Settings], ThreadedSim],
    tmp_path: Path,
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Portfolio, values and P&L are complete within the time-out, right, fresh, and one's own."""
    sim = start_sim(Settings(accounts=ACCOUNTS))
    names = {account: f"strategy{account[-1]}" for account in ACCOUNTS}
    proxy = ThreadedProxy(
        Config(
            gateway=f"127.0.0.1:{sim.port}",
            listen=(f"ipc://{tmp_path}/p.sock",),
            account_turn_s=TURN_S,
            strategies={names[each]: StrategyConfig(accounts=(each,)) for each in ACCOUNTS},
        )
    )
    monkeypatch.setenv("IBPROXY_URL", proxy.urls[0])
    proxy.wait_until_ready()
    ibs: dict[str, Any] = {}
    foreign: list[Any] = []
    for account in ACCOUNTS:
        ib: Any = RemoteIB()
        ib.strategy = names[account]
        for event in (ib.accountValueEvent, ib.updatePortfolioEvent, ib.pnlEvent, ib.positionEvent):
            event.connect(partial(note_foreign, foreign, account))
        ibs[account] = ib
    first = ibs[ACCOUNTS[0]]

    async def connect_all() -> None:
        await asyncio.gather(
            *(ib.connectAsync(timeout=TIMEOUT_S, raiseSyncErrors=True) for ib in ibs.values())
        )

    try:
        first.run(connect_all())
        for ib in ibs.values():
            assert ib.accountValues()
        [spy] = first.qualifyContracts(Stock("SPY", "SMART", "USD"))
        trades = {}
        for number, (account, ib) in enumerate(ibs.items(), 1):
            ib.reqPnL(account)
            trades[account] = ib.placeOrder(spy, MarketOrder("BUY", number * 10))
        until(
            lambda: all(
                trades[account].isDone()
                and [each.position for each in ib.portfolio()] == [number * 10]
                and not math.isnan(ib.pnl()[0].unrealizedPnL)
                for number, (account, ib) in enumerate(ibs.items(), 1)
            ),
            first,
        )
        books = sim.simulation.trading.books
        for account, ib in ibs.items():
            truth = sim.call(partial(lambda code: books.accounts[code].cash["USD"], account))
            [shown] = [
                float(each.value)
                for each in ib.accountValues()
                if each.tag == "TotalCashBalance" and each.currency == "USD"
            ]
            assert abs(shown - truth) < 1, account
        until(lambda: len(proxy.status()["account_slot"]["ages_s"]) == len(ACCOUNTS), first)
        for _ in range(10):
            first.sleep(TURN_S)
            oldest_s = max(proxy.status()["account_slot"]["ages_s"].values())
            assert oldest_s < len(ACCOUNTS) * TURN_S + SLACK_S
        assert foreign == []
    finally:
        for ib in ibs.values():
            ib.disconnect()
        proxy.stop()
