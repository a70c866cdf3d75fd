"""Contract details, symbols, chains of options and market rules."""

from __future__ import annotations

from ibproxy_sim.gateway import Client, Gateway
from ibproxy_sim.hours import eastern_day, hours_text
from ibproxy_sim.listings import MARKET_RULES
from ibproxy_sim.universe import ContractQuery, Instrument, Universe
from ibproxy_sim.wording import fail, not_found, refuse

SIZE_INCREMENT_VERSION, TWO_SIZES_VERSION, DESCRIPTION_VERSION = 163, 164, 176
DAYS_OF_HOURS = 6
MOST_MATCHES = 16
MAX_INT = 2147483647

ORDER_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,COND,CONDORDER,DAY,DEACT,DEACTDIS,"
    "DEACTEOD,GAT,GTC,GTD,GTT,HID,IOC,LIT,LMT,LOC,MIT,MKT,MOC,MTL,NGCOMB,NONALGO,OCA,OPG,PEGBENCH,"
    "SCALE,SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)

AGG_GROUPS = {"STK": 1, "OPT": 2, "CASH": 4}


class Contracts:
    """Answers questions about contracts."""

    def __init__(self, gateway: Gateway, universe: Universe) -> None:
        self._gateway = gateway
        self._universe = universe

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "9": self.contract_details,
            "78": self.option_parameters,
            "81": self.matching_symbols,
            "91": self.market_rule,
        }

    def contract_details(self, client: Client, fields: list[str]) -> None:
        """Answer reqContractDetails (9): a 10 for each, then 52; or 200 alone (fact 4.68)."""
        req_id = fields[2]
        query = ContractQuery.from_fields(fields[3:15])
        if not query.con_id and not query.sec_type and not query.local_symbol:
            # [assumed] wording
            refuse(self._gateway, client, req_id, "Please enter a valid security type")
            return
        has_sec_id = any(fields[16:18])
        found = [] if has_sec_id else self._universe.find(query)
        if not found:
            not_found(self._gateway, client, req_id)
            return
        for instrument in found:
            self._gateway.send(client, *self.details(instrument, req_id, client.version))
        self._gateway.send(client, 52, 1, req_id)

    def details(self, instrument: Instrument, req_id: str, version: int) -> list[object]:
        """The fields of contractDetails (10) as a server version writes them."""
        old = version < TWO_SIZES_VERSION
        today = eastern_day(self._gateway.now_s)
        kind = instrument.sec_type
        under = self._universe.by_con_id(instrument.under_con_id)
        market_name = instrument.trading_class if kind in {"STK", "OPT"} else instrument.symbol
        sizes = ("1", "1", "100") if kind == "STK" else ("1", "1", "1")
        tail: tuple[str, ...] = sizes
        if old:
            tail = sizes[2:] if version == SIZE_INCREMENT_VERSION else ()
        return [
            10,
            *(("8",) if old else ()),
            req_id,
            instrument.symbol,
            kind,
            instrument.expiry,
            instrument.strike or 0,
            instrument.right,
            instrument.exchange,
            instrument.currency,
            instrument.local_symbol,
            market_name,
            instrument.trading_class,
            instrument.con_id,
            _plain(instrument.min_tick),
            *(("1",) if old else ()),  # mdSizeMultiplier
            instrument.multiplier,
            ORDER_TYPES if instrument.has_quotes else "",
            ",".join(instrument.exchanges),
            1,
            instrument.under_con_id,
            instrument.long_name,
            instrument.primary_exchange,
            instrument.contract_month,
            instrument.industry,
            "",
            "",
            "US/Eastern",
            hours_text(kind, today, DAYS_OF_HOURS, liquid=False),
            hours_text(kind, today, DAYS_OF_HOURS, liquid=True),
            "",
            0,
            0,  # how many other ids (ISIN and the like)
            AGG_GROUPS.get(kind, MAX_INT),
            under.symbol if under else "",
            instrument.under_sec_type,
            ",".join(str(instrument.market_rule) for _ in instrument.exchanges),
            instrument.expiry,
            instrument.stock_type,
            *tail,
        ]

    def matching_symbols(self, client: Client, fields: list[str]) -> None:
        """Answer reqMatchingSymbols (81): symbols first, then names that contain the pattern."""
        req_id, pattern = fields[1], fields[2].strip().upper()
        listed = [i for i in self._universe.instruments if i.sec_type in {"STK", "IND"}]
        ranked = [i for i in listed if pattern and i.symbol.startswith(pattern)]
        ranked.sort(key=lambda i: (i.symbol != pattern, i.currency != "USD", i.symbol))
        if pattern:
            ranked += [i for i in listed if pattern in i.long_name.upper() and i not in ranked]
        optionable = {chain.underlying.con_id for chain in self._universe.chains}
        rows: list[object] = []
        matches = ranked[:MOST_MATCHES]
        for instrument in matches:
            derivatives = ["OPT"] if instrument.con_id in optionable else []
            rows += [
                instrument.con_id,
                instrument.symbol,
                instrument.sec_type,
                instrument.primary_exchange or instrument.exchange,
                instrument.currency,
                len(derivatives),
                *derivatives,
            ]
            if client.version >= DESCRIPTION_VERSION:
                rows += [instrument.long_name, ""]
        self._gateway.send(client, 79, req_id, len(matches), *rows)

    def option_parameters(self, client: Client, fields: list[str]) -> None:
        """Answer reqSecDefOptParams (78): a 75 for each class and exchange, then 76."""
        req_id, symbol, _, sec_type, con_id = fields[1:6]
        underlying = self._universe.by_con_id(int(con_id or 0))
        if underlying is None or (symbol, sec_type) != (underlying.symbol, underlying.sec_type):
            refuse(self._gateway, client, req_id, "Invalid contract id")  # [assumed] wording
            return
        for chain in self._universe.chains:
            if chain.underlying.con_id != underlying.con_id:
                continue
            for exchange in chain.exchanges:
                self._gateway.send(
                    client,
                    75,
                    req_id,
                    exchange,
                    underlying.con_id,
                    chain.root.trading_class,
                    "100",
                    len(chain.expiries),
                    *chain.expiries,
                    len(chain.strikes),
                    *chain.strikes,
                )
        self._gateway.send(client, 76, req_id)

    def market_rule(self, client: Client, fields: list[str]) -> None:
        """Answer reqMarketRule (91), keyed by the rule; an unknown one is 322 (fact 8.18)."""
        number = int(fields[1])
        rule = MARKET_RULES.get(number)
        if rule is None:
            fail(self._gateway, client, -1, f"Market rule with id = {number} is missing")
            return
        rows = [_plain(value) for row in rule for value in row]
        self._gateway.send(client, 93, number, len(rule), *rows)


def _plain(value: float) -> str:
    """A small number without an exponent."""
    return f"{value:.8f}".rstrip("0").rstrip(".")
