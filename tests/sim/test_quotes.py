"""Market data: what a subscription sends, what it costs and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.testing import AMD, EURUSD, SPX, RawClient, contract
from ibproxy_sim.wire.settings import Settings

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]
SNAPSHOT = [0, "", 1, 0, ""]
QUOTE_FIELDS = {1: "bid", 2: "ask", 4: "last", 6: "high", 7: "low", 9: "close", 14: "open"}
SIZE_FIELDS = {0: "bid_size", 3: "ask_size", 5: "last_size", 8: "volume"}


def subscribe(
    client: RawClient, req_id: int, row: list[object], generic: str = ""
) -> list[list[str]]:
    """Ask for a stream."""
    return client.ask(1, 11, req_id, *row, 0, generic, 0, 0, "")


def watch(state: dict[str, float], messages: list[list[str]]) -> None:
    """Apply ticks to what a client knows."""
    for message in messages:
        if message[0] == "1" and int(message[3]) in QUOTE_FIELDS:
            state[QUOTE_FIELDS[int(message[3])]] = float(message[4])
        elif message[0] == "2" and int(message[3]) in SIZE_FIELDS:
            state[SIZE_FIELDS[int(message[3])]] = float(message[4])


def truth(sim: Simulation, con_id: int) -> Quote:
    """What the market says now."""
    instrument = sim.universe.by_con_id(con_id)
    assert instrument
    return sim.market.quote(instrument, sim.gateway.now_s)


def codes(messages: list[list[str]]) -> list[str]:
    """Error codes among messages."""
    return [message[3] for message in messages if message[0] == "4"]


def test_a_stream_starts_in_the_recorded_order(client: RawClient) -> None:
    """Type, parameters, then the image (facts 4.13, 4.14)."""
    start = subscribe(client, 9, AMD)
    assert [(m[0], m[3]) if m[0] in {"1", "2", "45", "46"} else m[0] for m in start] == [
        "58", "81", ("46", "45"), ("1", "4"), ("45", "49"), ("2", "5"), ("2", "8"), ("1", "6"),
        ("1", "7"), ("1", "9"), ("1", "14"), ("1", "1"), ("1", "2"), ("2", "0"), ("2", "3"),
    ]  # fmt: skip
    assert start[0] == ["58", "1", "9", "1"]
    assert start[1] == ["81", "9", "0.01", "9c0001", "3"]


def test_who_applies_the_changes_knows_the_market_at_each_step(
    sim: Simulation, client: RawClient
) -> None:
    """And is sent nothing but changes."""
    state: dict[str, float] = {}
    watch(state, subscribe(client, 9, AMD))
    for _ in range(200):
        assert state == truth(sim, 4391)._asdict()
        before = dict(state)
        messages = client.wait(0.25)
        watch(state, messages)
        prices = [QUOTE_FIELDS[int(m[3])] for m in messages if m[0] == "1"]
        assert all(before[name] != state[name] for name in prices)


def test_a_price_is_followed_by_its_size(client: RawClient) -> None:
    """Each message 1 that carries a size has a message 2 with the same behind it (fact 4.14)."""
    subscribe(client, 9, AMD)
    messages = client.wait(10)
    follows = {"1": "0", "2": "3", "4": "5"}
    pairs = [
        (message, messages[n + 1])
        for n, message in enumerate(messages)
        if message[0] == "1" and message[3] in follows
    ]
    assert len(pairs) > 20
    for price, size in pairs:
        assert size[:1] == ["2"]
        assert (size[3], size[4]) == (follows[price[3]], price[5])


def test_an_index_has_no_quotes_and_a_pair_no_trades(client: RawClient) -> None:
    """They are left out, not sent as zeros."""
    index = {(m[0], m[3]) for m in subscribe(client, 1, SPX) if m[0] in "12"}
    pair = {(m[0], m[3]) for m in subscribe(client, 2, EURUSD) if m[0] in "12"}
    assert index == {("1", "4"), ("1", "6"), ("1", "7"), ("1", "9"), ("1", "14")}
    assert pair == {("1", t) for t in "12679"} | {("2", "0"), ("2", "3")}


def test_options_have_greeks(sim: Simulation, client: RawClient, decode: Decode) -> None:
    """For bid, ask, last and the model, and they agree with the quote."""
    chain = sim.universe.chains[0]
    strike = chain.strikes[len(chain.strikes) // 2]
    (call,) = chain.select(chain.expiries[0], strike, "C", "")
    row = contract("SPX", "OPT", con_id=call.con_id, currency="")
    calls = decode(subscribe(client, 4, row))
    greeks = {args[1]: args[2:] for name, args in calls if name == "tickOptionComputation"}
    assert set(greeks) == {10, 11, 12, 13}
    quote = truth(sim, call.con_id)
    assert [greeks[kind][3] for kind in (10, 11, 12)] == [quote.bid, quote.ask, quote.last]
    assert greeks[10][1] < greeks[13][1] < greeks[11][1]
    assert 0.3 < greeks[13][2] < 0.7
    assert greeks[13][8] == pytest.approx(truth(sim, 416904).last)


def test_generic_ticks(client: RawClient, decode: Decode) -> None:
    """Those that are cheap are answered, the others accepted."""
    calls = decode(subscribe(client, 4, AMD, "100,101,104,106,165,221,225,233,236,258,292:BRFG"))
    kinds = {(name, args[1]) for name, args in calls if name != "marketDataType"}
    assert {("tickGeneric", 23), ("tickGeneric", 24), ("tickGeneric", 46)} <= kinds
    assert {("tickString", 48), ("tickSize", 21), ("priceSizeTick", 37)} <= kinds
    assert {("priceSizeTick", kind) for kind in range(15, 21)} <= kinds
    (trade,) = [args[2] for name, args in calls if name == "tickString" and args[1] == 48]
    last = next(args for name, args in calls if name == "priceSizeTick" and args[1] == 4)
    assert [float(part) for part in trade.split(";")[:2]] == [last[2], last[3]]


@pytest.mark.parametrize(("row", "generic"), [(AMD, "999"), (AMD, "abc"), (EURUSD, "236")])
def test_an_illegal_generic_tick_refuses_the_request(
    sim: Simulation, client: RawClient, row: list[object], generic: str
) -> None:
    """321 with the list of legal ones (fact 4.23)."""
    (answer,) = subscribe(client, 4, row, generic)
    assert answer[2:4] == ["4", "321"]
    assert f"Incorrect generic tick list of {generic}." in answer[4]
    assert sim.quotes.subscriptions == 0


def test_unknown_contracts_and_missing_exchanges_are_refused(client: RawClient) -> None:
    """200 and 321."""
    assert codes(subscribe(client, 1, contract("XXX"))) == ["200"]
    assert codes(subscribe(client, 2, contract("AMD", exchange=""))) == ["321"]


def test_a_live_id_cannot_be_used_twice(sim: Simulation, client: RawClient) -> None:
    """322, and the first stream goes on (fact 4.8)."""
    subscribe(client, 1, AMD)
    (answer,) = subscribe(client, 1, SPX)
    assert answer[2:4] == ["1", "322"]
    assert sim.quotes.subscriptions == 1
    assert client.wait(1)


def test_a_cancel_ends_the_stream_once(client: RawClient) -> None:
    """Silence after the first, 300 after the second (fact 4.9)."""
    subscribe(client, 1, AMD)
    assert client.ask(2, 2, 1) == []
    assert client.wait(5) == []
    assert client.ask(2, 2, 1) == [["4", "2", "1", "300", "Can't find EId with tickerId:1", ""]]


def test_lines_are_counted_by_contract_over_all_clients() -> None:
    """A second request for a contract costs nothing; one contract too many is 101 (4.3, 4.7)."""
    sim = make_simulation(Settings(max_lines=2), 1776092400.0)
    one, two = RawClient(sim, 1), RawClient(sim, 2)
    assert not codes(subscribe(one, 1, AMD) + subscribe(one, 2, AMD) + subscribe(two, 1, AMD))
    assert not codes(subscribe(two, 2, SPX))
    assert (sim.quotes.lines, sim.quotes.subscriptions) == (2, 4)
    assert codes(subscribe(one, 3, EURUSD)) == ["101"]
    one.leave()
    assert (sim.quotes.lines, sim.quotes.subscriptions) == (2, 2)
    two.send(2, 2, 1)
    assert not codes(subscribe(two, 3, EURUSD))


def test_a_snapshot_of_a_stock_ends_at_once(client: RawClient) -> None:
    """All that it waits for has been stated (fact 4.29); a cancel then finds nothing (4.31)."""
    messages = client.ask(1, 11, 5, *AMD, *SNAPSHOT)
    assert messages[-1] == ["57", "1", "5"]
    assert client.wait(5) == []
    assert codes(client.ask(2, 2, 5)) == ["300"]


def test_a_snapshot_of_a_pair_ends_after_eleven_seconds(client: RawClient) -> None:
    """It never has a last price to state (fact 4.29)."""
    assert client.ask(1, 11, 5, *EURUSD, *SNAPSHOT)[-1][0] != "57"
    assert client.wait(10.9) == []
    assert client.wait(0.2) == [["57", "1", "5"]]


def test_a_snapshot_with_generic_ticks_is_refused(client: RawClient) -> None:
    """414, wrapped (facts 1.49, 4.30)."""
    assert codes(client.ask(1, 11, 5, *AMD, 0, "233", 1, 0, "")) == ["321"]


def test_without_a_subscription_only_delayed_data_is_had(decode: Decode) -> None:
    """354 with type 1; 10167 and delayed ticks with type 3; other symbols stay live (4.41)."""
    sim = make_simulation(Settings(not_permitted=("AMD",)), 1776092400.0)
    client = RawClient(sim)
    assert codes(subscribe(client, 1, AMD)) == ["354"]
    client.send(59, 1, 3)
    messages = subscribe(client, 2, AMD)
    assert codes(messages) == ["10167"]
    assert ["58", "1", "2", "3"] in messages
    assert {args[1] for name, args in decode(messages) if name == "priceSizeTick"} == {
        66, 67, 68, 72, 73, 75, 76,
    }  # fmt: skip
    assert ["58", "1", "3", "1"] in subscribe(client, 3, SPX)


def test_a_delta_neutral_contract_moves_the_fields_behind_it(client: RawClient) -> None:
    """Three more fields, then the generic ticks."""
    start = client.ask(1, 11, 5, *AMD, 1, 99, 0.5, 100.0, "233", 0, 0, "")
    assert ["46", "48"] in [[m[0], m[3]] for m in start if m[0] == "46"]


def test_implied_volatility_and_price_are_inverse(
    sim: Simulation, client: RawClient, decode: Decode
) -> None:
    """One 21 of type 53 each; what cannot be has none, and an error after 5 s (fact 4.69)."""
    chain = sim.universe.chains[2]
    strike = chain.strikes[len(chain.strikes) // 2]
    row = contract("SPY", "OPT", expiry=chain.expiries[-1], strike=strike, right="C")
    spot = truth(sim, 756733).last
    ((_, price),) = decode(client.ask(55, 3, 1, *row, 0.25, spot, 0, ""))
    assert price[:2] == (1, 53)
    ((_, volatility),) = decode(client.ask(54, 3, 2, *row, price[5], spot, 0, ""))
    assert volatility[3] == pytest.approx(0.25, abs=1e-6)
    assert client.ask(54, 3, 3, *row, 1e6, spot, 0, "") == []
    assert codes(client.wait(6)) == ["322"]


def test_a_regulatory_snapshot_costs_a_cent(sim: Simulation, client: RawClient) -> None:
    """Each, also on paper; an ordinary one is free (fact 4.32)."""
    account = sim.trading.books.accounts["DU1000001"]
    client.ask(1, 11, 5, *AMD, *SNAPSHOT)
    assert (account.cash["USD"], account.fees) == (1_000_000.0, 0.0)
    for req_id in (6, 7):
        assert client.ask(1, 11, req_id, *AMD, 0, "", 0, 1, "")[-1][0] == "57"
    assert account.cash["USD"] == pytest.approx(999_999.98)
    assert account.fees == pytest.approx(0.02)
