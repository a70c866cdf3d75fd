"""What happened while nobody was told: asked of the gateway, and told to whom it concerns, once.

::

    the gateway is there ──► 16 open orders ─────┐
    (or has IB again)   ├──► 7  executions ──────┼──► all ended, or given up ──► verdicts
                        └──► 99 completed orders ┘

What the lists tell anew is told as it comes: statements of open orders, and executions. When they
are whole, each order that was open before and is not listed any more is told its end; one that may
have got lost has arrived, or has not. Fills of an outage are not replayed by the gateway, neither
after a restart nor after 1102 (facts 7.12, 7.15).

What cannot be told from the lists is told as unknown. If that is because a list did not come, or
because the gateway may keep an order that it took before it lost IB (facts 3.90, 7.11), the lists
are asked for again later.
"""

from __future__ import annotations

from collections.abc import Callable

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.disowned import DisownedOrders
from ibproxy_server.core.orders.doubts import Doubts
from ibproxy_server.core.orders.endings import CANCELLED, Fills, ending
from ibproxy_server.core.orders.nameless import Nameless
from ibproxy_server.core.orders.outage import OutageRules
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.orders.statements import API_PENDING, Statements

EXECUTIONS = 7
OWN_EXECUTIONS = b"2147000003"
"""Request id of the proxy's own question for executions, above those of requests."""

GIVE_UP_AFTER_S = 30.0
"""A list that has not ended after so long may never end (facts 3.113, 11.33)."""

LOOK_AGAIN_AFTER_S = (60.0, 300.0, 900.0)
"""When the lists are asked for again, as long as they can tell what is not known."""

_OPEN, _EXECUTED, _COMPLETED = "open orders", "executions", "completed orders"

_LOST = (
    "it did not reach the gateway, or ended there without a fill: it is neither among the open "
    "orders nor among the executions"
)
_NO_FILL_LISTED = (
    "it ended while the gateway could not tell; it is not among the open orders any more, and the "
    "executions show no more of it"
)
_BROKEN = "the link to the gateway broke while it was on its way"
_CUT_OFF = "the gateway was cut off from IB while it was on its way"


class Reconciliation:
    """Brings the order book, and owners, up to date after an outage.

    Attributes:
        is_settled: whether all that the lists can tell has been told since the last outage.
        ask_open: asks for a list of open orders; `open_orders_end` must follow.
        ask_completed: asks for completed orders; `completed_end` must follow.
        is_first: whether no list of executions has been whole in this run: those of orders of an
            earlier run are then no news.
    """

    def __init__(
        self,
        context: Context,
        book: OrderBook,
        recorder: Recorder,
        statements: Statements,
        doubts: Doubts,
        rules: OutageRules,
    ) -> None:
        self._context = context
        self._book = book
        self._recorder = recorder
        self._statements = statements
        self._doubts = doubts
        self._rules = rules
        self._disowned = DisownedOrders(context, book)
        self.is_settled = False
        self.ask_open: Callable[[], None] = lambda: None
        self.ask_completed: Callable[[], None] = lambda: None
        self.is_first = True
        self._missing: dict[str, None] = {}
        self._given_up_at_s = 0.0
        self._is_whole = True
        self._has_open_list = False
        self._is_link_kept = False
        self._is_to_be_repeated = False
        self._looks = 0
        self._look_at_s: float | None = None
        self._cut_off_day = ""
        self._in_flight: list[OrderRecord] = []
        self._nameless = Nameless(book)
        self._concerned: dict[OrderRecord, None] = {}
        self._fills: dict[OrderRecord, Fills] = {}
        self._completed: dict[bytes, at.Completed] = {}

    @property
    def is_running(self) -> bool:
        """Whether lists are on their way, or will be asked for again."""
        return bool(self._missing) or self._look_at_s is not None

    # when

    def start(self) -> None:
        """The gateway is there, on a new connection: what it lists is the truth."""
        self._looks, self._cut_off_day = 0, ""
        self._begin(is_link_kept=False)
        for record in self._book.records:
            if record.is_unknown and record.may_work:
                self._recorder.changed(record)
                owner = f"{record.owner[0]}/{record.owner[1]}" if record.owner else ""
                self._context.notice(
                    Level.WARNING,
                    f"order {record.client_order_id} of {owner} (at the gateway "
                    f"{record.upstream_id}) may or may not have arrived; it is not sent again",
                )

    def reconcile(self) -> None:
        """The gateway has IB again, on the connection of before."""
        self._looks = 0
        self._in_flight = self._book.in_flight()  # now: what leaves from here on is not concerned
        self._doubts.break_off()
        for record in self._book.records:
            if self._cut_off_day and record.is_open:
                record.open_day = self._cut_off_day
        self._cut_off_day = ""
        self.is_settled = False
        if self._missing:
            self._is_to_be_repeated = True  # what is on its way may be older than the outage
        else:
            self._begin(is_link_kept=True)

    def reset(self) -> None:
        """The connection to the gateway is gone, and the lists with it."""
        self.is_settled = False
        self._missing.clear()
        self._in_flight.clear()
        self._is_to_be_repeated = False
        self._look_at_s = None
        self._cut_off_day = ""

    def advance(self) -> None:
        """Give up lists that do not come; ask again for what they could not tell."""
        now_s, outage = self._context.now_s, self._context.outage
        if outage and not self._cut_off_day:
            self._cut_off_day = self._context.gateway_day()
        if self._missing and now_s >= self._given_up_at_s:
            lists = " and ".join(self._missing)
            text = f"the gateway has not listed its {lists} in {GIVE_UP_AFTER_S:.0f} s"
            self._context.notice(Level.WARNING, text)
            self._context.counters["timeouts"] += 1
            if _OPEN in self._missing:
                self._settle_broken_off(self._concerned)
            self._missing.clear()
            self._is_whole = False
            self._conclude()
        elif self._look_at_s is not None and now_s >= self._look_at_s and not outage:
            self._begin(is_link_kept=False, is_settled=self.is_settled)
        elif not self._missing and self._disowned.is_due():
            self.ask_open()

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        if self._missing:
            return self._given_up_at_s
        if self._context.outage:
            return None
        due = [each for each in (self._look_at_s, self._disowned.watch_at_s) if each is not None]
        return min(due, default=None)

    # what the gateway says

    def open_orders_end(self, listed: set[OrderRecord], is_ours: bool) -> None:
        """A list of open orders is whole.

        What it lacks has ended, or was not open yet when it was made. While it is being found out
        what happened, that is left to the verdicts.

        Args:
            listed: the orders in it.
            is_ours: whether it was asked for by `ask_open`.
        """
        if not self._missing:
            if self._disowned.is_news(listed):
                self._looks = 0
                self._begin(is_link_kept=False, is_settled=self.is_settled)
                return
            self._disowned.plan()
        if not self.is_running:
            for record in self._book.unlisted(listed):
                record.is_gone = True
                self._recorder.changed(record)
        if not is_ours or _OPEN not in self._missing:
            return
        still_open = [each for each in self._concerned if each in listed and each.is_open]
        self._settle_broken_off(dict.fromkeys(still_open))
        self._concerned = {each: None for each in self._concerned if each not in listed}
        self._has_open_list = True
        self._nameless.open(listed)
        self._ended(_OPEN)

    def can_tell(self, record: OrderRecord) -> bool:
        """Whether the lists would have named an order, if it were there."""
        return self.is_settled and not self._nameless.may_be(record)

    def heard(self, record: OrderRecord, *, is_repeated: bool) -> None:
        """The gateway has stated an order: how it stands is known."""
        self._disowned.stated(record, is_repeated=is_repeated)
        if _OPEN not in self._missing:
            self._concerned.pop(record, None)

    def executed(self, record: OrderRecord, fields: list[bytes]) -> None:
        """An execution is in the list."""
        self._nameless.executed(record, fields)
        fills = self._fills.setdefault(record, Fills())
        fills.take(fields)
        record.fills = max(record.fills, fills.count)

    def executions_end(self, payload: bytes) -> bool:
        """Take the end of the proxy's own list of executions; False if it is another's."""
        if payload.split(b"\0")[2] != OWN_EXECUTIONS:
            return False
        if _EXECUTED in self._missing:
            self.is_first = False
        self._ended(_EXECUTED)
        return True

    def completed(self, fields: list[bytes]) -> None:
        """A completed order is in a list, whoever asked for it."""
        if _COMPLETED in self._missing:
            version = self._context.server_version
            self._completed[fields[at.COMPLETED_PERM_ID]] = at.completed(fields, version)

    def completed_end(self) -> None:
        """A list of completed orders is whole."""
        self._ended(_COMPLETED)

    def completed_refused(self) -> None:
        """A read-only gateway does not list completed orders (fact 1.43)."""
        if _COMPLETED in self._missing:
            self._is_whole = False
            self._ended(_COMPLETED)

    # inside

    def _begin(self, *, is_link_kept: bool, is_settled: bool = False) -> None:
        self._is_link_kept = is_link_kept
        self._is_whole, self._has_open_list, self.is_settled = True, False, is_settled
        self._look_at_s = None
        self._fills.clear()
        self._completed.clear()
        self._nameless.clear()
        in_flight, self._in_flight = self._in_flight, []
        watched = [each for each in self._book.records if each.is_followed]
        watched = [each for each in watched if each.is_open or each.is_unknown]
        self._concerned = dict.fromkeys([*watched, *in_flight])
        self._missing = dict.fromkeys((_OPEN, _EXECUTED, _COMPLETED))
        self._given_up_at_s = self._context.now_s + GIVE_UP_AFTER_S
        self.ask_open()
        self._context.ask(EXECUTIONS, 3, OWN_EXECUTIONS.decode(), 0, *[""] * 6)
        self.ask_completed()

    def _ended(self, name: str) -> None:
        if name not in self._missing:
            return
        del self._missing[name]
        if not self._missing:
            self._conclude()

    def _settle_broken_off(self, records: dict[OrderRecord, None]) -> None:
        reason = _CUT_OFF if self._is_link_kept else _BROKEN
        for record in records:
            self._rules.settle_broken_off(record, reason)

    def _conclude(self) -> None:
        """Settle what the lists can settle; ask again at once if they can tell more then."""
        concerned, self._concerned = self._concerned, {}
        if self._nameless.name(concerned):
            self._in_flight += filter(self._is_in_flight, concerned)
            self._begin(is_link_kept=self._is_link_kept)
            return
        undecided = [each for each in concerned if not self._settle(each)]
        self._fills.clear()
        self._completed.clear()
        self.is_settled = True
        self._disowned.plan()
        if self._is_to_be_repeated:
            self._is_to_be_repeated = False
            self._begin(is_link_kept=True)
        elif undecided and self._looks < len(LOOK_AGAIN_AFTER_S):
            self._look_at_s = self._context.now_s + LOOK_AGAIN_AFTER_S[self._looks]
            self._looks += 1

    def _settle(self, record: OrderRecord) -> bool:
        """Settle what became of an order that is not open; False if a later look may tell."""
        if not (record.is_open or record.is_unknown or self._is_in_flight(record)):
            return True  # it has ended meanwhile, and that was told
        if record.was_stated:
            return self._has_open_list and self._settle_end(record)
        if not self._lists_reach(record.day):
            if not record.is_unknown:
                self._doubts.doubt(record)
            return self._is_whole
        if self._is_link_kept and not record.is_unknown:
            self._doubts.doubt(record)
            return False
        if self._nameless.may_be(record):
            return True  # it stays unknown
        record.is_unknown, record.is_gone = False, True
        self._recorder.changed(record)
        self._statements.reject(record, _LOST)
        return True

    def _settle_end(self, record: OrderRecord) -> bool:
        """An order was open, and is so no more."""
        day = record.open_day or record.day
        is_over = self._lists_reach(day) and not self._nameless.may_be(record)
        is_inactive = record.status == b"Inactive"  # it may have been over already (fact 3.58)
        status = ending(
            record,
            self._statements.status_fields(record),
            self._completed.get(record.perm_id),
            self._fills.get(record),
            is_over=is_over and not is_inactive,
        )
        if status is None:
            self._end_is_unknown(record)
            return self._is_whole or is_inactive
        reason = _NO_FILL_LISTED
        if completed := self._completed.get(record.perm_id):
            reason = completed.text.decode(errors="replace")
        record.status_message, record.open_message = status, None
        record.is_gone = record.may_work
        self._recorder.stated(record)
        self._statements.show_owner(record, status)
        if record.status == CANCELLED:
            self._statements.tell(record, codes.ORDER_CANCELED, reason=reason)
        return True

    def _end_is_unknown(self, record: OrderRecord) -> None:
        is_news = not record.is_unknown and record.status != b"Inactive"
        record.is_gone, record.open_message = True, None
        record.is_unknown = record.is_unknown or is_news
        self._recorder.changed(record)
        if is_news:
            self._statements.tell(record, codes.END_UNKNOWN)
            self._statements.pend(record, API_PENDING)

    def _lists_reach(self, day: str) -> bool:
        """Whether what happened to an order that lived on `day` must be in the lists."""
        return self._is_whole and bool(day) and day == self._context.gateway_day()

    def _is_in_flight(self, record: OrderRecord) -> bool:
        return record.may_work and not record.was_stated
