"""What a session answers by itself: who it is, its ids, its own settings, what it may not ask."""

from __future__ import annotations

from collections.abc import Callable

from ibproxy.wire.messages import Request
from ibproxy_server.core import codes
from ibproxy_server.core.absences import is_left_over
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.notices import NoticeDesk
from ibproxy_server.core.orders.desk import OrderDesk
from ibproxy_server.core.session import Phase, Session

MAX_CLIENT_ID = 2**31 - 1
FIRST_LOG_LEVEL, LAST_LOG_LEVEL = 1, 5


class SessionDesk:
    """Carries SESSION and REFUSED requests.

    Args:
        context: shared by all desks.
        orders: knows each owner's next order id, and which of its orders may be lost.
        notices: knows what a gateway says at the start.
        drop: ends a session, with a reason.
        takes_over: whether who comes with an id that is in use sends the other away.
    """

    def __init__(
        self,
        context: Context,
        orders: OrderDesk,
        notices: NoticeDesk,
        drop: Callable[[Session, str], None],
        *,
        takes_over: bool = False,
    ) -> None:
        self._takes_over = takes_over
        self._context = context
        self._orders = orders
        self._notices = notices
        self._drop = drop
        self._answers: dict[int, Callable[[Session, list[bytes]], None]] = {
            8: lambda session, _: self._tell_next_id(session),
            14: self._log_level,
            15: orders.by_hand.auto_open,
            17: lambda session, _: session.say(15, 1, ",".join(session.view.accounts)),
            59: self._market_data_type,
            71: self._start_api,
        }

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Answer a request."""
        self._answers[row.msg_id](session, fields)

    def refuse(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Refuse a request that reaches beyond the session."""
        code, text = codes.NOT_ALLOWED
        for_id = fields[row.id_at] if row.id_at is not None else -1
        session.error(for_id, code, text.format(name=row.name))

    def _start_api(self, session: Session, fields: list[bytes]) -> None:
        if session.phase is Phase.READY:
            return
        client_id = int(fields[2])
        if abs(client_id) > MAX_CLIENT_ID:
            raise ValueError(f"client id {client_id} has more than 32 bits")
        owner = session.strategy, client_id
        for other in [each for each in self._context.ready_sessions() if each.owner == owner]:
            if is_left_over(other, session):
                self._drop(other, "its program has come again while its link was broken")
                continue
            if not self._takes_over:
                session.error(-1, *codes.CLIENT_ID_IN_USE)
                self._drop(session, f"client id {client_id} of {session.strategy} is in use")
                return
            self._drop(other, f"client id {client_id} of {session.strategy} was taken over")
        session.client_id = client_id
        session.phase = Phase.READY
        session.say(15, 1, ",".join(session.view.accounts))
        self._tell_next_id(session)
        self._notices.welcome(session)
        self._orders.doubts.welcome(session)
        self._context.notice(Level.INFO, f"{session} has connected")

    def _tell_next_id(self, session: Session) -> None:
        session.say(9, 1, self._orders.book.next_client_id(session.owner))

    def _log_level(self, session: Session, fields: list[bytes]) -> None:
        """The level would be everybody's: it is swallowed (fact 8.19)."""
        level = int(fields[2])
        if not FIRST_LOG_LEVEL <= level <= LAST_LOG_LEVEL:
            code, text = codes.BAD_LOG_LEVEL
            session.error(-1, code, text.format(level=level))

    def _market_data_type(self, session: Session, fields: list[bytes]) -> None:
        session.market_data_type = fields[2]
