"""Market scanners (22, 23) and their parameters (24), over the US stocks that are listed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.streams import AnyStream, Streams
from ibproxy_sim.wire.wording import DUPLICATE_ID, confirm_cancel, fail

PERIOD_S = 30
MOST_SCANS, MOST_ROWS = 10, 50
NO_MATCHES = "Historical Market Data Service query message:no items retrieved"


def change(quote: Quote) -> float:
    """Change since yesterday's close, in percent."""
    return 100 * (quote.last / quote.close - 1)


SCANS: dict[str, tuple[str, Callable[[Quote], float]]] = {
    "TOP_PERC_GAIN": ("Top % Gainers", lambda quote: -change(quote)),
    "TOP_PERC_LOSE": ("Top % Losers", change),
    "MOST_ACTIVE": ("Most Active", lambda quote: -quote.volume),
    "HOT_BY_VOLUME": ("Hot by Volume", lambda quote: -quote.volume),
    "TOP_OPEN_PERC_GAIN": ("Top % Gainers Since Open", lambda q: -q.last / q.open),
    "TOP_OPEN_PERC_LOSE": ("Top % Losers Since Open", lambda q: q.last / q.open),
}
"""Scan code -> its name, and what its rows are sorted by."""

LOCATIONS = {
    "STK.US": ("NASDAQ", "NYSE", "ARCA"),
    "STK.US.MAJOR": ("NASDAQ", "NYSE", "ARCA"),
    "STK.NASDAQ": ("NASDAQ",),
    "STK.NYSE": ("NYSE",),
    "STK.ARCA": ("ARCA",),
}
"""Location code -> listing exchanges."""

FILTERS: dict[str, Callable[[Quote, float], bool]] = {
    "priceAbove": lambda quote, limit: quote.last >= limit,
    "priceBelow": lambda quote, limit: quote.last <= limit,
    "volumeAbove": lambda quote, limit: quote.volume >= limit,
    "changePercAbove": lambda quote, limit: change(quote) >= limit,
    "changePercBelow": lambda quote, limit: change(quote) <= limit,
}
"""Filter -> whether a stock passes it."""

FIELD_FILTERS = {6: "priceAbove", 7: "priceBelow", 8: "volumeAbove"}
"""Fields of the request that are filters themselves."""

OPTIONS_INDEX = 23
UNSET = "1.7976931348623157E308"


@dataclass(eq=False)
class Scan(AnyStream):
    """One scanner subscription."""

    code: str
    exchanges: tuple[str, ...]
    row_count: int
    filters: dict[str, float] = field(default_factory=dict)


class Scanners:
    """Serves scanners."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._live: Streams[Scan] = Streams(gateway, PERIOD_S, self._send, "scanners")

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"22": self.subscribe, "23": self.cancel, "24": self.parameters}

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Answer reqScannerSubscription (22): the whole list, again and again (fact 4.64)."""
        gateway, req_id = self._gateway, fields[1]
        if self._live.get(client, req_id):
            fail(gateway, client, req_id, DUPLICATE_ID)
            return
        if len(self._live) >= MOST_SCANS:  # fact 4.63
            text = f"Only {MOST_SCANS} simultaneous API scanner subscriptions are allowed."
            fail(gateway, client, req_id, text)
            return
        rows, instrument, location, code = fields[2:6]
        if instrument != "STK" or location not in LOCATIONS or code not in SCANS:
            # other markets are not listed here: as if nothing matched
            gateway.error(client, req_id, 165, NO_MATCHES)
            return
        row_count = min(MOST_ROWS, int(rows) if int(rows or -1) > 0 else MOST_ROWS)
        filters = _read_filters(fields)
        scan = Scan(client, req_id, code, LOCATIONS[location], row_count, filters)
        self._live.add(scan)
        self._send(scan)

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take cancelScannerSubscription (23): 162 if it was live, else 365 (fact 4.63)."""
        was_live = self._live.remove(client, fields[2]) is not None
        confirm_cancel(
            self._gateway, client, fields[2], "scanner subscription", 365, was_live=was_live
        )

    def _send(self, scan: Scan) -> None:
        found = self._matches(scan)[: scan.row_count]
        if not found:
            self._gateway.error(scan.client, scan.req_id, 165, NO_MATCHES)
        rows = [value for rank, stock in enumerate(found) for value in _row(rank, stock)]
        self._gateway.send(scan.client, 20, 3, scan.req_id, len(found), *rows)

    def _matches(self, scan: Scan) -> list[Instrument]:
        now_s = self._gateway.now_s
        stocks = [
            (stock, self._market.quote(stock, now_s))
            for stock in self._universe.instruments
            if stock.sec_type == "STK"
            and stock.primary_exchange in scan.exchanges
            and self._universe.is_listed(stock.symbol)
        ]
        passing = [
            (stock, quote)
            for stock, quote in stocks
            if all(FILTERS[name](quote, limit) for name, limit in scan.filters.items())
        ]
        key = SCANS[scan.code][1]
        return [stock for stock, quote in sorted(passing, key=lambda pair: key(pair[1]))]

    def parameters(self, client: Client, _fields: list[str]) -> None:
        """Answer reqScannerParameters (24): what is understood here, in the gateway's schema."""
        locations = "".join(
            f"<Location><displayName>{name}</displayName><locationCode>{name}</locationCode>"
            f"<instruments>STK</instruments></Location>"
            for name in LOCATIONS
        )
        scans = "".join(
            f"<ScanType><displayName>{escape(name)}</displayName><scanCode>{code}</scanCode>"
            f"<instruments>STK</instruments></ScanType>"
            for code, (name, _) in SCANS.items()
        )
        filters = "".join(
            f"<RangeFilter><id>{name}</id><AbstractField><code>{name}</code></AbstractField>"
            f"</RangeFilter>"
            for name in FILTERS
        )
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?><ScanParameterResponse>'
            "<InstrumentList><Instrument><name>US Stocks</name><type>STK</type></Instrument>"
            f"</InstrumentList><LocationTree>{locations}</LocationTree>"
            f"<ScanTypeList>{scans}</ScanTypeList><FilterList>{filters}</FilterList>"
            "</ScanParameterResponse>"
        )
        self._gateway.send(client, 19, 1, xml)


def _read_filters(fields: list[str]) -> dict[str, float]:
    """The filters of a request; those that are not known here are passed over."""
    found = {
        name: float(fields[index])
        for index, name in FIELD_FILTERS.items()
        if fields[index] and math.isfinite(float(fields[index])) and fields[index] != UNSET
    }
    for pair in fields[OPTIONS_INDEX].split(";"):
        name, _, value = pair.partition("=")
        if name in FILTERS:
            found[name] = float(value)
    return found


def _row(rank: int, stock: Instrument) -> tuple[object, ...]:
    """A row as it was recorded (fact 4.65): a stock without strike is 0."""
    return (
        rank, stock.con_id, stock.symbol, "STK", "", 0, "", "SMART", stock.currency,
        stock.local_symbol, stock.trading_class, stock.trading_class, "", "", "", "",
    )  # fmt: skip
