"""Account values: what an account is told to be worth, key by key.

One table computes them all; the account updates (6), the multi updates (73) and the summary (63)
each show a part. The keys are the 88 that an individual account in USD was recorded with (2.6).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ibproxy_sim.accounts.books import Books, Position
from ibproxy_sim.accounts.valuation import BASE_CURRENCY
from ibproxy_sim.exchange.times import eastern_day

BASE: Final = "BASE"


class Value(NamedTuple):
    """One account value."""

    key: str
    value: str
    currency: str


LEDGER_KEYS: Final = (
    "Currency", "CashBalance", "TotalCashBalance", "AccruedCash", "StockMarketValue",
    "OptionMarketValue", "FutureOptionValue", "FuturesPNL", "NetLiquidationByCurrency",
    "UnrealizedPnL", "RealizedPnL", "ExchangeRate", "FundValue", "NetDividend",
    "MutualFundValue", "MoneyMarketFundValue", "CorporateBondValue", "TBondValue", "TBillValue",
    "WarrantValue", "FxCashBalance", "AccountOrGroup", "RealCurrency", "IssuerOptionValue",
    "Cryptocurrency",
)  # fmt: skip
"""Keys of the ledger, in the summary's order: they come for each currency (facts 2.20, 2.26)."""

CRYPTO: Final = "Cryptocurrency"
"""Empty in the summary, and not in the image, where none is held [recorded]."""

NOTHING_OF: Final = (
    "AccruedDividend", "Billable", "Guarantee", "IncentiveCoupons", "IndianStockHaircut",
    "NetLiquidationUncertainty", "PASharesValue", "PhysicalCertificateValue",
    "PostExpirationExcess", "PostExpirationMargin", "TotalDebitCardPendingCharges",
)  # fmt: skip
"""Amounts that are always 0 here."""


def account_values(books: Books, account: str, time_s: float) -> list[Value]:
    """Return all values of an account, sorted by key, BASE before the currencies (fact 2.6)."""
    if books.stale_since_s is not None:
        time_s = books.stale_since_s
    values = [*_plain(books, account, time_s), *ledger(books, account, time_s)]
    shown = [v for v in values if v.key != CRYPTO or v.value]
    return sorted(shown, key=lambda v: (v.key, v.currency != BASE, v.currency))


def summary_values(books: Books, account: str, time_s: float) -> list[Value]:
    """Return what a summary may be asked for: that and three tags of its own [documented]."""
    values = account_values(books, account, time_s)
    found = {value.key: value.value for value in values if value.currency != BASE}
    values += [
        Value("DayTradesRemaining", "-1", ""),
        Value("Leverage", found["Leverage-S"], ""),
        Value("SettledCash", found["TotalCashValue"], BASE_CURRENCY),
    ]
    return sorted(values, key=lambda v: (v.key, v.currency != BASE, v.currency))


def amount_text(key: str, amount: float) -> str:
    """Return e.g. `950389.62`; the worth of a currency has four decimals [recorded]."""
    if key == CRYPTO and not amount:
        return ""
    return f"{amount + 0.0:.4f}" if key == "NetLiquidationByCurrency" else f"{amount + 0.0:.2f}"


def _amount(amount: float) -> str:
    return amount_text("", amount)


def _plain(books: Books, account: str, time_s: float) -> list[Value]:
    """Values that come once, in USD."""
    cash = books.cash_usd(account, time_s) + _pair_holdings(books, account, time_s)
    wealth = books.net_liquidation(account, time_s)
    loan = books.equity_with_loan(account, time_s)
    initial, maintenance = books.margin(account, time_s)
    available, excess = loan - initial, loan - maintenance
    gross = books.position_usd(
        account,
        time_s,
        lambda p, price: abs(p.market_value(price)) if p.instrument.sec_type in _GROSS else 0.0,
    )
    amounts = {
        "AvailableFunds": available,
        "EquityWithLoanValue": loan,
        "ExcessLiquidity": excess,
        "FullAvailableFunds": available,
        "FullExcessLiquidity": excess,
        "FullInitMarginReq": initial,
        "FullMaintMarginReq": maintenance,
        "GrossPositionValue": gross,
        "InitMarginReq": initial,
        "LookAheadAvailableFunds": available,
        "LookAheadExcessLiquidity": excess,
        "LookAheadInitMarginReq": initial,
        "LookAheadMaintMarginReq": maintenance,
        "MaintMarginReq": maintenance,
        "NetLiquidation": wealth,
        "TotalCashValue": cash,
        **dict.fromkeys(NOTHING_OF, 0.0),
    }
    rows = [Value(key, _amount(amount), BASE_CURRENCY) for key, amount in amounts.items()]
    settled = f"{eastern_day(time_s):%Y%m%d}:{_amount(cash)}"
    rows += [
        Value("AccountCode", account, ""),
        Value("AccountReady", "true" if books.stale_since_s is None else "false", ""),
        Value("AccountType", "INDIVIDUAL", ""),
        Value("BuyingPower", _amount(max(0.0, available) * _LEVERAGE), BASE_CURRENCY),
        Value("ColumnPrio-S", "1", ""),
        Value("Cushion", f"{excess / wealth if wealth > 0 else 0.0:.6f}", ""),
        Value("Leverage-S", f"{gross / wealth if wealth > 0 else 0.0:.2f}", ""),
        Value("LookAheadNextChange", "0", ""),
        Value("NLVAndMarginInReview", "false", ""),
        Value("SegmentTitle-S", "CFD", ""),
        Value("SettledCashByDate", settled, ""),
        Value("SettledCashByDate-S", settled, ""),
        Value("TradingType-S", "STKNOPT", ""),
    ]
    return rows


_GROSS: Final = frozenset({"STK", "OPT", "FOP", "BOND", "CRYPTO"})
_WORTH: Final = ("STK", "OPT", "FOP", "FUT", "CFD", "BOND", "CRYPTO")
"""Security types whose positions add to the wealth of their currency's ledger."""

_LEVERAGE: Final = 4


def _pair_holdings(books: Books, account: str, time_s: float) -> float:
    """What pairs hold of their first currency, in USD: it is cash."""
    return books.position_usd(
        account,
        time_s,
        lambda p, price: p.market_value(price) if p.instrument.sec_type == "CASH" else 0.0,
    )


def ledger(books: Books, account: str, time_s: float) -> list[Value]:
    """Return the ledger's rows: for BASE, then for each currency that is held."""
    currencies = _currencies(books, account)
    by_currency = {c: _ledger_of(books, account, c, time_s) for c in currencies}
    total: dict[str, float] = {}
    for currency, amounts in by_currency.items():
        for key, amount in amounts.items():
            total[key] = total.get(key, 0.0) + books.usd(amount, currency, time_s)
    rows = []
    for currency, amounts in {BASE: total, **by_currency}.items():
        rate = 1.0 if currency == BASE else books.usd(1.0, currency, time_s)
        words = {
            "AccountOrGroup": account,
            "Currency": currency,
            "ExchangeRate": "1.00" if rate == 1 else f"{rate:.4f}",
            "RealCurrency": currency,
        }
        rows += [
            Value(key, words.get(key) or amount_text(key, amounts.get(key, 0.0)), currency)
            for key in LEDGER_KEYS
        ]
    return rows


def _currencies(books: Books, account: str) -> list[str]:
    found = {BASE_CURRENCY, *books.account(account).cash}
    for position in books.positions_of(account):
        instrument = position.instrument
        found |= {instrument.currency}
        if instrument.sec_type == "CASH" and position.quantity:
            found |= {instrument.symbol}
    return sorted(found)


def _ledger_of(books: Books, account: str, currency: str, time_s: float) -> dict[str, float]:
    """One currency's amounts, in that currency."""
    cash = books.account(account).cash.get(currency, 0.0)
    sums: dict[str, float] = dict.fromkeys(_WORTH, 0.0)
    unrealized = realized = 0.0
    for position in books.positions_of(account):
        instrument = position.instrument
        if instrument.sec_type == "CASH" and instrument.symbol == currency:
            cash += position.quantity
        if instrument.currency != currency:
            continue
        price = books.valuation.price(instrument, time_s)
        if instrument.sec_type in sums:  # a pair's holding is in the cash already
            sums[instrument.sec_type] += position.equity(price)
        unrealized += position.unrealized(price)
        realized += _realized_today(position, time_s)
    return {
        "AccruedCash": 0.0,
        "CashBalance": cash,
        "Cryptocurrency": sums["CRYPTO"],
        "TBondValue": sums["BOND"],  # there are no others here
        "FuturesPNL": sums["FUT"] + sums["CFD"],
        "FutureOptionValue": sums["FOP"],
        "NetLiquidationByCurrency": cash + sum(sums[kind] for kind in _WORTH),
        "OptionMarketValue": sums["OPT"],
        "RealizedPnL": realized,
        "StockMarketValue": sums["STK"],
        "TotalCashBalance": cash,
        "UnrealizedPnL": unrealized,
    }


def _realized_today(position: Position, time_s: float) -> float:
    return position.of_day(eastern_day(time_s)).realized
