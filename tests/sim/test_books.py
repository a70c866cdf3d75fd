"""The books balance whatever is traded; commissions and margins are as their tables say."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibproxy_sim.accounts.books import Books, Position
from ibproxy_sim.accounts.margins import commission, margin
from ibproxy_sim.accounts.valuation import Valuation, multiplier_of
from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.universe import Instrument, Universe

NOW_S = 1_790_000_000.0
DAY_S = 86_400.0

APPLE = Instrument(1, "AAPL", "STK", primary_exchange="NASDAQ")
CALL = Instrument(2, "AAPL", "OPT", "20991217", 100.0, "C", "100", under_con_id=1)
PUT = Instrument(3, "AAPL", "OPT", "20991217", 100.0, "P", "100", under_con_id=1)
FUTURE = Instrument(4, "ES", "FUT", multiplier="50", exchange="CME")
EURO = Instrument(5, "EUR", "CASH", exchange="IDEALPRO", currency="USD")
YEN = Instrument(6, "USD", "CASH", exchange="IDEALPRO", currency="JPY")
ALL = [APPLE, CALL, PUT, FUTURE, EURO, YEN]
PRICES = {1: 100.0, 2: 5.0, 3: 4.0, 4: 5000.0, 5: 1.1, 6: 150.0}


class SetUniverse(Universe):
    """A universe of six instruments."""

    def __init__(self) -> None:
        """List them."""
        self.instruments = tuple(ALL)

    def by_con_id(self, con_id: int) -> Instrument | None:
        """Return one of them."""
        return next((i for i in ALL if i.con_id == con_id), None)


class SetMarket(Market):
    """A market whose prices are set by the test."""

    def __init__(self) -> None:
        """Start from `PRICES`."""
        self.prices = dict(PRICES)

    def quote(self, instrument: Instrument, time_s: float) -> Quote:  # noqa: ARG002 - it stands
        """Return a quote without spread; the day opened at `PRICES`."""
        price, opening = self.prices[instrument.con_id], PRICES[instrument.con_id]
        return Quote(price, 100, price, 100, price, 1, 1, opening, price, price, opening)


def make_books(market: SetMarket) -> Books:
    """Return books of one account."""
    return Books(["DU1"], 1_000_000.0, Valuation(SetUniverse(), market))


fills = st.lists(
    st.tuples(
        st.sampled_from(ALL),
        st.integers(-5, 5).filter(bool),
        st.floats(0.5, 200, allow_nan=False),
        st.floats(0, 3, allow_nan=False),
    ),
    max_size=30,
)
factors = st.lists(st.floats(0.2, 3, allow_nan=False), min_size=len(ALL), max_size=len(ALL))


@settings(deadline=None, max_examples=150)
@given(fills, factors)
def test_books_balance(trades: list[tuple[Instrument, int, float, float]], at: list[float]) -> None:
    """In each currency: cash + value - start = realised + unrealised - commissions."""
    market = SetMarket()
    books = make_books(market)
    account = books.accounts["DU1"]
    realized: dict[str, float] = {}
    for instrument, shares, price, cost in trades:
        profit = account.trade(instrument, shares, price, cost, date(2030, 1, 1))
        realized[instrument.currency] = realized.get(instrument.currency, 0.0) + profit
    for instrument, factor in zip(ALL, at, strict=True):
        market.prices[instrument.con_id] *= factor
    for currency in ("USD", "JPY"):
        own = [p for p in books.positions_of("DU1") if p.instrument.currency == currency]
        value = sum(p.equity(market.prices[p.instrument.con_id]) for p in own)
        unrealized = sum(p.unrealized(market.prices[p.instrument.con_id]) for p in own)
        start, commissions = (1_000_000.0, account.commissions) if currency == "USD" else (0.0, 0.0)
        gained = account.cash.get(currency, 0.0) + value - start
        expected = realized.get(currency, 0.0) + unrealized - commissions
        assert gained == pytest.approx(expected, abs=1e-5)
    assert {p.instrument.con_id: p.quantity for p in books.positions_of("DU1")} == {
        i.con_id: sum(s for j, s, _, _ in trades if j is i)
        for i in ALL
        if i in [t[0] for t in trades]
    }


@settings(deadline=None, max_examples=100)
@given(fills)
def test_day_balances(trades: list[tuple[Instrument, int, float, float]]) -> None:
    """On the first day the gain of the day is realised and unrealised together."""
    market = SetMarket()
    books = make_books(market)
    today = date(2026, 9, 21)
    for instrument, shares, price, cost in trades:
        books.accounts["DU1"].trade(instrument, shares, price, cost, today)
    total = books.unrealized("DU1", NOW_S) + books.realized_today("DU1", NOW_S)
    assert books.daily_of_account("DU1", NOW_S) == pytest.approx(total, abs=1e-5)


def test_next_day_forgets_what_was_realized() -> None:
    """Realised profit is the day's; what is held counts from its opening price (fact 2.14)."""
    market = SetMarket()
    books = make_books(market)
    account = books.accounts["DU1"]
    account.trade(APPLE, 10, 90.0, 1.0, date(2026, 9, 21))
    account.trade(APPLE, -4, 95.0, 1.0, date(2026, 9, 21))
    assert books.realized_today("DU1", NOW_S) == pytest.approx(20.0)
    assert books.realized_today("DU1", NOW_S + DAY_S) == 0.0
    market.prices[1] = 103.0
    assert books.daily_of_account("DU1", NOW_S + DAY_S) == pytest.approx(6 * 3.0)


def test_crossing_zero_starts_at_the_new_price() -> None:
    """Selling more than is held realises the held part and opens the rest short."""
    position = Position(APPLE)
    position.trade(10, 50.0, date.min)
    assert position.trade(-15, 60.0, date.min) == pytest.approx(100.0)
    assert (position.quantity, position.average_price) == (-5, 60.0)
    assert position.trade(5, 55.0, date.min) == pytest.approx(25.0)
    assert (position.quantity, position.average_price) == (0.0, 0.0)


def test_average_cost_has_the_multiplier() -> None:
    """Average cost is for one contract, as the wire states it."""
    position = Position(CALL)
    position.trade(2, 5.0, date.min)
    assert position.average_cost == 500.0
    assert position.market_value(6.0) == 1200.0


def test_yen_profit_is_converted_when_looked_at() -> None:
    """Profit in JPY is worth less USD when the dollar has risen."""
    market = SetMarket()
    books = make_books(market)
    books.accounts["DU1"].trade(YEN, 100_000, 150.0, 2.0, date(2026, 9, 21))
    market.prices[6] = 160.0
    assert books.unrealized("DU1", NOW_S) == pytest.approx(100_000 * 10 / 160)
    assert books.net_liquidation("DU1", NOW_S) == pytest.approx(999_998 + 100_000 * 10 / 160)


@pytest.mark.parametrize(
    ("instrument", "shares", "amount", "paid", "expected"),
    [
        (APPLE, 100, 10_000, 0.0, 1.0),
        (APPLE, 1000, 100_000, 1.0, 4.0),
        (CALL, 10, 5000, 0.0, 6.5),
        (CALL, -1, 500, 0.0, 1.0),
        (EURO, 20_000, 22_000, 0.0, 2.0),
        (EURO, 1_000_000, 1_100_000, 0.0, 22.0),
        (FUTURE, 2, 500_000, 0.0, 4.46),
    ],
)
def test_commissions(
    instrument: Instrument, shares: float, amount: float, paid: float, expected: float
) -> None:
    """The minimum is one for the whole order; earlier fills count."""
    assert commission(instrument, shares, amount, paid) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("instrument", "quantity", "initial", "maintenance"),
    [
        (APPLE, 10, 500, 250),
        (APPLE, -10, 500, 300),
        (CALL, 3, 0, 0),
        (CALL, -1, (20 + 5) * 100, (20 + 5) * 100),
        (PUT, -1, (20 + 4) * 100, (20 + 4) * 100),
        (FUTURE, 1, 25_000, 20_000),
        (YEN, -100_000, 3000, 2500),
        (APPLE, 0, 0, 0),
    ],
)
def test_margins(
    instrument: Instrument, quantity: float, initial: float, maintenance: float
) -> None:
    """Each security type ties up what its rule says."""
    found = margin(instrument, quantity, Valuation(SetUniverse(), SetMarket()), NOW_S)
    assert found == pytest.approx((initial, maintenance))


def test_rates() -> None:
    """A rate is the pair's price, its inverse, or 1 where no pair is listed."""
    valuation = Valuation(SetUniverse(), SetMarket())
    assert valuation.rate("EUR", NOW_S) == 1.1
    assert valuation.rate("JPY", NOW_S) == pytest.approx(1 / 150)
    assert valuation.rate("XXX", NOW_S) == 1.0
    assert multiplier_of(APPLE) == 1.0
