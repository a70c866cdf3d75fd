"""News bulletins (14): one subscription for all, the day's bulletins first for who wants them.

Nothing ends the day's bulletins: a question behind it is answered behind them [assumed].
"""

from __future__ import annotations

from collections import Counter

from ibproxy.wire.messages import Answer
from ibproxy_server.core.context import Context
from ibproxy_server.core.session import Session

LONGEST_DAY_S = 5.0
"""After which a bulletin is new, even if nothing has ended those of the day."""


class Bulletins:
    """What was published today.

    Attributes:
        listeners: sessions that are told new ones.
    """

    def __init__(self, context: Context) -> None:
        self.listeners: dict[Session, None] = {}
        self._context = context
        self._known: dict[bytes, bytes] = {}
        self._owed = Counter[Session]()
        self._marks: list[float] = []

    def want(self, session: Session, fields: list[bytes]) -> None:
        """Subscribe to all of the day, whoever asks first; a joiner may want it too (fact 8.9)."""
        if not self.listeners:
            self._marks.append(self._context.now_s)
            self._context.ask(12, 1, 1)
            self._context.ask(8, 1, 1)
        self.listeners[session] = None
        if fields[2] == b"1":
            for payload in self._known.values():
                session.send(payload)
            self._owed[session] += bool(self._marks)

    def drop(self, session: Session, fields: list[bytes]) -> None:
        """A session does not listen any more."""
        del fields
        if session not in self.listeners:
            return
        del self.listeners[session]
        self._owed.pop(session, None)
        if not self.listeners:
            self._known.clear()
            self._context.ask(13, 1)

    def start(self) -> None:
        """The gateway is ready; what is known of the day is not told again."""
        if self.listeners:
            self._context.ask(12, 1, 1)
        if self._marks:
            self._marks = [self._context.now_s]
            self._context.ask(8, 1, 1)

    def row(self, row: Answer, payload: bytes) -> None:
        """Take a bulletin."""
        del row
        bulletin_id = payload.split(b"\0")[2]
        if bulletin_id in self._known:
            return  # said before the subscription was ended and begun again
        self._known[bulletin_id] = payload
        is_of_the_day = bool(self._marks) and self._context.now_s - self._marks[-1] < LONGEST_DAY_S
        for session in self._owed.elements() if is_of_the_day else self.listeners:
            session.send(payload)

    def day_is_told(self, row: Answer, payload: bytes) -> None:
        """The question behind a subscription is answered: what comes now is new."""
        del row, payload
        del self._marks[:1]
        if not self._marks:
            self._owed.clear()
