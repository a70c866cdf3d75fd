"""The crowd: so many clients that come and go until they are told to stop."""

from __future__ import annotations

import asyncio
import random

from ibproxy.errors import RefusedError
from tests.soak.client import SoakClient
from tests.soak.findings import Findings
from tests.soak.program import Market, Program
from tests.soak.real import RealLife

REAL_EVERY = 5
"""Each so many-th client is a real `RemoteIB`, and another one comes in by a door."""

Doors = dict[str, tuple[str, int]]
"""Strategy -> host and port where its programs come in that speak TWS's own protocol."""


def strategies(clients: int, accounts: list[str]) -> dict[str, list[str]]:
    """Return strategy -> its one account; several strategies trade one account."""
    return {f"s{number}": [accounts[number % len(accounts)]] for number in range(clients)}


def at_doors(bound: dict[str, list[str]]) -> list[str]:
    """Return the strategies whose programs come in by a door."""
    return [name for number, name in enumerate(bound) if number % REAL_EVERY == 0]


async def run_crowd(
    bound: dict[str, list[str]],
    doors: Doors,
    market: Market,
    findings: Findings,
    seed: int,
    seconds: float,
) -> None:
    """Let one client of each strategy live again and again for so long; then all have left."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    lives = [
        _live(
            number,
            strategy,
            account,
            doors,
            market,
            findings,
            random.Random(f"{seed}/{number}"),
            stop,
        )
        for number, (strategy, [account]) in enumerate(bound.items())
    ]
    await asyncio.gather(*lives)


async def _live(
    number: int,
    strategy: str,
    account: str,
    doors: Doors,
    market: Market,
    findings: Findings,
    dice: random.Random,
    stop: asyncio.Event,
) -> None:
    while not stop.is_set():
        # a client that vanished is noticed a moment later, and until then its id is taken
        client_id = dice.randrange(1000)
        try:
            if number % REAL_EVERY == REAL_EVERY - 1:
                await RealLife(strategy, client_id, account, findings).run(
                    market.stocks, dice, stop
                )
            else:
                place = findings.placed[strategy]
                door = doors.get(strategy)
                client = SoakClient(strategy, client_id, account, findings, place, door)
                await client.connect()
                await Program(client, market, dice).run(stop)
        except (asyncio.TimeoutError, ConnectionError, RefusedError) as error:
            findings.find_unanswered(f"{strategy}: {error!r}")
            await asyncio.sleep(0.1)
