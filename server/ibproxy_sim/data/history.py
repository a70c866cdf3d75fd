"""Historical data: bars once (20), bars kept up to date (90), schedules."""

from __future__ import annotations

from dataclasses import dataclass

from ibproxy_sim.data.bars import (
    ALIASES,
    AROUND_THE_CLOCK,
    BAR_SIZES,
    DAY_S,
    SHOWS,
    Bar,
    Duration,
    bar_date_text,
    first_moment_s,
    has_data,
    head_s,
    parse_end,
    read_bars,
    slots,
    time_text,
    window_start_s,
)
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.path import STEP_S, step_at
from ibproxy_sim.exchange.times import eastern
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.streams import Stream, Streams
from ibproxy_sim.wire.wording import (
    BAD_TIME,
    DUPLICATE_ID,
    SERVICE_ERROR,
    confirm_cancel,
    fail,
    read_legs,
    refuse,
    size_text,
    wanted,
)

UPDATE_PERIOD_S = 1.0
"""How often an unfinished bar is sent if it has changed (fact 5.23: every 1 to 2 s)."""

MOST_BARS = 20_000
MOST_OPEN = 50
TOO_MANY = f"Only {MOST_OPEN} simultaneous API historical data requests allowed."
LONGEST_DAYS = 365
AFTER_FORMAT = 21
"""Index behind the date format: a combo's legs, then whether to keep up to date."""

EXPECTED = {
    ("CRYPTO", "TRADES"): "AGGTRADES",
}
"""What is to be asked for instead, by security type and what was asked for."""

KEEPS_UP_TO_DATE = frozenset({"TRADES", "MIDPOINT", "BID", "ASK"})
NO_ZONE = (
    "Warning: You submitted request with date-time attributes without explicit time zone. "
    "Please switch to use yyyymmdd-hh:mm:ss in UTC or use instrument time zone, like US/Eastern. "
    "Implied time zone functionality will be removed in the next API release"
)


class BadRequestError(Exception):
    """A request cannot be answered: a code, and the text or the cause to state."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(eq=False)
class Request(Stream):
    """A request for bars, read and checked; a live one once it is among the streams."""

    what: str
    size_s: int
    duration: Duration
    end_s: float
    use_rth: bool
    format_date: int
    sent_start_s: float = 0.0
    sent: Bar | None = None


class History:
    """Serves historical data.

    Attributes:
        open_heads: connection and request id of head time stamps that are not cancelled yet.
    """

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._live: Streams[Request] = Streams(gateway, UPDATE_PERIOD_S, self._update, "bars")
        self._warned: set[int] = set()
        self.open_heads: set[tuple[int, str]] = set()

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "20": self.bars,
            "25": self.cancel,
        }

    @property
    def is_full(self) -> bool:
        """Whether there are as many requests open as there may be (fact 5.3)."""
        return len(self._live) + len(self.open_heads) >= MOST_OPEN

    @property
    def subscriptions(self) -> int:
        """Bar requests that are kept up to date, over all clients."""
        return len(self._live)

    # bars

    def bars(self, client: Client, fields: list[str]) -> None:
        """Answer reqHistoricalData (20): one 17, or a 106; then 90 if it is kept up to date."""
        req_id = fields[1]
        if self._live.get(client, req_id):
            fail(self._gateway, client, req_id, DUPLICATE_ID)  # 386, wrapped (fact 1.49)
            return
        if self.is_full:
            fail(self._gateway, client, req_id, TOO_MANY)
            return
        legs, at = read_legs(fields, AFTER_FORMAT)
        instrument = wanted(self._gateway, self._universe, client, req_id, fields[2:14], legs)
        if instrument is None:
            return
        try:
            request = self._read(client, instrument, fields)
            if request.what == "SCHEDULE":
                self._send_schedule(request)
                return
            keep = fields[at] == "1"
            if keep:
                self._check_keep(request, fields[15])
            self._send_bars(request)
        except BadRequestError as error:
            if error.code == 321:  # noqa: PLR2004 - wrapped in its sentence
                refuse(self._gateway, client, req_id, error.text)
            else:
                self._gateway.error(client, req_id, error.code, error.text)
            return
        if keep:
            self._live.add(request)

    def _read(self, client: Client, instrument: Instrument, fields: list[str]) -> Request:
        end_text, size, duration, rth, what, format_date = fields[15:21]
        what = what.upper()
        size = ALIASES.get(size.strip().lower(), size.strip())
        if size not in BAR_SIZES:
            legal = ", ".join(BAR_SIZES)
            raise BadRequestError(
                321, f"Historical data bar size setting is invalid. Legal ones are: {legal}"
            )
        if what not in SHOWS and what != "SCHEDULE":  # 431, wrapped (fact 1.49)
            raise BadRequestError(321, "What to show field is missing or incorrect.")
        if what == "SCHEDULE" and BAR_SIZES[size] != DAY_S:  # 10295, wrapped (facts 1.49, 5.11)
            raise BadRequestError(321, "Only daily resolution supported for Schedule requests")
        expected = EXPECTED.get((instrument.sec_type, what))
        if expected:  # fact 5.11
            text = f"Expected what to show is {expected}, please use that instead of {what}."
            raise BadRequestError(10299, text)
        if end_text.strip() and instrument.sec_type == "CONTFUT":  # fact 5.11
            text = "Setting end date/time for continuous future security type is not allowed"
            raise BadRequestError(10339, f"{text}.")
        if end_text.strip() and what == "ADJUSTED_LAST":  # [assumed] wording
            raise BadRequestError(321, "End date not supported with adjusted last")
        if instrument.symbol in self._gateway.settings.not_permitted:
            place = f"{instrument.exchange} {instrument.sec_type}"
            raise BadRequestError(162, f"{SERVICE_ERROR}No market data permissions for {place}")
        try:
            back = Duration.parse(duration)
        except ValueError:
            raise BadRequestError(321, "Historical data duration is invalid") from None
        if back.unit == "D" and back.number > LONGEST_DAYS:
            raise BadRequestError(
                321,
                "Historical data requests for durations longer than 365 days "
                "must be made in years.",
            )
        return Request(
            client,
            fields[1],
            instrument,
            what=what,
            size_s=BAR_SIZES[size],
            duration=back,
            end_s=self._end(client, fields[1], end_text),
            use_rth=rth == "1",
            format_date=int(format_date or 1),
        )

    def _end(self, client: Client, req_id: str, text: str) -> float:
        now_s = self._gateway.now_s
        present_s = (step_at(now_s) + 1) * STEP_S  # the running step is part of it
        if not text.strip():
            return present_s
        try:
            end_s, has_zone = parse_end(text)
        except ValueError:
            raise BadRequestError(10314, f"End Date/Time: {BAD_TIME}") from None
        if not has_zone and client.number not in self._warned:  # once, and it goes on (fact 5.17)
            self._warned.add(client.number)
            self._gateway.error(client, req_id, 2174, NO_ZONE)
        return min(end_s, present_s)

    def _check_keep(self, request: Request, end_text: str) -> None:
        """What cannot be kept up to date: 10177 to 10179, wrapped (facts 1.49, 5.22)."""
        if request.instrument.legs:
            raise BadRequestError(321, "Live updates for combos are not supported")
        if end_text.strip():
            raise BadRequestError(321, "End date not supported with live updates")
        if request.what not in KEEPS_UP_TO_DATE:
            raise BadRequestError(321, "Source price not supported with live updates")

    def _send_bars(self, request: Request) -> None:
        instrument = request.instrument
        start_s = self._start(request)
        count = (request.end_s - start_s) / request.size_s
        if request.use_rth and instrument.sec_type not in AROUND_THE_CLOCK:
            count *= 6.5 * 5 / (24 * 7)
        if count > MOST_BARS:
            raise BadRequestError(162, f"{SERVICE_ERROR}Time length exceed max.")
        found: list[Bar] = []
        if has_data(instrument, request.what):
            found = self._read_bars(request, max(start_s, head_s(instrument)), request.end_s)
        if not found:
            raise BadRequestError(162, f"{SERVICE_ERROR}{self._no_data(request)}")
        request.sent, request.sent_start_s = found[-1], found[-1].start_s
        rows = [field for bar in found for field in self._row(request, bar)]
        window_s = window_start_s(request.duration, request.end_s)
        texts = (time_text(window_s), time_text(request.end_s))  # not those of bars (fact 5.26)
        self._gateway.send(request.client, 17, request.req_id, *texts, len(found), *rows)

    @staticmethod
    def _no_data(request: Request) -> str:
        """Why there is nothing: facts 5.10 and, for a pair's trades, public logs."""
        instrument, what = request.instrument, request.what.replace("_", "/").title()
        if instrument.sec_type == "CASH" and request.what == "TRADES":
            days = f"{request.duration.number}{request.duration.unit.lower()}"
            return f"No historical market data for {instrument.symbol}/CASH@FXSUBPIP Last {days}"
        return (
            f"HMDS query returned no data: {instrument.local_symbol}@{instrument.exchange} {what}"
        )

    def _start(self, request: Request) -> float:
        return first_moment_s(
            request.instrument,
            request.use_rth,
            request.duration,
            request.end_s,
            request.size_s >= DAY_S,
        )

    def _read_bars(self, request: Request, start_s: float, end_s: float) -> list[Bar]:
        moments = slots(request.instrument, request.use_rth, request.size_s, start_s, end_s)
        return read_bars(self._market, request.instrument, request.what, request.size_s, moments)

    @staticmethod
    def _row(request: Request, bar: Bar) -> tuple[object, ...]:
        return (
            bar_date_text(bar.start_s, request.size_s, request.format_date),
            *bar[1:5],
            size_text(bar.volume),
            bar.average,
            bar.trades,
        )

    # kept up to date

    def _update(self, request: Request) -> None:
        """Send the bars that have changed: the one last sent, and those begun since."""
        end_s = (step_at(self._gateway.now_s) + 1) * STEP_S
        start_s = request.sent_start_s
        if request.size_s > DAY_S:  # weeks and months are put together from their days
            start_s = first_moment_s(
                request.instrument, request.use_rth, request.duration, end_s, by_day=True
            )
        for bar in self._read_bars(request, start_s, end_s):
            if bar.start_s < request.sent_start_s or bar == request.sent:
                continue
            request.sent, request.sent_start_s = bar, bar.start_s
            self._gateway.send(
                request.client,
                90,
                request.req_id,
                bar.trades,
                bar_date_text(bar.start_s, request.size_s, request.format_date),
                bar.open,
                bar.close,
                bar.high,
                bar.low,
                bar.average,
                size_text(bar.volume),
            )

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take cancelHistoricalData (25): 162 if it was live, else 366 (facts 5.11, 5.14)."""
        was_live = self._live.remove(client, fields[2]) is not None
        confirm_cancel(
            self._gateway, client, fields[2], "historical data query", 366, was_live=was_live
        )

    # sessions

    def _send_schedule(self, request: Request) -> None:
        moments = list(
            slots(
                request.instrument,
                request.use_rth,
                DAY_S,
                self._start(request),
                request.end_s,
            )
        )
        texts = [
            (f"{eastern(a):%Y%m%d-%H:%M:%S}", f"{eastern(b):%Y%m%d-%H:%M:%S}") for a, b in moments
        ]
        rows = [field for a, b in texts for field in (a, b, a[:8])]
        ends = (texts[0][0], texts[-1][1]) if texts else ("", "")
        self._gateway.send(
            request.client, 106, request.req_id, *ends, "US/Eastern", len(texts), *rows
        )
