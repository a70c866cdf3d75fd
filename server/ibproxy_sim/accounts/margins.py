"""What trading costs and what it ties up: commissions and margin, much like a US account's.

All amounts are in USD. The rates are round figures near IB's published ones [assumed].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ibproxy_sim.accounts.valuation import Valuation, multiplier_of
from ibproxy_sim.exchange.universe import Instrument


class Margin(NamedTuple):
    """What a position ties up, in USD.

    Attributes:
        initial: needed to open it.
        maintenance: needed to keep it.
    """

    initial: float
    maintenance: float


class Rate(NamedTuple):
    """A commission schedule: a price for each contract or for the amount, and a floor."""

    per_contract: float = 0.0
    per_amount: float = 0.0
    minimum: float = 0.0


COMMISSIONS: Final[Mapping[str, Rate]] = {
    "STK": Rate(per_contract=0.005, minimum=1.0),
    "OPT": Rate(per_contract=0.65, minimum=1.0),
    "CASH": Rate(per_amount=0.00002, minimum=2.0),
    "FUT": Rate(per_contract=0.85 + 1.38),  # IB's own, and exchange and regulator fees
    "FOP": Rate(per_contract=0.85 + 0.57),
    "BOND": Rate(per_contract=1.0, minimum=1.0),  # 0.1 % of the face value
    "CRYPTO": Rate(per_amount=0.0018, minimum=1.75),
    "CFD": Rate(per_contract=0.005, minimum=1.0),
}

STOCK_INITIAL, STOCK_MAINTENANCE = 0.5, 0.25
SHORT_STOCK_MAINTENANCE = 0.3
SHORT_OPTION_SHARE, SHORT_OPTION_FLOOR = 0.2, 0.1
FUTURES_INITIAL, FUTURES_MAINTENANCE = 0.1, 0.08
FOREX_INITIAL, FOREX_MAINTENANCE = 0.03, 0.025
BOND_INITIAL, BOND_MAINTENANCE = 0.12, 0.1
CFD_INITIAL, CFD_MAINTENANCE = 0.2, 0.2


def commission(instrument: Instrument, shares: float, amount_usd: float, paid: float) -> float:
    """Return what one more fill of an order costs.

    Args:
        instrument: what is traded.
        shares: how many in all, this fill and the order's earlier ones.
        amount_usd: their value.
        paid: what the earlier fills have cost; the minimum is one for the whole order.
    """
    rate = COMMISSIONS.get(instrument.sec_type, COMMISSIONS["STK"])
    due = max(rate.minimum, abs(shares) * rate.per_contract + abs(amount_usd) * rate.per_amount)
    return round(max(0.0, due - paid), 6)


def margin(instrument: Instrument, quantity: float, valuation: Valuation, time_s: float) -> Margin:
    """Return what holding `quantity` ties up; negative quantities are short."""
    if not quantity:
        return Margin(0.0, 0.0)
    rule = _RULES.get(instrument.sec_type, _stock)
    return rule(instrument, quantity, valuation, time_s)


def _amount(instrument: Instrument, quantity: float, price: float, rate: float) -> float:
    return abs(quantity) * price * multiplier_of(instrument) * rate


def _value(instrument: Instrument, quantity: float, valuation: Valuation, time_s: float) -> float:
    rate = valuation.rate(instrument.currency, time_s)
    return _amount(instrument, quantity, valuation.price(instrument, time_s), rate)


def _stock(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    value = _value(instrument, quantity, at, time_s)
    keep = STOCK_MAINTENANCE if quantity > 0 else SHORT_STOCK_MAINTENANCE
    return Margin(value * STOCK_INITIAL, value * keep)


def _option(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    if quantity > 0:
        return Margin(0.0, 0.0)  # paid in full, and worth no loan
    spot, strike = at.underlying_price(instrument, time_s), float(instrument.strike)
    is_call = instrument.right == "C"
    out_of_money = max(0.0, strike - spot if is_call else spot - strike)
    floor = SHORT_OPTION_FLOOR * (spot if is_call else strike)
    per_unit = max(SHORT_OPTION_SHARE * spot - out_of_money, floor)
    if not is_call:
        per_unit = min(per_unit, strike)  # secured by cash it can cost no more
    rate = at.rate(instrument.currency, time_s)
    needed = _amount(instrument, quantity, per_unit + at.price(instrument, time_s), rate)
    return Margin(needed, needed)


def _future(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    value = _value(instrument, quantity, at, time_s)
    return Margin(value * FUTURES_INITIAL, value * FUTURES_MAINTENANCE)


def _forex(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    value = _value(instrument, quantity, at, time_s)
    return Margin(value * FOREX_INITIAL, value * FOREX_MAINTENANCE)


def _bond(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    value = _value(instrument, quantity, at, time_s)
    return Margin(value * BOND_INITIAL, value * BOND_MAINTENANCE)


def _paid_in_full(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    value = _value(instrument, quantity, at, time_s)
    return Margin(value, value)


def _cfd(instrument: Instrument, quantity: float, at: Valuation, time_s: float) -> Margin:
    value = _value(instrument, quantity, at, time_s)
    return Margin(value * CFD_INITIAL, value * CFD_MAINTENANCE)


_RULES: Final[Mapping[str, Callable[[Instrument, float, Valuation, float], Margin]]] = {
    "STK": _stock,
    "OPT": _option,
    "FUT": _future,
    "CASH": _forex,
    "FOP": _option,
    "BOND": _bond,
    "CRYPTO": _paid_in_full,
    "CFD": _cfd,
}
