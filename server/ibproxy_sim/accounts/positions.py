"""Position lists: reqPositions (61) and reqPositionsMulti (74), the whole set and then changes."""

from __future__ import annotations

from ibproxy_sim.accounts.books import Books, Position
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import contract_fields, price_text, quantity_text, refuse


class Positions:
    """Handlers of messages 61, 64, 74 and 75."""

    def __init__(self, gateway: Gateway, books: Books) -> None:
        self._gateway = gateway
        self._books = books
        self._watchers: dict[Client, None] = {}
        self._multi: dict[tuple[Client, str], str] = {}

    def install(self) -> None:
        """Register the handlers."""
        self._gateway.handlers |= {
            "61": self.positions,
            "64": self.cancel_positions,
            "74": self.positions_multi,
            "75": self.cancel_positions_multi,
        }
        self._gateway.on_leave.append(self.leave)
        self._books.on_trade.append(self.traded)

    def positions(self, client: Client, _fields: list[str]) -> None:
        """61: one subscription per client; asking again gives the set again (fact 2.34)."""
        self._watchers[client] = None
        for account in self._books.accounts:
            for position in self._shown(account):
                self._send(client, account, position)
        self._gateway.send(client, 62, 1)

    def cancel_positions(self, client: Client, _fields: list[str]) -> None:
        """64: no reply (fact 2.35)."""
        self._watchers.pop(client, None)

    def positions_multi(self, client: Client, fields: list[str]) -> None:
        """74: of one account, or of all; a live id is replaced (facts 2.36, 2.39)."""
        req_id, account = fields[2], fields[3]
        if account and account not in self._books.accounts:
            refuse(self._gateway, client, req_id, f"Invalid account code '{account}'")
            return
        self._multi[client, req_id] = account
        for code in [account] if account else self._books.accounts:
            for position in self._shown(code):
                self._send_multi(client, req_id, code, position)
        self._gateway.send(client, 72, 1, req_id)

    def cancel_positions_multi(self, client: Client, fields: list[str]) -> None:
        """75."""
        self._multi.pop((client, fields[2]), None)

    def traded(self, account: str, instrument: Instrument) -> None:
        """A position changed: who watches is told at once."""
        position = self._books.accounts[account].positions[instrument.con_id]
        for client in self._watchers:
            self._send(client, account, position)
        for (client, req_id), wanted in self._multi.items():
            if wanted in {"", account}:
                self._send_multi(client, req_id, account, position)

    def leave(self, client: Client) -> None:
        """A client is gone."""
        self._watchers.pop(client, None)
        for key in [key for key in self._multi if key[0] is client]:
            del self._multi[key]

    def _shown(self, account: str) -> list[Position]:
        """Return what is held, and what was closed today (facts 2.33, 2.37)."""
        day = eastern_day(self._gateway.now_s)
        held = self._books.positions_of(account)
        return [p for p in held if p.quantity or p.today.day == day]

    def _send(self, client: Client, account: str, position: Position) -> None:
        self._gateway.send(client, 61, 3, account, *_fields_of(position))

    def _send_multi(self, client: Client, req_id: str, account: str, position: Position) -> None:
        self._gateway.send(client, 71, 1, req_id, account, *_fields_of(position), "")


def _fields_of(position: Position) -> list[str]:
    """Contract, quantity and average cost; a future has no exchange there (fact 2.32)."""
    instrument = position.instrument
    return [
        *contract_fields(instrument, instrument.primary_exchange),
        quantity_text(position.quantity),
        price_text(position.average_cost),
    ]
