"""A life of a real program: `RemoteIB` itself, with all that it does at its start."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from ib_async import Contract

from ibproxy import RemoteIB
from tests.soak.findings import Findings
from tests.soak.subjects import number_of

ROUNDS = (2, 8)


class RealLife:
    """One life of a `RemoteIB`."""

    def __init__(self, strategy: str, client_id: int, account: str, findings: Findings) -> None:
        self.account = account
        self.findings = findings
        self._client_id = client_id
        self._ib = RemoteIB()
        self._ib.strategy = strategy
        self._ib.client.MaxRequests = 0
        self._ib.RequestTimeout = findings.patience_s

    async def run(
        self, stocks: list[tuple[int, str]], dice: random.Random, stop: asyncio.Event
    ) -> None:
        """Connect, ask, look at the answers, and leave."""
        ib: Any = self._ib
        await ib.connectAsync(clientId=self._client_id, timeout=self.findings.patience_s)
        self.findings.lives += 1
        try:
            self._look_at_accounts()
            for _ in range(dice.randint(*ROUNDS)):
                if stop.is_set():
                    break
                await self._ask_about(*dice.choice(stocks))
        finally:
            self.findings.told += ib.client.connectionStats().numMsgRecv
            ib.disconnect()

    def _look_at_accounts(self) -> None:
        ib = self._ib
        named = [
            *ib.managedAccounts(),
            *(each.account for each in ib.accountValues()),
            *(each.account for each in ib.portfolio()),
            *(each.account for each in ib.positions()),
            *(each.execution.acctNumber for each in ib.fills()),
        ]
        self.findings.checked += len(named)
        if set(named) != {self.account}:
            self.findings.find_wrong(f"a RemoteIB of {self.account} saw {sorted(set(named))}")

    async def _ask_about(self, con_id: int, symbol: str) -> None:
        ib: Any = self._ib
        stock = Contract(
            conId=con_id, symbol=symbol, secType="STK", exchange="SMART", currency="USD"
        )
        ticker = ib.reqMktData(stock)
        [details] = await ib.reqContractDetailsAsync(stock)
        bars = await ib.reqHistoricalDataAsync(stock, "", "1 D", "1 hour", "TRADES", True)
        self.findings.checked += 2
        if details.contract.conId != con_id:
            self.findings.find_wrong(f"details of {con_id} are about {details.contract.conId}")
        if not bars:
            self.findings.find_unanswered(f"no bars about {con_id}")
        sizes = {each for each in (ticker.bidSize, ticker.askSize) if each == each and each}  # noqa: PLR0124
        if sizes - {float(number_of(str(con_id)))}:
            self.findings.find_wrong(f"ticks of {con_id} are about {sizes}")
        ib.cancelMktData(stock)
