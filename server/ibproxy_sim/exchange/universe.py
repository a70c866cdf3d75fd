"""Everything that is listed, and how a client's contract finds it.

Stocks, pairs, indices and futures are made at the start. Options are only counted: an
`Instrument` for one is made when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from ibproxy_sim.exchange.catalogue import BASE_PRICES, fixed_instruments, futures_of
from ibproxy_sim.exchange.chains import Chain, make_chains
from ibproxy_sim.exchange.instruments import COMBO_TYPE, Instrument
from ibproxy_sim.exchange.listings import FUTURES, MADE_UP_FROM
from ibproxy_sim.exchange.other_listings import sec_ids
from ibproxy_sim.exchange.path import PricePath, mix, step_at
from ibproxy_sim.exchange.times import eastern_day

__all__ = ["ContractQuery", "Instrument", "Universe"]

EXCHANGE_ALIASES = {"ISLAND": "NASDAQ", "GLOBEX": "CME", "ECBOT": "CBOT"}
"""Names that were in use before."""

RIGHTS = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}


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
    sec_id_type: str = ""
    sec_id: str = ""

    @classmethod
    def from_fields(
        cls, fields: Sequence[str], sec_id_type: str = "", sec_id: str = ""
    ) -> ContractQuery:
        """Read the twelve contract fields of a request, conId first, and perhaps another id.

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
            sec_id_type.upper(),
            sec_id.upper(),
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
        is_hidden: whether contracts of a symbol are not found; usually what is not listed.
    """

    def __init__(
        self, seed: int, now_s: float, volatility: float = 1.0, symbols: tuple[str, ...] = ()
    ) -> None:
        self.seed = seed
        self._volatility = volatility
        self._symbols = frozenset(symbols)
        self.is_hidden: Callable[[str], bool] = lambda symbol: not self.is_listed(symbol)
        self._paths: dict[int, PricePath] = {}
        self._by_con_id: dict[int, Instrument] = {}
        today = eastern_day(now_s)
        for instrument in fixed_instruments():
            self._add(instrument)
        by_symbol = {
            i.symbol: i
            for i in self._by_con_id.values()
            if i.currency == "USD" and i.sec_type in {"STK", "IND"}
        }
        number = MADE_UP_FROM
        for root in FUTURES:
            for instrument in futures_of(root, today, number, by_symbol.get(root.follows)):
                self._add(instrument)
            number += 100
        self.instruments = tuple(self._by_con_id.values())
        self._by_symbol: dict[str, list[Instrument]] = {}
        for instrument in self.instruments:
            self._by_symbol.setdefault(instrument.symbol, []).append(instrument)
            if instrument.sec_type == "BOND":  # a bond's CUSIP may stand for its symbol
                self._by_symbol.setdefault(instrument.local_symbol, []).append(instrument)
        underlyings = [*by_symbol.values(), *(i for i in self.instruments if i.sec_type == "FUT")]
        spots = [(i, self.path(i).price(step_at(now_s)) * i.ratio) for i in underlyings]
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

    def combo(
        self, symbol: str, exchange: str, currency: str, rows: Sequence[Sequence[str]]
    ) -> Instrument | None:
        """The combo of some legs; None if one is not listed, or if there are none.

        Args:
            symbol: what the client calls it.
            exchange: where it asks for it.
            currency: currency of its price.
            rows: conId, ratio, action and exchange of each leg.
        """
        legs: list[tuple[Instrument, int]] = []
        key = 0
        for con_id, ratio, action, *_ in rows:
            leg = self.by_con_id(int(con_id or 0))
            if leg is None or not int(ratio or 0):
                return None
            legs.append((leg, int(ratio) * (1 if action.upper() == "BUY" else -1)))
            key = mix(key ^ mix(leg.con_id * 4096 + legs[-1][1]))
        if not legs:
            return None
        return Instrument(
            con_id=-(key >> 32),  # its own for each combo; IB has one for all, never sent here
            symbol=symbol,
            sec_type=COMBO_TYPE,
            exchange=exchange,
            currency=currency or "USD",
            local_symbol=symbol,
            trading_class="COMB",
            exchanges=(exchange,),
            legs=tuple(legs),
        )

    def find(self, query: ContractQuery) -> list[Instrument]:
        """All contracts that a query means; one for each exchange if it names none.

        A query by conId names one contract, on its usual exchange unless it says where.
        """
        found = self._find(query)
        return [i for i in found if not self.is_hidden(i.symbol)]

    def is_listed(self, symbol: str) -> bool:
        """Whether what has that symbol is among what can be traded."""
        return not self._symbols or symbol in self._symbols

    def _find(self, query: ContractQuery) -> list[Instrument]:
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
        if query.sec_type in {"OPT", "FOP"} or (not query.sec_type and query.local_symbol):
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
            if i.sec_type == query.sec_type
            or (not query.sec_type and (query.local_symbol or query.sec_id))
        )

    def _options(self, query: ContractQuery) -> Iterator[Instrument]:
        for chain in self.chains:
            is_wanted = query.sec_type in {"", chain.root.sec_type}
            if is_wanted and query.symbol in {"", chain.root.underlying}:
                yield from chain.select(query.expiry, query.strike, query.right, query.local_symbol)


def _matches(instrument: Instrument, query: ContractQuery) -> bool:
    """Whether a contract has everything that a query states (other than its exchange)."""
    for name in _MATCHED_EXACTLY:
        wanted = getattr(query, name)
        if (
            wanted
            and wanted != getattr(instrument, name)
            and not _is_cusip(instrument, name, wanted)
        ):
            return False
    if query.sec_id and sec_ids(instrument.con_id).get(query.sec_id_type) != query.sec_id:
        return False
    if query.expiry and not (
        instrument.expiry.startswith(query.expiry) or instrument.contract_month == query.expiry
    ):
        return False
    return not query.multiplier or query.multiplier == instrument.multiplier


def _is_cusip(instrument: Instrument, name: str, wanted: str) -> bool:
    return instrument.sec_type == "BOND" and name == "symbol" and wanted == instrument.local_symbol
