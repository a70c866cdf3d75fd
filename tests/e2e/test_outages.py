"""The gateway goes away and comes back: programs keep everything, and hear 1100 and 1102."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import Stock, util

pytestmark = pytest.mark.only_proxied("at a gateway of its own the connection ends")

AMD = Stock("AMD", "SMART", "USD")


def restart(desk: Any, ib: Any, until: Callable[..., None], closed_s: float = 2.0) -> None:
    """The gateway is restarted, and the program has heard the end of it."""
    desk.sim.control.fault("restart", closed_s=closed_s)
    until(lambda: 1102 in ib.errors, ib)


def test_streams_go_on(desk: Any, ib: Any, until: Callable[..., None]) -> None:
    """Ticks, a book, live bars and an account's values, in the objects of before."""
    [amd] = ib.qualifyContracts(AMD)
    ticker, book = ib.reqMktData(amd), ib.reqMktDepth(amd, isSmartDepth=True)
    bars = ib.reqHistoricalData(amd, "", "600 S", "1 min", "TRADES", True, keepUpToDate=True)
    until(lambda: ticker.bid == ticker.bid and ticker.last > 0, ib)
    until(lambda: book.domBids, ib)
    dates = [bar.date for bar in bars]
    restart(desk, ib, until)
    assert [code for code in ib.errors if code in {1100, 1102}] == [1100, 1102]
    assert ib.ends == []
    assert ib.isConnected()
    ticks: list[Any] = []
    rows: list[Any] = []
    live: list[Any] = []
    ticker.updateEvent += ticks.append
    book.updateEvent += rows.append
    bars.updateEvent += lambda *_: live.append(bars[-1])
    until(lambda: len(ticks) > 3 and len(rows) > 3 and live, ib)
    assert book.domBids
    assert [bar.date for bar in bars][: len(dates)] == dates
    assert len({bar.date for bar in bars}) == len(bars)


def test_a_question_of_the_outage_is_answered_after_it(
    desk: Any, ib: Any, until: Callable[..., None]
) -> None:
    """Whoever waits gets the answer, and nobody an error."""

    async def ask() -> Any:
        lost = asyncio.Event()

        def hear(_: int, code: int, *__: object) -> None:
            if code == 1100:
                lost.set()

        ib.errorEvent += hear
        desk.sim.control.fault("restart", closed_s=2.0)
        await asyncio.wait_for(lost.wait(), 15)
        return await asyncio.wait_for(ib.reqContractDetailsAsync(AMD), 15)

    [details] = util.run(ask())
    assert details.contract.symbol == "AMD"
    until(lambda: 1102 in ib.errors, ib)
    assert set(ib.errors) <= {1100, 1102, 2104, 2106, 2158}


def test_two_cuts_in_the_middle_of_a_message(
    desk: Any, ib: Any, until: Callable[..., None]
) -> None:
    """Half a message is no message; the next connection begins with a clean slate."""
    [amd] = ib.qualifyContracts(AMD)
    ticker = ib.reqMktData(amd)
    for number in (1, 2):
        until(lambda: ticker.bid == ticker.bid, ib)
        desk.sim.control.fault("cut", message=1)
        until(lambda number=number: ib.errors.count(1102) == number, ib)
    ticks: list[Any] = []
    ticker.updateEvent += ticks.append
    until(lambda: len(ticks) > 3, ib)
    assert ib.ends == []


@pytest.mark.parametrize("trouble", [{"held_s": 4.0}, {"unready_s": 4.0}], ids=str)
def test_a_gateway_that_is_slow_to_come_back(
    desk: Any, ib: Any, until: Callable[..., None], trouble: dict[str, float]
) -> None:
    """It holds the proxy's old client id for a while (fact 1.33), or is not logged in (7.16)."""
    values = [*ib.accountValues()]
    desk.sim.control.fault("restart", closed_s=1.0, **trouble)
    until(lambda: 1102 in ib.errors, ib)
    assert [code for code in ib.errors if code in {326, 1100, 1101, 1102}] == [1100, 1102]
    assert ib.ends == []
    assert {each.tag for each in ib.accountValues()} == {each.tag for each in values}


@pytest.mark.parametrize("silence_s", [1.0])
def test_a_frozen_gateway_is_left_and_found_again(
    desk: Any, ib: Any, until: Callable[..., None]
) -> None:
    """Its port is open and it says nothing: the link is renewed within the configured time."""
    desk.sim.control.fault("freeze", for_s=10.0)
    until(lambda: 1102 in ib.errors, ib)
    assert 1100 in ib.errors
    assert ib.ends == []
