"""Positions (61): one subscription for all, and each session's own view of it.

What is known before an outage is kept until the set of the next connection is whole: who listens
is told what differs, and that what is not in it is not held any more.
"""

from __future__ import annotations

from collections import Counter

from ibproxy.wire.framing import join_fields
from ibproxy.wire.messages import LAST_VERSION, Answer, answers_by_id
from ibproxy_server.core.accounts.holdings import closed, is_held
from ibproxy_server.core.context import Context
from ibproxy_server.core.session import Session

_POSITION = b"61"
_POSITION_END = join_fields(62, 1)

Key = tuple[bytes, ...]


class Positions:
    """What all accounts hold.

    Attributes:
        is_whole: whether the whole set of this connection has come.
        listeners: sessions that are told changes.
    """

    def __init__(self, context: Context) -> None:
        self.is_whole = False
        self.listeners: dict[Session, None] = {}
        self._context = context
        self._row = answers_by_id(LAST_VERSION)[_POSITION]  # it is the same in all versions
        self._rows: dict[Key, bytes] = {}
        self._rows_before: dict[Key, bytes] = {}
        self._owed = Counter[Session]()
        self._rank: dict[str, int] = {}

    def want(self, session: Session, fields: list[bytes]) -> None:
        """Show a session the whole set, now or when it has come, and then what changes."""
        del fields
        if self.is_whole:
            self._send(session)
        else:
            self._owed[session] += 1

    def drop(self, session: Session, fields: list[bytes]) -> None:
        """A session does not listen any more."""
        del fields
        self.listeners.pop(session, None)
        self._owed.pop(session, None)

    def start(self, accounts: tuple[str, ...]) -> None:
        """The gateway is ready.

        Args:
            accounts: the login's accounts, in the order in which they are told.
        """
        self._rank = {account: rank for rank, account in enumerate(accounts)}
        self._context.ask(61, 1)

    def reset(self) -> None:
        """The connection to the gateway is gone."""
        self._rows_before |= self._rows
        self._rows.clear()
        self.is_whole = False

    def row(self, row: Answer, payload: bytes) -> str:
        """Take a position; return its account."""
        fields = payload.split(b"\0")
        assert row.account_at is not None  # noqa: S101 - the table test holds this
        account = fields[row.account_at].decode()
        key = fields[2], fields[3]
        self._rows[key] = payload
        if self._rows_before.pop(key, None) != payload:
            self._tell(account, payload)
        return account

    def end(self, row: Answer, payload: bytes) -> None:
        """The set is whole."""
        del row, payload
        self.is_whole = True
        for (account, _), before in self._rows_before.items():
            if is_held(self._row, before):
                self._tell(account.decode(), closed(self._row, before))
        self._rows_before.clear()
        for session in self._owed.elements():
            self._send(session)
        self._owed.clear()

    def _tell(self, account: str, payload: bytes) -> None:
        for session in self.listeners:
            if session.view.sees(account):
                session.send(payload)

    def _send(self, session: Session) -> None:
        # account by account, in the gateway's order (fact 2.31); `sorted` keeps the rest of it
        for account, payload in sorted(
            ((account.decode(), payload) for (account, _), payload in self._rows.items()),
            key=lambda row: self._rank.get(row[0], 0),
        ):
            if session.view.sees(account):
                session.send(payload)
        session.send(_POSITION_END)
        self.listeners[session] = None
