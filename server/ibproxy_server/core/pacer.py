"""In which order, and how fast, messages go upstream.

The gateway allows 50 messages a second on a connection, orders included (facts 6.1, 6.2), and
suffers from bursts even below that (fact 6.8). So messages pass through a bucket that holds a
fifth of a second's allowance. Orders and cancels of orders go first, in the order in which they
came. The rest is taken from the sessions in turn, so that one session's 500 requests hold up
another's single one by one place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

BURST_S = 0.2
"""How much of the allowance may go out at once."""

TOLD_AFTER_S = 1.0
"""Whose messages wait for longer than this is told."""

Make = Callable[[], tuple[bytes, ...]]


class Pacer:
    """Queue of payloads for the gateway.

    Attributes:
        sent: how many payloads were let through.
        last_source: session whose payload was let through last; the proxy's own do not count.
    """

    def __init__(self, messages_per_s: float) -> None:
        """Let through at most `messages_per_s`; 0 means without limit."""
        self.sent = 0
        self.last_source = 0
        self._rate = messages_per_s
        self._capacity = max(1.0, messages_per_s * BURST_S)
        self._allowance = self._capacity
        self._counted_at_s = 0.0
        self._first: deque[tuple[int, Make]] = deque()
        self._queues: dict[int, deque[Make]] = {}
        self._turns: deque[int] = deque()
        self._since_s: dict[int, float | None] = {}

    def push(self, source: int, payload: bytes, *, first: bool = False) -> None:
        """Queue a payload.

        Args:
            source: session that it comes from; 0 is the proxy itself.
            payload: the payload.
            first: whether it is an order or a cancel of one.
        """
        self.push_lazily(source, lambda: (payload,), first=first)

    def push_lazily(self, source: int, make: Make, *, first: bool = False) -> None:
        """Queue what `make` will return when its turn comes: payloads that must not be torn apart.

        Args:
            source: session that they come from; 0 is the proxy itself.
            make: called at the last moment; nothing is sent if it returns nothing.
            first: whether they are orders or cancels of orders.
        """
        if first:
            self._first.append((source, make))
            return
        queue = self._queues.get(source)
        if queue is None:
            queue = self._queues[source] = deque()
            self._turns.append(source)
        queue.append(make)

    def take(self, now_s: float) -> list[bytes]:
        """Return what may go out now, in order."""
        out: list[bytes] = []
        if not self._first and not self._turns:
            self._since_s.clear()
            return out
        if not self._rate:
            while make := self._next():
                out += make()
            self.sent += len(out)
            return out
        elapsed_s = max(0.0, now_s - self._counted_at_s)
        self._allowance = min(self._capacity, self._allowance + elapsed_s * self._rate)
        self._counted_at_s = now_s
        while self._allowance >= 1.0 and (make := self._next()):
            group = make()
            out += group
            self._allowance -= len(group)
        self.sent += len(out)
        for source in self._queues:
            self._since_s.setdefault(source, now_s)
        for source in [source for source in self._since_s if source not in self._queues]:
            del self._since_s[source]
        return out

    def next_deadline_s(self) -> float | None:
        """Return when `take` has something to return, or None when nothing waits."""
        if not self._first and not self._turns:
            return None
        missing = max(0.0, 1.0 - self._allowance)
        return self._counted_at_s + (missing / self._rate if self._rate else 0.0)

    def waiting_long(self, now_s: float) -> list[int]:
        """Return the sources that have waited for longer than a second, each spell once."""
        long = [
            source
            for source, since_s in self._since_s.items()
            if since_s is not None and now_s - since_s > TOLD_AFTER_S
        ]
        for source in long:
            self._since_s[source] = None
        return long

    def waiting(self, source: int) -> int:
        """Return how many messages of `source` wait, orders not counted."""
        return len(self._queues.get(source, ()))

    def clear(self) -> None:
        """Drop everything: the connection that it was meant for is gone."""
        self._first.clear()
        self._queues.clear()
        self._turns.clear()
        self._since_s.clear()

    def _next(self) -> Make | None:
        if self._first:
            source, make = self._first.popleft()
            self.last_source = source or self.last_source
            return make
        if not self._turns:
            return None
        source = self._turns.popleft()
        self.last_source = source or self.last_source
        queue = self._queues[source]
        make = queue.popleft()
        if queue:
            self._turns.append(source)
        else:
            del self._queues[source]
        return make
