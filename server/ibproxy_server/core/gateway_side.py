"""The hub's side towards the gateway: it is there, it speaks, it is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ibproxy.errors import LocalError, RemoteProtocolError
from ibproxy.wire.messages import Answer, Deliver, answers_by_id
from ibproxy_server.core import events as ev
from ibproxy_server.core.accounts import AccountDesk
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import CloseUpstream, GiveUp, Level
from ibproxy_server.core.heartbeat import Heartbeat
from ibproxy_server.core.hub_settings import HubSettings
from ibproxy_server.core.notices import NoticeDesk
from ibproxy_server.core.orders.desk import OrderDesk
from ibproxy_server.core.outage import Outage
from ibproxy_server.core.reception import Reception
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.serial import SerialDesk
from ibproxy_server.core.upstream import Upstream

Take = Callable[[Answer, bytes], object]
"""Takes a message; returns True if nothing has changed but what clients are told."""

Route = tuple[Answer, Take]
"""A row of the message table, and who takes such a message."""


@dataclass(frozen=True)
class Desks:
    """Who takes what the gateway says."""

    requests: RequestDesk
    orders: OrderDesk
    accounts: AccountDesk
    serial: SerialDesk
    notices: NoticeDesk


class GatewaySide:
    """Follows the connection to the gateway, and hands out what comes by it.

    Args:
        context: shared by all desks.
        settings: what the hub must know.
        upstream: state of the connection.
        desks: who takes what the gateway says.
        reception: lets clients in while there is a gateway.
        outage: tells sessions that it is away, and back.
        journal_accounts: accounts of the login that the journal was kept for; empty if of none.

    Attributes:
        messages_received: messages that came from the gateway.
    """

    def __init__(
        self,
        context: Context,
        settings: HubSettings,
        upstream: Upstream,
        desks: Desks,
        reception: Reception,
        outage: Outage,
        journal_accounts: tuple[str, ...],
    ) -> None:
        self.messages_received = 0
        self._context = context
        self._silence_s = settings.silence_s
        self._upstream = upstream
        self._desks = desks
        self._reception = reception
        self._outage = outage
        self._journal_accounts = journal_accounts
        self._heartbeat = Heartbeat(settings.silence_s)
        self._was_ready = False
        self._routes: dict[bytes, Route] = {}

    def connected(self, event: ev.UpstreamConnected) -> None:
        """The TCP connection is open."""
        del event
        self._context.effects += self._upstream.connected(self._context.now_s)

    def data(self, event: ev.UpstreamData) -> bool:
        """Take what the gateway says; return True if nothing has changed but what is told."""
        self._heartbeat.heard(self._context.now_s)
        try:
            payloads = self._upstream.feed(event.data)
        except RemoteProtocolError as error:
            self._context.effects.append(CloseUpstream(str(error)))
            return False
        self.messages_received += len(payloads)
        is_all = True
        routes = self._routes
        is_ready = self._upstream.is_ready
        for payload in payloads:
            route = routes.get(payload[: payload.find(b"\0")]) if is_ready else None
            try:
                if route:
                    is_all = bool(route[1](route[0], payload)) and is_all
                elif is_ready:
                    self._unknown(payload)
                else:
                    is_ready, is_all = self._bootstrap(payload), False
                    routes = self._routes
            except (ValueError, IndexError, UnicodeError, LocalError) as error:
                self._context.report_unreadable(payload, error)
        return is_all

    def lost(self, event: ev.UpstreamLost) -> None:
        """Sessions stay: what they wait for comes when the gateway is back."""
        upstream, desks = self._upstream, self._desks
        is_first_try = not upstream.note
        was_ready = upstream.is_ready
        upstream.lost(event.reason, self._context.now_s)
        if was_ready or is_first_try:
            text = f"no gateway at {upstream.address} ({event.reason}); waiting for it"
            self._context.notice(Level.WARNING, text)
        desks.notices.reset()
        self._outage.begin(f"no gateway at {upstream.address}: {event.reason}")
        self._reception.closes(event.reason)
        if was_ready:
            for desk in (desks.requests, desks.orders, desks.accounts, desks.serial):
                desk.reset()
            self._context.pacer.clear()  # last: sessions that end cancel what they had

    def advance(self) -> None:
        """Say that an outage is over; see that the gateway lives."""
        if self._desks.orders.is_settled:
            self._outage.orders_are_settled()
        now_s, heartbeat = self._context.now_s, self._heartbeat
        heartbeat.excuse(is_excused=self._outage.is_ib_cut_off)
        if heartbeat.is_to_be_asked(now_s):
            self._context.ask(17, 1)
        elif heartbeat.is_overdue(now_s):
            heartbeat.heard(now_s)
            reason = f"the gateway has been silent for {self._silence_s:.0f} s"
            self._context.effects.append(CloseUpstream(reason))

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return self._heartbeat.next_deadline_s()

    # inside

    def _bootstrap(self, payload: bytes) -> bool:
        """Take a message before the connection is ready; return whether it is now."""
        self._context.effects += self._upstream.bootstrap(payload, self._context.now_s)
        if payload.startswith(b"4\0"):
            self._desks.notices.answer(None, payload)
        if self._upstream.is_ready:
            self._begin()
        return self._upstream.is_ready

    def _begin(self) -> None:
        """Requests can be sent: ask what has to be known, and what clients wait for."""
        upstream, desks = self._upstream, self._desks
        is_same_version = self._context.server_version in {0, upstream.server_version}
        self._context.server_version = upstream.server_version
        self._context.pacer.clear()  # what was asked during an outage is asked again below
        self._outage.gateway_is_back(self._reception.view_of, is_same_version=is_same_version)
        self._routes = self._routes_at(upstream.server_version)
        if not self._was_ready:
            self._reception.check_accounts()
        self._was_ready = True
        if not self._journal_fits(upstream.accounts):
            return
        desks.orders.book.raise_upstream_id(upstream.next_valid_id - 1)
        self._context.set_gateway_time(upstream.time_text)
        desks.serial.start()  # before orders, which ask for completed ones by it
        desks.orders.start()
        desks.accounts.start(upstream.accounts)
        desks.requests.start()
        text = (
            f"connected to the gateway at {upstream.address}, server version "
            f"{upstream.server_version}, accounts {', '.join(upstream.accounts)}"
        )
        self._context.notice(Level.INFO, text)
        self._reception.opens()

    def _routes_at(self, server_version: int) -> dict[bytes, Route]:
        """Return message id -> who takes such a message."""
        desks = self._desks
        takers: dict[Deliver, Take] = {
            Deliver.BY_REQUEST: desks.requests.answer,
            Deliver.ORDERS: desks.orders.answer,
            Deliver.ACCOUNTS: desks.accounts.answer,
            Deliver.SERIAL: desks.serial.answer,
            Deliver.ERROR: desks.notices.answer,
            Deliver.PROXY: lambda _row, _payload: None,
        }
        routes = {
            msg_id: (row, takers[row.deliver])
            for msg_id, row in answers_by_id(server_version).items()
        }
        routes[b"55"] = (routes[b"55"][0], self._executions_end)
        return routes

    def _executions_end(self, row: Answer, payload: bytes) -> None:
        if not self._desks.orders.executions_end(payload):
            self._desks.requests.answer(row, payload)

    def _journal_fits(self, accounts: tuple[str, ...]) -> bool:
        """Ids of another login's orders would be taken for this one's."""
        known, self._journal_accounts = self._journal_accounts, accounts
        if known and not set(known) & set(accounts):
            reason = (
                f"the journal is that of the login with {', '.join(known)}, but the gateway at "
                f"{self._upstream.address} has {', '.join(accounts)}: give this login a journal "
                "of its own (key journal of the configuration)"
            )
            self._context.effects.append(GiveUp(reason))
            return False
        if known != accounts:
            self._desks.orders.recorder.login(accounts)
        return True

    def _unknown(self, payload: bytes) -> None:
        """Pass on what no row describes to those who may see everything."""
        self._context.report_unknown("answer", payload.split(b"\0", 1)[0])
        for session in self._context.ready_sessions():
            if session.view.is_whole:
                session.send(payload)
