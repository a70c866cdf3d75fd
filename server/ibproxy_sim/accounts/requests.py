"""Account values: the one slot of reqAccountUpdates, and the updates by request id.

The slot (6 -> 6, 7, 8, 54) is one for the whole gateway (facts 2.1 to 2.4)::

    free ──subscribe(A)──► A ──same client, subscribe(B)──► B, without a word
                           A ──other client, subscribe(B)──► refused to it: 2101, no data, no 54
                           A ──other client, subscribe(A)──► both have A
                           A ──last subscriber unsubscribes or leaves──► free
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.books import Books, Position
from ibproxy_sim.accounts.pnl import Pnl
from ibproxy_sim.accounts.positions import Positions
from ibproxy_sim.accounts.summary import Summary
from ibproxy_sim.accounts.values import LEDGER_KEYS, Value, account_values
from ibproxy_sim.exchange.times import clock_text, eastern_day
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import is_advisor
from ibproxy_sim.wire.wording import (
    DUPLICATE_ID,
    contract_fields,
    fail,
    price_text,
    quantity_text,
    refuse,
)

UPDATE_S: Final = 180.0
"""How often changed values are sent without a trade (fact 2.9)."""

AFTER_TRADE_S: Final = 0.1
"""How long after a trade they are sent; trades in between are sent with it (fact 11.12)."""

_RIGHT_AT = 5  # among the fields of a contract
NO_CODE = "The account code is required for this operation."
REPLACED = (  # fact 2.2
    "New account data requested from TWS. API client has been unsubscribed from account data."
)
UNSUBSCRIBED = "API client has been unsubscribed from account data."  # fact 2.17
TAKEN = (
    "Unable subscribe to account as the following clients are subscribed to a different account."
)


@dataclass
class SlotRules:
    """What becomes of a slot's holder when another account is asked for.

    Attributes:
        is_refused: whether another client is refused with 2101 (fact 2.3); else it takes the
            slot, and its holders hear nothing more (fact 2.4).
        is_announced: whether who loses the slot to itself is told 2100 (fact 2.2 against 2.1).
        is_repeated: whether a client that subscribes again gets all again (fact 2.18).
    """

    is_refused: bool = True
    is_announced: bool = False
    is_repeated: bool = True


@dataclass
class _View:
    """What one subscriber has been sent last, so that only changes follow."""

    account: str
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    rows: dict[int, tuple[str, ...]] = field(default_factory=dict)


class Accounts:
    """Handlers of messages 6, 61, 62, 63, 64, 74, 75, 76, 77, 92, 93, 94 and 95.

    ``Accounts(gateway, trading.books, advisors).install()``, after `Trading.install`.

    Attributes:
        slot: the account that the gateway's one slot is taken by; empty if it is free.
        rules: what happens when somebody wants it for another account.
        summary: what serves account summaries.
    """

    def __init__(self, gateway: Gateway, books: Books, advisors: Advisors) -> None:
        self.slot = ""
        self.rules = SlotRules()
        self._gateway = gateway
        self._books = books
        self._advisors = advisors
        self._views: dict[Client, _View] = {}
        self._multi: dict[tuple[Client, str], _View] = {}
        self._only_ledger: set[tuple[Client, str]] = set()
        self._is_update_planned = False
        self._is_trade_planned = False
        self.summary = Summary(gateway, books, advisors)

    def install(self) -> None:
        """Register the handlers, those of positions, summary and P&L too."""
        gateway = self._gateway
        gateway.handlers["6"] = self.account_updates
        gateway.handlers["76"] = self.updates_multi
        gateway.handlers["77"] = self.cancel_updates_multi
        gateway.on_leave.append(self.leave)
        self._books.on_trade.append(self.traded)
        Positions(gateway, self._books).install()
        self.summary.install()
        Pnl(gateway, self._books).install()

    # the slot

    def account_updates(self, client: Client, fields: list[str]) -> None:
        """6: take the slot, join it, or leave it."""
        if fields[2] != "1":
            if self._views.pop(client, None):
                self._free_slot()
                self._gateway.error(client, -1, 2100, UNSUBSCRIBED)
            return
        account = known_account(self._gateway, client, "-1", fields[3])
        if account is None:
            return
        others = [other for other in self._views if other is not client]
        if others and account != self.slot:
            if self.rules.is_refused:
                ids = ",".join(str(other.client_id) for other in others)
                self._gateway.error(client, -1, 2101, TAKEN + ids)  # fact 2.3
                return
            for other in others:
                del self._views[other]
        held = self._views.get(client)
        if held and held.account != account and self.rules.is_announced:
            self._gateway.error(client, -1, 2100, REPLACED)  # fact 2.2
        if held and held.account == account and not self.rules.is_repeated:
            return
        self.slot = account
        self._views[client] = _View(account)
        self._send_changes(client)
        self._gateway.send(client, 54, 1, account)
        self._plan()

    def leave(self, client: Client) -> None:
        """A client is gone: what it had subscribed ends."""
        self._views.pop(client, None)
        self._free_slot()
        for key in [key for key in self._multi if key[0] is client]:
            del self._multi[key]
            self._only_ledger.discard(key)

    def _free_slot(self) -> None:
        if not self._views:
            self.slot = ""

    def _send_changes(self, client: Client) -> None:
        """Send what is new to a subscriber: 6 by key, 7 and 8 for each position, 8 (fact 2.6)."""
        view, send, now_s = self._views[client], self._gateway.send, self._gateway.now_s
        for value in account_values(self._books, view.account, now_s):
            if _is_new(view, value):
                send(client, 6, 2, *value, view.account)
        stamp = clock_text(now_s)
        for position in self._books.positions_of(view.account):
            con_id, row = position.instrument.con_id, tuple(self._row(position))
            if row == view.rows.get(con_id) or not (position.quantity or con_id in view.rows):
                continue
            if position.quantity:
                view.rows[con_id] = row
            else:
                del view.rows[con_id]  # that it is closed is said once
            send(client, 7, 8, *row, view.account)
            send(client, 8, 1, stamp)
        send(client, 8, 1, stamp)

    def _row(self, position: Position) -> list[str]:
        """Return what 7 says of a position, without the account."""
        instrument, now_s = position.instrument, self._gateway.now_s
        price = self._books.valuation.price(instrument, now_s)
        realized = position.of_day(eastern_day(now_s)).realized
        contract = contract_fields(instrument, instrument.primary_exchange)
        contract[_RIGHT_AT] = contract[_RIGHT_AT] or "0"
        return [
            *contract,
            quantity_text(position.quantity),
            price_text(price),
            price_text(round(position.market_value(price), 2)),
            price_text(position.average_cost),
            price_text(round(position.unrealized(price), 2)),
            price_text(round(realized, 2)),
        ]

    # updates by request id

    def updates_multi(self, client: Client, fields: list[str]) -> None:
        """76: all values of one account, then changes (facts 2.19, 2.20)."""
        req_id = fields[2]
        account = known_account(self._gateway, client, req_id, fields[3])
        if account is None:
            return
        if (client, req_id) in self._multi:
            fail(self._gateway, client, req_id, DUPLICATE_ID)  # fact 2.39
            return
        self._multi[client, req_id] = _View(account)
        if fields[5] == "1":
            self._only_ledger.add((client, req_id))
        self._send_multi(client, req_id)
        self._gateway.send(client, 74, 1, req_id)
        self._plan()

    def cancel_updates_multi(self, client: Client, fields: list[str]) -> None:
        """77."""
        self._multi.pop((client, fields[2]), None)
        self._only_ledger.discard((client, fields[2]))

    def _send_multi(self, client: Client, req_id: str) -> None:
        view = self._multi[client, req_id]
        only_ledger = (client, req_id) in self._only_ledger
        for value in account_values(self._books, view.account, self._gateway.now_s):
            if only_ledger and value.key not in {*LEDGER_KEYS, "NetLiquidation"}:
                continue
            if _is_new(view, value):
                self._gateway.send(client, 73, 1, req_id, view.account, "", *value)

    # when to send

    def traded(self, account: str, _instrument: Instrument) -> None:
        """A position changed: its account's subscribers hear of it soon."""
        views = [*self._views.values(), *self._multi.values()]
        is_about = self._books.is_about
        if any(is_about(view.account, account) for view in views) and not self._is_trade_planned:
            self._is_trade_planned = True
            self._gateway.call_later(AFTER_TRADE_S, self._after_trade)

    def _after_trade(self) -> None:
        self._is_trade_planned = False
        self.update()

    def _plan(self) -> None:
        if not self._is_update_planned:
            self._is_update_planned = True
            self._gateway.call_later(UPDATE_S, self._update)

    def _update(self) -> None:
        self._is_update_planned = False
        self.update()
        if self._views or self._multi:
            self._plan()

    def update(self) -> None:
        """Send everybody what has changed."""
        for client in self._views:
            self._send_changes(client)
        for client, req_id in self._multi:
            self._send_multi(client, req_id)


def known_account(gateway: Gateway, client: Client, req_id: str, code: str) -> str | None:
    """Return the account that a request means; None if it was refused (facts 2.15, 2.16)."""
    accounts = gateway.settings.accounts
    if len(accounts) == 1:
        return accounts[0]
    if code in accounts or (is_advisor(gateway.settings) and code == f"{accounts[0]}A"):
        return code  # with an A behind it an advisor's code means all clients (fact 2.5)
    refuse(gateway, client, req_id, f"Invalid account code '{code}'" if code else NO_CODE)
    return None


def _is_new(view: _View, value: Value) -> bool:
    """Whether the subscriber has not been sent this value yet; it is noted as sent."""
    key = value.key, value.currency
    if view.values.get(key) == value.value:
        return False
    view.values[key] = value.value
    return True
