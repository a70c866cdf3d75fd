"""The hub: events in, effects out. It dispatches; the desks decide.

    effects = hub.handle(now_s, event)
    deadline_s = hub.next_deadline_s()      # send a Tick then

It is pure: no socket, no clock, no randomness, so a list of (now_s, event) is a complete record.
It never raises on what a peer sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire.framing import frame
from ibproxy.wire.messages import Carry, Request, requests_by_id
from ibproxy_server.core import codes
from ibproxy_server.core import events as ev
from ibproxy_server.core.absences import Absences
from ibproxy_server.core.accounts import AccountDesk
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import DropClient, Effect, Level, SendToClient, SendUpstream
from ibproxy_server.core.gateway_side import Desks, GatewaySide
from ibproxy_server.core.hub_settings import HubSettings
from ibproxy_server.core.notices import NoticeDesk
from ibproxy_server.core.orders.desk import OrderDesk
from ibproxy_server.core.orders.journal_entries import Entry
from ibproxy_server.core.orders.recorder import restore
from ibproxy_server.core.outage import Outage
from ibproxy_server.core.reception import Reception
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.serial import SerialDesk
from ibproxy_server.core.session import Phase, Session
from ibproxy_server.core.session_desk import SessionDesk
from ibproxy_server.core.upstream import Upstream

__all__ = ["MAX_BACKLOG_BYTES", "Hub", "HubSettings"]

MAX_BACKLOG_BYTES = 64 * 1024 * 1024
"""A client for whom more than this waits is disconnected."""


class Hub:
    """One gateway connection in, a gateway for every client out."""

    def __init__(self, settings: HubSettings, journal: Iterable[Entry] = ()) -> None:
        """Begin where a journal ends.

        Args:
            settings: what the hub must know.
            journal: what was recorded in earlier runs; see `journal_entries`.
        """
        self.settings = settings
        self.context = Context(settings.messages_per_s)
        self.upstream = Upstream(settings.gateway, settings.client_id, settings.max_version)
        self.requests = RequestDesk(self.context, settings.limits)
        self.orders = OrderDesk(self.context, self.requests)
        self.orders.owners.upstream_client_id = settings.client_id
        journal_accounts = restore(self.orders.book, journal)
        self.accounts = AccountDesk(self.context, self.requests, settings.account_turn_s)
        patches = {101: self.orders.show_completed, 102: self.orders.completed_end}
        self.serial = SerialDesk(self.context, patches, self.orders.completed_refused)
        self.orders.ask_completed = partial(self.serial.ask_for_proxy, 99, 0)
        self.outage = Outage(self.context, self._drop, self.orders.reconcile)
        self.notices = NoticeDesk(
            self.context,
            self.requests,
            self.serial,
            self.orders,
            self.outage.gateway_says,
        )
        self.session_desk = SessionDesk(
            self.context, self.orders, self.notices, self._drop, takes_over=settings.takes_over
        )
        self.reception = Reception(self.context, self.upstream, settings)
        self.absences = Absences(self.context, self._drop, settings)
        self.gateway = GatewaySide(
            self.context,
            settings,
            self.upstream,
            Desks(self.requests, self.orders, self.accounts, self.serial, self.notices),
            self.reception,
            self.outage,
            journal_accounts,
        )
        self._due_s = 0.0
        self._request_rows = requests_by_id()
        self._on_event: dict[type, Callable[[Any], object]] = {
            ev.ClientArrived: self.reception.arrived,
            ev.ClientData: self._client_data,
            ev.ClientBlocked: self._client_blocked,
            ev.ClientDrained: self._client_drained,
            ev.ClientAway: self.absences.away,
            ev.ClientBack: self.absences.back,
            ev.ClientLeft: self._client_left,
            ev.UpstreamConnected: self.gateway.connected,
            ev.UpstreamData: self.gateway.data,
            ev.UpstreamLost: self.gateway.lost,
            ev.Recorded: self.orders.recorder.recorded,
            ev.NotRecorded: self.orders.recorder.not_recorded,
            ev.Stopping: self._stopping,
            ev.Tick: lambda _: None,
        }
        self._carry: dict[Carry, Callable[[Session, Request, list[bytes]], None]] = {
            Carry.ONE_SHOT: self.requests.ask,
            Carry.SHARED: self.requests.ask,
            Carry.OWN: self.requests.ask,
            Carry.CANCEL: self.requests.cancel,
            Carry.ORDER: self.orders.receive,
            Carry.ACCOUNT: self.accounts.receive,
            Carry.SERIAL: self.serial.receive,
            Carry.FOLLOW: self.requests.follow,
            Carry.SESSION: self.session_desk.receive,
            Carry.REFUSED: self.session_desk.refuse,
        }
        self._desks = (self.requests, self.orders, self.accounts, self.serial)

    def handle(self, now_s: float, event: ev.Event) -> list[Effect]:
        """Take an event and return what is to be done, in order.

        Args:
            now_s: time of the event, monotonic seconds; never goes back.
            event: what happened.
        """
        context = self.context
        context.now_s = now_s
        is_all = self._on_event[type(event)](event)
        if not is_all or now_s >= self._due_s:
            self._advance(now_s)
        for session in context.sessions.values():
            if session.out:
                self._flush(session)
        effects, context.effects = context.effects, []
        return effects

    def next_deadline_s(self) -> float | None:
        """Return when a `Tick` is due, or None."""
        return None if self._due_s == math.inf else self._due_s

    def _advance(self, now_s: float) -> None:
        """Do what is due by now, or has become so by an event."""
        context = self.context
        context.effects += self.upstream.advance(now_s)
        self.orders.recorder.advance()
        self.absences.advance()
        if self.upstream.is_ready:
            self.orders.advance()
            self.accounts.advance()
            self.requests.advance()
            self.serial.advance()
            self.gateway.advance()
            if payloads := context.pacer.take(now_s):
                context.effects.append(SendUpstream(b"".join(map(frame, payloads))))
            for source in context.pacer.waiting_long(now_s):
                self._tell_of_queue(source)
        self._due_s = min(
            (each for each in self._deadlines() if each is not None), default=math.inf
        )

    def _deadlines(self) -> list[float | None]:
        """Return when each part has something to do."""
        deadlines = [
            self.upstream.next_deadline_s(),
            self.orders.recorder.next_deadline_s(),
            self.absences.next_deadline_s(),
        ]
        if self.upstream.is_ready:
            deadlines += [
                self.orders.next_deadline_s(),
                self.accounts.next_deadline_s(),
                self.requests.next_deadline_s(),
                self.serial.next_deadline_s(),
                self.gateway.next_deadline_s(),
                self.context.pacer.next_deadline_s(),
            ]
        return deadlines

    # clients

    def _client_data(self, event: ev.ClientData) -> None:
        session = self.context.sessions.get(event.session)
        if session is None:
            return
        session.held_up = self.absences.held_up(event.age_s)
        try:
            payloads = session.receive(
                event.data, self.upstream.server_version, self.upstream.time_text
            )
        except RemoteProtocolError as error:
            self._drop(session, str(error))
            return
        for payload in payloads:
            session.messages_in += 1
            self._client_message(session, payload)
            if session.phase is Phase.CLOSED:
                return

    def _client_message(self, session: Session, payload: bytes) -> None:
        fields = payload.split(b"\0")
        if fields.pop():
            session.error(-1, *_unreadable("the last field has no end"))
            return
        msg_id = fields[0] if fields else b""
        row = self._request_rows.get(msg_id)
        translation = session.translation
        if translation and msg_id in translation.unknown_requests:
            row = None
        if session.phase is Phase.STARTING and (row is None or row.name != "startApi"):
            return  # may be lost, as at the gateway (fact 1.10)
        if row is None:
            self.context.report_unknown("request", msg_id)
            session.error(-1, *_unreadable(f"unknown message id {msg_id[:20]!r}"))
            return
        try:
            if translation:
                translation.up(fields)
            if row.names_accounts and not session.view.is_whole:
                self.session_desk.refuse(session, row, fields)
            else:
                self._carry[row.carry](session, row, fields)
        except (ValueError, IndexError, UnicodeError) as error:
            session.error(-1, *_unreadable(f"{row.name}: {error}"))

    def _client_blocked(self, event: ev.ClientBlocked) -> None:
        session = self.context.sessions.get(event.session)
        if session and event.backlog_bytes > MAX_BACKLOG_BYTES:
            self._drop(session, f"it reads too slowly: {event.backlog_bytes} bytes wait for it")
        elif session and not session.is_slow:
            self.requests.slow_down(session)
            text = f"{session} reads too slowly: of ticks only the newest are kept for it"
            self.context.notice(Level.WARNING, text)

    def _client_drained(self, event: ev.ClientDrained) -> None:
        session = self.context.sessions.get(event.session)
        if session and session.is_slow:
            self.requests.catch_up(session)
            text = f"{session} has caught up; {session.conflated_ticks} ticks were not told so far"
            self.context.notice(Level.INFO, text)

    def _client_left(self, event: ev.ClientLeft) -> None:
        self.reception.left(event.session)
        session = self.context.sessions.get(event.session)
        if session:
            self._forget(session)
            text = f"{session} has left" + (f": {event.reason}" if event.reason else "")
            self.context.notice(Level.INFO, text)

    def _drop(self, session: Session, reason: str) -> None:
        """End a session from this side; what is queued for it is still sent."""
        self._flush(session)
        self._forget(session)
        self.context.effects.append(DropClient(session.number, reason))
        self.context.notice(Level.WARNING, f"{session} was disconnected: {reason}")

    def _forget(self, session: Session) -> None:
        session.phase = Phase.CLOSED
        for desk in self._desks:
            desk.forget(session)
        del self.context.sessions[session.number]

    def _flush(self, session: Session) -> None:
        data = b"".join(session.out)
        session.out.clear()
        if session.translation:
            data = session.translation.down(data, self.context.report_unreadable)
        if data:
            session.bytes_out += len(data)
            self.context.effects.append(SendToClient(session.number, data))

    def _tell_of_queue(self, source: int) -> None:
        """A client asks more than the gateway takes: say so, to it and to people."""
        session = self.context.sessions.get(source)
        if session is None:
            return
        count, rate = self.context.pacer.waiting(source), self.settings.messages_per_s
        code, text = codes.QUEUES
        shown = text.format(count=count, rate=rate)
        session.error(-1, code, shown)
        self.context.notice(Level.INFO, f"{session}: {shown}")

    def _stopping(self, event: ev.Stopping) -> None:
        del event
        self.orders.recorder.advance(is_last=True)
        if self.upstream.is_ready and (payloads := self.requests.farewell()):
            self.context.effects.append(SendUpstream(b"".join(map(frame, payloads))))


def _unreadable(detail: str) -> tuple[int, str]:
    code, text = codes.UNREADABLE
    return code, text.format(detail=detail)
