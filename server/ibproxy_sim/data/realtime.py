"""Real-time bars (50): the last five seconds, every five seconds."""

from __future__ import annotations

from dataclasses import dataclass

from ibproxy_sim.data.bars import has_data, read_bars, spans
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.streams import Stream, Streams
from ibproxy_sim.wire.wording import DUPLICATE_ID, cancel_failed, fail, refuse, size_text, wanted

BAR_S = 5
SHOWN = frozenset({"TRADES", "MIDPOINT", "BID", "ASK"})


@dataclass(eq=False)
class BarStream(Stream):
    """One request for real-time bars."""

    what: str
    use_rth: bool


class RealTimeBars:
    """Serves real-time bars."""

    def __init__(self, gateway: Gateway, universe: Universe, market: Market) -> None:
        self._gateway = gateway
        self._universe = universe
        self._market = market
        self._live: Streams[BarStream] = Streams(gateway, BAR_S, self._update, "real_time_bars")

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"50": self.subscribe, "51": self.cancel}

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Answer reqRealTimeBars (50); the bar size that is asked for does not matter (4.57)."""
        gateway, req_id = self._gateway, fields[2]
        if self._live.get(client, req_id):
            fail(gateway, client, req_id, DUPLICATE_ID)
            return
        instrument = wanted(gateway, self._universe, client, req_id, fields[3:15])
        if instrument is None:
            return
        what, use_rth = fields[16].upper(), fields[17] == "1"
        if what not in SHOWN:
            refuse(gateway, client, req_id, "Invalid what to show")  # [assumed] wording
        elif not has_data(instrument, what):
            gateway.error(client, req_id, 420, "Invalid Real-time Query")  # fact 4.57
        elif len(self._live) >= gateway.settings.max_lines:  # each is a line (facts 4.57, 4.59)
            gateway.error(client, req_id, 456, "Max number of real time requests has been reached.")
        else:
            self._live.add(BarStream(client, req_id, instrument, what, use_rth))

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take cancelRealTimeBars (51)."""
        if self._live.remove(client, fields[2]) is None:
            cancel_failed(self._gateway, client, fields[2])

    def _update(self, stream: BarStream) -> None:
        end_s = round(self._gateway.now_s / BAR_S) * BAR_S
        start_s = end_s - BAR_S
        span = spans(stream.instrument, stream.use_rth, eastern_day(start_s))
        if not span or not span[0] <= start_s < span[1]:
            return
        moments = iter([(start_s, end_s)])
        for bar in read_bars(self._market, stream.instrument, stream.what, BAR_S, moments):
            self._gateway.send(
                stream.client,
                50,
                3,
                stream.req_id,
                int(bar.start_s),
                *bar[1:5],
                size_text(bar.volume),
                bar.average,
                bar.trades,
            )
