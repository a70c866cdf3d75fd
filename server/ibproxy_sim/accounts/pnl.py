"""Profit and loss streams: of an account (92 -> 94) and of one position (94 -> 95).

Both answer at once and then each second, if something changed (facts 2.38, 2.41).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ibproxy_sim.accounts.books import Books
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.orders.terms import UNSET_DOUBLE_TEXT
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import DUPLICATE_ID, price_text, quantity_text, refuse

PERIOD_S: Final = 1.0
NOT_SUBSCRIBED: Final = {
    "93": (10185, "Failed to cancel PNL (not subscribed)"),
    "95": (10186, "Failed to cancel PNL single (not subscribed)"),
}
"""Error of a cancel whose id is unknown, by the cancel's message id (fact 2.39)."""


@dataclass
class _Stream:
    """One subscription; `con_id` is 0 for that of an account."""

    account: str
    con_id: int = 0
    last: tuple[str, ...] = ()


class Pnl:
    """Handlers of messages 92, 93, 94 and 95."""

    def __init__(self, gateway: Gateway, books: Books) -> None:
        self._gateway = gateway
        self._books = books
        self._streams: dict[tuple[Client, str], _Stream] = {}
        self._is_planned = False

    def install(self) -> None:
        """Register the handlers."""
        self._gateway.handlers |= {
            "92": self.subscribe,
            "93": self.cancel,
            "94": self.subscribe_single,
            "95": self.cancel,
        }
        self._gateway.on_leave.append(self.leave)

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """92: of an account."""
        self._open(client, fields[1], _Stream(fields[2]))

    def subscribe_single(self, client: Client, fields: list[str]) -> None:
        """94: of one position; without one there is silence (fact 2.41)."""
        self._open(client, fields[1], _Stream(fields[2], int(fields[4])))

    def cancel(self, client: Client, fields: list[str]) -> None:
        """93, 95."""
        if self._streams.pop((client, fields[1]), None) is None:
            self._gateway.error(client, fields[1], *NOT_SUBSCRIBED[fields[0]])

    def leave(self, client: Client) -> None:
        """A client is gone."""
        for key in [key for key in self._streams if key[0] is client]:
            del self._streams[key]

    def _open(self, client: Client, req_id: str, stream: _Stream) -> None:
        if stream.account not in {**self._books.accounts, **self._books.sums}:
            refuse(self._gateway, client, req_id, f"Invalid account code '{stream.account}'")
            return
        if (client, req_id) in self._streams:
            self._gateway.error(client, req_id, 102, DUPLICATE_ID)
            return
        self._streams[client, req_id] = stream
        position = self._books.account(stream.account).positions.get(stream.con_id)
        if position and not position.quantity:  # fact 2.38
            self._gateway.error(client, req_id, 2150, "Invalid position trade derived value")
        self._send(client, req_id, stream)
        self._plan()

    def _send(self, client: Client, req_id: str, stream: _Stream) -> None:
        message_id = 95 if stream.con_id else 94
        values = self._single(stream) if stream.con_id else self._whole(stream)
        if values and values != stream.last:
            stream.last = values
            self._gateway.send(client, message_id, req_id, *values)

    def _whole(self, stream: _Stream) -> tuple[str, ...]:
        books, account, now_s = self._books, stream.account, self._gateway.now_s
        return (
            _text(books.daily_of_account(account, now_s)),
            _text(books.unrealized(account, now_s)),
            _text(books.realized_today(account, now_s)),
        )

    def _single(self, stream: _Stream) -> tuple[str, ...]:
        books, now_s = self._books, self._gateway.now_s
        position = books.account(stream.account).positions.get(stream.con_id)
        if position is None:
            return ()
        price = books.valuation.price(position.instrument, now_s)
        rate = books.valuation.rate(position.instrument.currency, now_s)
        is_held = bool(position.quantity)  # which fields are unset otherwise is [assumed]
        return (
            quantity_text(position.quantity),
            _text(books.daily(position, now_s)),
            _text(position.unrealized(price) * rate) if is_held else UNSET_DOUBLE_TEXT,
            _text(position.of_day(eastern_day(now_s)).realized * rate),
            _text(position.market_value(price) * rate) if is_held else UNSET_DOUBLE_TEXT,
        )

    def _plan(self) -> None:
        if not self._is_planned and self._streams:
            self._is_planned = True
            self._gateway.call_later(PERIOD_S, self._tick)

    def _tick(self) -> None:
        self._is_planned = False
        for (client, req_id), stream in self._streams.items():
            self._send(client, req_id, stream)
        self._plan()


def _text(amount: float) -> str:
    return price_text(round(amount, 6))
