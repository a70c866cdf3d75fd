"""Accounts add up at all times, whatever is traded: cash, positions, profits, commissions."""

from __future__ import annotations

from typing import Any

import ib_async
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import Bag, ComboLeg, Contract, MarketOrder, Order
from ib_async.client import Client as IbClient

from ibproxy.wire.framing import frame
from ibproxy_sim.accounts.values import account_values
from ibproxy_sim.build import make_simulation
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.settings import Settings

ACCOUNT, CASH = "DU1", 50_000_000.0
NOW_S = 1776092400.0
CONTRACTS: tuple[Contract, ...] = (
    Contract(secType="STK", symbol="AMD", exchange="SMART", currency="USD"),
    Contract(secType="STK", symbol="AMD", exchange="SMART", currency="EUR", primaryExchange="IBIS"),
    Contract(secType="CASH", symbol="EUR", exchange="IDEALPRO", currency="USD"),
    Contract(secType="CASH", symbol="USD", exchange="IDEALPRO", currency="JPY"),
    Contract(secType="FUT", symbol="ES", exchange="CME", lastTradeDateOrContractMonth="202606"),
    Contract(
        secType="FOP", symbol="ES", exchange="CME", lastTradeDateOrContractMonth="202606",
        strike=6000.0, right="P",
    ),
    Contract(
        secType="OPT", symbol="AAPL", exchange="SMART", currency="USD",
        lastTradeDateOrContractMonth="20260417", strike=220.0, right="C",
    ),
    Contract(secType="BOND", symbol="912810TM0", exchange="SMART", currency="USD"),
    Contract(secType="CRYPTO", symbol="ETH", exchange="PAXOS", currency="USD"),
    Contract(secType="CFD", symbol="IBUS500", exchange="SMART", currency="USD"),
    Bag(  # type: ignore[no-untyped-call]
        symbol="AAPL,AMD", exchange="SMART", currency="USD",
        comboLegs=[ComboLeg(4391, 2, "BUY", "SMART"), ComboLeg(265598, 1, "SELL", "SMART")],
    ),
)  # fmt: skip

TRADES = st.lists(
    st.tuples(
        st.integers(0, len(CONTRACTS) - 1),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 60),
        st.sampled_from([0.5, 20.0, 90_000.0]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(TRADES, st.booleans())
def test_accounts_add_up_whatever_is_traded(trades: Any, is_to_the_end: bool) -> None:
    """After each trade, over nights, and after what expires is settled."""
    sim = make_simulation(Settings(accounts=(ACCOUNT,), cash=CASH), NOW_S)
    client = RawClient(sim)
    pen: Any = IbClient(ib_async.IB().wrapper)  # type: ignore[no-untyped-call]
    pen._serverVersion = 178
    pen.isConnected = lambda: True
    pen.sendMsg = lambda text: client.feed(frame(text.encode()))
    for number, (index, action, shares, wait_s) in enumerate(trades, start=1):
        order: Order = MarketOrder(action, shares, account=ACCOUNT, tif="IOC")
        pen.placeOrder(number, CONTRACTS[index], order)
        client.wait(wait_s)
        check(sim)
    if is_to_the_end:
        client.wait(80 * 86400.0)
        check(sim)
        held = sim.trading.books.positions_of(ACCOUNT)
        ended = {p.instrument.sec_type for p in held if p.quantity and p.instrument.expiry}
        assert ended <= {"BOND"}


def check(sim: Any) -> None:
    """Wealth is what was there, and what profits and commissions made of it; all keys agree."""
    books, now_s = sim.trading.books, sim.gateway.now_s
    account = books.accounts[ACCOUNT]
    realized = books.position_usd(ACCOUNT, now_s, lambda p, _: p.realized)
    explained = CASH + realized + books.unrealized(ACCOUNT, now_s) - account.commissions
    wealth = books.net_liquidation(ACCOUNT, now_s)
    assert wealth == pytest.approx(explained, abs=0.01)
    values = {(v.key, v.currency): v.value for v in account_values(books, ACCOUNT, now_s)}
    assert float(values["NetLiquidation", "USD"]) == pytest.approx(wealth, abs=0.01)
    by_currency = float(values["NetLiquidationByCurrency", "BASE"])
    assert by_currency == pytest.approx(wealth, abs=0.05)
