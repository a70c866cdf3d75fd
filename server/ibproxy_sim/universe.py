"""Everything that is listed, and how a client's contract finds it.

Stocks, pairs, indices and futures are made at the start. Options are only counted: an
`Instrument` for one is made when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

from ibproxy_sim.chains import Chain, future_expiries, make_chains
from ibproxy_sim.hours import eastern_day
from ibproxy_sim.listings import (
    FOREIGN,
    FUTURES,
    INDICES,
    MADE_UP_FROM,
    MONTH_CODES,
    PAIRS,
    STOCKS,
    US_EXCHANGES,
    FutureRoot,
    Index,
    Pair,
    Stock,
    market_rule,
)
from ibproxy_sim.path import PricePath, mix, step_at

CARRY_PER_YEAR = 0.035
"""How much dearer a future of an index is for each year to its expiry."""

EXCHANGE_ALIASES = {"ISLAND": "NASDAQ", "GLOBEX": "CME", "ECBOT": "CBOT"}
"""Names that were in use before."""

RIGHTS = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}


@dataclass(frozen=True)
class Instrument:
    """One contract.

    Attributes:
        con_id: IB's number of the contract.
        symbol: symbol, of the underlying if it is a derivative.
        sec_type: STK, CASH, IND, FUT, CONTFUT or OPT.
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

    @property
    def market_rule(self) -> int:
        """Number of its market rule."""
        return market_rule(self.sec_type, self.min_tick)

    @property
    def has_trades(self) -> bool:
        """Whether it has a last price (a pair has none)."""
        return self.sec_type != "CASH"

    @property
    def has_quotes(self) -> bool:
        """Whether it has a bid and an ask (an index has none)."""
        return self.sec_type != "IND"

    def on(self, exchange: str) -> Instrument:
        """The same contract, asked for on an exchange."""
        return self if exchange in {"", self.exchange} else replace(self, exchange=exchange)


@dataclass(frozen=True)
class ContractQuery:
    """What a client writes into a contract; any field may be empty."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    @classmethod
    def from_fields(cls, fields: Sequence[str]) -> ContractQuery:
        """Read the twelve contract fields of a request, conId first.

        Raises:
            ValueError: conId or strike is no number, or fields are missing.
        """
        con_id, symbol, sec_type, expiry, strike, right, multiplier, *names = fields[:12]
        exchange, primary_exchange, currency, local_symbol, trading_class = names
        return cls(
            int(con_id or 0),
            symbol.upper(),
            sec_type.upper(),
            expiry,
            float(strike or 0),
            RIGHTS.get(right.upper(), ""),
            multiplier,
            EXCHANGE_ALIASES.get(exchange.upper(), exchange.upper()),
            EXCHANGE_ALIASES.get(primary_exchange.upper(), primary_exchange.upper()),
            currency.upper(),
            local_symbol,
            trading_class,
        )


_MATCHED_EXACTLY = (
    "symbol",
    "strike",
    "right",
    "primary_exchange",
    "currency",
    "local_symbol",
    "trading_class",
)
assert set(_MATCHED_EXACTLY) <= {field.name for field in fields(ContractQuery)}  # noqa: S101


class Universe:
    """All contracts of the stand-in.

    Attributes:
        instruments: every contract but options.
        chains: the options, a chain for each trading class.
    """

    def __init__(self, seed: int, now_s: float, volatility: float = 1.0) -> None:
        self.seed = seed
        self._volatility = volatility
        self._paths: dict[int, PricePath] = {}
        self._by_con_id: dict[int, Instrument] = {}
        today = eastern_day(now_s)
        for instrument in _fixed_instruments():
            self._add(instrument)
        by_symbol = {i.symbol: i for i in self._by_con_id.values() if i.currency == "USD"}
        number = MADE_UP_FROM
        for root in FUTURES:
            for instrument in _futures(root, today, number, by_symbol.get(root.follows)):
                self._add(instrument)
            number += 100
        self.instruments = tuple(self._by_con_id.values())
        self._by_symbol: dict[str, list[Instrument]] = {}
        for instrument in self.instruments:
            self._by_symbol.setdefault(instrument.symbol, []).append(instrument)
        spots = {
            symbol: (i, self.path(i).price(step_at(now_s)) * i.ratio)
            for symbol, i in by_symbol.items()
        }
        self.chains: tuple[Chain, ...] = make_chains(today, spots, MADE_UP_FROM + 1_000_000)

    def _add(self, instrument: Instrument) -> None:
        self._by_con_id[instrument.con_id] = instrument

    def path(self, instrument: Instrument) -> PricePath:
        """The price path that moves an instrument."""
        con_id = instrument.driver or instrument.con_id
        path = self._paths.get(con_id)
        if path is None:
            driver = self._by_con_id[con_id]
            volatility = driver.volatility * self._volatility
            path = PricePath(mix(self.seed * 2**32 + con_id), BASE_PRICES[con_id], volatility)
            self._paths[con_id] = path
        return path

    def by_con_id(self, con_id: int) -> Instrument | None:
        """The contract with that number, on its usual exchange."""
        found = self._by_con_id.get(con_id)
        if found is None and con_id > MADE_UP_FROM:
            found = next((c.at(con_id) for c in self.chains if c.holds(con_id)), None)
        return found

    def find(self, query: ContractQuery) -> list[Instrument]:
        """All contracts that a query means; one for each exchange if it names none.

        A query by conId names one contract, on its usual exchange unless it says where.
        """
        if query.con_id:
            found = self.by_con_id(query.con_id)
            if found is None or (query.exchange and query.exchange not in found.exchanges):
                return []
            if query.sec_type and query.sec_type not in {found.sec_type, "CONTFUT"}:
                return []
            return [found.on(query.exchange)]
        matches = [i for i in self._candidates(query) if _matches(i, query)]
        if query.exchange:
            return [i.on(query.exchange) for i in matches if query.exchange in i.exchanges]
        if query.sec_type == "STK":
            usual = [i.on("SMART") for i in matches]
            return usual + [i.on(e) for i in matches for e in i.exchanges if e != "SMART"]
        return matches

    def resolve(self, query: ContractQuery) -> Instrument | None:
        """The one contract that an order or a data request means, else None.

        It has to be unambiguous: without an exchange a stock is not (fact 4.68), unless its
        conId is given.
        """
        found = self.find(query)
        return found[0] if len(found) == 1 else None

    def _candidates(self, query: ContractQuery) -> Iterable[Instrument]:
        if query.sec_type == "OPT" or (not query.sec_type and query.local_symbol):
            yield from self._options(query)
            if query.sec_type:
                return
        if query.sec_type == "CONTFUT":
            fronts: dict[str, Instrument] = {}
            for instrument in self._by_symbol.get(query.symbol, ()):
                if instrument.sec_type == "FUT":
                    fronts.setdefault(instrument.symbol, instrument)
            yield from (replace(front, sec_type="CONTFUT") for front in fronts.values())
            return
        pool = self._by_symbol.get(query.symbol, ()) if query.symbol else self.instruments
        yield from (
            i
            for i in pool
            if i.sec_type == query.sec_type or (not query.sec_type and query.local_symbol)
        )

    def _options(self, query: ContractQuery) -> Iterator[Instrument]:
        for chain in self.chains:
            if query.symbol in {"", chain.root.underlying}:
                yield from chain.select(query.expiry, query.strike, query.right, query.local_symbol)


def _matches(instrument: Instrument, query: ContractQuery) -> bool:
    """Whether a contract has everything that a query states (other than its exchange)."""
    for name in _MATCHED_EXACTLY:
        wanted = getattr(query, name)
        if wanted and wanted != getattr(instrument, name):
            return False
    if query.expiry and not (
        instrument.expiry.startswith(query.expiry) or instrument.contract_month == query.expiry
    ):
        return False
    return not query.multiplier or query.multiplier == instrument.multiplier


BASE_PRICES: dict[int, float] = {
    **{listing.con_id: listing.price for listing in (*STOCKS, *FOREIGN, *INDICES, *PAIRS)},
    **{MADE_UP_FROM + 100 * n: root.price for n, root in enumerate(FUTURES)},
}
"""Where each path starts from, by conId."""


def _fixed_instruments() -> Iterator[Instrument]:
    index_ids = {index.symbol: index for index in INDICES}
    for stock in (*STOCKS, *FOREIGN):
        yield _stock(stock, index_ids.get(stock.follows))
    for index in INDICES:
        yield _index(index)
    for pair in PAIRS:
        yield _pair(pair)


def _stock(stock: Stock, follows: Index | None) -> Instrument:
    home = tuple(US_EXCHANGES.split(","))
    if stock in FOREIGN:
        home = ("SMART", stock.primary_exchange)
    return Instrument(
        con_id=stock.con_id,
        symbol=stock.symbol,
        sec_type="STK",
        primary_exchange=stock.primary_exchange,
        currency=stock.currency,
        local_symbol=stock.symbol,
        trading_class=stock.trading_class,
        long_name=stock.long_name,
        exchanges=home,
        stock_type=stock.stock_type,
        industry=stock.industry,
        driver=follows.con_id if follows else stock.con_id,
        ratio=stock.price / follows.price if follows else 1.0,
        volatility=stock.volatility,
    )


def _index(index: Index) -> Instrument:
    return Instrument(
        con_id=index.con_id,
        symbol=index.symbol,
        sec_type="IND",
        exchange=index.exchange,
        local_symbol=index.symbol,
        trading_class=index.symbol,
        long_name=index.long_name,
        exchanges=(index.exchange,),
        driver=index.con_id,
        volatility=index.volatility,
    )


def _pair(pair: Pair) -> Instrument:
    name = f"{pair.symbol}.{pair.currency}"
    return Instrument(
        con_id=pair.con_id,
        symbol=pair.symbol,
        sec_type="CASH",
        exchange="IDEALPRO",
        currency=pair.currency,
        local_symbol=name,
        trading_class=name,
        min_tick=pair.min_tick,
        long_name=f"{pair.symbol} against {pair.currency}",
        exchanges=("IDEALPRO",),
        driver=pair.con_id,
        volatility=pair.volatility,
    )


def _futures(
    root: FutureRoot, today: date, first_con_id: int, follows: Instrument | None
) -> Iterator[Instrument]:
    for number, (month, expiry) in enumerate(future_expiries(root, today)):
        years = (expiry - today) / timedelta(days=365)
        price = root.price / BASE_PRICES[follows.con_id] if follows else 1.0
        yield Instrument(
            con_id=first_con_id + number,
            symbol=root.symbol,
            sec_type="FUT",
            expiry=f"{expiry:%Y%m%d}",
            multiplier=root.multiplier,
            exchange=root.exchange,
            local_symbol=f"{root.symbol}{MONTH_CODES[month.month - 1]}{month.year % 10}",
            trading_class=root.symbol,
            min_tick=root.min_tick,
            long_name=root.long_name,
            exchanges=(root.exchange,),
            under_con_id=follows.con_id if follows else 0,
            under_sec_type="IND" if follows else "",
            contract_month=f"{month:%Y%m}",
            driver=follows.con_id if follows else first_con_id,
            ratio=price * (1 + CARRY_PER_YEAR * years),
            volatility=root.volatility,
        )
