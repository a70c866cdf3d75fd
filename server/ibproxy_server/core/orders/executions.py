"""Executions and their commissions: live ones to the owner, answers to those who asked.

A commission report has no id but the execution's (fact 3.35): it follows the execution. After an
outage the proxy asks for executions itself, and what its owner has not been told is told as live.
"""

from __future__ import annotations

from collections import Counter
from weakref import WeakKeyDictionary

from ibproxy.wire.messages import Request
from ibproxy_server.core.context import Context
from ibproxy_server.core.orders import layout as at
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.doubts import Doubts
from ibproxy_server.core.orders.known_executions import KnownExecutions
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.orders.reconciliation import OWN_EXECUTIONS, Reconciliation
from ibproxy_server.core.orders.record import OrderRecord
from ibproxy_server.core.orders.recorder import Recorder
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.requests.upstream_request import UpstreamRequest
from ibproxy_server.core.session import Place, Session

EXECUTIONS = 7

_LIVE = b"-1"
"""Request id of an execution that nobody asked for (fact 12.4)."""

Asker = tuple[int, bytes]
"""Session number and the client's request id."""


class Executions:
    """Carries requests for executions, and what is told of them."""

    def __init__(
        self,
        context: Context,
        requests: RequestDesk,
        book: OrderBook,
        owners: Owners,
        doubts: Doubts,
        recorder: Recorder,
        reconciliation: Reconciliation,
    ) -> None:
        self._context = context
        self._requests = requests
        self._book = book
        self._owners = owners
        self._doubts = doubts
        self._recorder = recorder
        self._reconciliation = reconciliation
        self._wanted_client: WeakKeyDictionary[UpstreamRequest, dict[Asker, int]]
        self._wanted_client = WeakKeyDictionary()
        self._audience: dict[bytes, dict[Session, list[int]]] = {}
        # a combo's own execution never has a commission (fact 3.109)
        self._known = KnownExecutions(lambda exec_id: self._audience.pop(exec_id, None))

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Ask for executions; upstream all are one client, so its filter is applied here."""
        client_id, wanted = fields[2], int(fields[at.FILTER_CLIENT_ID] or 0)
        fields[at.FILTER_CLIENT_ID] = b"0"
        if not fields[at.FILTER_ACCOUNT] and session.view.only:
            fields[at.FILTER_ACCOUNT] = session.view.only.encode()
        before = len(session.requests)
        self._requests.ask(session, row, fields)
        if wanted and len(session.requests) > before:
            request = next(reversed(session.requests.values()))
            wanted_by = self._wanted_client.setdefault(request, {})
            wanted_by[session.number, client_id] = wanted

    def forget(self, session: Session) -> None:
        """The session is over."""
        for exec_id, audience in list(self._audience.items()):
            audience.pop(session, None)
            if not audience:
                del self._audience[exec_id]

    def answer(self, fields: list[bytes]) -> None:
        """Bring an execution to its owner, or to those who asked."""
        exec_id, request_id = fields[at.EXEC_ID], fields[at.EXEC_REQUEST_ID]
        record = self._owners.record(
            fields[at.EXEC_ORDER_ID], fields[at.EXEC_CLIENT_ID], fields[at.EXEC_PERM_ID]
        )
        self._book.learn_perm_id(record, fields[at.EXEC_PERM_ID])
        account = fields[at.EXEC_ACCOUNT].decode()
        record.account = record.account or fields[at.EXEC_ACCOUNT]
        self._doubts.executed(record)
        if request_id in {_LIVE, OWN_EXECUTIONS}:
            listeners = self._news_for(record, fields)
        else:
            listeners = self._requests.askers(request_id)
        shown_to = Counter[Session]()
        for session, client_id in listeners:
            place = EXECUTIONS, client_id, request_id
            if not session.view.sees(account) or not self._is_wanted(session, place, record):
                continue
            shown = list(fields)
            order_id, shown[at.EXEC_CLIENT_ID] = self._owners.ids_for(session, record)
            if order_id != b"0" or shown[at.EXEC_ORDER_ID] != at.UNSET_INTEGER:  # fact 3.22
                shown[at.EXEC_ORDER_ID] = order_id
            shown[at.EXEC_REQUEST_ID] = client_id
            session.send(b"\0".join(shown))
            shown_to[session] += 1
        for session, times in shown_to.items():
            self._audience.setdefault(exec_id, {}).setdefault(session, []).append(times)

    def _news_for(self, record: OrderRecord, fields: list[bytes]) -> list[tuple[Session, bytes]]:
        """Return who is told an execution as a live one: the owner, once.

        An execution in the proxy's own list is news if it happened in an outage. What the first
        list of a run says of an order of an earlier run is not: nobody was there to miss it.
        """
        is_listed = fields[at.EXEC_REQUEST_ID] == OWN_EXECUTIONS
        listeners = self._owners.listeners(record)
        if is_listed and record.owner is None and not listeners:
            self._reconciliation.executed(record, fields)
            return []  # nobody's here, or of an order that is not known by its permId yet
        today = self._context.gateway_day()
        exec_id, time = fields[at.EXEC_ID], fields[at.EXEC_TIME]
        is_news = self._known.take(exec_id, time, today, is_live=not is_listed)
        if is_listed:
            self._reconciliation.executed(record, fields)
            if is_news:
                self._recorder.changed(record)
            is_old = record.is_of_earlier_run or record.owner is None
            is_news = is_news and not (is_old and self._reconciliation.is_first)
        elif is_news:
            record.fills += 1
            self._recorder.stated(record)
        return [(each, _LIVE) for each in listeners if is_news]

    def _is_wanted(self, session: Session, place: Place, record: OrderRecord) -> bool:
        """Whether an execution passes the client id filter; 0 means all (fact 3.107)."""
        request = session.requests.get(place)
        if request is None:
            return True  # nobody asked for it
        wanted = self._wanted_client.get(request, {}).get((session.number, place[1]), 0)
        return not wanted or int(self._owners.ids_for(session, record)[1]) == wanted

    def commission(self, fields: list[bytes]) -> None:
        """Each execution that was shown is followed by one commission report.

        It may have been shown live and as an answer, which are followed by one each, and an
        answer under two ids of a session, which share one.
        """
        exec_id, payload = fields[at.COMMISSION_EXEC_ID], b"\0".join(fields)
        audience = self._audience.get(exec_id, {})
        for session, times in list(audience.items()):
            for _ in range(times.pop(0)):
                session.send(payload)
            if not times:
                del audience[session]
        if not audience:
            self._audience.pop(exec_id, None)
