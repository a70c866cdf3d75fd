"""When a question has been left without a word for so long that it is forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from ibproxy_server.core.requests.upstream_request import UpstreamRequest

ANSWER_TIMEOUT_S = 900.0
"""A one-shot from which nothing was heard for so long is forgotten (fact 11.33)."""


class Silence:
    """Looks now and then for questions that nothing else would end."""

    def __init__(self) -> None:
        self._look_at_s: float | None = None

    def begin(self, now_s: float) -> None:
        """A question is asked."""
        if self._look_at_s is None:
            self._look_at_s = now_s + ANSWER_TIMEOUT_S

    def next_deadline_s(self) -> float | None:
        """Return when to look."""
        return self._look_at_s

    def unanswered(
        self, requests: Iterable[UpstreamRequest], now_s: float
    ) -> list[UpstreamRequest]:
        """Return the questions that are to be forgotten, if it is time to look.

        Args:
            requests: all that are live.
            now_s: the time.
        """
        if self._look_at_s is None or now_s < self._look_at_s:
            return []
        asked = [each for each in requests if not each.is_stream and each.members]
        silent = [
            each
            for each in asked
            if each.sent_at_s is not None and now_s - each.heard_at_s >= ANSWER_TIMEOUT_S
        ]
        self._look_at_s = now_s + ANSWER_TIMEOUT_S if len(asked) > len(silent) else None
        return silent
