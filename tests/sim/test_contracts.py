"""Contract details and their relatives, judged by ib_async's decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy_sim.build import Simulation
from ibproxy_sim.testing import AMD, EURUSD, SPX, RawClient, contract

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]


def details(client: RawClient, row: list[object]) -> list[list[str]]:
    """Ask for contract details."""
    tail = [""] if client.version >= 176 else []
    return client.ask(9, 8, 5, *row, 0, "", "", *tail)


@pytest.mark.parametrize("version", range(157, 179))
def test_details_are_decoded_at_each_version(sim: Simulation, decode: Decode, version: int) -> None:
    """The layout changes at 163 and 164; the content does not."""
    client = RawClient(sim, version=version)
    (name, (req_id, cd)), end = decode(details(client, AMD), version)
    assert (name, req_id, end) == ("contractDetails", 5, ("contractDetailsEnd", (5,)))
    assert (cd.contract.conId, cd.contract.symbol, cd.minTick) == (4391, "AMD", 0.01)
    assert (cd.contract.primaryExchange, cd.stockType) == ("NASDAQ", "COMMON")
    assert cd.longName == "ADVANCED MICRO DEVICES"
    assert len(cd.validExchanges.split(",")) == len(cd.marketRuleIds.split(","))
    assert cd.liquidHours.startswith("20260413:0930-20260413:1600;")
    assert (cd.suggestedSizeIncrement == 100) == (version >= 163)
    assert (cd.minSize == 1) == (version >= 164)


@pytest.mark.parametrize(
    ("row", "count"),
    [
        (AMD, 1),
        (EURUSD, 1),
        (SPX, 1),
        (contract(con_id=4391, sec_type="", exchange="", currency=""), 1),
        (contract("AMD", exchange="", currency="USD"), 18),
        (contract("AMD", exchange="", currency=""), 20),
        (contract("ES", "FUT", "CME"), 4),
        (contract("ES", "FUT", "CME", expiry="202606"), 1),
        (contract("ES", "CONTFUT", "CME"), 1),
        (contract("SPX", "OPT", expiry="20260416", strike=6200.0, trading_class="SPX"), 2),
        (
            contract(
                "SPX", "OPT", expiry="20260416", strike=6200.0, right="CALL", trading_class="SPXW"
            ),
            1,
        ),
    ],
)
def test_a_contract_has_as_many_rows_as_it_is_ambiguous(
    client: RawClient, row: list[object], count: int
) -> None:
    """Rows, then one end."""
    answer = details(client, row)
    assert [message[0] for message in answer] == ["10"] * count + ["52"]


@pytest.mark.parametrize(
    "row",
    [
        contract("XXX"),
        contract("AMD", exchange="NOWHERE"),
        contract("AMD", currency="JPY"),
        contract(con_id=99),
        contract("SPX", "OPT", strike=6201.0),
    ],
)
def test_an_unknown_contract_is_200_and_has_no_end(client: RawClient, row: list[object]) -> None:
    """One error, and no 52 (fact 4.68)."""
    (answer,) = details(client, row)
    assert answer[:4] == ["4", "2", "5", "200"]


@pytest.mark.parametrize("version", [157, 175, 176, 178])
def test_matching_symbols(sim: Simulation, decode: Decode, version: int) -> None:
    """The exact symbol at home comes first; descriptions come from 176 on."""
    client = RawClient(sim, version=version)
    ((_, (req_id, found)),) = decode(client.ask(81, 6, "intc"), version)
    assert req_id == 6
    assert (found[0].contract.conId, found[0].contract.currency) == (270639, "USD")
    assert {row.contract.conId for row in found} == {270639, 38709539, 12178234}


def test_option_parameters_hold_each_class_on_each_exchange(
    client: RawClient, decode: Decode
) -> None:
    """What the chain says can be asked for."""
    *rows, end = decode(client.ask(78, 8, "SPX", "", "IND", 416904))
    assert end == ("securityDefinitionOptionParameterEnd", (8,))
    found = {(row[1], row[3]): row for _, row in rows}
    assert set(found) == {(e, c) for e in ("SMART", "CBOE") for c in ("SPX", "SPXW")}
    _, exchange, _, trading_class, multiplier, expiries, strikes = found["SMART", "SPXW"]
    assert multiplier == "100"
    assert expiries == sorted(set(expiries))
    row = contract(
        "SPX", "OPT", exchange, "", expiry=expiries[-1], strike=strikes[0], right="P",
        trading_class=trading_class,
    )  # fmt: skip
    assert [message[0] for message in details(client, row)] == ["10", "52"]


def test_market_rules_are_those_of_the_details(
    client: RawClient, sim: Simulation, decode: Decode
) -> None:
    """Each rule that some instrument names exists; an unknown one is 322 (fact 8.18)."""
    for instrument in sim.universe.instruments:
        ((_, (number, steps)),) = decode(client.ask(91, instrument.market_rule))
        assert number == instrument.market_rule
        assert steps[0].increment == instrument.min_tick
    (answer,) = client.ask(91, 12345)
    assert answer[2:4] == ["-1", "322"]
    assert "Market rule with id = 12345 is missing" in answer[4]
