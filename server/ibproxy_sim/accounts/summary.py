"""Account summaries (62 -> 63, 64): chosen values of all accounts, and then changes.

At most two at one time for each connection (facts 2.21 to 2.25).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.books import Books
from ibproxy_sim.accounts.values import BASE, Value, amount_text, ledger, summary_values
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import fail, refuse

MAX_ACTIVE: Final = 2
UPDATE_S: Final = 180.0
LEDGER: Final = "$LEDGER"
ALL: Final = "All"
TOO_MANY = (
    "Maximum number of account summary requests exceeded; desubscribe to previous request first"
)

Row = tuple[str, str, str, str]
"""Account, tag, value, currency."""


class _Asked(NamedTuple):
    """What a subscription is for."""

    accounts: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class SummaryRules:
    """How summaries are counted (facts 2.22 to 2.25, 2.28).

    Attributes:
        is_shared: whether the limit is one of the gateway's, not of each connection.
        is_freed: whether a cancel frees a place.
        is_ended: whether those of a client that leaves end with it.
    """

    is_shared: bool = False
    is_freed: bool = True
    is_ended: bool = True


class Summary:
    """Handlers of messages 62 and 63.

    Attributes:
        rules: what counts.
    """

    def __init__(self, gateway: Gateway, books: Books, advisors: Advisors) -> None:
        self._gateway = gateway
        self._books = books
        self._advisors = advisors
        self._asked: dict[tuple[Client, str], _Asked] = {}
        self._sent: dict[tuple[Client, str], set[Row]] = {}
        self._is_planned = False
        self.rules = SummaryRules()
        self._taken: set[tuple[Client, str]] = set()
        self._left: list[tuple[Client, str]] = []

    def install(self) -> None:
        """Register the handlers."""
        self._gateway.handlers |= {"62": self.summary, "63": self.cancel_summary}
        self._gateway.on_leave.append(self.leave)
        self._gateway.on_restored.append(self.replay)

    def summary(self, client: Client, fields: list[str]) -> None:
        """62: a reused id replaces its request (fact 2.25)."""
        req_id, group, tags = fields[2], fields[3], [tag for tag in fields[4].split(",") if tag]
        cause = self._cause(group, tags)
        if cause:
            refuse(self._gateway, client, req_id, cause)
            return
        places = self._places(client)
        if (client, req_id) not in places and len(places) >= MAX_ACTIVE:
            fail(self._gateway, client, req_id, TOO_MANY)  # fact 2.22
            return
        members = self._books.accounts if group == ALL else self._advisors.groups[group].accounts
        self._asked[client, req_id] = asked = _Asked(tuple(members), tuple(tags))
        self._answer(client, req_id, asked)
        self._plan()

    def _cause(self, group: str, tags: list[str]) -> str:
        if not group:
            return "Group name cannot be null"
        if group != ALL and group not in self._advisors.groups:
            return "Group name is invalid"
        return "" if tags else "Tags cannot be null"

    def _places(self, client: Client) -> set[tuple[Client, str]]:
        """What counts against a client's limit."""
        taken = {*self._asked, *self._taken, *self._left}
        return taken if self.rules.is_shared else {key for key in taken if key[0] is client}

    def cancel_summary(self, client: Client, fields: list[str]) -> None:
        """63: frees the place, as a rule."""
        key = client, fields[2]
        if self._asked.pop(key, None) and not self.rules.is_freed:
            self._taken.add(key)
        self._sent.pop(key, None)

    def leave(self, client: Client) -> None:
        """A client is gone; its summaries end with it, as a rule [assumed; 2.28 reports worse]."""
        self._taken = {key for key in self._taken if key[0] is not client}
        for key in [key for key in self._asked if key[0] is client]:
            del self._asked[key]
            self._sent.pop(key, None)
            if not self.rules.is_ended:
                self._left.append(key)

    def replay(self) -> None:
        """The link is back with all data: what was left over is asked for again, and refused."""
        for _, req_id in self._left:
            for client in self._gateway.clients.values():
                if client.started:
                    fail(self._gateway, client, req_id, TOO_MANY)

    def clear_left(self) -> None:
        """Let go of what was left over and of places that no cancel freed."""
        self._left.clear()
        self._taken.clear()

    def _answer(self, client: Client, req_id: str, asked: _Asked) -> None:
        """With a ledger the tags come twice, and the ledger again behind a 64 (fact 2.26)."""
        plain = list(self._plain_rows(asked))
        ledger_rows = list(self._ledger_rows(asked))
        blocks = [plain + plain + ledger_rows, ledger_rows] if ledger_rows else [plain]
        for block in blocks:
            for row in block:
                self._gateway.send(client, 63, 1, req_id, *row)
            self._gateway.send(client, 64, 1, req_id)
        self._sent[client, req_id] = {*plain, *ledger_rows}

    def _plain_rows(self, asked: _Asked) -> Iterator[Row]:
        wanted = {tag for tag in asked.tags if not tag.startswith(LEDGER)}
        for account in asked.accounts:
            for value in summary_values(self._books, account, self._gateway.now_s):
                if value.key in wanted and value.currency != BASE:
                    yield account, value.key, value.value, value.currency

    def _ledger_rows(self, asked: _Asked) -> Iterator[Row]:
        """The currencies first, then BASE; summed over the accounts, under the name All."""
        wanted = {tag[len(LEDGER) + 1 :] or BASE for tag in asked.tags if tag.startswith(LEDGER)}
        if not wanted:
            return
        total: dict[tuple[str, str], Value] = {}
        for account in asked.accounts:
            for value in ledger(self._books, account, self._gateway.now_s):
                known = total.get((value.key, value.currency))
                total[value.key, value.currency] = _add(known, value)
        ordered = sorted(total.values(), key=lambda v: (v.currency == BASE, v.currency))
        for value in ordered:
            if "ALL" in wanted or value.currency in wanted:
                yield ALL, value.key, value.value, value.currency

    def _plan(self) -> None:
        if not self._is_planned:
            self._is_planned = True
            self._gateway.call_later(UPDATE_S, self._update)

    def _update(self) -> None:
        self._is_planned = False
        for key, asked in self._asked.items():
            client, req_id = key
            rows = [*self._plain_rows(asked), *self._ledger_rows(asked)]
            for row in rows:
                if row not in self._sent[key]:
                    self._gateway.send(client, 63, 1, req_id, *row)
            self._sent[key] = set(rows)
        if self._asked:
            self._plan()


_NOT_SUMMED: Final = frozenset({"AccountOrGroup", "Currency", "ExchangeRate", "RealCurrency"})


def _add(known: Value | None, value: Value) -> Value:
    if value.key == "AccountOrGroup":
        return value._replace(value=ALL)
    if known is None or value.key in _NOT_SUMMED:
        return value
    amount = float(known.value or 0) + float(value.value or 0)
    return value._replace(value=amount_text(value.key, amount))
