"""What a gateway's lists name without ids: which of it may be an order that may have got lost.

A restarted gateway may know orders by their permId alone (fact 3.39). Of one that was on its way at
that moment the permId was never told here. So what has the same account, symbol, side, size and
orderRef (it returns as it was sent, fact 3.26) may be that order: as long as there is anything like
it, nothing is concluded. If one order only is like it, and the reverse, and the orderRef is not
empty, it is that one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.record import OrderRecord

_BUY, _BOUGHT = b"BUY", b"BOT"
_NO_PERM_IDS = frozenset({b"", b"0"})


@dataclass(frozen=True)
class _Sighting:
    """What a list says of an order without ids.

    Attributes:
        size: how much was ordered; of an execution: how much has been filled with it.
        is_size_whole: whether `size` is all that was ordered.
    """

    perm_id: bytes
    account: bytes
    symbol: bytes
    ref: bytes
    is_buy: bool
    size: Decimal | None
    is_size_whole: bool

    def may_be(self, record: OrderRecord) -> bool:
        """Whether it may be that order; what is not known of the order tells nothing apart."""
        ordered = at.number(record.quantity)
        if ordered is None or self.size is None:
            is_size = True
        elif self.is_size_whole:
            is_size = self.size == ordered
        else:
            is_size = self.size <= ordered
        return (
            is_size
            and (not record.action or self.is_buy == (record.action == _BUY))
            and record.ref in {None, self.ref}
            and record.symbol in {b"", self.symbol}
            and record.account in {b"", self.account}
        )


class Nameless:
    """Knows what the last lists have named without ids."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._seen: set[_Sighting] = set()

    def clear(self) -> None:
        """Lists are asked for."""
        self._seen.clear()

    def open(self, listed: Iterable[OrderRecord]) -> None:
        """Take a list of open orders."""
        for record in listed:
            stated = record.open_message
            if record.owner is None and not record.order_id and stated:
                sighting = _Sighting(
                    perm_id=record.perm_id,
                    account=stated[at.OPEN_ACCOUNT],
                    symbol=stated[at.OPEN_SYMBOL],
                    ref=stated[at.OPEN_REF],
                    is_buy=stated[at.OPEN_ACTION] == _BUY,
                    size=at.number(stated[at.OPEN_QUANTITY]),
                    is_size_whole=True,
                )
                self._seen.add(sighting)

    def executed(self, record: OrderRecord, fields: list[bytes]) -> None:
        """Take an execution out of a list."""
        if record.owner is None and not record.order_id:
            sighting = _Sighting(
                perm_id=record.perm_id,
                account=fields[at.EXEC_ACCOUNT],
                symbol=fields[at.EXEC_SYMBOL],
                ref=fields[at.EXEC_REF],
                is_buy=fields[at.EXEC_SIDE] == _BOUGHT,
                size=at.number(fields[at.EXEC_TOTAL]),
                is_size_whole=False,
            )
            self._seen.add(sighting)

    def may_be(self, record: OrderRecord) -> bool:
        """Whether something that was named without ids may be that order."""
        return any(each.may_be(record) for each in self._seen)

    def name(self, records: Collection[OrderRecord]) -> list[OrderRecord]:
        """Find out the permIds of orders that may have got lost, where there is no doubt.

        Returns:
            Those of which the lists can tell more now, if they are asked for again.
        """
        seen = {each.perm_id for each in self._seen} - _NO_PERM_IDS
        named = [each for each in records if each.perm_id in seen]  # another list has told it
        claims: dict[bytes, list[OrderRecord]] = {}
        for record in records:
            if record.ref and not record.perm_id:
                perm_ids = {each.perm_id for each in self._seen if each.may_be(record)}
                if len(perm_ids) == 1 and not perm_ids & _NO_PERM_IDS:
                    claims.setdefault(perm_ids.pop(), []).append(record)
        for perm_id, claimants in claims.items():
            if len(claimants) == 1:
                self._book.learn_perm_id(claimants[0], perm_id)
                named += claimants
        return named
