"""Where requests wait that the gateway would refuse for their pace, or for want of a place.

Sessions take turns, so that one session's hundred requests for history hold up another's single
one by one place; within a session the first goes that is due.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ibproxy_server.core.requests.pace import Charge, Windows, charges
from ibproxy_server.core.requests.upstream_request import UpstreamRequest

HISTORY = "requests for history"
PLACE_OF: Mapping[int, str] = {
    20: HISTORY,
    87: HISTORY,
    100: "request for WSH meta data",
    102: "request for WSH events",
}
"""Requests of which the gateway holds a number open at once: so many for history, streams
included (fact 5.3), one of the others (fact 8.21)."""

TOLD_AFTER_S = 1.0
"""Who waits longer than this is told."""

NEVER_S = math.inf
"""When a request is due that waits for a place."""


@dataclass(eq=False)
class Waiting:
    """A request that waits.

    Attributes:
        request: the request.
        charges: the rules that it falls under.
        since_s: since when it waits.
        not_before_s: when it may be tried again, if the gateway has refused it.
        is_told: whether its members know.
        due_s: when it may go, as far as is known.
        why: what it waits for, for people.
    """

    request: UpstreamRequest
    charges: tuple[Charge, ...]
    since_s: float
    not_before_s: float = 0.0
    is_told: bool = False
    due_s: float = 0.0
    why: str = ""


@dataclass
class WaitingRoom:
    """Requests that wait, and those that hold a place at the gateway.

    Attributes:
        places: how many requests for history may be open at once; 0: nothing is held back.
        windows: what has been spent.
    """

    places: int
    windows: Windows = field(default_factory=Windows)
    _queues: dict[int, deque[Waiting]] = field(default_factory=dict)
    _open: set[UpstreamRequest] = field(default_factory=set)
    _let_go_at: dict[UpstreamRequest, tuple[float, tuple[Charge, ...]]] = field(
        default_factory=dict
    )
    _next_s: float | None = None

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    @property
    def open_history(self) -> list[UpstreamRequest]:
        """The requests for history that hold a place."""
        return self._holders(HISTORY)

    @property
    def is_blocked(self) -> bool:
        """Whether streams hold every place for history, so that none will be free by itself."""
        holders = self.open_history
        return 0 < self.places <= len(holders) and all(each.is_stream for each in holders)

    def admit(self, request: UpstreamRequest, now_s: float, wait_s: float = 0.0) -> bool:
        """Return whether a request may go at once; if not, it waits here.

        Args:
            request: the request.
            now_s: the time.
            wait_s: how long it has to wait at least, because the gateway has refused it.
        """
        costs = charges(request.fields)
        is_free = not costs and request.row.msg_id not in PLACE_OF
        if (is_free or not self.places) and not wait_s:
            return True
        waiting = Waiting(request, costs, now_s, now_s + wait_s)
        is_first = not wait_s and request.source not in self._queues
        if is_first and self._is_due(waiting, now_s):
            self._let_go(waiting, now_s)
            return True
        self._queues.setdefault(request.source, deque()).append(waiting)
        self._next_s = now_s
        return False

    def release(self, now_s: float) -> list[UpstreamRequest]:
        """Return the requests whose turn has come."""
        if self._next_s is None or now_s < self._next_s:
            return []
        released: list[UpstreamRequest] = []
        while (waiting := self._pop_due(now_s)) is not None:
            self._let_go(waiting, now_s)
            released.append(waiting.request)
        self.windows.forget_old(now_s)
        self._plan()
        return released

    def to_be_told(self, now_s: float) -> list[Waiting]:
        """Return those that have waited for long and are told so now."""
        if not self._queues:
            return []
        late = [
            each
            for queue in self._queues.values()
            for each in queue
            if not each.is_told and now_s - each.since_s >= TOLD_AFTER_S
        ]
        for each in late:
            each.is_told = True
        if late:
            self._plan()
        return late

    def waiting(self, source: int) -> int:
        """Return how many requests of a session wait."""
        return len(self._queues.get(source, ()))

    def sent(self, request: UpstreamRequest, now_s: float) -> None:
        """A request has left: the gateway counts it from now on, not from when it was let go."""
        if request in self._let_go_at:
            at_s, costs = self._let_go_at.pop(request)
            self.windows.take_back(costs, at_s)
            self.windows.spend(costs, now_s)

    def finished(self, request: UpstreamRequest) -> None:
        """A request is over, or nobody wants it any more."""
        if request in self._let_go_at:
            at_s, costs = self._let_go_at.pop(request)
            self.windows.take_back(costs, at_s)
        if request in self._open:
            self._open.discard(request)
            if self._queues:
                self._next_s = 0.0
        queue = self._queues.get(request.source, deque())
        for each in [each for each in queue if each.request is request]:
            queue.remove(each)
        if not queue:
            self._queues.pop(request.source, None)

    def next_deadline_s(self) -> float | None:
        """Return when `release` has something to do, or somebody is to be told."""
        return self._next_s if self._queues else None

    def clear(self) -> None:
        """The connection is gone, and with it what the gateway counts of open requests."""
        for at_s, costs in self._let_go_at.values():
            self.windows.take_back(costs, at_s)  # they have not left
        self._queues.clear()
        self._open.clear()
        self._let_go_at.clear()
        self._next_s = None

    def _plan(self) -> None:
        """Find out when something is to be done next; a free place is an event of its own."""
        times = [
            each.due_s if each.is_told else min(each.due_s, each.since_s + TOLD_AFTER_S)
            for queue in self._queues.values()
            for each in queue
        ]
        next_s = min(times, default=NEVER_S)
        self._next_s = None if next_s == NEVER_S else next_s

    def _is_due(self, waiting: Waiting, now_s: float) -> bool:
        due_s, why = self.windows.due(waiting.charges, now_s)
        if waiting.not_before_s > due_s:
            due_s, why = waiting.not_before_s, "the gateway has refused it for its pace"
        kind = PLACE_OF.get(waiting.request.row.msg_id)
        most = self.places if kind == HISTORY else 1
        if kind and 0 < most <= len(self._holders(kind)):
            waiting.due_s, waiting.why = NEVER_S, f"{most} open {kind}"
            return False
        waiting.due_s, waiting.why = due_s, why
        return due_s <= now_s

    def _pop_due(self, now_s: float) -> Waiting | None:
        """Take the next one that is due; its session then comes last."""
        for source, queue in self._queues.items():
            for waiting in queue:
                if self._is_due(waiting, now_s):
                    queue.remove(waiting)
                    del self._queues[source]
                    if queue:
                        self._queues[source] = queue
                    return waiting
        return None

    def _let_go(self, waiting: Waiting, now_s: float) -> None:
        self.windows.spend(waiting.charges, now_s)
        self._let_go_at[waiting.request] = now_s, waiting.charges
        if waiting.request.row.msg_id in PLACE_OF:
            self._open.add(waiting.request)

    def _holders(self, kind: str) -> list[UpstreamRequest]:
        return [each for each in self._open if PLACE_OF[each.row.msg_id] == kind]
