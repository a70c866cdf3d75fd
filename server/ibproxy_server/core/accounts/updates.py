"""Account updates (6, 7, 8, 54): the one subscription upstream, and a view of it for every session.

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

from dataclasses import dataclass, field

from ibproxy.wire.messages import LAST_VERSION, Answer, answers_by_id
from ibproxy_server.core import codes
from ibproxy_server.core.accounts.holdings import closed, is_held
from ibproxy_server.core.accounts.slot import AccountSlot
from ibproxy_server.core.accounts.value_streams import ValueStreams
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session

VALUE, PORTFOLIO, TIME = b"6", b"7", b"8"
MAX_IMAGE_AGE_S = 180.0
"""The gateway restates an account every three minutes (fact 2.9); an older image is not shown."""

ROWS_AFTER_TRADE_S = 1.0
"""How long the rows are awaited that follow a change of position (fact 2.9)."""

ROWS_AFTER_END_S = 2.5
"""How long rows are awaited when the end of an image came before them (fact 2.12)."""

_UNSUBSCRIBED = (2100, "API client has been unsubscribed from account data.")  # fact 2.17
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


class AccountUpdates:
    """Pictures of all accounts, and who is shown which.

    Attributes:
        slot: whose turn it is in the gateway's one subscription.
        listeners: session -> the account that it listens to.
    """

    def __init__(self, context: Context, requests: RequestDesk, turn_s: float) -> None:
        self.slot = AccountSlot(turn_s)
        self.listeners: dict[Session, str] = {}
        self._context = context
        self._values = ValueStreams(requests)
        self._portfolio = answers_by_id(LAST_VERSION)[PORTFOLIO]  # the same in all versions
        self._pictures: dict[str, Picture] = {}
        self._told: dict[Session, dict[Key, bytes]] = {}
        self._owed_end: dict[Session, None] = {}
        self._row_account: str | None = None

    # from clients

    def want(self, session: Session, fields: list[bytes]) -> None:
        """Subscribe or unsubscribe; a second account replaces the first (fact 2.1)."""
        if fields[2] != b"1":
            if self.drop(session):
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
        self.drop(session)
        self.listeners[session] = account
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

    def drop(self, session: Session) -> bool:
        """A session does not listen any more; return whether it did."""
        account = self.listeners.pop(session, None)
        self._owed_end.pop(session, None)
        self._told.pop(session, None)
        if account is None:
            return False
        self.slot.demand(account).listeners -= 1
        if not self.slot.demand(account).listeners:
            self._values.drop(account)
        return True

    # the connection

    def start(self, accounts: tuple[str, ...]) -> None:
        """The gateway is ready: learn everything before the first client asks."""
        for account in accounts:
            self.slot.demand(account)
        self._values.start(accounts)

    def reset(self) -> None:
        """The connection to the gateway is gone; who listens goes on listening."""
        self.slot.reset()
        for picture in self._pictures.values():
            picture.incoming.clear()
            picture.ended_early_at_s = picture.traded_at_s = None
        self._row_account = None

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

    def traded(self, account: str) -> None:
        """A position of an account has changed."""
        self.slot.position_changed(account)
        if account == self.slot.current and not self.slot.is_loading:
            self._pictures[account].traded_at_s = self._context.now_s

    # from the gateway

    def row(self, row: Answer, payload: bytes) -> None:
        """Take a row of the account in the slot."""
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
        if fields[0] == PORTFOLIO and not is_held(row, payload):
            del picture.rows[key]  # that it is closed is said once; an image is of what is held
        if fields[0] == TIME and picture.traded_at_s is not None:
            self._rows_are_told(account, picture)

    def end(self, row: Answer, payload: bytes) -> None:
        """The end of an image has come."""
        del row
        account = payload.split(b"\0")[2].decode()
        picture = self._pictures.setdefault(account, Picture())
        if picture.has_values:
            self._close(account, picture)
        else:
            picture.ended_early_at_s = self._context.now_s  # its rows follow (fact 2.12)
        self._tell_end(account)

    # inside

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

    def _value(self, account: str, key: Key, payload: bytes) -> None:
        """Take a value of an account that the slot is not at; rows that are not known are not."""
        picture = self._pictures.get(account)
        if picture is None or account == self.slot.current or key not in picture.rows:
            return
        picture.rows[key] = payload
        self._tell(account, key, payload, to_owed=False)

    def _tell_end(self, account: str) -> None:
        for session in [each for each in self._owed_end if self.listeners[each] == account]:
            del self._owed_end[session]
            session.say(54, 1, account)

    def _close(self, account: str, picture: Picture) -> None:
        """An image is whole: what it did not name is gone."""
        for key in [key for key in picture.rows if key not in picture.incoming]:
            gone = picture.rows.pop(key)
            if key[0] == PORTFOLIO and picture.has_values:
                # closed while the slot was elsewhere: on a gateway of one's own a row says so
                self._tell(account, key, closed(self._portfolio, gone))
        picture.incoming.clear()
        picture.ended_early_at_s = None
        self.slot.completed(account, self._context.now_s)

    def _tell(self, account: str, key: Key, payload: bytes, *, to_owed: bool = True) -> None:
        """Tell a row to who listens; perhaps not to those whose image is still to come."""
        for session, wanted in self.listeners.items():
            if wanted == account and (to_owed or session not in self._owed_end):
                self._tell_one(session, key, payload)

    def _tell_one(self, session: Session, key: Key, payload: bytes) -> None:
        """Tell a row, unless the session knows it; repeated images must not show."""
        told = self._told[session]
        if told.get(key) != payload:
            told[key] = payload
            session.send(payload)
