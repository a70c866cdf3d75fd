"""Market data: reqMktData (1), its stream, its snapshots and its end.

What a request gets, in the order that was recorded (facts 4.13, 4.14)::

    58 type, 81 parameters, then a full image, then at each step what has changed
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ibproxy_sim import generic_ticks
from ibproxy_sim.gateway import Client, Gateway
from ibproxy_sim.generic_ticks import GENERIC, PRICE, SIZE, STRING, Tick
from ibproxy_sim.market import Market, Quote
from ibproxy_sim.option_ticks import option_ticks
from ibproxy_sim.session import market_data_type
from ibproxy_sim.streams import Stream, Streams
from ibproxy_sim.universe import Instrument, Universe
from ibproxy_sim.wording import DUPLICATE_ID, cancel_failed, fail, refuse, size_text, wanted

SNAPSHOT_S = 11.0
"""After which a snapshot ends that never got all it waits for (fact 4.29)."""

BBO_EXCHANGE = "9c0001"
SNAPSHOT_PERMISSIONS = 3
LIVE, DELAYED = 1, 3
DELAYED_KINDS = {
    0: 69, 1: 66, 2: 67, 3: 70, 4: 68, 5: 71, 6: 72, 7: 73, 8: 74, 9: 75, 14: 76, 45: 88, 49: 90,
}  # fmt: skip
"""Tick types of delayed data (fact 4.22); they are not delayed here [simplified]."""

NOT_PERMITTED = {
    354: "Requested market data is not subscribed.",
    10089: "Requested market data requires additional subscription for API. See link in 'Market "
    "Data Connections' dialog for more details.",
    10168: "Requested market data is not subscribed. Delayed market data is not enabled.",
}
"""Codes and texts of a refusal for want of a permission (fact 4.38)."""

SIZE_AFTER = {1: -1, 2: 1, 4: 1}
"""From a price's tick type to its size's, which is sent after it, changed or not (4.14)."""

GENERIC_INDEX, SNAPSHOT_INDEX, REGULATORY_INDEX = 15, 16, 17
"""Where these stand if there is no delta-neutral contract; its flag is the field before."""


@dataclass(eq=False)
class Subscription(Stream):
    """One request for market data.

    Attributes:
        generics: generic tick ids that it asked for.
        is_snapshot: whether it ends by itself.
        is_delayed: whether delayed tick types are used.
        sent: last value of each tick, by message and type.
    """

    generics: frozenset[int] = frozenset()
    is_snapshot: bool = False
    is_delayed: bool = False
    sent: dict[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)


class Quotes:
    """Serves market data."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._streams: Streams[Subscription]
        self._streams = Streams(gateway, market.STEP_S, self._update, "quotes")

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"1": self.subscribe, "2": self.cancel}

    @property
    def subscriptions(self) -> int:
        """Live request ids, over all clients."""
        return len(self._streams)

    @property
    def lines(self) -> int:
        """Contracts with at least one live request: what the line limit counts (fact 4.7)."""
        return len({stream.instrument.con_id for stream in self._streams})

    @property
    def streams(self) -> Streams[Subscription]:
        """The live requests."""
        return self._streams

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Answer reqMktData (1)."""
        gateway = self._gateway
        req_id = fields[2]
        if self._streams.get(client, req_id):
            fail(gateway, client, req_id, DUPLICATE_ID)  # fact 4.8
            return
        instrument = wanted(gateway, self._universe, client, req_id, fields[3:15])
        if instrument is None:
            return
        shift = 4 if fields[GENERIC_INDEX] == "1" else 1  # the delta-neutral flag
        generic_text, snapshot, regulatory = fields[GENERIC_INDEX + shift :][:3]
        stream = Subscription(client, req_id, instrument, is_snapshot="1" in {snapshot, regulatory})
        if self._is_accepted(stream, generic_text):
            self._start(stream)

    def _is_accepted(self, stream: Subscription, generic_text: str) -> bool:
        gateway, client, req_id = self._gateway, stream.client, stream.req_id
        instrument = stream.instrument
        try:
            stream.generics = generic_ticks.parse(generic_text)
            is_legal = stream.generics <= generic_ticks.LEGAL[instrument.sec_type]
        except ValueError:
            is_legal = False
        if not is_legal:
            cause = generic_ticks.illegal_text(instrument, generic_text)
            refuse(gateway, client, req_id, cause)
            return False
        if stream.is_snapshot and stream.generics:  # fact 4.30
            text = "Snapshot market data subscription is not applicable to generic ticks"
            gateway.error(client, req_id, 414, text)
            return False
        if self._is_over_limit(instrument):
            gateway.error(client, req_id, 101, "Max number of tickers has been reached")
            return False
        if instrument.symbol in gateway.settings.not_permitted:  # fact 4.41
            if market_data_type(client) < DELAYED:
                code = gateway.settings.not_permitted_code
                gateway.error(client, req_id, code, NOT_PERMITTED[code])
                return False
            text = "Requested market data is not subscribed. Displaying delayed market data."
            gateway.error(client, req_id, 10167, text)
            stream.is_delayed = True
        return True

    def _is_over_limit(self, instrument: Instrument) -> bool:
        taken = {stream.instrument.con_id for stream in self._streams}
        return len(taken | {instrument.con_id}) > self._gateway.settings.max_lines

    def _start(self, stream: Subscription) -> None:
        send, client, req_id = self._gateway.send, stream.client, stream.req_id
        self._streams.add(stream)
        send(client, 58, 1, req_id, DELAYED if stream.is_delayed else LIVE)
        tick = stream.instrument.min_tick
        send(client, 81, req_id, tick, BBO_EXCHANGE, SNAPSHOT_PERMISSIONS)
        if not self._gateway.settings.flood:
            self.send_image(stream)
        if stream.is_snapshot:
            quote = self._quote(stream)
            stated = (quote.bid, quote.ask, quote.last, quote.open, quote.close)
            if min(stated) > 0:
                self._end_snapshot(stream)
            else:
                self._gateway.call_later(SNAPSHOT_S, lambda: self._end_snapshot(stream))

    def _end_snapshot(self, stream: Subscription) -> None:
        if self._streams.get(stream.client, stream.req_id) is stream:
            self._streams.remove(stream.client, stream.req_id)
            self._gateway.send(stream.client, 57, 1, stream.req_id)

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take cancelMktData (2); an id that is not live is 300, also after a snapshot (4.9)."""
        if self._streams.remove(client, fields[2]) is None:
            cancel_failed(self._gateway, client, fields[2])

    # what is sent

    def _quote(self, stream: Subscription) -> Quote:
        return self._market.quote(stream.instrument, self._gateway.now_s)

    def send_image(self, stream: Subscription) -> None:
        """Send the present state of everything."""
        instrument, quote = stream.instrument, self._quote(stream)
        for tick in self._first_ticks(instrument, quote):
            self._send_tick(stream, tick, quote)
        for tick in generic_ticks.fixed_ticks(
            stream.generics, self._market, instrument, self._gateway.now_s
        ):
            self._send_tick(stream, tick, quote)
        self._send_rest(stream, quote)

    def _first_ticks(self, instrument: Instrument, quote: Quote) -> Iterator[Tick]:
        """The image in its recorded order; what an instrument does not have is left out."""
        if instrument.has_trades:
            yield Tick(STRING, 45, str(int(self._gateway.now_s)))
            yield Tick(PRICE, 4, str(quote.last))
        yield Tick(GENERIC, 49, "0.0")
        if quote.last_size:
            yield Tick(SIZE, 5, size_text(quote.last_size))
            yield Tick(SIZE, 8, size_text(quote.volume))
        yield Tick(PRICE, 6, str(quote.high))
        yield Tick(PRICE, 7, str(quote.low))
        yield Tick(PRICE, 9, str(quote.close))
        if instrument.has_trades:
            yield Tick(PRICE, 14, str(quote.open))
        if instrument.has_quotes:
            yield Tick(PRICE, 1, str(quote.bid))
            yield Tick(PRICE, 2, str(quote.ask))
            yield Tick(SIZE, 0, size_text(quote.bid_size))
            yield Tick(SIZE, 3, size_text(quote.ask_size))

    def _update(self, stream: Subscription) -> None:
        if stream.is_snapshot or self._gateway.settings.flood:
            return  # each kind of tick is sent once (fact 4.30); a flood has its own writer
        quote = self._quote(stream)
        for tick in self._next_ticks(stream.instrument, quote):
            self._send_changed(stream, tick, quote)
        self._send_rest(stream, quote)

    def _next_ticks(self, instrument: Instrument, quote: Quote) -> Iterator[Tick]:
        """What may change; each price with a size is followed by that size (fact 4.14)."""
        if instrument.has_quotes:
            yield Tick(PRICE, 1, str(quote.bid))
            yield Tick(SIZE, 0, size_text(quote.bid_size))
            yield Tick(PRICE, 2, str(quote.ask))
            yield Tick(SIZE, 3, size_text(quote.ask_size))
        if instrument.has_trades:
            yield Tick(STRING, 45, str(int(self._gateway.now_s)))
            yield Tick(PRICE, 4, str(quote.last))
        if quote.last_size:
            yield Tick(SIZE, 5, size_text(quote.last_size))
            yield Tick(SIZE, 8, size_text(quote.volume))
        yield Tick(PRICE, 6, str(quote.high))
        yield Tick(PRICE, 7, str(quote.low))
        yield Tick(PRICE, 9, str(quote.close))
        if instrument.has_trades:
            yield Tick(PRICE, 14, str(quote.open))

    def _send_rest(self, stream: Subscription, quote: Quote) -> None:
        """Generic ticks that move, and an option's greeks."""
        instrument, now_s = stream.instrument, self._gateway.now_s
        if stream.generics:
            for tick in generic_ticks.moving_ticks(
                stream.generics, self._market, instrument, quote, now_s
            ):
                self._send_changed(stream, tick, quote)
        if instrument.sec_type == "OPT":
            for kind, values in option_ticks(self._market, instrument, quote, now_s):
                if stream.sent.get((21, kind)) != values:
                    stream.sent[21, kind] = values
                    number = kind + 70 if stream.is_delayed else kind
                    self._gateway.send(stream.client, 21, stream.req_id, number, 0, *values)

    def _send_changed(self, stream: Subscription, tick: Tick, quote: Quote) -> None:
        if stream.sent.get((tick.message, tick.kind)) != (tick.value,):
            self._send_tick(stream, tick, quote)

    def _send_tick(self, stream: Subscription, tick: Tick, quote: Quote) -> None:
        message, kind, value = tick
        stream.sent[message, kind] = (value,)
        number = DELAYED_KINDS.get(kind, kind) if stream.is_delayed else kind
        if message == PRICE:
            stream.sent.pop((SIZE, kind + SIZE_AFTER.get(kind, 0)), None)
            size = {1: quote.bid_size, 2: quote.ask_size, 4: quote.last_size}.get(kind, 0.0)
            mask = int(kind in {1, 2})  # bid and ask can be traded against at once
            tail: tuple[object, ...] = (value, size_text(size), mask)
        else:
            tail = (value,)
        self._gateway.send(stream.client, message, 6, stream.req_id, number, *tail)
