"""Contract details, symbols, chains of options and market rules."""

from __future__ import annotations

from ibproxy_sim.data.details import BOND_BY_CON_ID, details, plain
from ibproxy_sim.exchange.instruments import COMBO_TYPE
from ibproxy_sim.exchange.listings import MARKET_RULES
from ibproxy_sim.exchange.other_listings import BONDS
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import ContractQuery, Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import fail, not_found, refuse

DESCRIPTION_VERSION = 176
"""From which on symbols are described, and the bonds of an issuer can be asked for."""

MOST_MATCHES = 16
SEC_ID_TYPES = frozenset({"", "ISIN", "CUSIP"})
MATCHED = frozenset({"STK", "IND"})
NO_COMBOS = "BAG isn't supported for contract data request."


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
        """Answer reqContractDetails (9): a 10 or 18 for each, then 52; or 200 alone (4.68)."""
        req_id, sec_id_type, sec_id = fields[2], fields[16], fields[17]
        query = ContractQuery.from_fields(fields[3:15], sec_id_type, sec_id)
        issuer = fields[18] if client.version >= DESCRIPTION_VERSION else ""
        names = query.con_id, query.sec_type, query.local_symbol, query.sec_id, issuer
        if not any(names) or query.sec_id_type not in SEC_ID_TYPES:
            # [assumed] wording
            refuse(self._gateway, client, req_id, "Please enter a valid security type")
            return
        if query.sec_type == COMBO_TYPE:
            refuse(self._gateway, client, req_id, NO_COMBOS)
            return
        found = self._of_issuer(issuer) if issuer else self._universe.find(query)
        if not found:
            not_found(self._gateway, client, req_id)
            return
        today = eastern_day(self._gateway.now_s)
        for instrument in found:
            under = self._universe.by_con_id(instrument.under_con_id)
            self._gateway.send(client, *details(instrument, under, req_id, client.version, today))
        self._gateway.send(client, 52, 1, req_id)

    def _of_issuer(self, issuer: str) -> list[Instrument]:
        bonds = [bond.con_id for bond in BONDS if bond.issuer_id == issuer]
        return [bond for con_id in bonds if (bond := self._universe.by_con_id(con_id))]

    def matching_symbols(self, client: Client, fields: list[str]) -> None:
        """Answer reqMatchingSymbols (81): symbols first, then names that contain the pattern.

        Bonds are matched by their issuer, each of which is one row, from 176 on.
        """
        req_id, pattern = fields[1], fields[2].strip().upper()
        is_described = client.version >= DESCRIPTION_VERSION
        listed = [i for i in self._universe.instruments if i.sec_type in MATCHED]
        if is_described:
            issuers = {bond.issuer_id: bond.con_id for bond in reversed(BONDS)}
            bonds = (self._universe.by_con_id(con_id) for con_id in issuers.values())
            listed += [bond for bond in bonds if bond]
        listed = [i for i in listed if self._universe.is_listed(i.symbol)]
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
            if is_described:
                bond = BOND_BY_CON_ID.get(instrument.con_id)
                rows += [instrument.long_name, bond.issuer_id if bond else ""]
        self._gateway.send(client, 79, req_id, len(matches), *rows)

    def option_parameters(self, client: Client, fields: list[str]) -> None:
        """Answer reqSecDefOptParams (78): a 75 for each class and exchange, then 76.

        For a future the exchange may be named, and then only its own options come.
        """
        req_id, symbol, exchange, sec_type, con_id = fields[1:6]
        underlying = self._universe.by_con_id(int(con_id or 0))
        if underlying and not self._universe.is_listed(underlying.symbol):
            underlying = None
        if underlying is None or (symbol, sec_type) != (underlying.symbol, underlying.sec_type):
            refuse(self._gateway, client, req_id, "Invalid contract id")  # [assumed] wording
            return
        for chain in self._universe.chains:
            if chain.underlying.con_id != underlying.con_id:
                continue
            for place in chain.exchanges:
                if exchange not in {"", place}:
                    continue
                self._gateway.send(
                    client,
                    75,
                    req_id,
                    place,
                    underlying.con_id,
                    chain.root.trading_class,
                    chain.root.multiplier,
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
        rows = [plain(value) for row in rule for value in row]
        self._gateway.send(client, 93, number, len(rule), *rows)
