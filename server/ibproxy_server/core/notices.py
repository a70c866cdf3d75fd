"""Message 4 of the gateway: errors, warnings and notices, and whom they concern."""

from __future__ import annotations

import re
from collections.abc import Callable

from ibproxy.wire.messages import Answer
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.orders.desk import OrderDesk
from ibproxy_server.core.requests import FIRST_REQUEST_ID, RequestDesk
from ibproxy_server.core.serial import SerialDesk
from ibproxy_server.core.session import Session

DATA_LOST = 1101
"""Connectivity is back, but what was subscribed is not (fact 7.3)."""

_NO_ID = (-1, 2**31 - 1)
_FARM = re.compile(rb":|\.(?=\w+(?:\.\w+)*$)")
"""What stands before a farm's name, which may have dots of its own (facts 1.15, 1.16, 1.18)."""

_MARKET_RULE = re.compile(rb"Market rule with id = (\d+)")


class NoticeDesk:
    """Routes message 4 by the id that it carries, else by its code.

    Args:
        context: shared by all desks.
        requests: takes those with a request id.
        serial: takes those whose text names what was asked.
        orders: takes those with an order id.
        link_to_ib: takes the codes that say how the gateway's own link to IB is.
    """

    def __init__(
        self,
        context: Context,
        requests: RequestDesk,
        serial: SerialDesk,
        orders: OrderDesk,
        link_to_ib: Callable[[int], None],
    ) -> None:
        self._context = context
        self._requests = requests
        self._serial = serial
        self._orders = orders
        self._link_to_ib = link_to_ib
        self._farms: dict[tuple[str, bytes], bytes] = {}

    def answer(self, row: Answer | None, payload: bytes) -> None:
        """Bring a message to whom it concerns."""
        del row
        fields = payload.split(b"\0")
        for_id, code, rest = int(fields[2]), int(fields[3]), fields[3:-1]
        if for_id in _NO_ID and not self._orders.is_bound_orders(for_id, code):
            self._without_id(code, rest, payload)
        elif for_id >= FIRST_REQUEST_ID:
            self._requests.error(fields[2], code, rest)
        elif not self._orders.error(for_id, code, rest):
            text = f"error {code} for order {for_id}, which is nobody's here: {fields[4]!r}"
            self._context.notice(Level.INFO, text)

    def welcome(self, session: Session) -> None:
        """Tell a new session what a gateway says at the start: how the farms are."""
        for payload in self._farms.values():
            session.send(payload)

    def reset(self) -> None:
        """The connection to the gateway is gone."""
        self._farms.clear()

    def _is_no_list(self, payload: bytes) -> bool:
        """Whether a read-only gateway refuses a list (fact 1.44): who waits is told, or waits on.

        Those are completed orders, and the list that would bind those by hand.
        """
        return self._serial.refuse_completed(payload) or self._orders.open_lists.bound()

    def _without_id(self, code: int, rest: list[bytes], payload: bytes) -> None:
        text = rest[1]
        if code in codes.FARM_OF_CODE:
            farm = _FARM.split(text, 1)[-1]
            self._farms[codes.FARM_OF_CODE[code], farm] = payload
        if code in codes.LINK_IS_BROKEN:
            self._link_to_ib(code)
        if code == DATA_LOST:
            self._requests.data_lost()
        if rule := _MARKET_RULE.search(text):
            self._serial.refuse(rule[1].decode(), code, rest)
        elif code in codes.PROXY_ONLY:
            shown = text.decode(errors="replace")
            self._context.notice(Level.INFO, f"the gateway says {code}: {shown}")
        elif codes.READ_ONLY in text and self._is_no_list(payload):
            pass
        elif code in codes.REFUSALS:
            # nothing says whose message it answers: the last one's is the best guess, and
            # telling everybody would be wrong for all but one
            session = self._context.sessions.get(self._context.pacer.last_source)
            self._context.notice(Level.INFO, f"refused, for {session or 'the proxy'}: {text!r}")
            if session:
                session.send(payload)
        else:
            for each in self._context.ready_sessions():
                each.send(payload)
