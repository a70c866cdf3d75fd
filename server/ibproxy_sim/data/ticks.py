"""Single ticks: the live stream (97), and those of the past (96). Each step is one tick."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ibproxy_sim.data.bars import parse_end, spans
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import STEP_S, step_at
from ibproxy_sim.exchange.times import DAY, eastern_day
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.streams import Stream, Streams
from ibproxy_sim.wire.wording import (
    BAD_TIME,
    DUPLICATE_ID,
    cancel_failed,
    fail,
    refuse,
    size_text,
    wanted,
)

KINDS = {"Last": 1, "AllLast": 2, "BidAsk": 3, "MidPoint": 4}
"""Tick type of a request -> its number in message 99 (fact 4.49)."""

AGGREGATED = "AGGTRADES"
FAILED_PAST = "Failed to request historical ticks:"
NOT_ENOUGH = "2 out of startTime/endTime/timeLength parameters have to be specified"
PAST_KINDS = {"TRADES": 98, "BID_ASK": 97, "MIDPOINT": 96}
"""What to show -> the message that carries it."""

PAST_OF_LIVE = {"Last": "TRADES", "AllLast": "TRADES", "BidAsk": "BID_ASK", "MidPoint": "MIDPOINT"}
MOST_PAST_TICKS = 1000
GAP_S = 15.0
"""Within which a request for the same ticks is not taken again (fact 4.46)."""

LONGEST_SEARCH_DAYS = 10
PLACE = "NASDAQ"
"""Exchange that trades are stated for [assumed]."""


@dataclass(eq=False)
class TickStream(Stream):
    """One tick-by-tick request; `sent` is what it was last sent, without the time."""

    kind: str
    is_size_ignored: bool
    sent: tuple[str, ...] = ()


class Ticks:
    """Serves tick-by-tick data and historical ticks."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._live: Streams[TickStream] = Streams(gateway, STEP_S, self._update, "tick_by_tick")
        self._asked_at_s: dict[tuple[int, str], float] = {}

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"96": self.past, "97": self.subscribe, "98": self.cancel}

    # live

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Answer reqTickByTickData (97)."""
        gateway, req_id, kind = self._gateway, fields[1], fields[14]
        if self._live.get(client, req_id):
            fail(gateway, client, req_id, DUPLICATE_ID)
            return
        instrument = wanted(gateway, self._universe, client, req_id, fields[2:14])
        if instrument is None:
            return
        if kind not in KINDS:
            refuse(gateway, client, req_id, "Please enter a valid tick type")  # [assumed] wording
            return
        if not self._is_permitted(instrument) or not _has(instrument, PAST_OF_LIVE[kind]):
            text = f"Failed to request tick-by-tick data:{_no_permission(instrument)}"
            gateway.error(client, req_id, 10189, text)  # fact 4.42, text from public logs
            return
        most = gateway.settings.max_tick_by_tick
        if most is None:
            most = max(1, gateway.settings.max_lines // 20)  # fact 4.45
        if len(self._live) >= most:
            text = "Max number of tick-by-tick requests has been reached."
            gateway.error(client, req_id, 10190, text)
            return
        if not self._may_ask(instrument, kind):  # fact 4.46; with which code is [assumed]
            text = "Max number of tick-by-tick requests has been reached."
            gateway.error(client, req_id, 10190, text)
            return
        stream = TickStream(client, req_id, instrument, kind, fields[16] == "1")
        count = min(int(fields[15] or 0), MOST_PAST_TICKS)
        if count:  # fact 4.48
            end = step_at(gateway.now_s)
            what = PAST_OF_LIVE[kind]
            self._send_past(client, req_id, instrument, what, range(end - count, end))
        self._live.add(stream)
        if not self._live.is_paused:
            self._update(stream)

    def _is_permitted(self, instrument: Instrument) -> bool:
        return instrument.symbol not in self._gateway.settings.not_permitted

    def _may_ask(self, instrument: Instrument, kind: str) -> bool:
        """Whether the server takes a request; one like a live one joins it (fact 4.50).

        The rule names the instrument; that each kind counts for itself is [assumed].
        """
        key, now_s = (instrument.con_id, kind), self._gateway.now_s
        if any((live.instrument.con_id, live.kind) == key for live in self._live):
            return True
        asked_at_s = self._asked_at_s.get(key)
        if asked_at_s is not None and now_s - asked_at_s < GAP_S:
            return False
        self._asked_at_s[key] = now_s
        return True

    def _update(self, stream: TickStream) -> None:
        instrument, now_s = stream.instrument, self._gateway.now_s
        number = KINDS[stream.kind]
        values = _values(self._market, instrument, PAST_OF_LIVE[stream.kind], step_at(now_s))
        if number > KINDS["AllLast"]:  # quotes are told when they change, trades always
            compared = values[:2] if stream.is_size_ignored else values
            if compared == stream.sent:
                return
            stream.sent = compared
        tail: tuple[object, ...] = ()
        if number <= KINDS["AllLast"]:
            tail = (0, PLACE, "")
        elif number == KINDS["BidAsk"]:
            tail = (0,)
        self._gateway.send(stream.client, 99, stream.req_id, number, int(now_s), *values, *tail)

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take cancelTickByTickData (98)."""
        if self._live.remove(client, fields[1]) is None:
            cancel_failed(self._gateway, client, fields[1])

    # past

    def past(self, client: Client, fields: list[str]) -> None:
        """Answer reqHistoricalTicks (96): the last ticks before a moment, or the first after."""
        gateway, req_id = self._gateway, fields[1]
        instrument = wanted(gateway, self._universe, client, req_id, fields[2:14])
        if instrument is None:
            return
        start_text, end_text, count_text, what, rth = fields[15:20]
        count = int(count_text)
        if what == AGGREGATED:  # told, and answered all the same [recorded]
            what = "TRADES"
            text = f"Expected what to show is {what}, please use that instead of {AGGREGATED}."
            gateway.error(client, req_id, 10299, text)
        cause = _cause(count, what, start_text, end_text)
        if cause:
            refuse(gateway, client, req_id, cause)
            return
        if not start_text.strip() and not end_text.strip():
            gateway.error(client, req_id, 10187, f"{FAILED_PAST}{NOT_ENOUGH}")
            return
        try:
            moment_s, _ = parse_end(start_text or end_text)
        except ValueError:
            name = "Start" if start_text.strip() else "End"
            gateway.error(client, req_id, 10314, f"{name} Date/Time: {BAD_TIME}")
            return
        if not self._is_permitted(instrument):  # fact 5.11
            gateway.error(client, req_id, 10187, f"{FAILED_PAST}{_no_permission(instrument)}")
            return
        if what == "TRADES" and instrument.sec_type == "CASH":
            what = "MIDPOINT"  # [recorded]
        if not _has(instrument, what):
            text = f"HMDS query returned no data: {instrument.local_symbol}@{instrument.exchange}"
            gateway.error(
                client, req_id, 162, f"Historical Market Data Service error message:{text} {what}"
            )
            return
        steps = self._steps(instrument, rth == "1", moment_s, count, is_forward=bool(start_text))
        self._send_past(client, req_id, instrument, what, steps)

    def _steps(
        self,
        instrument: Instrument,
        use_rth: bool,
        moment_s: float,
        count: int,
        *,
        is_forward: bool,
    ) -> list[int]:
        """Whole seconds of steps, the nearest to a moment, in the hours that count."""
        present = step_at(self._gateway.now_s) + 1
        count = math.ceil(count * STEP_S) * round(1 / STEP_S)  # the last second is whole (5.19)
        day, found = eastern_day(moment_s), list[int]()
        for _ in range(LONGEST_SEARCH_DAYS):
            span = spans(instrument, use_rth, day)
            if span and is_forward:
                first = step_at(max(span[0], moment_s))
                found += range(first, min(step_at(span[1]), present))[: count - len(found)]
            elif span:
                end = min(step_at(min(span[1], moment_s)), present)
                wanted_steps = range(step_at(span[0]), end)
                found = [*wanted_steps[max(0, len(wanted_steps) - count + len(found)) :], *found]
            if len(found) >= count:
                break
            day = day + DAY if is_forward else day - DAY
        return found

    def _send_past(
        self,
        client: Client,
        req_id: str,
        instrument: Instrument,
        what: str,
        steps: list[int] | range,
    ) -> None:
        rows: list[object] = []
        tail = (PLACE, "") if what == "TRADES" else ()
        for step in steps:
            values = _values(self._market, instrument, what, step)
            size = ("0",) if what == "MIDPOINT" else ()
            rows += [int(step * STEP_S), 0, *values, *size, *tail]
        self._gateway.send(client, PAST_KINDS[what], req_id, len(steps), *rows, 1)


def _cause(count: int, what: str, start: str, end: str) -> str:
    """What validation has against a request for past ticks, if anything (fact 5.19)."""
    if count <= 0:
        return "Number of ticks must be > 0"
    if what not in PAST_KINDS:
        return "Invalid source price"
    if count > MOST_PAST_TICKS or (start.strip() and end.strip()):
        return "Invalid historical ticks query"  # [assumed] wording
    return ""


def _no_permission(instrument: Instrument) -> str:
    return f"No market data permissions for {instrument.exchange} {instrument.sec_type}"


def _has(instrument: Instrument, what: str) -> bool:
    return instrument.has_trades if what == "TRADES" else instrument.has_quotes


def _values(market: Market, instrument: Instrument, what: str, step: int) -> tuple[str, ...]:
    """Price and size, bid and ask with their sizes, or the midpoint of a step."""
    price = market.price(instrument, step)
    if what == "TRADES":
        size = market.traded(instrument, step, step + 1)
        return str(market.last(instrument, price)), size_text(size)
    if what == "MIDPOINT":
        return (str(market.midpoint(instrument, price)),)
    bid_size, ask_size = market.sizes(instrument, step)
    bid, ask = market.bid(instrument, price), market.ask(instrument, price)
    return str(bid), str(ask), size_text(bid_size), size_text(ask_size)
