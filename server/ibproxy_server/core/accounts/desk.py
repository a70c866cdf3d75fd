"""What sessions ask about accounts, positions and bulletins, and what is told of them.

One subscription of each kind is upstream; who asks is served from what is known.
"""

from __future__ import annotations

from collections.abc import Container

from ibproxy.wire.messages import Answer, Request
from ibproxy_server.core.accounts.bulletins import Bulletins
from ibproxy_server.core.accounts.positions import Positions
from ibproxy_server.core.accounts.updates import AccountUpdates
from ibproxy_server.core.context import Context
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session


class AccountDesk:
    """Carries ACCOUNT requests, and their answers.

    Attributes:
        updates: account updates, one account at a time upstream.
        positions: what all accounts hold.
        bulletins: news bulletins.
    """

    def __init__(self, context: Context, requests: RequestDesk, turn_s: float) -> None:
        self.updates = updates = AccountUpdates(context, requests, turn_s)
        self.positions = positions = Positions(context)
        self.bulletins = bulletins = Bulletins(context)
        self._receive = {
            6: updates.want,
            12: bulletins.want,
            13: bulletins.drop,
            61: positions.want,
            64: positions.drop,
        }
        self._handle = {
            6: updates.row,
            7: updates.row,
            8: updates.row,
            9: bulletins.day_is_told,
            14: bulletins.row,
            54: updates.end,
            61: self._position,
            62: positions.end,
        }

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request about accounts."""
        self._receive[row.msg_id](session, fields)

    def answer(self, row: Answer, payload: bytes) -> None:
        """Take a message about accounts."""
        self._handle[row.msg_id](row, payload)

    def _position(self, row: Answer, payload: bytes) -> None:
        is_news = self.positions.is_whole
        account = self.positions.row(row, payload)
        if is_news:
            self.updates.traded(account)

    def forget(self, session: Session) -> None:
        """The session is over: its subscriptions end."""
        self.updates.drop(session)
        self.positions.drop(session, [])
        self.bulletins.drop(session, [])

    def start(self, accounts: tuple[str, ...]) -> None:
        """The gateway is ready: learn everything before the first client asks."""
        self.updates.start(accounts)
        self.positions.start(accounts)
        self.bulletins.start()

    def reset(self) -> None:
        """The connection to the gateway is gone; who listens goes on listening."""
        self.updates.reset()
        self.positions.reset()

    def advance(self) -> None:
        """Do what is due."""
        self.updates.advance()

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return self.updates.next_deadline_s()

    def subscriptions(self, session: Session) -> list[str]:
        """Return what a session listens to here, for people."""
        wanted: dict[str, Container[Session]] = {
            "AccountUpdates": self.updates.listeners,
            "Positions": self.positions.listeners,
            "NewsBulletins": self.bulletins.listeners,
        }
        return [name for name, listeners in wanted.items() if session in listeners]

    def ages_s(self, now_s: float) -> dict[str, float]:
        """Return account -> seconds since its picture was last whole."""
        return {
            each.account: now_s - each.completed_at_s
            for each in self.updates.slot.demands.values()
            if each.completed_at_s is not None
        }
