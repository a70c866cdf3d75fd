"""What is listed beside stocks, pairs, indices and futures: bonds, coins, CFDs; and ISINs.

conIds and CUSIPs that are not known for certain are made up [assumed].
"""

from __future__ import annotations

from typing import NamedTuple

from ibproxy_sim.exchange.listings import MADE_UP_FROM


class Bond(NamedTuple):
    """A bond; its price is in percent of 1000 of face value."""

    con_id: int
    symbol: str
    cusip: str
    isin: str
    issuer_id: str
    coupon: float
    maturity: str
    issue_date: str
    ratings: str
    bond_type: str
    long_name: str
    price: float
    volatility: float


BONDS = (
    Bond(
        MADE_UP_FROM + 50_001, "US-T", "91282CJJ1", "US91282CJJ18", "e1234567", 4.5, "20331115",
        "20231115", "AAA/Aa1", "GOVT", "US Treasury Note 4 1/2 11/15/33", 101.3, 0.05,
    ),
    Bond(
        MADE_UP_FROM + 50_002, "US-T", "912810TM0", "US912810TM09", "e1234567", 4.0, "20421115",
        "20221115", "AAA/Aa1", "GOVT", "US Treasury Bond 4 11/15/42", 94.8, 0.09,
    ),
    Bond(
        MADE_UP_FROM + 50_003, "IBM", "459200KB6", "US459200KB68", "e1359061", 4.15, "20390515",
        "20190515", "A-/A3", "CORP", "IBM 4.15 05/15/39", 91.2, 0.08,
    ),
)  # fmt: skip


class Coin(NamedTuple):
    """A crypto currency on PAXOS."""

    con_id: int
    symbol: str
    long_name: str
    min_tick: float
    price: float
    volatility: float


COINS = (
    Coin(479624278, "BTC", "Bitcoin", 0.25, 95000.0, 0.6),
    Coin(495759171, "ETH", "Ethereum", 0.01, 3300.0, 0.75),
)


class Cfd(NamedTuple):
    """A CFD: on a share, whose market data comes from it, or on an index, which has its own."""

    con_id: int
    symbol: str
    underlying: str
    sec_type: str
    long_name: str


CFDS = (
    Cfd(MADE_UP_FROM + 60_001, "AMD", "AMD", "STK", "ADVANCED MICRO DEVICES"),
    Cfd(MADE_UP_FROM + 60_002, "AAPL", "AAPL", "STK", "APPLE INC"),
    Cfd(MADE_UP_FROM + 60_003, "IBM", "IBM", "STK", "INTL BUSINESS MACHINES CORP"),
    Cfd(MADE_UP_FROM + 60_004, "IBUS500", "SPX", "IND", "US 500"),
)

NEWS_TAPES = (
    (MADE_UP_FROM + 70_001, "BRFG:BRFG_ALL", "BRFG"),
    (MADE_UP_FROM + 70_002, "DJNL:DJNL_ALL", "DJNL"),
)
"""Contracts that news of all kinds is had by (fact 4.27): conId, symbol, exchange."""

ISINS: dict[int, str] = {
    265598: "US0378331005",
    4391: "US0079031078",
    32596680: "US0079031078",
    272093: "US5949181045",
    270639: "US4581401001",
    38709539: "US4581401001",
    12178234: "US4581401001",
    76792991: "US88160R1014",
    4815747: "US67066G1040",
    3691937: "US0231351067",
    8314: "US4592001014",
    8894: "US1912161007",
    1520593: "US46625H1005",
    756733: "US78462F1030",
    320227571: "US46090E1038",
    **{bond.con_id: bond.isin for bond in BONDS},
}
"""ISIN by conId, of the securities that can be found by it; a CUSIP is its middle."""


def sec_ids(con_id: int) -> dict[str, str]:
    """The other ids of a contract, by their type."""
    isin = ISINS.get(con_id)
    if isin is None:
        return {}
    return {"ISIN": isin, "CUSIP": isin[2:11]} if isin.startswith("US") else {"ISIN": isin}
