"""Accounts: one subscription of each kind upstream, and a view of it for every session.

The proxy keeps the last state, the account's *picture*, and serves every session as if the slot
were its own: the image at once if it is fresh, else as it comes, then what changes. What a session
has been told is not told again, since on a gateway of its own it would not see a second image.
While the slot is elsewhere an account's values are kept fresh by updates under a request id, which
run for all accounts at a time (fact 2.19).

Invariants, each with the test in tests/core/test_accounts.py that holds it:

* subscribe: a session is told every row of the account and the end, once, whether the picture is
  known (test_client_gets_the_whole_picture_at_once), coming in
  (test_a_picture_that_is_not_whole_is_told_as_it_comes) or still to be asked for
  (test_an_old_picture_is_asked_for_anew, test_a_picture_of_before_a_trade_is_not_shown);
  the end waits for the rows of a trade (test_an_image_has_the_rows_of_a_trade);
* afterwards it is told what changes, and nothing twice
  (test_a_repeated_image_shows_only_what_changed), of no other account
  (test_no_session_sees_another_account);
* switch: a second account ends the first for this session, and for no other
  (test_a_second_account_ends_the_first);
* subscribe again: the picture and its end again (test_subscribing_again_shows_the_picture_again);
* unsubscribe: it is confirmed, and nothing comes after it (test_unsubscribing_ends_updates);
* reconnect: what was known before the loss is shown to nobody
  (test_pictures_do_not_outlive_the_connection); who listens goes on listening, and is told what
  has changed meanwhile, and nothing else (test_an_outage_shows_only_what_changed_in_it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field

from ibproxy.wire.framing import join_fields
from ibproxy.wire.messages import LAST_VERSION, Answer, Request, answers_by_id
from ibproxy_server.core import codes
from ibproxy_server.core.accounts.slot import AccountSlot
from ibproxy_server.core.accounts.value_streams import ValueStreams
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session

VALUE, PORTFOLIO, TIME, POSITION = b"6", b"7", b"8", b"61"
MAX_IMAGE_AGE_S = 180.0
"""The gateway restates an account every three minutes (fact 2.9); an older image is not shown."""

LONGEST_DAY_S = 5.0
"""After which a bulletin is new, even if nothing has ended those of the day."""

ROWS_AFTER_TRADE_S = 1.0
"""How long the rows are awaited that follow a change of position (fact 2.9)."""

ROWS_AFTER_END_S = 2.5
"""How long rows are awaited when the end of an image came before them (fact 2.12)."""

_UNSUBSCRIBED = (2100, "API client has been unsubscribed from account data.")  # fact 2.17
_POSITION_END = join_fields(62, 1)

Key = tuple[bytes, ...]


@dataclass(eq=False)
class Picture:
    """What is known of one account.

    Attributes:
        rows: message id and what it is about -> its last payload.
        incoming: keys named by the image that is coming in.
        ended_early_at_s: when its end came before its rows; None: it did not.
        traded_at_s: when its position changed whose rows are still to come; None: none is.
    """

    rows: dict[Key, bytes] = field(default_factory=dict)
    incoming: set[Key] = field(default_factory=set)
    ended_early_at_s: float | None = None
    traded_at_s: float | None = None

    @property
    def has_values(self) -> bool:
        """Whether the image that is coming in has brought account values yet."""
        return any(key[0] == VALUE for key in self.incoming)


class AccountDesk:
    """Carries ACCOUNT requests, and the answers about accounts, positions and bulletins."""

    def __init__(self, context: Context, requests: RequestDesk, turn_s: float) -> None:
        self._context = context
        self._values = ValueStreams(requests)
        self._rows = answers_by_id(LAST_VERSION)  # of rows that are the same in all versions
        self.slot = AccountSlot(turn_s)
        self._pictures: dict[str, Picture] = {}
        self._listeners: dict[Session, str] = {}
        self._told: dict[Session, dict[Key, bytes]] = {}
        self._owed_end: dict[Session, None] = {}
        self._positions: dict[Key, bytes] = {}
        self._positions_before: dict[Key, bytes] = {}
        self._rank: dict[str, int] = {}
        self._has_positions = False
        self._position_listeners: dict[Session, None] = {}
        self._owed_positions = Counter[Session]()
        self._bulletins: dict[bytes, bytes] = {}
        self._owed_bulletins = Counter[Session]()
        self._bulletin_marks: list[float] = []
        self._row_account: str | None = None
        self._bulletin_listeners: dict[Session, None] = {}
        self._receive = {
            6: self._account_updates,
            12: self._bulletins_wanted,
            13: self._bulletins_unwanted,
            61: self._positions_wanted,
            64: self._positions_unwanted,
        }
        self._handle = {
            6: self._row,
            7: self._row,
            8: self._row,
            9: self._bulletins_told,
            14: self._bulletin,
            54: self._image_end,
            61: self._position,
            62: self._positions_end,
        }

    # from clients

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request about accounts."""
        self._receive[row.msg_id](session, fields)

    def _account_updates(self, session: Session, fields: list[bytes]) -> None:
        """Subscribe or unsubscribe; a second account replaces the first (fact 2.1)."""
        if fields[2] != b"1":
            if self._stop_listening(session):
                session.error(-1, *_UNSUBSCRIBED)
            return
        account = session.view.only or fields[3].decode(errors="replace")  # fact 2.16
        if not account:
            session.error(-1, *codes.ACCOUNT_REQUIRED)
            return
        if account not in session.view.accounts:
            code, text = codes.INVALID_ACCOUNT
            session.error(-1, code, text.format(account=account))
            return
        self._stop_listening(session)
        self._listeners[session] = account
        self._told[session] = {}
        self.slot.demand(account).listeners += 1
        self._values.want(account)
        if self._is_fresh(account):
            self._show_picture(session, account)
        else:
            picture = self._pictures.setdefault(account, Picture())
            for key in [key for key in picture.rows if key in picture.incoming]:
                self._tell_one(session, key, picture.rows[key])  # it has just begun to come
            self._owed_end[session] = None

    def _show_picture(self, session: Session, account: str) -> None:
        """Show an image: values by key, portfolio, time (fact 2.6), and its end."""
        rows = self._pictures[account].rows
        for key in sorted(rows):
            self._tell_one(session, key, rows[key])
        if self._pictures[account].traded_at_s is None:
            session.say(54, 1, account)
        else:
            self._owed_end[session] = None  # the rows of a trade belong to the image

    def _is_fresh(self, account: str) -> bool:
        """Whether the picture may be shown; a picture that nobody watched is asked for anew."""
        demand = self.slot.demand(account)
        is_coming = self.slot.is_loading and self.slot.current == account
        if demand.completed_at_s is None or demand.is_urgent or is_coming:
            return False  # there is none, or its account has traded since
        is_live = self.slot.current == account or demand.listeners > 1
        if is_live or self._context.now_s - demand.completed_at_s <= MAX_IMAGE_AGE_S:
            return True
        demand.completed_at_s = None
        return False

    def _stop_listening(self, session: Session) -> bool:
        account = self._listeners.pop(session, None)
        self._owed_end.pop(session, None)
        self._told.pop(session, None)
        if account is None:
            return False
        self.slot.demand(account).listeners -= 1
        if not self.slot.demand(account).listeners:
            self._values.drop(account)
        return True

    def _positions_wanted(self, session: Session, fields: list[bytes]) -> None:
        del fields
        if self._has_positions:
            self._send_positions(session)
        else:
            self._owed_positions[session] += 1

    def _positions_unwanted(self, session: Session, fields: list[bytes]) -> None:
        del fields
        self._position_listeners.pop(session, None)
        self._owed_positions.pop(session, None)

    def _bulletins_wanted(self, session: Session, fields: list[bytes]) -> None:
        """Subscribe to all of the day, whoever asks first; a joiner may want it too (fact 8.9).

        Nothing ends the day's bulletins: a question behind it is answered behind them [assumed].
        """
        if not self._bulletin_listeners:
            self._bulletin_marks.append(self._context.now_s)
            self._context.ask(12, 1, 1)
            self._context.ask(8, 1, 1)
        self._bulletin_listeners[session] = None
        if fields[2] == b"1":
            for payload in self._bulletins.values():
                session.send(payload)
            self._owed_bulletins[session] += bool(self._bulletin_marks)

    def _bulletins_unwanted(self, session: Session, fields: list[bytes]) -> None:
        del fields
        if session in self._bulletin_listeners:
            del self._bulletin_listeners[session]
            self._owed_bulletins.pop(session, None)
            if not self._bulletin_listeners:
                self._bulletins.clear()
                self._context.ask(13, 1)

    def forget(self, session: Session) -> None:
        """The session is over: its subscriptions end."""
        self._stop_listening(session)
        self._positions_unwanted(session, [])
        self._bulletins_unwanted(session, [])

    # the connection

    def start(self, accounts: tuple[str, ...]) -> None:
        """The gateway is ready: learn everything before the first client asks."""
        self._rank = {account: rank for rank, account in enumerate(accounts)}
        for account in accounts:
            self.slot.demand(account)
        self._values.start(accounts)
        self._context.ask(61, 1)
        if self._bulletin_listeners:
            self._context.ask(12, 1, 1)  # what is known of the day is not told again
        if self._bulletin_marks:
            self._bulletin_marks = [self._context.now_s]
            self._context.ask(8, 1, 1)

    def reset(self) -> None:
        """The connection to the gateway is gone; who listens goes on listening."""
        self.slot.reset()
        for picture in self._pictures.values():
            picture.incoming.clear()
            picture.ended_early_at_s = picture.traded_at_s = None
        self._row_account = None
        self._positions_before |= self._positions
        self._positions.clear()
        self._has_positions = False

    def advance(self) -> None:
        """Take in what came under request ids, and move the slot on, when it is time."""
        for owner, key, payload in self._values.take():
            self._value(owner, key, payload)
        self._close_what_ended_early()
        was_loading = self.slot.current if self.slot.is_loading else None
        account = self.slot.next_turn(self._context.now_s)
        if account is None:
            return
        if was_loading:
            self._context.counters["timeouts"] += 1
            text = f"the account image of {was_loading} did not come to its end"
            self._context.notice(Level.WARNING, text)
        picture = self._pictures.setdefault(account, Picture())
        picture.incoming.clear()
        picture.ended_early_at_s = picture.traded_at_s = None
        self._context.ask(6, 2, 1, account)

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        times = [
            since_s + wait_s
            for each in self._pictures.values()
            for since_s, wait_s in (
                (each.ended_early_at_s, ROWS_AFTER_END_S),
                (each.traded_at_s, ROWS_AFTER_TRADE_S),
            )
            if since_s is not None
        ]
        turn_s = self.slot.next_deadline_s()
        return min([*times, *([] if turn_s is None else [turn_s])], default=None)

    def _close_what_ended_early(self) -> None:
        for account, picture in self._pictures.items():
            ended_at_s = picture.ended_early_at_s
            if ended_at_s is not None and self._context.now_s >= ended_at_s + ROWS_AFTER_END_S:
                self._close(account, picture)
            traded_at_s = picture.traded_at_s
            if traded_at_s is not None and self._context.now_s >= traded_at_s + ROWS_AFTER_TRADE_S:
                self._rows_are_told(account, picture)

    def _rows_are_told(self, account: str, picture: Picture) -> None:
        """The rows of a trade have come, or will not: who has asked meanwhile has its image."""
        picture.traded_at_s = None
        self._tell_end(account)

    def subscriptions(self, session: Session) -> list[str]:
        """Return what a session listens to here, for people."""
        wanted: dict[str, Container[Session]] = {
            "AccountUpdates": self._listeners,
            "Positions": self._position_listeners,
            "NewsBulletins": self._bulletin_listeners,
        }
        return [name for name, listeners in wanted.items() if session in listeners]

    def ages_s(self, now_s: float) -> dict[str, float]:
        """Return account -> seconds since its picture was last whole."""
        return {
            each.account: now_s - each.completed_at_s
            for each in self.slot.demands.values()
            if each.completed_at_s is not None
        }

    # from the gateway

    def answer(self, row: Answer, payload: bytes) -> None:
        """Take a message about accounts."""
        self._handle[row.msg_id](row, payload)

    def _row(self, row: Answer, payload: bytes) -> None:
        fields = payload.split(b"\0")
        # 8 names no account: it belongs to the rows before it
        account = fields[row.account_at].decode() if row.account_at else self._row_account
        if account is None:
            return
        self._row_account = account
        picture = self._pictures.setdefault(account, Picture())
        assert row.state_at is not None  # noqa: S101 - the table test holds this
        key = (fields[0], *(fields[each] for each in row.state_at))
        picture.incoming.add(key)
        picture.rows[key] = payload
        self._tell(account, key, payload)
        if fields[0] == PORTFOLIO and not _is_held(row, payload):
            del picture.rows[key]  # that it is closed is said once; an image is of what is held
        if fields[0] == TIME and picture.traded_at_s is not None:
            self._rows_are_told(account, picture)

    def _value(self, account: str, key: Key, payload: bytes) -> None:
        """Take a value of an account that the slot is not at; rows that are not known are not."""
        picture = self._pictures.get(account)
        if picture is None or account == self.slot.current or key not in picture.rows:
            return
        picture.rows[key] = payload
        self._tell(account, key, payload, to_owed=False)

    def _image_end(self, row: Answer, payload: bytes) -> None:
        del row
        account = payload.split(b"\0")[2].decode()
        picture = self._pictures.setdefault(account, Picture())
        if picture.has_values:
            self._close(account, picture)
        else:
            picture.ended_early_at_s = self._context.now_s  # its rows follow (fact 2.12)
        self._tell_end(account)

    def _tell_end(self, account: str) -> None:
        for session in [each for each in self._owed_end if self._listeners[each] == account]:
            del self._owed_end[session]
            session.say(54, 1, account)

    def _close(self, account: str, picture: Picture) -> None:
        """An image is whole: what it did not name is gone."""
        for key in [key for key in picture.rows if key not in picture.incoming]:
            gone = picture.rows.pop(key)
            if key[0] == PORTFOLIO and picture.has_values:
                # closed while the slot was elsewhere: on a gateway of one's own a row says so
                self._tell(account, key, _closed(self._rows[PORTFOLIO], gone))
        picture.incoming.clear()
        picture.ended_early_at_s = None
        self.slot.completed(account, self._context.now_s)

    def _tell(self, account: str, key: Key, payload: bytes, *, to_owed: bool = True) -> None:
        """Tell a row to who listens; perhaps not to those whose image is still to come."""
        for session, wanted in self._listeners.items():
            if wanted == account and (to_owed or session not in self._owed_end):
                self._tell_one(session, key, payload)

    def _tell_one(self, session: Session, key: Key, payload: bytes) -> None:
        """Tell a row, unless the session knows it; repeated images must not show."""
        told = self._told[session]
        if told.get(key) != payload:
            told[key] = payload
            session.send(payload)

    def _position(self, row: Answer, payload: bytes) -> None:
        fields = payload.split(b"\0")
        assert row.account_at is not None  # noqa: S101
        account = fields[row.account_at].decode()
        self._positions[fields[2], fields[3]] = payload
        if self._has_positions:
            self.slot.position_changed(account)
            if account == self.slot.current and not self.slot.is_loading:
                self._pictures[account].traded_at_s = self._context.now_s
        if self._positions_before.pop((fields[2], fields[3]), None) != payload:
            self._tell_position(account, payload)

    def _tell_position(self, account: str, payload: bytes) -> None:
        for session in self._position_listeners:
            if session.view.sees(account):
                session.send(payload)

    def _positions_end(self, row: Answer, payload: bytes) -> None:
        del row, payload
        self._has_positions = True
        position_row = self._rows[POSITION]
        for (account, _), before in self._positions_before.items():
            if _is_held(position_row, before):
                self._tell_position(account.decode(), _closed(position_row, before))
        self._positions_before.clear()
        for session in self._owed_positions.elements():
            self._send_positions(session)
        self._owed_positions.clear()

    def _send_positions(self, session: Session) -> None:
        # account by account, in the gateway's order (fact 2.31); `sorted` keeps the rest of it
        for account, payload in sorted(
            ((account.decode(), payload) for (account, _), payload in self._positions.items()),
            key=lambda row: self._rank.get(row[0], 0),
        ):
            if session.view.sees(account):
                session.send(payload)
        session.send(_POSITION_END)
        self._position_listeners[session] = None

    def _bulletin(self, row: Answer, payload: bytes) -> None:
        del row
        bulletin_id = payload.split(b"\0")[2]
        if bulletin_id in self._bulletins:
            return  # said before the subscription was ended and begun again
        self._bulletins[bulletin_id] = payload
        marks = self._bulletin_marks
        is_of_the_day = bool(marks) and self._context.now_s - marks[-1] < LONGEST_DAY_S
        owed = self._owed_bulletins.elements()
        for session in owed if is_of_the_day else self._bulletin_listeners:
            session.send(payload)

    def _bulletins_told(self, row: Answer, payload: bytes) -> None:
        """The question behind a subscription is answered: what comes now is new."""
        del row, payload
        del self._bulletin_marks[:1]
        if not self._bulletin_marks:
            self._owed_bulletins.clear()


def _is_held(row: Answer, payload: bytes) -> bool:
    """Whether a row about what is held states a position other than 0."""
    position_at = row.gone_at[0]
    return float(payload.split(b"\0", position_at + 1)[position_at] or 0) != 0


def _closed(row: Answer, payload: bytes) -> bytes:
    """Return a row about what is held, saying that it is not held any more."""
    fields = payload.split(b"\0")
    position_at, *amounts_at = row.gone_at
    fields[position_at] = b"0"
    for at in amounts_at:
        fields[at] = b"0.0"
    return b"\0".join(fields)
