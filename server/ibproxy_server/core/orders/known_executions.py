"""Which executions have been seen in this run, so that each is told once.

The gateway lists executions since midnight, TWS if so set those of seven days (fact 3.105). What
is older than the two newest days with executions has been seen, or happened before this run: it
is remembered no more, and never news.
"""

from __future__ import annotations

from collections.abc import Callable

DAYS = 2
_DAY_DIGITS = 8


class KnownExecutions:
    """Remembers executions of the two newest days.

    Args:
        on_forget: called with each execution that is remembered no more.
    """

    def __init__(self, on_forget: Callable[[bytes], object]) -> None:
        self._on_forget = on_forget
        self._ids_by_day: dict[str, set[bytes]] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return sum(map(len, self._ids_by_day.values()))

    def take(self, exec_id: bytes, time: bytes, today: str, *, is_live: bool) -> bool:
        """Take note of an execution, and return whether it is news.

        Args:
            exec_id: its id.
            time: its time as the gateway writes it, beginning with the day (fact 3.115).
            today: the gateway's day, for an execution whose time cannot be read.
            is_live: whether it was not in a list: then it is news, however old it is.
        """
        text = time[:_DAY_DIGITS].decode(errors="replace")
        day = text if len(text) == _DAY_DIGITS and text.isdigit() else today
        if day not in self._ids_by_day:
            if len(self._ids_by_day) == DAYS and day < min(self._ids_by_day):
                return is_live
            self._ids_by_day[day] = set()
            for old in sorted(self._ids_by_day)[:-DAYS]:
                for forgotten in self._ids_by_day.pop(old):
                    self._on_forget(forgotten)
        ids = self._ids_by_day[day]
        is_news = exec_id not in ids
        ids.add(exec_id)
        return is_news
