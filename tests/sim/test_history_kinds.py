"""Every kind of historical data, and what is refused of it."""

from __future__ import annotations

import pytest

from ibproxy_sim.build import make_simulation
from ibproxy_sim.testing import AMD, EURUSD, SPX, RawClient, contract
from ibproxy_sim.wire.settings import Settings

BOND = contract("912810TM0", "BOND")
COIN = contract("BTC", "CRYPTO", "PAXOS")
FRONT = contract("ES", "CONTFUT", "CME")
LATE = "20260410 16:00:00 US/Eastern"


def bars(
    client: RawClient, row: list[object], what: str, end: str = "", form: int = 1
) -> list[str]:
    """Ask for the bars of a day; the first message that comes."""
    return client.ask(20, 8, *row, 0, end, "1 hour", "1 D", 1, what, form, 0, "")[0]


@pytest.mark.parametrize(
    ("row", "whats"),
    [
        (AMD, "TRADES MIDPOINT BID ASK BID_ASK ADJUSTED_LAST HISTORICAL_VOLATILITY"),
        (AMD, "OPTION_IMPLIED_VOLATILITY FEE_RATE"),
        (SPX, "TRADES OPTION_IMPLIED_VOLATILITY HISTORICAL_VOLATILITY"),
        (EURUSD, "MIDPOINT BID ASK BID_ASK"),
        (BOND, "TRADES YIELD_BID YIELD_ASK YIELD_BID_ASK YIELD_LAST"),
        (COIN, "AGGTRADES MIDPOINT"),
        (FRONT, "TRADES"),
    ],
)
def test_what_there_is(client: RawClient, row: list[object], whats: str) -> None:
    """Bars whose low is lowest and whose high is highest."""
    for what in whats.split():
        answer = bars(client, row, what)
        assert answer[0] == "17", (what, answer)
        opened, high, low, close = (float(text) for text in answer[6:10])
        if what != "BID_ASK":  # whose four mean something else
            assert low <= min(opened, close) <= max(opened, close) <= high, what


def test_yields_move_against_prices(client: RawClient) -> None:
    """The yield at the bid is the higher one."""
    bid, ask = (float(bars(client, BOND, f"YIELD_{side}")[6]) for side in ("BID", "ASK"))
    assert 4 < ask < bid < 5


@pytest.mark.parametrize(
    ("row", "what", "end", "code", "text"),
    [
        (COIN, "TRADES", "", "10299", "Expected what to show is AGGTRADES"),
        (FRONT, "TRADES", LATE, "10339", "continuous future"),
        (AMD, "ADJUSTED_LAST", LATE, "321", "End date not supported"),
        (AMD, "YIELD_BID", "", "162", "no data"),
        (BOND, "FEE_RATE", "", "162", "no data"),
        (EURUSD, "TRADES", "", "162", "No historical market data"),
        (AMD, "TRADES", "yesterday", "10314", "End Date/Time"),
    ],
)
def test_what_there_is_not(
    client: RawClient, row: list[object], what: str, end: str, code: str, text: str
) -> None:
    """Each with its own code (fact 5.11)."""
    answer = bars(client, row, what, end)
    assert answer[3] == code
    assert text in answer[4]


def test_without_permission_nothing_of_the_past_is_shown() -> None:
    """162 for bars, 10187 for ticks, 10189 for ticks to come (facts 4.42, 5.11)."""
    client = RawClient(make_simulation(Settings(not_permitted=("AMD",)), 1776092400.0))
    assert "No market data permissions" in bars(client, AMD, "TRADES")[4]
    assert client.ask(96, 9, *AMD, 0, "", LATE, 5, "TRADES", 1, 0, "")[0][3] == "10187"
    assert client.ask(97, 10, *AMD, "Last", 0, 0)[0][3] == "10189"


@pytest.mark.parametrize(
    ("form", "date"),
    [(1, "20260413 09:30:00 US/Eastern"), (2, "1776087000"), (3, "0413 09:30:00 US/Eastern")],
)
def test_dates_are_written_as_was_asked(client: RawClient, form: int, date: str) -> None:
    """With its zone, in seconds, or without the year (fact 5.15)."""
    assert bars(client, AMD, "TRADES", form=form)[5] == date


def test_ticks_cannot_be_asked_for_again_at_once(client: RawClient) -> None:
    """Within 15 s only what is live already is joined (facts 4.46, 4.50)."""
    assert client.ask(97, 1, *AMD, "Last", 0, 0)[0][0] == "99"
    assert client.ask(97, 2, *AMD, "Last", 0, 0)[0][0] == "99"
    client.ask(98, 1)
    client.ask(98, 2)
    assert client.ask(97, 3, *AMD, "Last", 0, 0)[0][3] == "10190"
    assert client.ask(97, 4, *AMD, "BidAsk", 0, 0)[0][0] == "99"
    client.wait(16)
    assert client.ask(97, 5, *AMD, "Last", 0, 0)[0][0] == "99"
