"""Which order is whose: ids mapped both ways, and the last known state of every order.

An order belongs to an *owner*, a strategy and client id. Every owner counts its own order ids;
upstream they come from one sequence that rises strictly in the order of sending and stays above
every id ever seen (facts 3.1 to 3.13).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterator

from ibproxy.errors import LocalError
from ibproxy_server.core.orders.record import OrderRecord, Owner

MAX_DONE = 50_000
"""So many orders that are done are known; when there are more, the one done first is forgotten."""

ORDER_IDS_END = 2_000_000_000
"""Order ids upstream stay below it; request ids begin there."""


class OrderBook:
    """All orders that the proxy knows of."""

    def __init__(self) -> None:
        self.records: list[OrderRecord] = []
        self._done: deque[OrderRecord] = deque()
        self._by_upstream_id: dict[int, OrderRecord] = {}
        self._by_perm_id: dict[bytes, OrderRecord] = {}
        self._by_owner: dict[Owner, dict[int, OrderRecord]] = {}
        self._highest: dict[Owner, int] = {}
        self._oca_names: dict[bytes, bytes] = {}
        self._next_upstream_id = 1

    def raise_upstream_id(self, seen: int) -> None:
        """The next order gets an id above `seen`."""
        self._next_upstream_id = max(self._next_upstream_id, seen + 1)

    def raise_client_id(self, owner: Owner, used: int) -> None:
        """The owner has used this order id."""
        self._highest[owner] = max(used, self._highest.get(owner, 0))

    @property
    def highest_upstream_id(self) -> int:
        """The highest order id seen or given out."""
        return self._next_upstream_id - 1

    def next_client_id(self, owner: Owner) -> int:
        """Return the owner's next valid order id."""
        return self._highest.get(owner, 0) + 1

    def place(self, owner: Owner, client_order_id: int, *, is_what_if: bool) -> OrderRecord:
        """Return a new record with the next upstream id.

        Raises:
            LocalError: no id is left below the request ids.
        """
        if self._next_upstream_id >= ORDER_IDS_END:
            raise LocalError(
                f"the gateway's order ids have reached {self._next_upstream_id}, and ids from "
                f"{ORDER_IDS_END} on belong to requests: reset the order id sequence in the "
                "gateway's API settings"
            )
        record = OrderRecord(self._next_upstream_id, owner, client_order_id, is_what_if=is_what_if)
        self._add(record, owner)
        return record

    def restore(self, record: OrderRecord) -> None:
        """Take in an order that was placed before the proxy was started."""
        record.has_left = record.is_of_earlier_run = record.is_unlisted = True
        if record.owner:
            self._add(record, record.owner)
            record.highest_before = record.client_order_id  # what was before is not known

    def _add(self, record: OrderRecord, owner: Owner) -> None:
        self.raise_upstream_id(record.upstream_id)
        record.highest_before = self._highest.get(owner, 0)
        self.raise_client_id(owner, record.client_order_id)
        mine = self._by_owner.setdefault(owner, {})
        if not record.is_what_if or record.client_order_id not in mine:
            # a what-if under a working order's id leaves that order alone (fact 3.102)
            mine[record.client_order_id] = record
        self._by_upstream_id[record.upstream_id] = record
        self.records.append(record)

    def join(self, record: OrderRecord) -> None:
        """Take an order into its parent's family."""
        parent = self._by_upstream_id.get(int(record.parent_id or 0))
        if parent is None or record in parent.family:
            return
        parent.family = parent.family or [parent]
        record.family = parent.family
        record.family.append(record)

    def release(self, record: OrderRecord) -> None:
        """An order is transmitted, and with it those of its family that were held back (3.91)."""
        for each in record.family:
            each.is_transmitted = True

    def in_flight(self) -> list[OrderRecord]:
        """Return the orders that have left and of which the gateway has said nothing.

        One that is held back (transmit off) is none of them: nothing is ever said of it
        (facts 3.49, 3.91).
        """
        return [
            each
            for each in self._unstated()
            if each.has_left and each.is_transmitted and not each.is_unknown
        ]

    def doubt(self) -> list[OrderRecord]:
        """Return the orders that from now on may or may not have reached the gateway."""
        unknown = self.in_flight()
        for record in unknown:
            record.is_unknown = True
        return unknown

    def retire(self, record: OrderRecord) -> OrderRecord | None:
        """Take note that an order is done, and return the one that is forgotten instead, if any."""
        if record.is_retired:
            return None
        record.is_retired = True
        self._done.append(record)
        if len(self._done) <= MAX_DONE:
            return None
        oldest = self._done.popleft()
        oldest.is_retired = False
        if oldest.may_work:
            return None  # it has come back to life
        self.records.remove(oldest)
        self._by_upstream_id.pop(oldest.upstream_id, None)
        self._by_upstream_id.pop(oldest.bound_id, None)
        if self._by_perm_id.get(oldest.perm_id) is oldest:
            del self._by_perm_id[oldest.perm_id]
        oldest.family[:] = [each for each in oldest.family if each is not oldest]
        mine = self._by_owner.get(oldest.owner, {}) if oldest.owner else {}
        if mine.get(oldest.client_order_id) is oldest:
            del mine[oldest.client_order_id]
        return oldest

    def retire_done(self) -> None:
        """Take note of all orders that are done."""
        for record in list(self.records):
            if not record.may_work:
                self.retire(record)

    def unlist(self) -> None:
        """The connection is gone: the next one has to say what is there."""
        for record in self.records:
            record.is_unlisted = True

    def drop_unsent(self) -> list[OrderRecord]:
        """Return the orders that have not left and now never will; they are refused."""
        unsent = [each for each in self._unstated() if not each.has_left]
        for record in unsent:
            self.give_up(record)
        return unsent

    def _unstated(self) -> Iterator[OrderRecord]:
        return (
            each for each in self.records if each.owner and each.may_work and not each.was_stated
        )

    def refuse(self, record: OrderRecord) -> None:
        """The gateway has refused a placeOrder message of it.

        One that was never stated may be held back (transmit off), and then a change was refused;
        if nothing is left of it, its id has not been used [assumed].
        """
        if record.was_stated:
            return
        record.places -= 1
        if record.places <= 0:
            self.give_up(record)

    def give_up(self, record: OrderRecord) -> None:
        """It has never been an order: its id is free again."""
        record.is_gone = True
        if record.owner is None:
            return
        mine = self._by_owner[record.owner]
        while (last := mine.get(self._highest[record.owner])) and last.is_refused:
            if last.highest_before >= last.client_order_id:
                return  # of an earlier run: its id stays used
            self._highest[record.owner] = last.highest_before

    def of_client(self, owner: Owner, client_order_id: int) -> OrderRecord | None:
        """Return the owner's order with that id."""
        return self._by_owner.get(owner, {}).get(client_order_id)

    def of_owner(self, owner: Owner) -> list[OrderRecord]:
        """Return all orders of an owner, oldest first."""
        return list(self._by_owner.get(owner, {}).values())

    def bound(self) -> list[OrderRecord]:
        """Return the orders by hand that this proxy was given."""
        return [each for each in self.records if each.owner is None and each.bound_id]

    def of_upstream(self, upstream_id: int) -> OrderRecord | None:
        """Return the order that this proxy placed, or was given, under that id."""
        return self._by_upstream_id.get(upstream_id)

    def foreign(self, upstream_id: int, client_id: int, perm_id: bytes) -> OrderRecord:
        """Return the record of an order that did not come through this proxy."""
        record = self._by_perm_id.get(perm_id)
        if record is None:
            record = OrderRecord(upstream_id, foreign_client_id=client_id, perm_id=perm_id)
            self.records.append(record)
            self._by_perm_id[perm_id] = record
        return record

    def bind(self, record: OrderRecord, order_id: int) -> None:
        """Client 0, which this proxy is, has been given an order under an id below 0."""
        record.bound_id = order_id
        self._by_upstream_id[order_id] = record

    def learn_perm_id(self, record: OrderRecord, perm_id: bytes) -> None:
        """The gateway has told the order's permId; 0 is none yet (fact 3.19).

        What it has listed under that permId, and seemed to be nobody's here, is this order.
        """
        if perm_id and perm_id != b"0" and not record.perm_id:
            record.perm_id = perm_id
            if (seen := self._by_perm_id.get(perm_id)) and seen.owner is None:
                self.records.remove(seen)
            self._by_perm_id[perm_id] = record

    def forget_foreign(self, listed: Collection[OrderRecord]) -> None:
        """The gateway's full list of open orders is in: what is not ours and not in it is gone."""
        for record in list(self.records):
            if record.owner is None and record not in listed:
                self.records.remove(record)
                self._by_perm_id.pop(record.perm_id, None)
                self._by_upstream_id.pop(record.bound_id, None)

    def unlisted(self, listed: Collection[OrderRecord]) -> list[OrderRecord]:
        """Return the orders of this proxy that were open and are not in the gateway's full list.

        Those that were never stated may be too young to be listed, and are none of them.
        """
        return [
            each
            for each in self.records
            if each.owner and each.is_open and not each.is_unknown and each not in listed
        ]

    def open_questions(self) -> list[OrderRecord]:
        """Return the what-ifs that may still be answered."""
        return [
            each
            for each in self.records
            if each.is_what_if and not each.is_answered and not each.is_gone
        ]

    def oca_name(self, owner: Owner, name: bytes) -> bytes:
        """Return the group name upstream, kept apart from another owner's of the same name.

        Names are account-wide (fact 3.98) and have at most 64 characters (fact 3.97). A permId
        is the gateway's own name for a bracket's children and is left alone (fact 3.95).
        """
        if name in self._by_perm_id:
            return name
        strategy, client_id = owner
        mark = hashlib.sha256(b"%b/%d/%b" % (strategy.encode(), client_id, name)).hexdigest()
        upstream = b"%b~%b" % (name[:47], mark[:16].encode())
        self._oca_names[upstream] = name
        return upstream

    def restore_oca_name(self, upstream: bytes, shown: bytes) -> None:
        """A group was named before the proxy was started."""
        self._oca_names[upstream] = shown

    def oca_shown(self, upstream: bytes) -> bytes:
        """Return the group name as its owner wrote it; others' names unchanged."""
        return self._oca_names.get(upstream, upstream)
