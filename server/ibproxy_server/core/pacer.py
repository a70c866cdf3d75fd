"""In which order, and how fast, messages go upstream.

The gateway allows 50 messages a second on a connection, orders included (facts 6.1, 6.2), and
suffers from bursts even below that (fact 6.8). So messages pass through a bucket that holds a
fifth of a second's allowance. Orders and cancels of orders go first, in the order in which they
came. The rest is taken from the sessions in turn, so that one session's 500 requests hold up
another's single one by one place.
"""

from __future__ import annotations

from collections import deque

BURST_S = 0.2
"""How much of the allowance may go out at once."""


class Pacer:
    """Queue of payloads for the gateway.

    Attributes:
        sent: how many payloads were let through.
    """

    def __init__(self, messages_per_s: float) -> None:
        """Let through at most `messages_per_s`; 0 means without limit."""
        self.sent = 0
        self._rate = messages_per_s
        self._capacity = max(1.0, messages_per_s * BURST_S)
        self._allowance = self._capacity
        self._counted_at_s = 0.0
        self._first: deque[tuple[bytes, ...]] = deque()
        self._queues: dict[int, deque[tuple[bytes, ...]]] = {}
        self._turns: deque[int] = deque()

    def push(self, source: int, payloads: tuple[bytes, ...], *, first: bool = False) -> None:
        """Queue payloads that must follow each other without another's in between.

        Args:
            source: session that they come from; 0 is the proxy itself.
            payloads: the payloads.
            first: whether they are orders or cancels of orders.
        """
        if first:
            self._first.append(payloads)
            return
        queue = self._queues.get(source)
        if queue is None:
            queue = self._queues[source] = deque()
            self._turns.append(source)
        queue.append(payloads)

    def take(self, now_s: float) -> list[bytes]:
        """Return what may go out now, in order."""
        out: list[bytes] = []
        if not self._first and not self._turns:
            return out
        if not self._rate:
            while group := self._next():
                out += group
            self.sent += len(out)
            return out
        elapsed_s = max(0.0, now_s - self._counted_at_s)
        self._allowance = min(self._capacity, self._allowance + elapsed_s * self._rate)
        self._counted_at_s = now_s
        while self._allowance >= 1.0 and (group := self._next()):
            out += group
            self._allowance -= len(group)
        self.sent += len(out)
        return out

    def next_deadline_s(self) -> float | None:
        """Return when `take` has something to return, or None when nothing waits."""
        if not self._first and not self._turns:
            return None
        missing = max(0.0, 1.0 - self._allowance)
        return self._counted_at_s + (missing / self._rate if self._rate else 0.0)

    def waiting(self, source: int) -> int:
        """Return how many messages of `source` wait, orders not counted."""
        return len(self._queues.get(source, ()))

    def clear(self) -> None:
        """Drop everything: the connection that it was meant for is gone."""
        self._first.clear()
        self._queues.clear()
        self._turns.clear()

    def _next(self) -> tuple[bytes, ...] | None:
        if self._first:
            return self._first.popleft()
        if not self._turns:
            return None
        source = self._turns.popleft()
        queue = self._queues[source]
        group = queue.popleft()
        if queue:
            self._turns.append(source)
        else:
            del self._queues[source]
        return group
