"""The hub: events in, effects out. It dispatches; the desks decide.

    effects = hub.handle(now_s, event)
    deadline_s = hub.next_deadline_s()      # send a Tick then

It is pure: no socket, no clock, no randomness, so a list of (now_s, event) is a complete record.
It never raises on what a peer sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ibproxy.errors import LocalError, RemoteProtocolError
from ibproxy.wire.framing import frame
from ibproxy.wire.messages import Answer, Carry, Deliver, Request, answers_by_id, requests_by_id
from ibproxy_server.core import codes
from ibproxy_server.core import events as ev
from ibproxy_server.core.absences import Absences
from ibproxy_server.core.accounts import AccountDesk
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import (
    CloseUpstream,
    DropClient,
    Effect,
    GiveUp,
    Level,
    SendToClient,
    SendUpstream,
)
from ibproxy_server.core.heartbeat import Heartbeat
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
    """One gateway connection in, a gateway for every client out.

    Attributes:
        messages_received: messages that came from the gateway.
    """

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
        self._journal_accounts = restore(self.orders.book, journal)
        self.accounts = AccountDesk(self.context, self.requests, settings.account_turn_s)
        patches = {101: self.orders.show_completed, 102: self.orders.completed_end}
        self.serial = SerialDesk(self.context, patches, self.orders.completed_refused)
        self.orders.ask_completed = partial(self.serial.ask_for_proxy, 99, 0)
        self.outage = Outage(self.context, self._drop)
        self.notices = NoticeDesk(
            self.context, self.requests, self.serial, self.orders.error, self._link_to_ib
        )
        self.session_desk = SessionDesk(
            self.context, self.orders, self.notices, self._drop, takes_over=settings.takes_over
        )
        self.reception = Reception(self.context, self.upstream, settings)
        self.absences = Absences(self.context, self._drop, settings)
        self.heartbeat = Heartbeat(settings.silence_s)
        self._started_at_s: float | None = None
        self._was_ready = False
        self._unknown: set[bytes] = set()
        self.messages_received = 0
        self._request_rows = requests_by_id()
        self._answer_routes: dict[bytes, tuple[Answer, Callable[[Answer, bytes], None]]] = {}
        self._on_event: dict[type, Callable[[Any], None]] = {
            ev.ClientArrived: self.reception.arrived,
            ev.ClientData: self._client_data,
            ev.ClientBlocked: self._client_blocked,
            ev.ClientDrained: self._client_drained,
            ev.ClientAway: self.absences.away,
            ev.ClientBack: self.absences.back,
            ev.ClientLeft: self._client_left,
            ev.UpstreamConnected: self._upstream_connected,
            ev.UpstreamData: self._upstream_data,
            ev.UpstreamLost: self._upstream_lost,
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
        if self._started_at_s is None:
            self._started_at_s = now_s
        self._on_event[type(event)](event)
        context.effects += self.upstream.advance(now_s)
        self.orders.recorder.advance()
        self.absences.advance()
        if self.upstream.is_ready:
            self.orders.advance()
            self.accounts.advance()
            self.requests.advance()
            self.serial.advance()
            if self.orders.is_settled:
                self.outage.orders_are_settled()
            self._listen_for_life(now_s)
            if payloads := context.pacer.take(now_s):
                context.effects.append(SendUpstream(b"".join(map(frame, payloads))))
            for source in context.pacer.waiting_long(now_s):
                self._tell_of_queue(source)
        for session in context.sessions.values():
            if session.out:
                self._flush(session)
        effects, context.effects = context.effects, []
        return effects

    def next_deadline_s(self) -> float | None:
        """Return when a `Tick` is due, or None."""
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
                self.heartbeat.next_deadline_s(),
                self.context.pacer.next_deadline_s(),
            ]
        return min((each for each in deadlines if each is not None), default=None)

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
            self._report_unknown("request", msg_id)
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
            data = session.translation.down(data, self._unreadable_answer)
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

    # the gateway

    def _upstream_connected(self, event: ev.UpstreamConnected) -> None:
        del event
        self.context.effects += self.upstream.connected(self.context.now_s)

    def _listen_for_life(self, now_s: float) -> None:
        """Ask a gateway that is silent, and renew the link to one that stays so."""
        self.heartbeat.excuse(is_excused=self.outage.is_ib_cut_off)
        if self.heartbeat.is_to_be_asked(now_s):
            self.context.ask(17, 1)
        elif self.heartbeat.is_overdue(now_s):
            self.heartbeat.heard(now_s)
            reason = f"the gateway has been silent for {self.settings.silence_s:.0f} s"
            self.context.effects.append(CloseUpstream(reason))

    def _upstream_data(self, event: ev.UpstreamData) -> None:
        self.heartbeat.heard(self.context.now_s)
        try:
            payloads = self.upstream.feed(event.data)
        except RemoteProtocolError as error:
            self.context.effects.append(CloseUpstream(str(error)))
            return
        self.messages_received += len(payloads)
        routes = self._answer_routes
        is_ready = self.upstream.is_ready
        for payload in payloads:
            route = routes.get(payload[: payload.find(b"\0")]) if is_ready else None
            try:
                if route:
                    route[1](route[0], payload)
                elif is_ready:
                    self._unknown_answer(payload)
                else:
                    is_ready = self._bootstrap(payload)
                    routes = self._answer_routes
            except (ValueError, IndexError, UnicodeError, LocalError) as error:
                self._unreadable_answer(payload, error)

    def _unreadable_answer(self, payload: bytes, error: Exception) -> None:
        self.context.counters["unreadable_messages"] += 1
        self.context.notice(Level.ERROR, f"unreadable: {payload[:80]!r}: {error}")

    def _bootstrap(self, payload: bytes) -> bool:
        self.context.effects += self.upstream.bootstrap(payload, self.context.now_s)
        if payload.startswith(b"4\0"):
            self.notices.answer(None, payload)
        if self.upstream.is_ready:
            self._upstream_ready()
        return self.upstream.is_ready

    def _upstream_ready(self) -> None:
        upstream = self.upstream
        is_same_version = self.context.server_version in {0, upstream.server_version}
        self.context.server_version = upstream.server_version
        self.context.pacer.clear()  # what was asked during an outage is asked again below
        self.outage.gateway_is_back(self.reception.view_of, is_same_version=is_same_version)
        deliver: dict[Deliver, Callable[[Answer, bytes], None]] = {
            Deliver.BY_REQUEST: self.requests.answer,
            Deliver.ORDERS: self.orders.answer,
            Deliver.ACCOUNTS: self.accounts.answer,
            Deliver.SERIAL: self.serial.answer,
            Deliver.ERROR: self.notices.answer,
            Deliver.PROXY: lambda _row, _payload: None,
        }
        self._answer_routes = {
            msg_id: (row, deliver[row.deliver])
            for msg_id, row in answers_by_id(upstream.server_version).items()
        }
        self._answer_routes[b"55"] = (self._answer_routes[b"55"][0], self._executions_end)
        if not self._was_ready:
            self.reception.check_accounts()
        self._was_ready = True
        if not self._journal_fits(upstream.accounts):
            return
        self.orders.book.raise_upstream_id(upstream.next_valid_id - 1)
        self.context.set_gateway_time(upstream.time_text)
        self.serial.start()  # before orders, which ask for completed ones by it
        self.orders.start()
        self.accounts.start(upstream.accounts)
        self.requests.start()
        text = (
            f"connected to the gateway at {upstream.address}, server version "
            f"{upstream.server_version}, accounts {', '.join(upstream.accounts)}"
        )
        self.context.notice(Level.INFO, text)
        self.reception.opens()

    def _executions_end(self, row: Answer, payload: bytes) -> None:
        if not self.orders.executions_end(payload):
            self.requests.answer(row, payload)

    def _journal_fits(self, accounts: tuple[str, ...]) -> bool:
        """Ids of another login's orders would be taken for this one's."""
        known, self._journal_accounts = self._journal_accounts, accounts
        if known and not set(known) & set(accounts):
            reason = (
                f"the journal is that of the login with {', '.join(known)}, but the gateway at "
                f"{self.upstream.address} has {', '.join(accounts)}: give this login a journal of "
                "its own (key journal of the configuration)"
            )
            self.context.effects.append(GiveUp(reason))
            return False
        if known != accounts:
            self.orders.recorder.login(accounts)
        return True

    def _upstream_lost(self, event: ev.UpstreamLost) -> None:
        """Sessions stay: what they wait for comes when the gateway is back."""
        first_time = not self.upstream.note
        was_ready = self.upstream.is_ready
        self.upstream.lost(event.reason, self.context.now_s)
        if was_ready or first_time:
            text = f"no gateway at {self.upstream.address} ({event.reason}); waiting for it"
            self.context.notice(Level.WARNING, text)
        self.notices.reset()
        self.outage.begin(f"no gateway at {self.upstream.address}: {event.reason}")
        self.reception.closes(event.reason)
        if was_ready:
            for desk in self._desks:
                desk.reset()
            self.context.pacer.clear()  # last: sessions that end cancel what they had

    def _link_to_ib(self, code: int) -> None:
        """The gateway says how its own link is; fills of an outage are not replayed (7.12)."""
        self.outage.gateway_says(code)
        if self.upstream.is_ready and not self.outage.is_ib_cut_off:
            self.orders.reconcile()

    def _unknown_answer(self, payload: bytes) -> None:
        """Pass on what no row describes to those who may see everything."""
        self._report_unknown("answer", payload.split(b"\0", 1)[0])
        for session in self.context.ready_sessions():
            if session.view.is_whole:
                session.send(payload)

    def _report_unknown(self, kind: str, msg_id: bytes) -> None:
        self.context.counters["unknown_messages"] += 1
        mark = kind.encode() + msg_id[:20]
        if mark not in self._unknown:
            self._unknown.add(mark)
            self.context.notice(Level.WARNING, f"{kind} with unknown message id {msg_id[:20]!r}")


def _unreadable(detail: str) -> tuple[int, str]:
    code, text = codes.UNREADABLE
    return code, text.format(detail=detail)
