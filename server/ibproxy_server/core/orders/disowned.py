"""Orders that the gateway knows by other ids than they were placed under.

After its restart both may be 0 (fact 3.39); if the proxy has another client id than when it placed
them, they are those of before. The gateway then tells nothing of them live, and their order ids
reach nothing. So as long as there are any, the open orders are listed now and then: what a list
says anew is told to owners, and executions and ends are then asked for as after an outage.
"""

from __future__ import annotations

from collections.abc import Collection

from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.record import OrderRecord

WATCH_EVERY_S = 5.0
"""How often the open orders are listed while there are any such."""


class DisownedOrders:
    """Knows when to ask for open orders, and whether there is more to ask for then."""

    def __init__(self, context: Context, book: OrderBook) -> None:
        self._context = context
        self._book = book
        self._is_news = False
        self.watch_at_s: float | None = None

    def plan(self) -> None:
        """The lists have told all they can: look again later, if there are any."""
        self._is_news = False
        count = sum(each.is_disowned and each.may_work for each in self._book.records)
        if count and self.watch_at_s is None:
            text = (
                f"the gateway knows {count} of the open orders by permId alone: they are looked at "
                f"every {WATCH_EVERY_S:.0f} s, and only TWS can change or cancel them"
            )
            self._context.notice(Level.WARNING, text)
        self.watch_at_s = self._context.now_s + WATCH_EVERY_S if count else None

    def is_due(self) -> bool:
        """Whether to list open orders now; the next time is set."""
        now_s = self._context.now_s
        if self.watch_at_s is None or now_s < self.watch_at_s or self._context.outage:
            return False
        self.watch_at_s = now_s + WATCH_EVERY_S
        return True

    def stated(self, record: OrderRecord, *, is_repeated: bool) -> None:
        """An order was stated."""
        self._is_news = self._is_news or (record.is_disowned and not is_repeated)

    def is_news(self, listed: Collection[OrderRecord]) -> bool:
        """Whether a list of open orders shows that something has happened to one of them."""
        return self._is_news or any(each.is_disowned for each in self._book.unlisted(listed))
