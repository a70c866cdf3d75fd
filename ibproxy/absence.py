"""How long, and how often, a client tries to take up its session after its link broke. Pure."""

from __future__ import annotations

from typing import Final

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0


class Absence:
    """One time without a link, from its break to its end.

    Args:
        since_s: when the link broke.
        resume_s: how long the proxy keeps the session.
    """

    def __init__(self, since_s: float, resume_s: float) -> None:
        self.since_s = since_s
        self._end_s = since_s + resume_s
        self._pause_s = 0.0

    def is_over(self, now_s: float) -> bool:
        """Whether it is no use to try on."""
        return now_s >= self._end_s

    def next_pause_s(self) -> float:
        """Return how long to wait before the next try: not at all, then longer each time."""
        pause_s = self._pause_s
        self._pause_s = min(max(FIRST_PAUSE_S, 2 * pause_s), LONGEST_PAUSE_S)
        return pause_s
