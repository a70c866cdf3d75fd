"""Sessions whose link is broken: kept for a while, so that their clients can take them up again.

A session without a link goes on: what is said to it waits in its lane, conflated and bounded as
for a client that reads too slowly. It ends when its time is up, or when a new copy of the same
program comes for its client id: that one would not have come if the old one lived.
"""

from __future__ import annotations

from collections.abc import Callable

from ibproxy_server.core import events as ev
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.hub_settings import HubSettings
from ibproxy_server.core.session import Phase, Session


class Absences:
    """Decides how long a session outlives its link.

    Args:
        context: shared by all desks.
        drop: ends a session, with a reason.
        settings: how long a session is kept, and how late an order may be.
    """

    def __init__(
        self, context: Context, drop: Callable[[Session, str], None], settings: HubSettings
    ) -> None:
        self._context = context
        self._drop = drop
        self._resume_s = settings.resume_s
        self._late_order_s = settings.late_order_s
        self._away: dict[int, Session] = {}

    def away(self, event: ev.ClientAway) -> None:
        """A session's link is broken."""
        session = self._context.sessions.get(event.session)
        if session and session.away_since_s is None:
            session.away_since_s = self._context.now_s
            self._away[session.number] = session
            text = f"the link of {session} is broken; it is kept for {self._resume_s:g} s"
            self._context.notice(Level.INFO, text)

    def back(self, event: ev.ClientBack) -> None:
        """A client has taken its session up again."""
        session = self._context.sessions.get(event.session)
        if session and session.away_since_s is not None:
            away_s = self._context.now_s - session.away_since_s
            session.away_since_s = None
            del self._away[session.number]
            self._context.notice(Level.INFO, f"{session} is back after {away_s:.1f} s")

    def held_up(self, age_s: float) -> str:
        """Return why what is so old is no order any more; empty if it is young enough."""
        if not 0 < self._late_order_s < age_s:
            return ""
        return (
            f"a broken link held it up for {age_s:.0f} s, and late_order_s allows "
            f"{self._late_order_s:g} s"
        )

    def advance(self) -> None:
        """End what has been without a link for too long."""
        for session in list(self._away.values()):
            if session.phase is Phase.CLOSED:
                del self._away[session.number]
            elif self._context.now_s >= self._end_s(session):
                del self._away[session.number]
                self._drop(session, f"its link was broken for {self._resume_s:g} s")

    def next_deadline_s(self) -> float | None:
        """Return when the next one has to end."""
        return min(map(self._end_s, self._away.values()), default=None)

    def _end_s(self, session: Session) -> float:
        since_s = session.away_since_s
        return self._context.now_s if since_s is None else since_s + self._resume_s


def is_left_over(old: Session, new: Session) -> bool:
    """Whether `new` is the program of `old`, started again or connected anew."""
    return old.away_since_s is not None and (old.machine, old.program) == (new.machine, new.program)
