"""One contract, and what kinds of contracts have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ibproxy_sim.exchange.hours import zone_of
from ibproxy_sim.exchange.listings import market_rule

OPTION_TYPES = frozenset({"OPT", "FOP"})
COMBO_TYPE = "BAG"


@dataclass(frozen=True)
class Instrument:
    """One contract.

    Attributes:
        con_id: IB's number of the contract.
        symbol: symbol, of the underlying if it is a derivative.
        sec_type: STK, CASH, IND, FUT, CONTFUT, OPT, FOP, BOND, CRYPTO, CFD, NEWS or BAG.
        expiry: last trade date, yyyymmdd, or empty.
        strike: strike, or 0.
        right: C, P or empty.
        multiplier: as on the wire; empty for one.
        exchange: exchange that it was asked for on; the usual one by default.
        primary_exchange: where it is listed.
        currency: currency of its price.
        local_symbol: symbol of the exchange.
        trading_class: trading class.
        min_tick: smallest step of its price.
        long_name: name.
        exchanges: exchanges that it can be asked for on.
        stock_type: COMMON, ETF or empty.
        industry: industry, if known.
        under_con_id: conId of the underlying, or 0.
        under_sec_type: security type of the underlying.
        contract_month: yyyymm, or empty.
        driver: conId whose price path moves it.
        ratio: its price for each unit of the driver's (not for options).
        volatility: a year's; of the underlying if it is an option.
        legs: what a combo is made of, and how many of it; negative if buying it sells them.
    """

    con_id: int
    symbol: str
    sec_type: str
    expiry: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    exchange: str = "SMART"
    primary_exchange: str = ""
    currency: str = "USD"
    local_symbol: str = ""
    trading_class: str = ""
    min_tick: float = 0.01
    long_name: str = ""
    exchanges: tuple[str, ...] = ("SMART",)
    stock_type: str = ""
    industry: str = ""
    under_con_id: int = 0
    under_sec_type: str = ""
    contract_month: str = ""
    driver: int = 0
    ratio: float = 1.0
    volatility: float = 0.2
    legs: tuple[tuple[Instrument, int], ...] = ()

    @property
    def market_rule(self) -> int:
        """Number of its market rule."""
        return market_rule(self.sec_type, self.min_tick)

    @property
    def has_trades(self) -> bool:
        """Whether it has a last price (a pair has none)."""
        return self.sec_type not in {"CASH", "NEWS"}

    @property
    def has_quotes(self) -> bool:
        """Whether it has a bid and an ask (an index has none)."""
        return self.sec_type not in {"IND", "NEWS"}

    @property
    def is_option(self) -> bool:
        """Whether it has a strike and greeks."""
        return self.sec_type in OPTION_TYPES

    @property
    def zone(self) -> str:
        """Name of the time zone in which its hours are stated."""
        return zone_of(self.primary_exchange or self.exchange)

    @property
    def is_rerouted(self) -> bool:
        """Whether market data is to be asked for under its underlying (fact 4.28)."""
        return self.sec_type == "CFD" and bool(self.under_con_id)

    def on(self, exchange: str) -> Instrument:
        """The same contract, asked for on an exchange."""
        return self if exchange in {"", self.exchange} else replace(self, exchange=exchange)
