"""Tick-by-tick data, market depth and real-time bars."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.testing import AMD, EURUSD, SPX, RawClient, contract
from ibproxy_sim.wire.settings import Settings

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]


def codes(messages: list[list[str]]) -> list[str]:
    """Error codes among messages."""
    return [message[3] for message in messages if message[0] == "4"]


def test_ticks_come_with_each_step_until_cancelled(client: RawClient, decode: Decode) -> None:
    """A trade each step; 300 for a second cancel."""
    calls = decode(client.ask(97, 1, *AMD, "Last", 0, 0) + client.wait(10))
    assert [name for name, _ in calls] == ["tickByTickAllLast"] * 41
    assert client.ask(98, 1) == []
    assert client.wait(5) == []
    assert codes(client.ask(98, 1)) == ["300"]


def test_trades_are_all_told_and_quotes_when_they_change(client: RawClient, decode: Decode) -> None:
    """Also trades at the same price with sizes ignored; quotes then only with another price."""
    client.send(97, 1, *EURUSD, "BidAsk", 0, 1)
    client.send(97, 2, *AMD, "AllLast", 0, 1)
    calls = decode(client.read() + client.wait(60))
    trades = [args for name, args in calls if name == "tickByTickAllLast"]
    quotes = [args[2:4] for name, args in calls if name == "tickByTickBidAsk"]
    assert len(trades) == 241
    assert 1 < len(quotes) < 240
    assert all(before != after for before, after in pairwise(quotes))


def test_past_ticks_may_come_first(client: RawClient, decode: Decode) -> None:
    """Under the same id (fact 4.48)."""
    first, *_ = decode(client.ask(97, 1, *AMD, "BidAsk", 25, 0))
    assert (first[0], first[1][0], len(first[1][1])) == ("historicalTicksBidAsk", 1, 25)


def test_ticks_are_limited_and_not_for_everything(sim: Simulation) -> None:
    """Five at a time (fact 4.45); an index has no quotes, a pair no trades (4.42)."""
    client = RawClient(sim)
    assert codes(client.ask(97, 1, *SPX, "BidAsk", 0, 0)) == ["10189"]
    assert codes(client.ask(97, 1, *EURUSD, "Last", 0, 0)) == ["10189"]
    assert codes(client.ask(97, 1, *AMD, "Nonsense", 0, 0)) == ["321"]
    for req_id in range(5):
        assert not codes(client.ask(97, req_id, *AMD, "Last", 0, 0))
    assert codes(client.ask(97, 9, *AMD, "Last", 0, 0)) == ["10190"]


@pytest.mark.parametrize("is_smart", [0, 1])
def test_a_book_that_is_kept_by_its_messages_stays_a_book(
    client: RawClient, sim: Simulation, is_smart: int
) -> None:
    """Sorted sides that do not cross, the top being the quote."""
    sides: dict[str, list[tuple[float, float]]] = {"0": [], "1": []}
    amd = sim.universe.by_con_id(4391)
    assert amd
    messages = client.ask(10, 5, 7, *AMD, 5, is_smart, "")
    for _ in range(40):
        for message in messages:
            if message[0] == "4":
                assert (is_smart, message[3]) == (1, "2152")
                continue
            assert message[0] == ("13" if is_smart else "12")
            position = int(message[3])
            operation, side, price, size = message[5:9] if is_smart else message[4:8]
            row = (float(price), float(size))
            if operation == "0":
                sides[side].insert(position, row)
            else:
                sides[side][position] = row
        asks, bids = [[row[0] for row in sides[side]] for side in "01"]
        assert (len(bids), len(asks)) == (5, 5)
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        quote = sim.market.quote(amd, sim.gateway.now_s)
        assert (sides["1"][0], sides["0"][0]) == (
            (quote.bid, quote.bid_size),
            (quote.ask, quote.ask_size),
        )
        messages = client.wait(0.25)


def test_depth_is_refused_limited_and_cancelled(client: RawClient) -> None:
    """Facts 4.42, 4.51, 4.54 and 4.56."""
    assert codes(client.ask(10, 5, 1, *SPX, 5, 0, "")) == ["10092"]
    assert codes(client.ask(10, 5, 1, *AMD, 0, 0, "")) == ["321"]
    for req_id, row in enumerate((AMD, AMD, EURUSD, contract("MSFT"))):
        assert not codes(client.ask(10, 5, req_id, *row, 5, 0, ""))
    assert codes(client.ask(10, 5, 9, *contract("F"), 5, 0, "")) == ["309"]
    assert codes(client.ask(11, 1, 0, 1)) == ["310"]
    assert client.ask(11, 1, 0, 0) == []
    assert codes(client.ask(11, 1, 0, 0)) == ["310"]


def test_real_time_bars_are_history(client: RawClient, decode: Decode) -> None:
    """Every five seconds, on the grid, with the values that history has."""
    client.send(50, 3, 1, *AMD, 5, "TRADES", 0, "")
    live = decode(client.wait(31))
    assert [args[1] % 5 for _, args in live] == [0] * 6
    answer = client.ask(
        20, 5, *AMD, 0, "20260413 11:00:30 US/Eastern", "5 secs", "30 S", 0, "TRADES", 2, 0, ""
    )
    past = [args[1] for name, args in decode(answer) if name == "historicalData"]
    assert [
        (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.average, bar.barCount)
        for bar in past
    ] == [args[2:] for _, args in live]
    assert client.ask(51, 1, 1) == []
    assert client.wait(10) == []
    assert codes(client.ask(51, 1, 1)) == ["300"]


def test_real_time_bars_of_what_is_not_there_are_refused(client: RawClient) -> None:
    """420 (fact 4.57)."""
    assert codes(client.ask(50, 3, 1, *EURUSD, 5, "TRADES", 0, "")) == ["420"]


def test_a_flood_is_pulled_and_stops_with_the_cancel() -> None:
    """Only for who subscribed, whole frames of that request alone."""
    sim = make_simulation(Settings(flood=True), 1776092400.0)
    client, idle = RawClient(sim, 1), RawClient(sim, 2)
    endless = sim.gateway.endless
    assert endless
    assert endless(client.client) == b""
    client.send(1, 11, 5, *AMD, 0, "", 0, 0, "")
    client.read()
    client.client.outbox.append(endless(client.client))
    ticks = client.read()
    assert len(ticks) > 1000
    assert {(tick[0], tick[2]) for tick in ticks} == {("1", "5"), ("2", "5")}
    assert endless(idle.client) == b""
    client.send(2, 2, 5)
    assert endless(client.client) == b""
    client.read()


def test_real_time_bars_are_lines() -> None:
    """One above the lines is refused, until another one ends (facts 4.57, 4.59)."""
    client = RawClient(make_simulation(Settings(max_lines=2), 1776092400.0))
    request = [*AMD, 5, "TRADES", 0, ""]
    assert [client.ask(50, 3, number, *request) for number in (1, 2)] == [[], []]
    assert client.ask(50, 3, 3, *request)[0][3] == "456"
    client.send(51, 1, 1)
    assert client.ask(50, 3, 3, *request) == []
