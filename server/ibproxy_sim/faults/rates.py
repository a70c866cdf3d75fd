"""How many messages a client may send: facts 6.1 to 6.11.

Time is cut into seconds, which begin with a client's first message. What is counted in one of
them is told when it is over, as the recorded text has the whole rate in it: "rec=138 (1)" [the
cutting is assumed].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import START_API, Client

WINDOW_S = 1.0


@dataclass
class _Count:
    """What one client has sent.

    Attributes:
        messages: in the running second.
        strikes: seconds with too many, ever.
        waiting: what is read only when the second is over.
    """

    messages: int = 0
    strikes: int = 0
    is_running: bool = False
    waiting: list[list[str]] = field(default_factory=list)


class MessageRate(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limit a client's messages: a warning near it, error 100 above it, in the end the door."""

    NAME: ClassVar[str] = "message_rate"
    FACTS: ClassVar[str] = "6.1-6.6"

    limit_per_s: Annotated[int, Meta(ge=1, description="messages of one client")] = 50
    warn_at: Annotated[int, Meta(ge=1, description="messages after which code 0 warns")] = 44
    strikes: Annotated[int, Meta(ge=1, description="the so many-th violation closes")] = 3
    excess: Annotated[
        Literal["rejected", "waits"],
        Meta(description="what is above the limit is dropped with error 100, or read later"),
    ] = "rejected"

    def start(self, site: Site) -> None:
        """Count from now on."""
        site.take_requests(_Meter(self, site).take)


class _Meter:
    """Counts for all clients."""

    def __init__(self, rule: MessageRate, site: Site) -> None:
        self._rule = rule
        self._site = site
        self._counts: dict[Client, _Count] = {}

    def take(self, client: Client, fields: list[str]) -> bool:
        """Count a message, and hold it back if it is too much."""
        if fields[:1] == [START_API]:
            return False
        rule = self._rule
        count = self._counts.setdefault(client, _Count())
        count.messages += 1
        if not count.is_running:
            count.is_running = True
            self._site.later(WINDOW_S, lambda: self._finish(client, count))
        if count.messages == rule.warn_at:
            text = f"Warning: Approaching max rate of {rule.limit_per_s} messages per second"
            self._site.gateway.error(client, -1, 0, f"{text} ({count.messages})")
        if count.messages <= rule.limit_per_s:
            return False
        if rule.excess == "waits":
            count.waiting.append(fields)
        return True

    def _finish(self, client: Client, count: _Count) -> None:
        """A second is over."""
        seen, count.messages, count.is_running = count.messages, 0, False
        waiting, count.waiting = count.waiting, []
        if client.number not in self._site.gateway.clients:
            self._counts.pop(client, None)
            return
        for fields in waiting:
            if not self.take(client, fields):
                self._site.request(client, fields)
        if self._rule.excess == "rejected" and seen > self._rule.limit_per_s:
            self._strike(client, count, seen)

    def _strike(self, client: Client, count: _Count, seen: int) -> None:
        """Tell of a violation; its id is -1, as in some logs (fact 6.5)."""
        rule = self._rule
        count.strikes += 1
        text = "Max rate of messages per second has been exceeded"
        numbers = f"max={rule.limit_per_s} rec={seen} ({count.strikes})"
        self._site.gateway.error(client, -1, 100, f"{text}:{numbers}")
        if count.strikes >= rule.strikes:
            self._site.gateway.close(client)


class CurrentTime(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer a client's reqCurrentTime once in a while only; the others stay unanswered.

    So with other requests that have to be some time apart, such as reqMatchingSymbols.
    """

    NAME: ClassVar[str] = "current_time"
    FACTS: ClassVar[str] = "4.66, 6.11, 8.12, 11.37"

    apart_s: Annotated[float, Meta(gt=0, description="the least time between two")] = 1.0
    messages: Annotated[tuple[int, ...], Meta(description="message ids, each on its own")] = (49,)

    def start(self, site: Site) -> None:
        """Remember when each client was answered."""
        answered_s: dict[tuple[int, str], float] = {}
        kinds = {str(number) for number in self.messages}

        def take(client: Client, fields: list[str]) -> bool:
            if not fields or fields[0] not in kinds:
                return False
            now_s = site.gateway.now_s
            key = client.number, fields[0]
            if now_s - answered_s.get(key, -self.apart_s) < self.apart_s:
                return True
            answered_s[key] = now_s
            return False

        site.take_requests(take)
