"""Market depth (10 to 13): a book whose top is the quote, a tick apart from row to row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ibproxy_sim.exchange.instruments import COMBO_TYPE
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import STEP_S, mix, step_at
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.streams import Stream, Streams
from ibproxy_sim.wire.wording import DUPLICATE_ID, fail, refuse, size_text, wanted

MOST_ROWS = 20
ASK, BID = 0, 1
INSERT, UPDATE, DELETE = 0, 1, 2
CHANGE_STEPS = 8
"""For how many steps a size deeper in the book stays."""


class Row(NamedTuple):
    """One row of a side."""

    price: float
    size: float


@dataclass(eq=False)
class Book(Stream):
    """One request for depth, and the rows that it was sent, by side."""

    row_count: int
    is_smart: bool
    rows: dict[int, list[Row]] = field(default_factory=lambda: {ASK: [], BID: []})


class Depth:
    """Serves market depth."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._books: Streams[Book] = Streams(gateway, STEP_S, self._update, "depth")

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"10": self.subscribe, "11": self.cancel}

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Answer reqMktDepth (10): inserts first, then what changes (fact 4.55)."""
        gateway, req_id = self._gateway, fields[2]
        if self._books.get(client, req_id):
            fail(gateway, client, req_id, DUPLICATE_ID)  # fact 4.56
            return
        instrument = self._instrument(client, fields)
        if instrument is None:
            return
        row_count = int(fields[15] or 0)
        if row_count <= 0:
            refuse(gateway, client, req_id, "Number of rows must be greater than zero")  # 4.56
            return
        taken = {book.instrument.con_id for book in self._books}
        most = gateway.settings.max_books
        if len(taken | {instrument.con_id}) > most:  # fact 4.51
            text = f"Max number ({most}) of market depth requests has been reached"
            gateway.error(client, req_id, 309, text)
            return
        is_smart = fields[16] == "1"
        if is_smart:  # fact 4.52
            places = "; ".join(instrument.exchanges[1:4])
            gateway.error(client, req_id, 2152, f"Exchanges - Depth: {places}; Top: ; ")
        book = Book(client, req_id, instrument, min(row_count, MOST_ROWS), is_smart)
        self._books.add(book)
        if not self._books.is_paused:
            self._update(book)

    def _instrument(self, client: Client, fields: list[str]) -> Instrument | None:
        """What depth is wanted of; None if there is none of it, of which the client is told."""
        gateway, req_id = self._gateway, fields[2]
        if fields[5] == COMBO_TYPE:
            refuse(gateway, client, req_id, "Market depth does not support combos.")  # 4.56
            return None
        instrument = wanted(gateway, self._universe, client, req_id, fields[3:15])
        if instrument and instrument.is_rerouted:  # fact 4.28
            gateway.send(client, 92, req_id, instrument.under_con_id, "SMART")
            return None
        if instrument and not instrument.has_quotes:  # fact 4.42
            text = (
                "Deep market data is not supported for this combination of security type/exchange"
            )
            gateway.error(client, req_id, 10092, text)
            return None
        return instrument

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take cancelMktDepth (11); it has to repeat whether the depth was smart (fact 4.54)."""
        req_id, is_smart = fields[2], fields[3] == "1"
        book = self._books.get(client, req_id)
        if book is None or book.is_smart != is_smart:
            text = f"Can't find the subscribed market depth with tickerId:{req_id}"
            self._gateway.error(client, req_id, 310, text)
            return
        self._books.remove(client, req_id)

    def _update(self, book: Book) -> None:
        step = step_at(self._gateway.now_s)
        for side in (BID, ASK):
            old = book.rows[side]
            new = list(self.side(book.instrument, side, step, book.row_count))
            book.rows[side] = new
            for position, row in enumerate(new):
                if position >= len(old):
                    self._send(book, position, INSERT, side, row)
                elif row != old[position]:
                    self._send(book, position, UPDATE, side, row)
            for position in range(len(old) - 1, len(new) - 1, -1):
                self._send(book, position, DELETE, side, Row(0.0, 0.0))

    def side(self, instrument: Instrument, side: int, step: int, count: int) -> list[Row]:
        """One side of the book at a step; the first row is the quote."""
        market = self._market
        price = market.price(instrument, step)
        shown, sign = (market.bid, -1) if side == BID else (market.ask, 1)
        top = shown(instrument, price)
        size = market.sizes(instrument, step)[0 if side == BID else 1]
        rows = [Row(top, size)]
        for position in range(1, count):
            level = round(top + sign * position * instrument.min_tick, 7)
            noise = mix(instrument.con_id ^ round(level / instrument.min_tick) << 32)
            noise = mix(noise ^ (step // CHANGE_STEPS + noise % CHANGE_STEPS))
            rows.append(Row(level, float((20 + noise % 99) * market.size_unit(instrument))))
        return [row for row in rows if row.price > 0]

    def _send(self, book: Book, position: int, operation: int, side: int, row: Row) -> None:
        values = (operation, side, row.price, size_text(row.size))
        head = (1, book.req_id, position)
        if book.is_smart:
            maker = book.instrument.exchanges[1 + position % 3]
            self._gateway.send(book.client, 13, *head, maker, *values, 1)
        else:
            self._gateway.send(book.client, 12, *head, *values)
