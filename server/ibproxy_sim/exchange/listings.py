"""What is listed: tables of real symbols with conIds as Interactive Brokers numbers them.

A conId that is not known for certain here is made up, in `MADE_UP_FROM` and above. Prices are
only where each random path starts from; `volatility` is a year's.
"""

from __future__ import annotations

from typing import NamedTuple

MADE_UP_FROM = 700_000_000
"""conIds from here on are the stand-in's own."""

US_EXCHANGES = (
    "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,NASDAQ,DRCTEDGE,BEX,BATS,EDGEA,BYX,IEX,EDGX,NYSENAT,PSX"
)


class Stock(NamedTuple):
    """A stock or an ETF.

    `follows` names an index by its symbol if the price moves with it.
    """

    con_id: int
    symbol: str
    primary_exchange: str
    long_name: str
    price: float
    volatility: float
    stock_type: str = "COMMON"
    follows: str = ""
    industry: str = ""
    trading_class: str = "NMS"
    currency: str = "USD"


STOCKS = (
    Stock(4391, "AMD", "NASDAQ", "ADVANCED MICRO DEVICES", 160.0, 0.45, industry="Technology"),
    Stock(265598, "AAPL", "NASDAQ", "APPLE INC", 230.0, 0.27, industry="Technology"),
    Stock(272093, "MSFT", "NASDAQ", "MICROSOFT CORP", 430.0, 0.24, industry="Technology"),
    Stock(270639, "INTC", "NASDAQ", "INTEL CORP", 25.0, 0.45, industry="Technology"),
    Stock(76792991, "TSLA", "NASDAQ", "TESLA INC", 330.0, 0.55, industry="Consumer, Cyclical"),
    Stock(208813719, "GOOGL", "NASDAQ", "ALPHABET INC-CL A", 180.0, 0.29),
    Stock(208813720, "GOOG", "NASDAQ", "ALPHABET INC-CL C", 182.0, 0.29),
    Stock(3691937, "AMZN", "NASDAQ", "AMAZON.COM INC", 210.0, 0.3),
    Stock(4815747, "NVDA", "NASDAQ", "NVIDIA CORP", 140.0, 0.45, industry="Technology"),
    Stock(107113386, "META", "NASDAQ", "META PLATFORMS INC-CLASS A", 600.0, 0.33),
    Stock(15124833, "NFLX", "NASDAQ", "NETFLIX INC", 900.0, 0.35),
    Stock(268084, "CSCO", "NASDAQ", "CISCO SYSTEMS INC", 60.0, 0.2),
    Stock(8314, "IBM", "NYSE", "INTL BUSINESS MACHINES CORP", 240.0, 0.24, trading_class="IBM"),
    Stock(9599491, "F", "NYSE", "FORD MOTOR CO", 11.0, 0.35, trading_class="F"),
    Stock(7516, "GE", "NYSE", "GENERAL ELECTRIC", 190.0, 0.3, trading_class="GE"),
    Stock(8894, "KO", "NYSE", "COCA-COLA CO/THE", 68.0, 0.16, trading_class="KO"),
    Stock(1520593, "JPM", "NYSE", "JPMORGAN CHASE & CO", 240.0, 0.23, trading_class="JPM"),
    Stock(10098, "BAC", "NYSE", "BANK OF AMERICA CORP", 45.0, 0.26, trading_class="BAC"),
    Stock(8719, "JNJ", "NYSE", "JOHNSON & JOHNSON", 155.0, 0.17, trading_class="JNJ"),
    Stock(13977, "XOM", "NYSE", "EXXON MOBIL CORP", 112.0, 0.24, trading_class="XOM"),
    Stock(6459, "DIS", "NYSE", "WALT DISNEY CO/THE", 110.0, 0.28, trading_class="DIS"),
    Stock(4762, "BA", "NYSE", "BOEING CO/THE", 180.0, 0.35, trading_class="BA"),
    Stock(10291, "PFE", "NYSE", "PFIZER INC", 26.0, 0.25, trading_class="PFE"),
    Stock(12735, "T", "NYSE", "AT&T INC", 22.0, 0.22, trading_class="T"),
    Stock(13824, "WMT", "NYSE", "WALMART INC", 95.0, 0.2, trading_class="WMT"),
    Stock(756733, "SPY", "ARCA", "SS SPDR S&P 500 ETF TRUST-US", 600.0, 0.16, "ETF", "SPX"),
    Stock(320227571, "QQQ", "NASDAQ", "INVESCO QQQ TRUST SERIES 1", 520.0, 0.2, "ETF", "NDX"),
    Stock(9579970, "IWM", "ARCA", "ISHARES RUSSELL 2000 ETF", 225.0, 0.21, "ETF"),
    Stock(73128548, "DIA", "ARCA", "SS SPDR DJIA ETF TRUST", 440.0, 0.15, "ETF"),
    Stock(51529211, "GLD", "ARCA", "SPDR GOLD SHARES", 250.0, 0.15, "ETF"),
    Stock(15547841, "TLT", "NASDAQ", "ISHARES 20+ YEAR TREASURY BD", 90.0, 0.14, "ETF"),
    Stock(12340039, "VTI", "ARCA", "VANGUARD TOTAL STOCK MKT ETF", 295.0, 0.16, "ETF"),
    Stock(34151394, "EFA", "ARCA", "ISHARES MSCI EAFE ETF", 80.0, 0.16, "ETF"),
    Stock(4215235, "XLE", "ARCA", "SS ENERGY SELECT SECTOR SPDR", 92.0, 0.25, "ETF"),
    Stock(4215220, "XLF", "ARCA", "SS FINANCIAL SELECT SECT SPDR", 50.0, 0.19, "ETF"),
)

FOREIGN = (
    Stock(
        32596680, "AMD", "IBIS", "ADVANCED MICRO DEVICES", 150.0, 0.45,
        trading_class="XETRA", currency="EUR",
    ),
    Stock(
        38709539, "INTC", "MEXI", "INTEL CORP", 450.0, 0.45,
        trading_class="INTC", currency="MXN",
    ),
    Stock(
        12178234, "INTC", "EBS", "INTEL CORP", 22.0, 0.45,
        trading_class="INTC", currency="CHF",
    ),
)  # fmt: skip
"""Listings abroad of symbols above, so that a symbol without a currency is ambiguous."""


class Index(NamedTuple):
    """An index."""

    con_id: int
    symbol: str
    exchange: str
    long_name: str
    price: float
    volatility: float


INDICES = (
    Index(416904, "SPX", "CBOE", "S&P 500 Stock Index", 6000.0, 0.16),
    Index(416843, "NDX", "NASDAQ", "NASDAQ 100 Stock Index", 21000.0, 0.2),
    Index(13455763, "VIX", "CBOE", "CBOE Volatility Index", 17.0, 0.9),
)


class Pair(NamedTuple):
    """A currency pair on IDEALPRO."""

    con_id: int
    symbol: str
    currency: str
    min_tick: float
    price: float
    volatility: float


PAIRS = (
    Pair(12087792, "EUR", "USD", 0.00005, 1.085, 0.12),
    Pair(12087797, "GBP", "USD", 0.00005, 1.27, 0.12),
    Pair(15016059, "USD", "JPY", 0.005, 150.0, 0.13),
    Pair(12087820, "USD", "CHF", 0.00005, 0.885, 0.12),
    Pair(15016062, "USD", "CAD", 0.00005, 1.39, 0.12),
    Pair(14433401, "AUD", "USD", 0.00005, 0.655, 0.13),
)


class FutureRoot(NamedTuple):
    """A family of futures; `months` are its delivery months, `listed` how many there are."""

    symbol: str
    exchange: str
    long_name: str
    multiplier: str
    min_tick: float
    months: tuple[int, ...]
    listed: int
    price: float
    volatility: float
    follows: str = ""


QUARTERS = (3, 6, 9, 12)
EVERY_MONTH = tuple(range(1, 13))
EVEN_MONTHS = (2, 4, 6, 8, 10, 12)

FUTURES = (
    FutureRoot("ES", "CME", "E-mini S&P 500", "50", 0.25, QUARTERS, 4, 6000.0, 0.16, "SPX"),
    FutureRoot("NQ", "CME", "E-mini NASDAQ 100", "20", 0.25, QUARTERS, 4, 21000.0, 0.2, "NDX"),
    FutureRoot("CL", "NYMEX", "Light Sweet Crude Oil", "1000", 0.01, EVERY_MONTH, 6, 70.0, 0.35),
    FutureRoot("GC", "COMEX", "Gold", "100", 0.1, EVEN_MONTHS, 4, 2700.0, 0.16),
)

MONTH_CODES = "FGHJKMNQUVXZ"
"""Delivery month letters, January first."""


class OptionRoot(NamedTuple):
    """A class of options; `step` is the distance of its strikes, `weekly` when they expire."""

    underlying: str
    trading_class: str
    min_tick: float
    step: float
    strikes_each_side: int
    weekly: bool
    monthly: bool
    volatility: float
    sec_type: str = "OPT"
    multiplier: str = "100"

    @property
    def is_on_future(self) -> bool:
        """Whether its underlyings are futures."""
        return self.sec_type == "FOP"


OPTIONS = (
    OptionRoot("SPX", "SPX", 0.05, 5.0, 60, weekly=False, monthly=True, volatility=0.16),
    OptionRoot("SPX", "SPXW", 0.05, 5.0, 60, weekly=True, monthly=False, volatility=0.16),
    OptionRoot("SPY", "SPY", 0.01, 1.0, 50, weekly=True, monthly=True, volatility=0.16),
    OptionRoot("QQQ", "QQQ", 0.01, 1.0, 50, weekly=True, monthly=True, volatility=0.2),
    OptionRoot("AAPL", "AAPL", 0.01, 2.5, 30, weekly=True, monthly=True, volatility=0.27),
    OptionRoot("MSFT", "MSFT", 0.01, 5.0, 30, weekly=True, monthly=True, volatility=0.24),
    OptionRoot("TSLA", "TSLA", 0.01, 5.0, 40, weekly=True, monthly=True, volatility=0.55),
    OptionRoot(
        "ES", "ES", 0.05, 25.0, 20, weekly=False, monthly=True, volatility=0.16,
        sec_type="FOP", multiplier="50",
    ),
)  # fmt: skip

MARKET_RULES: dict[int, tuple[tuple[float, float], ...]] = {
    26: ((0.0, 0.01),),
    32: ((0.0, 0.01),),
    59: ((0.0, 0.005),),
    63: ((0.0, 0.001),),
    67: ((0.0, 0.25),),
    98: ((0.0, 0.1),),
    110: ((0.0, 0.05),),
    239: ((0.0, 0.00005),),
}
"""Price steps from each price up, by the number of the rule; other numbers than IB's [assumed].

Each rule has one step, the `min_tick` of the contracts that name it."""


def market_rule(sec_type: str, min_tick: float) -> int:
    """The rule whose step is an instrument's smallest one."""
    if sec_type == "OPT" and min_tick == 0.01:  # noqa: PLR2004 - a cent
        return 32
    return next(n for n, rule in MARKET_RULES.items() if rule[0][1] == min_tick)
