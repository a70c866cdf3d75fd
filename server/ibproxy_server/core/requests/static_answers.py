"""Answers that do not change for a while, kept to be given again.

They are bounded in age and size; prices and bars are never among them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from ibproxy_server.core.requests.memory import Part

MAX_AGE_S = 600.0
MAX_BYTES = 16 * 1024 * 1024


class _Answer(NamedTuple):
    kept_at_s: float
    parts: list[Part]
    bytes: int


class StaticAnswers:
    """Whole answers by what was asked; the oldest go first when there are too many."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[tuple[bytes, ...], _Answer] = OrderedDict()

    def get(self, key: tuple[bytes, ...], now_s: float) -> list[Part] | None:
        """Return the messages of an answer, or None if it is not known or too old."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if now_s - answer.kept_at_s > MAX_AGE_S:
            self._drop(key)
            return None
        return answer.parts

    def put(self, key: tuple[bytes, ...], parts: list[Part], now_s: float) -> None:
        """Keep an answer."""
        if key in self._answers:
            self._drop(key)
        size = sum(len(head) + len(tail) for head, tail in parts)
        self._answers[key] = _Answer(now_s, parts, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._answers)))

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._bytes = 0

    def _drop(self, key: tuple[bytes, ...]) -> None:
        self._bytes -= self._answers.pop(key).bytes
