"""Bonds, coins, CFDs, options on futures, combos, ids like ISIN, and the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.exchange.calendars import closes_early, is_session_day
from ibproxy_sim.exchange.hours import hours_text, is_open, last_open_s, next_open_s
from ibproxy_sim.testing import AMD, RawClient, contract
from ibproxy_sim.wire.settings import Settings

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]

FOP = contract("ES", "FOP", "CME", expiry="202606", strike=6000.0, right="C")
BOND = contract("US-T", "BOND", local_symbol="912810TM0")
COIN = contract("BTC", "CRYPTO", "PAXOS")
CFD, INDEX_CFD = contract("AMD", "CFD"), contract("IBUS500", "CFD")
BAG = contract("AMD,AAPL", "BAG")
LEGS = [2, 4391, 2, "BUY", "SMART", 265598, 1, "SELL", "SMART"]
MONDAY_S = 1776092400.0


def ask(client: RawClient, row: list[object], *more: object) -> list[list[str]]:
    """Ask for contract details."""
    tail = [""] if client.version >= 176 else []
    return client.ask(9, 8, 5, *row, 0, *(more or ("", "")), *tail)


def stream(client: RawClient, req_id: int, row: list[object], generics: str = "") -> None:
    """Ask for market data."""
    client.send(1, 11, req_id, *row, *(LEGS if "BAG" in row else []), 0, generics, 0, 0, "")


@pytest.mark.parametrize("version", [157, 163, 164, 170, 176, 178])
def test_a_bond_has_details_of_its_own(sim: Simulation, decode: Decode, version: int) -> None:
    """18 instead of 10, at each version; ib_async reads whole coupons only."""
    client = RawClient(sim, version=version)
    (name, (_, cd)), end = decode(ask(client, BOND), version)
    assert (name, end[0]) == ("bondContractDetails", "contractDetailsEnd")
    assert (cd.cusip, cd.coupon, cd.maturity) == ("912810TM0", 4, "20421115")
    assert (cd.contract.secType, cd.contract.symbol) == ("BOND", "US-T")
    assert [pair.tag for pair in cd.secIdList] == ["ISIN", "CUSIP"]
    assert (cd.minSize == 1) == (version >= 164)


def test_bonds_are_found_by_cusip_isin_and_issuer(client: RawClient) -> None:
    """A CUSIP may stand for the symbol; an issuer id finds all its bonds (from 176)."""
    assert len(ask(client, contract("459200KB6", "BOND"))) == 2
    assert len(ask(client, contract("", "BOND"), "ISIN", "US912810TM09")) == 2
    assert len(client.ask(9, 8, 5, *contract("", ""), 0, "", "", "e1234567")) == 3
    rows = client.ask(81, 6, "US-T")[0]
    assert rows[rows.index("BOND") + 5] == "e1234567"


def test_a_stock_is_found_by_its_isin(client: RawClient, decode: Decode) -> None:
    """On the exchange that is named; an unknown one is 200."""
    (_, (_, cd)), _ = decode(ask(client, contract("", ""), "ISIN", "US0378331005"))
    assert cd.contract.symbol == "AAPL"
    assert ask(client, contract("", ""), "ISIN", "XX")[0][3] == "200"


@pytest.mark.parametrize("row", [FOP, BOND, COIN, INDEX_CFD, BAG, contract("ES", "CONTFUT", "CME")])
def test_everything_streams_and_has_a_past(
    client: RawClient, decode: Decode, row: list[object]
) -> None:
    """Bid below ask, and bars of the midpoint."""
    stream(client, 7, row)
    prices = {c[1][1]: c[1][2] for c in decode(client.read()) if c[0] == "priceSizeTick"}
    assert prices[1] < prices[2]
    legs = LEGS if row is BAG else []
    client.send(20, 8, *row, 0, "", "1 hour", "1 D", 0, "MIDPOINT", 1, *legs, 0, "")
    calls = decode([m for m in client.read() if m[0] in {"17", "4"}])
    assert [c[0] for c in calls][-1] == "historicalDataEnd"
    bars = [c[1][1] for c in calls[:-1]]
    assert all(bar.low <= min(bar.open, bar.close) <= bar.high for bar in bars)


def test_options_on_futures_have_greeks_and_parameters(client: RawClient, decode: Decode) -> None:
    """Their underlying is the future, their hours are Chicago's."""
    (_, (_, cd)), _ = decode(ask(client, FOP))
    assert (cd.underSecType, cd.contract.multiplier, cd.timeZoneId) == ("FUT", "50", "US/Central")
    assert cd.liquidHours.startswith("20260413:0830-20260413:1500;")
    stream(client, 7, FOP)
    greeks = [c for c in decode(client.read()) if c[0] == "tickOptionComputation"]
    assert greeks
    answer = client.ask(78, 9, "ES", "CME", "FUT", cd.underConId)
    assert (answer[0][2], answer[0][5]) == ("CME", "50")
    assert client.ask(78, 9, "ES", "NYMEX", "FUT", cd.underConId) == [["76", "9"]]


def test_a_share_cfd_is_rerouted_and_an_index_cfd_is_not(client: RawClient) -> None:
    """91 and 92 name the share (fact 4.28)."""
    stream(client, 7, CFD)
    assert client.read() == [["91", "7", "4391", "SMART"]]
    assert client.ask(10, 5, 8, *CFD, 5, 0, "") == [["92", "8", "4391", "SMART"]]
    stream(client, 9, INDEX_CFD)
    assert client.read()[0][0] == "58"


def test_a_combo_costs_what_its_legs_cost(sim: Simulation, client: RawClient) -> None:
    """Bought at the ask of what it buys and the bid of what it sells."""
    combo = sim.universe.combo("X", "SMART", "USD", [LEGS[1:5], LEGS[5:]])  # type: ignore[list-item]
    assert combo
    quote = sim.market.quote(combo, sim.gateway.now_s)
    amd, aapl = (
        sim.market.quote(leg, sim.gateway.now_s) for leg, _ in combo.legs
    )  # fmt: skip
    assert quote.ask == pytest.approx(2 * amd.ask - aapl.bid)
    assert quote.bid == pytest.approx(2 * amd.bid - aapl.ask)
    assert client.ask(10, 5, 8, *BAG, 5, 0, "")[0][3] == "321"
    assert client.ask(9, 8, 5, *BAG, 0, "", "", "")[0][3] == "321"
    assert client.ask(1, 11, 7, *BAG, 0, 0, "", 0, 0, "")[0][3] == "321"


def test_a_delta_neutral_combo_is_acknowledged(client: RawClient, decode: Decode) -> None:
    """56 repeats what was asked for."""
    client.send(1, 11, 7, *BAG, *LEGS, 1, 4391, 0.5, 160.0, "", 0, 0, "")
    assert "deltaNeutralValidation" in [c[0] for c in decode(client.read())]


def test_late_data_is_what_live_data_was(sim: Simulation, decode: Decode) -> None:
    """15 minutes late, under tick types of its own."""
    late_sim = make_simulation(Settings(not_permitted=("AMD",)), MONDAY_S)
    client = RawClient(late_sim)
    client.send(59, 1, 3)
    stream(client, 7, AMD)
    calls = decode(client.read())
    assert ("marketDataType", (7, 3)) in calls
    prices = {c[1][1]: c[1][2] for c in calls if c[0] == "priceSizeTick"}
    amd = sim.universe.by_con_id(4391)
    assert amd
    before = sim.market.quote(amd, MONDAY_S - 900)
    assert (prices[66], prices[67]) == (before.bid, before.ask)


def test_frozen_data_is_that_of_the_close(decode: Decode) -> None:
    """Live data has no bid then; frozen data has the last one, and says that it is frozen."""
    before_open_s = MONDAY_S + 22.5 * 3600 - 60  # Tuesday, 9:29
    sim = make_simulation(Settings(keeps_hours=True), before_open_s)
    client = RawClient(sim)
    stream(client, 7, AMD)
    calls = decode(client.read())
    assert ("marketDataType", (7, 1)) in calls
    assert ("priceSizeTick", (7, 1, -1.0, 0.0)) in calls
    client.send(59, 1, 2)
    stream(client, 8, AMD)
    calls = decode(client.read())
    assert ("marketDataType", (8, 2)) in calls
    assert {c[1][1]: c[1][2] for c in calls if c[0] == "priceSizeTick"}[1] > 0
    types = [c[1] for c in decode(client.wait(120)) if c[0] == "marketDataType"]
    assert types[-2:] == [(7, 1), (8, 1)]


def test_mdoff_leaves_generic_ticks_only(client: RawClient, decode: Decode) -> None:
    """The usual ticks stay away (fact 4.25)."""
    stream(client, 7, AMD, "mdoff,236")
    kinds = {c[1][1] for c in decode(client.read()) if c[0].startswith(("tick", "price"))}
    assert kinds - {0.01} == {46, 89}


def test_the_calendar_knows_holidays_and_half_days() -> None:
    """Good Friday is closed, the day after Thanksgiving short."""
    assert not is_session_day(date(2026, 4, 3))
    assert closes_early(date(2026, 11, 27))
    text = hours_text("STK", date(2026, 11, 26), 2, liquid=True)
    assert text == "20261126:CLOSED;20261127:0930-20261127:1300"


def test_open_and_closed() -> None:
    """The next opening is after the weekend, the last close before it."""
    saturday_s = MONDAY_S - 2 * 86400
    assert is_open("STK", MONDAY_S, liquid=True)
    assert not is_open("STK", saturday_s, liquid=True)
    assert is_open("CRYPTO", saturday_s, liquid=True)
    assert last_open_s("STK", saturday_s) == MONDAY_S - 3 * 86400 + 5 * 3600
    assert next_open_s("STK", saturday_s) == MONDAY_S - 1.5 * 3600
