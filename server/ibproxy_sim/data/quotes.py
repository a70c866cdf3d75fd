"""Market data: reqMktData (1), its stream, its snapshots and its end.

What a request gets, in the order that was recorded (facts 4.13, 4.14)::

    58 type, 81 parameters, then a full image, then at each step what has changed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ibproxy_sim.data import generic_ticks
from ibproxy_sim.data.generic_ticks import GENERIC, PRICE, SIZE, STRING, Tick
from ibproxy_sim.data.option_ticks import option_ticks
from ibproxy_sim.exchange.hours import is_open, last_open_s
from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.session import market_data_type
from ibproxy_sim.wire.streams import Stream, Streams
from ibproxy_sim.wire.wording import (
    DUPLICATE_ID,
    cancel_failed,
    fail,
    read_legs,
    refuse,
    size_text,
    wanted,
)

REGULATORY_USD = 0.01
SNAPSHOT_S = 11.0
"""After which a snapshot ends that never got all it waits for (fact 4.29)."""

BBO_EXCHANGE = "9c0001"
SNAPSHOT_PERMISSIONS = 3
LIVE, FROZEN, DELAYED, DELAYED_FROZEN = 1, 2, 3, 4
LATE_S = 900.0
"""How late delayed data is."""

DELAYED_KINDS = {
    0: 69, 1: 66, 2: 67, 3: 70, 4: 68, 5: 71, 6: 72, 7: 73, 8: 74, 9: 75, 14: 76, 45: 88, 49: 90,
}  # fmt: skip
"""Tick types of delayed data (fact 4.22)."""

DELAYED_INSTEAD = "Requested market data is not subscribed. Displaying delayed market data."
NOT_PERMITTED = {
    354: "Requested market data is not subscribed.",
    10089: "Requested market data requires additional subscription for API. See link in 'Market "
    "Data Connections' dialog for more details.",
    10168: "Requested market data is not subscribed. Delayed market data is not enabled.",
}
"""Codes and texts of a refusal for want of a permission (fact 4.38)."""

SIZE_AFTER = {1: -1, 2: 1, 4: 1}
"""From a price's tick type to its size's, which is sent after it, changed or not (4.14)."""

AFTER_CONTRACT = 15
"""Index behind the contract: a combo's legs, the delta-neutral contract's flag, and the rest."""


@dataclass(eq=False)
class Subscription(Stream):
    """One request for market data.

    Attributes:
        generics: generic tick ids that it asked for.
        is_snapshot: whether it ends by itself.
        is_delayed: whether it is 15 minutes late, with tick types of its own.
        is_default_off: whether only generic ticks are wanted (fact 4.25).
        data_type: what it was last told of its data's type, by 58.
        is_imaged: whether it was sent the present state, as no broken farm can.
        sent: last value of each tick, by message and type.
    """

    generics: frozenset[int] = frozenset()
    is_snapshot: bool = False
    is_delayed: bool = False
    is_default_off: bool = False
    data_type: int = LIVE
    is_imaged: bool = False
    sent: dict[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing follows the first image; news has a way of its own."""
        return self.is_default_off and not self.generics & generic_ticks.MOVING


class Quotes:
    """Serves market data.

    Attributes:
        on_start: called with each new subscription and its list of generic ticks.
        charge: called with what a regulatory snapshot costs, in USD (fact 4.32).
    """

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._streams: Streams[Subscription]
        self._streams = Streams(gateway, market.STEP_S, self._update, "quotes")
        # what a market remembers is of the present: the past has one of its own
        self._late_market = Market(market.seed, universe)
        self.charge: Callable[[float], None] = lambda _amount: None
        self.on_start: list[Callable[[Subscription, str], None]] = []

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
        legs, at = read_legs(fields, AFTER_CONTRACT)
        instrument = wanted(gateway, self._universe, client, req_id, fields[3:15], legs)
        if instrument is None:
            return
        if instrument.is_rerouted:  # fact 4.28
            gateway.send(client, 91, req_id, instrument.under_con_id, "SMART")
            return
        neutral = fields[at + 1 : at + 4] if fields[at] == "1" else []
        generic_text, snapshot, regulatory = fields[at + 1 + len(neutral) :][:3]
        stream = Subscription(client, req_id, instrument, is_snapshot="1" in {snapshot, regulatory})
        if not self._is_accepted(stream, generic_text):
            return
        self._start(stream)
        if regulatory == "1":
            self.charge(REGULATORY_USD)
        if neutral:
            gateway.send(client, 56, 1, req_id, *neutral)
        for tell in self.on_start:
            tell(stream, generic_text)

    def _is_accepted(self, stream: Subscription, generic_text: str) -> bool:
        gateway, client, req_id = self._gateway, stream.client, stream.req_id
        instrument = stream.instrument
        try:
            stream.generics = generic_ticks.parse(generic_text)
            is_off = generic_ticks.DEFAULT_OFF in generic_text
            stream.is_default_off = is_off or instrument.sec_type == "NEWS"
            is_legal = stream.generics <= generic_ticks.LEGAL[instrument.sec_type]
        except ValueError:
            is_legal = False
        if not is_legal:
            cause = generic_ticks.illegal_text(instrument, generic_text)
            refuse(gateway, client, req_id, cause)
            return False
        if stream.is_snapshot and stream.generics:  # fact 4.30
            text = "Snapshot market data subscription is not applicable to generic ticks"
            refuse(gateway, client, req_id, text)  # 414, wrapped (fact 1.49)
            return False
        if self._is_over_limit(instrument):
            gateway.error(client, req_id, 101, "Max number of tickers has been reached")
            return False
        if instrument.symbol in gateway.settings.not_permitted:  # fact 4.41
            if market_data_type(client) < DELAYED:
                code = gateway.settings.not_permitted_code
                gateway.error(client, req_id, code, NOT_PERMITTED[code])
                return False
            stream.is_delayed = True
        return True

    def _is_over_limit(self, instrument: Instrument) -> bool:
        taken = {stream.instrument.con_id for stream in self._streams}
        return len(taken | {instrument.con_id}) > self._gateway.settings.max_lines

    def _start(self, stream: Subscription) -> None:
        send, client, req_id = self._gateway.send, stream.client, stream.req_id
        self._streams.add(stream)
        self._tell_type(stream)
        if stream.is_delayed:  # between 58 and 81 [recorded]
            self._gateway.error(client, req_id, 10167, DELAYED_INSTEAD)
        place = ("", 0) if stream.is_delayed else (BBO_EXCHANGE, SNAPSHOT_PERMISSIONS)
        send(client, 81, req_id, stream.instrument.min_tick, *place)
        if not (self._gateway.settings.flood or self._streams.is_paused):
            self.send_image(stream)
        if stream.is_snapshot:
            quote = self._quote(stream)
            stated = (quote.bid, quote.ask, quote.last, quote.open, quote.close)
            if min(stated) > 0 and not self._streams.is_paused:
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

    def _tell_type(self, stream: Subscription) -> None:
        """Send 58: what the data is like from now on (fact 4.16)."""
        stream.data_type = self._data_type(stream)
        self._gateway.send(stream.client, 58, 1, stream.req_id, stream.data_type)

    def _data_type(self, stream: Subscription) -> int:
        """Live or delayed while the market is open; frozen after it if that was chosen (4.34)."""
        chosen = market_data_type(stream.client)
        is_frozen = chosen in {FROZEN, DELAYED_FROZEN} and not self._is_open(stream)
        if stream.is_delayed:
            return DELAYED_FROZEN if is_frozen else DELAYED
        return FROZEN if is_frozen else LIVE

    def _is_open(self, stream: Subscription) -> bool:
        """Whether there is trading; always, unless the market keeps its hours."""
        if not self._gateway.settings.keeps_hours:
            return True
        return is_open(stream.instrument.sec_type, self._moment_s(stream), liquid=True)

    def _moment_s(self, stream: Subscription) -> float:
        return self._gateway.now_s - (LATE_S if stream.is_delayed else 0.0)

    def _shown_s(self, stream: Subscription) -> float:
        """The moment whose prices are shown."""
        moment_s = self._moment_s(stream)
        if self._is_open(stream):
            return moment_s
        return last_open_s(stream.instrument.sec_type, moment_s) - self._market.STEP_S

    def _quote(self, stream: Subscription) -> Quote:
        """What the ticker shows: of now or late, and of the close when the market is closed."""
        market = self._late_market if stream.is_delayed else self._market
        quote = market.quote(stream.instrument, self._shown_s(stream))
        if self._is_open(stream) or stream.data_type in {FROZEN, DELAYED_FROZEN}:
            return quote
        return quote._replace(bid=-1.0, bid_size=0.0, ask=-1.0, ask_size=0.0)  # fact 4.20

    def send_image(self, stream: Subscription) -> None:
        """Send the present state of everything."""
        stream.is_imaged = True
        instrument, quote = stream.instrument, self._quote(stream)
        for tick in () if stream.is_default_off else self._first_ticks(stream, quote):
            self._send_tick(stream, tick, quote)
        for tick in generic_ticks.fixed_ticks(
            stream.generics, self._market, instrument, self._shown_s(stream)
        ):
            self._send_tick(stream, tick, quote)
        self._send_rest(stream, quote)

    def _first_ticks(self, stream: Subscription, quote: Quote) -> Iterator[Tick]:
        """The image in its recorded order; what an instrument does not have is left out."""
        instrument = stream.instrument
        if instrument.has_trades:
            yield Tick(STRING, 45, str(int(self._shown_s(stream))))
            yield Tick(PRICE, 4, str(quote.last))
        yield Tick(GENERIC, 49, "0.0")
        yield from _day_ticks(instrument, quote)
        if instrument.has_quotes:
            yield Tick(PRICE, 1, str(quote.bid))
            yield Tick(PRICE, 2, str(quote.ask))
            yield Tick(SIZE, 0, size_text(quote.bid_size))
            yield Tick(SIZE, 3, size_text(quote.ask_size))

    def _update(self, stream: Subscription) -> None:
        if not stream.is_imaged and not self._gateway.settings.flood:
            self.send_image(stream)  # its farm was broken when it began
        if stream.is_snapshot or self._gateway.settings.flood or stream.is_quiet:
            return  # each kind of tick is sent once (fact 4.30); a flood has its own writer
        if stream.data_type != self._data_type(stream):
            self._tell_type(stream)
        quote = self._quote(stream)
        for tick in () if stream.is_default_off else self._next_ticks(stream, quote):
            self._send_changed(stream, tick, quote)
        self._send_rest(stream, quote)

    def _next_ticks(self, stream: Subscription, quote: Quote) -> Iterator[Tick]:
        """What may change; each price with a size is followed by that size (fact 4.14)."""
        instrument = stream.instrument
        if instrument.has_quotes:
            yield Tick(PRICE, 1, str(quote.bid))
            yield Tick(SIZE, 0, size_text(quote.bid_size))
            yield Tick(PRICE, 2, str(quote.ask))
            yield Tick(SIZE, 3, size_text(quote.ask_size))
        if instrument.has_trades:
            yield Tick(STRING, 45, str(int(self._shown_s(stream))))
            yield Tick(PRICE, 4, str(quote.last))
        yield from _day_ticks(instrument, quote)

    def _send_rest(self, stream: Subscription, quote: Quote) -> None:
        """Generic ticks that move, and an option's greeks."""
        instrument, now_s = stream.instrument, self._shown_s(stream)
        if stream.generics:
            for tick in generic_ticks.moving_ticks(
                stream.generics, self._market, instrument, quote, now_s
            ):
                self._send_changed(stream, tick, quote)
        if instrument.is_option:
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


def _day_ticks(instrument: Instrument, quote: Quote) -> Iterator[Tick]:
    """The last trade's size and the day so far, in their recorded order (fact 4.14)."""
    if quote.last_size:
        yield Tick(SIZE, 5, size_text(quote.last_size))
        yield Tick(SIZE, 8, size_text(quote.volume))
    yield Tick(PRICE, 6, str(quote.high))
    yield Tick(PRICE, 7, str(quote.low))
    yield Tick(PRICE, 9, str(quote.close))
    if instrument.has_trades:
        yield Tick(PRICE, 14, str(quote.open))
