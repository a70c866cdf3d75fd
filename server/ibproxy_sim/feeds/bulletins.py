"""News bulletins (12 to 14): what a gateway tells everybody about exchanges and itself."""

from __future__ import annotations

from datetime import date, time
from functools import partial
from typing import NamedTuple

from ibproxy_sim.exchange.calendars import is_session_day
from ibproxy_sim.exchange.times import DAY, at_s, eastern_day
from ibproxy_sim.wire.gateway import Client, Gateway

REGULAR, CLOSED_EXCHANGE, OPENED_EXCHANGE = 1, 2, 3
"""Types of bulletins [api]."""

DAILY = (
    (time(9), REGULAR, "Orders for the opening auction are accepted until 09:28.", "NYSE"),
    (time(16, 30), REGULAR, "The exchange reports an orderly close.", "NYSE"),
)
"""What comes on each day with a session: when, type, text, exchange."""


class Bulletin(NamedTuple):
    """One bulletin; a client that sees an id twice has seen the same one (fact 8.9)."""

    number: int
    kind: int
    text: str
    exchange: str


class Bulletins:
    """Serves news bulletins.

    Attributes:
        today: the day's bulletins so far.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._day = date.min
        self.today: list[Bulletin] = []
        self._readers: dict[Client, None] = {}
        self._is_planned = False

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {"12": self.subscribe, "13": self.cancel}
        self._gateway.on_leave.append(self._forget)

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Take reqNewsBulletins (12): the day's first, if they are wanted, then new ones (8.9)."""
        self._catch_up()
        if fields[2] == "1":
            for bulletin in self.today:
                self._send(client, bulletin)
        self._readers[client] = None
        self._plan()

    def cancel(self, client: Client, _fields: list[str]) -> None:
        """Take cancelNewsBulletins (13)."""
        self._readers.pop(client, None)

    def publish(self, kind: int, text: str, exchange: str) -> None:
        """Tell everybody who reads bulletins."""
        self._catch_up()
        number = int(f"{self._day:%y%m%d}") * 100 + len(self.today) + 1
        bulletin = Bulletin(number, kind, text, exchange)
        self.today.append(bulletin)
        for client in self._readers:
            self._send(client, bulletin)

    def _send(self, client: Client, bulletin: Bulletin) -> None:
        self._gateway.send(client, 14, 1, *bulletin)

    def _forget(self, client: Client) -> None:
        self._readers.pop(client, None)

    def _catch_up(self) -> None:
        """Write down what the day has brought while nobody read."""
        day, now_s = eastern_day(self._gateway.now_s), self._gateway.now_s
        if self._day != day:
            self._day, self.today = day, []
            for moment, kind, text, exchange in DAILY if is_session_day(day) else ():
                if at_s(day, moment) < now_s:
                    self.publish(kind, text, exchange)

    def _plan(self) -> None:
        if self._is_planned or not self._readers:
            return
        self._is_planned = True
        now_s, day = self._gateway.now_s, eastern_day(self._gateway.now_s)
        while True:
            for moment, kind, text, exchange in DAILY if is_session_day(day) else ():
                time_s = at_s(day, moment)
                if time_s > now_s:
                    tell = partial(self._daily, kind, text, exchange)
                    self._gateway.call_at(time_s, tell)
                    return
            day += DAY

    def _daily(self, kind: int, text: str, exchange: str) -> None:
        self._is_planned = False
        if self._readers:
            self.publish(kind, text, exchange)
            self._plan()
