"""Wall Street Horizon's calendar (100 to 103): first what kinds of events there are, then events.

One request of each kind at a time for each client, and events only after the kinds (fact 8.21)::

    nothing ──100──► asked ──104──► known ──102──► asking ──105──► known
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ibproxy_sim.exchange.instruments import Instrument
from ibproxy_sim.exchange.path import mix
from ibproxy_sim.exchange.times import DAY, eastern_day
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.feeds.permission import CALENDAR, has_feed
from ibproxy_sim.wire.gateway import Client, Gateway

ANSWER_S = 0.05
FILTER_VERSION = 171
"""From which on events can be asked for by a filter instead of a contract."""

KINDS = (
    ("wshe_ed", "Earnings Dates"),
    ("wshe_div", "Dividend Dates"),
    ("wshe_bod", "Board of Directors Meeting"),
)
"""Tags and names."""

STATE = "wall_street_horizon"
UNSET = ("", "0", "2147483647")


@dataclass
class _State:
    """What a client has asked for: ids of what is under way, and whether it knows the kinds."""

    is_known: bool = False
    asked: dict[str, str] = field(default_factory=dict)


class WallStreetHorizon:
    """Serves the calendar of corporate events."""

    def __init__(self, gateway: Gateway, universe: Universe) -> None:
        self._gateway = gateway
        self._universe = universe

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "100": self.kinds,
            "101": self.cancel_kinds,
            "102": self.events,
            "103": self.cancel_events,
        }

    def kinds(self, client: Client, fields: list[str]) -> None:
        """Answer reqWshMetaData (100)."""
        req_id, state = fields[1], _state_of(client)
        if not has_feed(self._gateway, client, req_id, CALENDAR):
            return
        if "kinds" in state.asked:
            self._gateway.error(client, req_id, 10278, "Duplicate WSH meta data request.")
            return
        state.asked["kinds"] = req_id
        rows = [{"name": name, "tag": tag, "filters": []} for tag, name in KINDS]
        text = json.dumps({"meta_data": {"event_types": rows}})

        def answer() -> None:
            if state.asked.pop("kinds", None) == req_id:
                state.is_known = True
                self._gateway.send(client, 104, req_id, text)

        self._gateway.call_later(ANSWER_S, answer)

    def cancel_kinds(self, client: Client, fields: list[str]) -> None:
        """Take cancelWshMetaData (101)."""
        if not self._is_forgotten(client, "kinds", fields[1]):
            self._gateway.error(client, fields[1], 10280, "Failed to cancel WSH meta data.")

    def events(self, client: Client, fields: list[str]) -> None:
        """Answer reqWshEventData (102)."""
        req_id, state = fields[1], _state_of(client)
        if not has_feed(self._gateway, client, req_id, CALENDAR):
            return
        if not state.is_known:
            self._gateway.error(client, req_id, 10282, "WSH meta data not requested.")
            return
        if "events" in state.asked:
            self._gateway.error(client, req_id, 10281, "Duplicate WSH event data request.")
            return
        instruments = self._wanted(client, fields)
        if not instruments:
            self._gateway.error(client, req_id, 10309, "Invalid WSH event data request.")
            return
        state.asked["events"] = req_id
        rows = [row for instrument in instruments for row in self._of(instrument)]

        def answer() -> None:
            if state.asked.pop("events", None) == req_id:
                self._gateway.send(client, 105, req_id, json.dumps(rows))

        self._gateway.call_later(ANSWER_S, answer)

    def cancel_events(self, client: Client, fields: list[str]) -> None:
        """Take cancelWshEventData (103)."""
        if not self._is_forgotten(client, "events", fields[1]):
            self._gateway.error(client, fields[1], 10284, "Failed to cancel WSH event data.")

    @staticmethod
    def _is_forgotten(client: Client, kind: str, req_id: str) -> bool:
        """Whether a request was under way; it is no more, or it was answered before."""
        state = _state_of(client)
        if state.asked.get(kind) == req_id:
            del state.asked[kind]
            return True
        return kind not in state.asked and state.is_known

    def _wanted(self, client: Client, fields: list[str]) -> list[Instrument]:
        """One contract, or those that a filter names: its conIds are all that is looked at."""
        if fields[2] not in UNSET:
            found = self._universe.by_con_id(int(fields[2]))
            return [found] if found else []
        if client.version < FILTER_VERSION or not fields[3]:
            return []
        try:
            con_ids = json.loads(fields[3]).get("watchlist", [])
        except (ValueError, AttributeError):
            return []
        found_ids = [self._universe.by_con_id(int(con_id)) for con_id in con_ids]
        return [instrument for instrument in found_ids if instrument]

    def _of(self, instrument: Instrument) -> list[dict[str, object]]:
        """The events of a contract's next three months, made up."""
        today = eastern_day(self._gateway.now_s)
        rows: list[dict[str, object]] = []
        for tag, name in KINDS:
            noise = mix(instrument.con_id * 64 + len(tag) + ord(tag[-1]))
            day = today + DAY * (7 + noise % 80)
            rows.append(
                {
                    "con_id": instrument.con_id,
                    "symbol": instrument.symbol,
                    "event_type": tag,
                    "name": name,
                    "index_date": f"{day:%Y%m%d}",
                    "index_date_type": "EVENT_DATE",
                }
            )
        return rows


def _state_of(client: Client) -> _State:
    state = client.state.setdefault(STATE, _State())
    assert isinstance(state, _State)  # noqa: S101 - written here only
    return state
