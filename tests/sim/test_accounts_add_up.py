"""Accounts add up at all times, whatever is traded: cash, positions, profits, commissions."""

from __future__ import annotations

import math
from typing import Any

import ib_async
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ib_async import Bag, ComboLeg, Contract, MarketOrder, Order
from ib_async.client import Client as IbClient

from ibproxy.wire.framing import frame
from ibproxy_sim.accounts.advisors import Group
from ibproxy_sim.accounts.margins import margin
from ibproxy_sim.accounts.values import account_values
from ibproxy_sim.build import make_simulation
from ibproxy_sim.testing import AMD, RawClient
from ibproxy_sim.trading.checks import FRACTIONAL
from ibproxy_sim.wire.settings import Settings

ACCOUNT, CASH = "DU1", 50_000_000.0
ADVISOR, CLIENTS = "DF1", ("DU1", "DU2", "DU3")
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
    pen = pen_of(client)
    for number, (index, action, shares, wait_s) in enumerate(trades, start=1):
        client.ask(1, 11, number, *AMD, 0, "", 0, 1, "")  # a regulatory snapshot, for a cent
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


ALLOCATIONS = st.lists(
    st.tuples(
        st.integers(0, len(CONTRACTS) - 1),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 60),
        st.sampled_from(["All", "Unequal", "DU2"]),
        st.sampled_from(["", "", "Equal", "NetLiq", "AvailableEquity", "PctChange"]),
        st.sampled_from([1.0, 7.0, math.inf]),
    ),
    min_size=1,
    max_size=8,
)


LONG_AND_SHORT = [
    *[(0, "BUY", 1, "All", "", 1.0)] * 3,
    (4, "BUY", 1, "All", "NetLiq", 1.0),
    (4, "SELL", 1, "All", "", 1.0),
    (4, "SELL", 1, "DU3", "", 1.0),
]
"""What one client holds another one owes, bought and sold at different prices."""


@settings(max_examples=25, deadline=None)
@given(ALLOCATIONS)
@example(LONG_AND_SHORT)
def test_an_advisors_accounts_add_up(trades: Any) -> None:
    """Each client's, and all of them together; the parts of a fill are the whole."""
    sim = make_simulation(Settings(accounts=(ADVISOR, *CLIENTS), cash=CASH), NOW_S)
    sim.advisors.groups["Unequal"] = Group("Unequal", CLIENTS, "Ratio", (5.0, 0.0, 1.0))
    client = RawClient(sim)
    pen = pen_of(client)
    for number, (index, action, shares, target, method, most) in enumerate(trades, start=1):
        sim.trading.engine.most_shares = most
        order = MarketOrder(action, shares, tif="DAY")
        if target in CLIENTS:
            order.account = target
        else:
            order.faGroup, order.faMethod = target, method
            if method == "PctChange":
                order.faPercentage, order.totalQuantity = "30", 0
        pen.placeOrder(number, CONTRACTS[index], order)
        client.wait(20.0)
        for account in (ADVISOR, *CLIENTS):
            check(sim, account)
        check_sum(sim)
    check_parts(sim)


def check_sum(sim: Any) -> None:
    """What is said of all clients is what is said of each, added up."""
    books, now_s = sim.trading.books, sim.gateway.now_s
    everybody = f"{ADVISOR}A"
    for amount in (books.cash_usd, books.net_liquidation, books.realized_today):
        assert amount(everybody, now_s) == pytest.approx(
            sum(amount(account, now_s) for account in CLIENTS), abs=0.01
        )


def check_parts(sim: Any) -> None:
    """Each fill of an allocated order is divided without a rest, and nobody gets a fraction."""
    books = sim.trading.books
    for order in books.orders:
        if not order.allocation:
            continue
        assert sum(order.allocation.given.values()) == pytest.approx(order.filled)
        mine = [each for each in books.executions if each.order is order]
        whole = [each for each in mine if each.account == ADVISOR]
        assert sum(each.shares for each in whole) == pytest.approx(order.filled)
        assert all(each.commission is None for each in whole)
        if order.instrument:
            parts = [each for each in mine if each.account != ADVISOR]
            assert sum(each.shares for each in parts) == pytest.approx(order.filled)
            assert all(each.shares == int(each.shares) for each in parts) or (
                order.instrument.sec_type in FRACTIONAL
            )
    assert all(not position.quantity for position in books.positions_of(ADVISOR))


def check(sim: Any, code: str = ACCOUNT) -> None:
    """Wealth is what was there, and what profits and commissions made of it; all keys agree."""
    books, now_s = sim.trading.books, sim.gateway.now_s
    account = books.accounts[code]
    realized = books.position_usd(code, now_s, lambda p, _: p.realized)
    explained = CASH + realized + books.unrealized(code, now_s) - account.commissions - account.fees
    wealth = books.net_liquidation(code, now_s)
    assert wealth == pytest.approx(explained, abs=0.01)
    said = {(v.key, v.currency): v.value for v in account_values(books, code, now_s)}
    values = {key: float(said[key, "USD"]) for key in IN_USD}
    assert values["NetLiquidation"] == pytest.approx(wealth, abs=0.01)
    by_currency = float(said["NetLiquidationByCurrency", "BASE"])
    assert by_currency == pytest.approx(wealth, abs=0.05)
    held = [(p.instrument, p.quantity) for p in books.positions_of(code)]
    needed = [margin(*each, books.valuation, now_s) for each in held]
    assert values["InitMarginReq"] == pytest.approx(sum(m.initial for m in needed), abs=0.01)
    assert values["MaintMarginReq"] == pytest.approx(sum(m.maintenance for m in needed), abs=0.01)
    loan = values["EquityWithLoanValue"]
    assert values["AvailableFunds"] == pytest.approx(loan - values["InitMarginReq"], abs=0.02)
    assert values["ExcessLiquidity"] == pytest.approx(loan - values["MaintMarginReq"], abs=0.02)


IN_USD = (
    "NetLiquidation", "InitMarginReq", "MaintMarginReq", "EquityWithLoanValue", "AvailableFunds",
    "ExcessLiquidity",
)  # fmt: skip


def pen_of(client: RawClient) -> Any:
    """An ib_async client that writes to the gateway."""
    pen: Any = IbClient(ib_async.IB().wrapper)  # type: ignore[no-untyped-call]
    pen._serverVersion = 178
    pen.isConnected = lambda: True
    pen.sendMsg = lambda text: client.feed(frame(text.encode()))
    return pen
