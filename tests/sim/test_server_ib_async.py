"""An unmodified ib_async on a real port: what its user sees is the market's truth."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise

import pytest
from ib_async import (
    IB,
    Contract,
    Forex,
    Index,
    Option,
    StartupFetch,
    Stock,
    Ticker,
)

from ibproxy.wire.framing import frame, join_fields
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.testing import AMD
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

LONGEST_S = 10
TRADING_LATER = StartupFetch(0)


@contextmanager
def connected(sim: ThreadedSim, client_id: int = 1) -> Iterator[IB]:
    """An ib_async client that fetches nothing by itself."""
    ib = IB()
    ib.RequestTimeout = LONGEST_S
    ib.connect(sim.host, sim.port, clientId=client_id, fetchFields=TRADING_LATER)
    try:
        yield ib
    finally:
        ib.disconnect()


@pytest.fixture
def ib(sim_server: ThreadedSim, caplog: pytest.LogCaptureFixture) -> Iterator[IB]:
    """A connected client; errors that its decoder or wrapper logs fail the test."""
    with connected(sim_server) as ib:
        yield ib
    faults = [
        record
        for record in caplog.get_records("call")
        if record.name.startswith("ib_async") and record.levelno >= logging.ERROR
    ]
    assert not faults


@pytest.fixture
def truth(sim_server: ThreadedSim) -> Market:
    """A market of the same seed, to compare with."""
    settings = sim_server.gateway.settings
    return Market(settings.seed, Universe(settings.seed, 1776092400.0))


def until(ib: IB, condition: Callable[[], object]) -> None:
    """Wait for something to become true."""
    end_s = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < end_s, "nothing happened"
        ib.waitOnUpdate(timeout=0.2)


def test_contracts(ib: IB) -> None:
    """The contracts that the library's own notebook asserts on."""
    amd, eurusd = Stock("AMD", "SMART", "USD"), Forex("EURUSD")
    assert len(ib.reqContractDetails(Stock("AMD"))) > 5
    assert ib.qualifyContracts(amd, eurusd) == [amd, eurusd]
    by_id = Contract(conId=4391)
    ib.qualifyContracts(by_id)
    assert (by_id, by_id.symbol, by_id.primaryExchange) == (amd, "AMD", "NASDAQ")
    found = ib.reqMatchingSymbols("intc")
    assert found
    intel = Stock("INTC", "SMART", "USD")
    ib.qualifyContracts(intel)
    assert intel in [row.contract for row in found]


def test_streams_show_the_market(ib: IB, truth: Market) -> None:
    """Each pair of bid and ask that was shown was the market's at some recent step."""
    contracts = [Stock("AMD", "SMART", "USD"), Forex("EURUSD"), Stock("SPY", "SMART", "USD")]
    ib.qualifyContracts(*contracts)
    tickers = [ib.reqMktData(contract, "233") for contract in contracts]
    seen: dict[int, set[tuple[float, float]]] = {c.conId: set() for c in contracts}

    def note(updated: set[Ticker]) -> None:
        for ticker in updated:
            assert ticker.contract
            seen[ticker.contract.conId].add((ticker.bidSize, ticker.askSize))

    ib.pendingTickersEvent += note
    until(ib, lambda: min(len(pairs) for pairs in seen.values()) >= 10)
    for ticker, contract in zip(tickers, contracts, strict=True):
        assert ticker.bid < ticker.ask
        instrument = truth.universe.by_con_id(contract.conId)
        assert instrument
        steps = [
            truth.quote(instrument, 1776092400.0 + n * 0.25) for n in range(4 * 20 * LONGEST_S)
        ]
        pairs = {(quote.bid_size, quote.ask_size) for quote in steps}
        assert len(seen[contract.conId] & pairs) >= 9
        assert ticker.close == steps[0].close
        ib.cancelMktData(contract)


def test_an_option_chain_with_greeks(ib: IB) -> None:
    """From an index to its options' model, as the library's notebook goes."""
    spx = Index("SPX", "CBOE")
    ib.qualifyContracts(spx)
    ib.reqMarketDataType(4)
    [ticker] = ib.reqTickers(spx)
    value = ticker.marketPrice()
    chains = ib.reqSecDefOptParams(spx.symbol, "", spx.secType, spx.conId)
    chain = next(c for c in chains if c.tradingClass == "SPX" and c.exchange == "SMART")
    strikes = [s for s in chain.strikes if s % 5 == 0 and abs(s - value) < 10]
    options = [
        Option("SPX", expiry, strike, right, "SMART", tradingClass="SPX")
        for right in "PC"
        for expiry in chain.expirations[:2]
        for strike in strikes
    ]
    assert None not in ib.qualifyContracts(*options)
    tickers = ib.reqTickers(*options)
    assert len(tickers) == len(options) >= 12
    for ticker in tickers:
        assert ticker.contract
        assert ticker.modelGreeks
        assert ticker.modelGreeks.delta
        assert (ticker.modelGreeks.delta > 0) == (ticker.contract.right == "C")
        assert ticker.bid <= ticker.last <= ticker.ask


def test_history_and_its_continuation(ib: IB) -> None:
    """Past bars, bars that go on, ticks, head and schedule."""
    tsla, eurusd = Stock("TSLA", "SMART", "USD"), Forex("EURUSD")
    ib.qualifyContracts(tsla, eurusd)
    assert ib.reqHeadTimeStamp(tsla, "TRADES", useRTH=True)
    hours = ib.reqHistoricalData(tsla, "", "60 D", "1 hour", "TRADES", useRTH=True)
    assert len(hours) == 59 * 7 + 3
    assert all(bar.low <= bar.average <= bar.high for bar in hours)
    kept = ib.reqHistoricalData(
        eurusd, "", "900 S", "10 secs", "MIDPOINT", useRTH=True, keepUpToDate=True
    )
    count = len(kept)
    until(ib, lambda: len(kept) >= count + 3)
    dates = [bar.date.timestamp() for bar in kept if isinstance(bar.date, datetime)]
    assert {b - a for a, b in pairwise(dates)} == {10}
    ticks = ib.reqHistoricalTicks(
        tsla, "20260410 15:00:00 US/Eastern", "", 10, "TRADES", useRth=True
    )
    assert len(ticks) >= 10
    schedule = ib.reqHistoricalSchedule(tsla, 5)
    assert [session.refDate[-2:] for session in schedule.sessions] == ["07", "08", "09", "10", "13"]


def test_depth_ticks_and_five_second_bars(ib: IB) -> None:
    """The other streams, each until it has shown something."""
    eurusd = Forex("EURUSD")
    ib.qualifyContracts(eurusd)
    depth = ib.reqMktDepth(eurusd)
    until(ib, lambda: len(depth.domBids) == len(depth.domAsks) == 5)
    assert depth.domBids[0].price < depth.domAsks[0].price
    ib.cancelMktDepth(eurusd)
    bars = ib.reqRealTimeBars(eurusd, 5, "MIDPOINT", useRTH=False)
    until(ib, lambda: len(bars) >= 2)
    assert (bars[1].time - bars[0].time).total_seconds() == 5
    ib.cancelRealTimeBars(bars)
    ticks = ib.reqTickByTickData(eurusd, "BidAsk")
    until(ib, lambda: ticks.tickByTicks)
    ib.cancelTickByTickData(eurusd, "BidAsk")


def test_a_second_client_with_the_same_id_is_turned_away(sim_server: ThreadedSim) -> None:
    """Its connect fails, the first goes on."""
    with connected(sim_server) as first:
        second = IB()
        with pytest.raises(asyncio.TimeoutError):  # on 3.10 it is not the built-in one
            second.connect(sim_server.host, sim_server.port, clientId=1, timeout=0.5)
        assert first.reqCurrentTime()


def test_who_leaves_gives_back_his_lines(sim_server: ThreadedSim) -> None:
    """Subscriptions end with the connection (fact 1.57)."""
    quotes = sim_server.simulation.quotes
    with connected(sim_server) as ib:
        ib.reqMktData(Stock("AMD", "SMART", "USD", conId=4391))
        until(ib, lambda: sim_server.call(lambda: quotes.lines) == 1)
    end_s = time.monotonic() + LONGEST_S
    while sim_server.call(lambda: quotes.lines):
        assert time.monotonic() < end_s
    assert sim_server.call(lambda: sim_server.gateway.statistics.open_connections) == 0


def test_a_flood_reaches_its_reader_and_nobody_else_waits(
    start_sim: Callable[[Settings], ThreadedSim],
) -> None:
    """Ticks without end for one client, quick answers for another."""
    sim = start_sim(Settings(flood=True))
    with connected(sim, 1) as reader, connected(sim, 2) as other:
        counted = 0

        def count(updated: set[Ticker]) -> None:
            nonlocal counted
            counted += sum(len(ticker.ticks) for ticker in updated)

        reader.pendingTickersEvent += count
        reader.reqMktData(Stock("AMD", "SMART", "USD", conId=4391))
        until(reader, lambda: counted > 3000)
        assert other.reqCurrentTime()


def test_a_flood_waits_for_a_reader_that_does_not_read(
    start_sim: Callable[[Settings], ThreadedSim],
) -> None:
    """Production stops while the connection is full, and nothing piles up."""
    sim = start_sim(Settings(flood=True))
    flood = sim.simulation.flood
    assert flood
    with connected(sim, 2) as other, socket.create_connection((sim.host, sim.port)) as deaf:
        deaf.sendall(b"API\0" + frame(b"v157..178"))
        deaf.recv(100)
        deaf.sendall(frame(join_fields(71, 2, 1, "")))
        deaf.sendall(frame(join_fields(1, 11, 5, *AMD, 0, "", 0, 0, "")))
        until(other, lambda: sim.call(lambda: flood.ticks))
        before = -1
        end_s = time.monotonic() + LONGEST_S
        while before != (before := sim.call(lambda: flood.ticks)):
            assert time.monotonic() < end_s, "it never stops"
            other.sleep(0.1)
        assert other.reqCurrentTime()
