"""A gateway that answers late, in pieces, or not at all."""

from __future__ import annotations

from collections import deque
from typing import Annotated, ClassVar

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

Held = tuple[Client, list[str]]
Key = tuple[int, str, str]
"""Number of a connection, leader, request id."""

LEADERS = {
    "18": "10", "52": "10",
    "3": "5", "53": "5",
    "7": "6", "8": "6", "54": "6",
    "59": "11", "55": "11",
    "62": "61", "64": "63", "72": "71", "74": "73", "76": "75", "102": "101",
    "81": "58", "1": "58", "2": "58", "21": "58", "45": "58", "46": "58", "57": "58",
    "90": "17", "106": "17",
}  # fmt: skip
"""Message -> the one that it must not overtake: an end mark its rows, a change its image."""

ID_AT = {"10": 1, "18": 1, "52": 2, "63": 2, "64": 2, "71": 2, "72": 2, "73": 2, "74": 2,
         "75": 1, "76": 1, "11": 1, "55": 2}  # fmt: skip
"""Rows and end marks -> where their request id stands."""

VERSIONED_BELOW = 164
"""Version below which 10 and 18 have a version field before their id (wire table)."""

ROWS = frozenset({"10", "18", "5", "6", "11", "61", "63", "71", "73", "75", "101"})
"""What answers of several messages are made of, by the leader."""


def family_of(message: str) -> str:
    """Return the message whose delay counts for `message`."""
    return LEADERS.get(message, message)


class Slow(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer late, each kind of message by a delay of its own; ends never overtake their rows."""

    NAME: ClassVar[str] = "slow"
    FACTS: ClassVar[str] = "3.12, 5.2, 11.33"

    delay_s: Annotated[float, Meta(ge=0, description="of every message")] = 0.0
    delays_s: Annotated[
        dict[str, float], Meta(description="of some instead, by message id: {17 = 2.0}")
    ] = {}  # noqa: RUF012 - msgspec copies it

    def start(self, site: Site) -> None:
        """Delay what passes."""
        delays_s = {family_of(message): delay for message, delay in self.delays_s.items()}

        def take(client: Client, fields: list[str]) -> bool:
            delay_s = delays_s.get(family_of(fields[0]), self.delay_s)
            if not delay_s:
                return False
            site.gateway.call_later(delay_s, lambda: site.answer(client, fields))
            return True

        site.take_answers(take)


class _Queues:
    """Messages that wait, by client, kind and request."""

    def __init__(self, site: Site, rows: int, gap_s: float) -> None:
        self._site = site
        self._rows = rows
        self._gap_s = gap_s
        self._queues: dict[Key, deque[Held]] = {}
        self._last_fill: dict[int, Key] = {}

    def take(self, client: Client, fields: list[str]) -> bool:
        """Queue a message if it belongs to an answer of several."""
        family = family_of(fields[0])
        if family not in ROWS:
            return False
        place = ID_AT.get(fields[0])
        if family == "10" and fields[0] != "52" and client.version < VERSIONED_BELOW:
            place = 2
        key = client.number, family, fields[place] if place else ""
        if fields[0] == "11":
            self._last_fill[client.number] = key
        elif fields[0] == "59":  # it has no id: it follows its fill
            key = self._last_fill.get(client.number, key)
        if key not in self._queues:
            self._queues[key] = deque()
            self._site.gateway.call_later(self._gap_s, lambda: self._release(key))
        self._queues[key].append((client, fields))
        return True

    def _release(self, key: Key) -> None:
        queue = self._queues[key]
        for _ in range(min(self._rows, len(queue))):
            self._site.answer(*queue.popleft())
        if queue:
            self._site.gateway.call_later(self._gap_s, lambda: self._release(key))
        else:
            del self._queues[key]

    def empty(self) -> None:
        """Let everything go."""
        for queue in self._queues.values():
            while queue:
                self._site.answer(*queue.popleft())


class Interleave(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deliver answers of several messages in pieces, with everything else in between."""

    NAME: ClassVar[str] = "interleave"
    FACTS: ClassVar[str] = "2.8, 3.53, 4.67"

    rows: Annotated[int, Meta(ge=1, description="messages of an answer at once")] = 1
    gap_s: Annotated[float, Meta(gt=0, description="between two pieces")] = 0.05

    def start(self, site: Site) -> None:
        """Queue each answer's messages of their own."""
        queues = _Queues(site, self.rows, self.gap_s)
        site.at_end(queues.empty)
        site.take_answers(queues.take)


class Silence(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Never send some messages: end marks that do not come, requests that hang."""

    NAME: ClassVar[str] = "silence"
    FACTS: ClassVar[str] = "2.11, 3.113, 11.8, 11.11, 11.32"

    messages: Annotated[tuple[int, ...], Meta(min_length=1, description="message ids")]

    def start(self, site: Site) -> None:
        """Drop them."""
        dropped = {str(number) for number in self.messages}
        site.take_answers(lambda _client, fields: fields[0] in dropped)


class Say(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send an error that belongs to no request, to everybody or to one client."""

    NAME: ClassVar[str] = "say"
    FACTS: ClassVar[str] = "1.50, 1.51, 7.7"

    code: Annotated[int, Meta(description="error code")]
    text: Annotated[str, Meta(description="its text")]
    req_id: Annotated[int, Meta(description="the id that it states")] = -1
    client_id: Annotated[int | None, Meta(description="to this client only")] = None

    def start(self, site: Site) -> None:
        """Say it; that is all."""
        for client in site.clients():
            if self.client_id in {None, client.client_id}:
                site.gateway.error(client, self.req_id, self.code, self.text)
        site.end()
