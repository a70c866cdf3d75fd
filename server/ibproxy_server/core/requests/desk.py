"""Carries requests with a request id, and their answers.

Upstream every request has an id of the proxy's own, from a range that order ids never reach
(fact 3.18). Equal requests share one: streams for as long as they live, one-shots until the first
answer has come. Who joins a running stream is first shown its memory, as the gateway itself does
it (fact 4.6); live history, which begins with an answer of its own, sends a late joiner for that
answer first, and takes it in when it has come.
"""

from __future__ import annotations

from ibproxy.wire.messages import Answer, Carry, Request, Reuse
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.requests import delivery
from ibproxy_server.core.requests.budget import Budget
from ibproxy_server.core.requests.limits import Limits
from ibproxy_server.core.requests.live_bars import last_bar
from ibproxy_server.core.requests.memory import Part
from ibproxy_server.core.requests.refusals import Refusals
from ibproxy_server.core.requests.registry import FIRST_REQUEST_ID, Registry
from ibproxy_server.core.requests.renewal import renew
from ibproxy_server.core.requests.sharing import (
    HISTORY,
    SUMMARY,
    Key,
    Widening,
    sharing_key,
    widening_of,
)
from ibproxy_server.core.requests.silence import ANSWER_TIMEOUT_S, Silence
from ibproxy_server.core.requests.static_answers import StaticAnswers
from ibproxy_server.core.requests.upstream_request import Member, UpstreamRequest
from ibproxy_server.core.requests.waiting_room import NEVER_S
from ibproxy_server.core.session import Session

DATA_STREAMS = frozenset({1, 10, 20, 50, 97})
"""Streams that a lost link to IB's servers can end without a word (facts 7.3, 7.6)."""

PAST = b"17"
"""Message id of what live history begins with."""

NOTHING: frozenset[bytes] = frozenset()
_KEEP_UP_TO_DATE_AT = -2


class RequestDesk:
    """Carries ONE_SHOT, SHARED, OWN, CANCEL and FOLLOW requests, and their answers."""

    def __init__(self, context: Context, most: Limits | None = None) -> None:
        self._context = context
        most = most or Limits()
        self._live = Registry(context, most.history)
        self._budget = Budget(context, most, self._live)
        self._static = StaticAnswers()
        self._recorded: dict[UpstreamRequest, list[Part]] = {}
        self._refusals = Refusals(context, self._live)
        self._silence = Silence()

    @property
    def open_requests(self) -> int:
        """How many requests are live upstream."""
        return len(self._live)

    @property
    def market_data_lines(self) -> int:
        """How many market data lines are in use upstream (facts 4.1, 4.7, 4.57)."""
        return self._budget.lines

    @property
    def open_history(self) -> int:
        """How many requests for history the gateway holds open (fact 5.3)."""
        return len(self._live.waiting_room.open_history)

    def waiting(self, session: Session) -> int:
        """Return how many requests of a session the gateway's rules hold back."""
        return self._live.waiting_room.waiting(session.number)

    # from clients

    def ask(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request of `session`."""
        assert row.id_at is not None  # noqa: S101 - the table test holds this
        client_id = fields[row.id_at]
        int(client_id)  # an unreadable id is answered by the hub
        live = session.requests.get((row.msg_id, client_id))
        if live and row.reuse is Reuse.REPLACES:
            self._remove(live, session, client_id)
        elif live:
            code = row.reuse.value
            session.error(client_id, code, codes.DUPLICATE_TICKER[code])
            return
        if row.account_at is not None and not self._settle_account(session, row, fields):
            return
        is_stream = row.carry in {Carry.SHARED, Carry.OWN}
        if row.flag_at is not None and fields[row.flag_at] == b"1":
            is_stream = not is_stream
        widening = widening_of(row, fields, is_stream=is_stream)
        wanted = widening.parse(fields[widening.at]) if widening else NOTHING
        member = Member(session, client_id, wanted)
        key = sharing_key(row, fields, session.market_data_type, is_stream=is_stream)
        running = self._live.equal_to(key)
        known = self._static.get(key, self._context.now_s) if key and row.static else None
        if known is not None:
            for head, tail in known:
                member.send(head, tail)
        elif running and running.takes(session, client_id, self._context.now_s):
            self._share(running, fields, member, widening)
        else:
            items = widening.first(wanted) if widening else NOTHING
            self._start(row, fields, key, member, is_stream=is_stream, items=items)

    def follow(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a message that belongs to a live request of `session`."""
        assert row.id_at is not None  # noqa: S101
        assert row.cancels is not None  # noqa: S101
        request = session.requests.get((row.cancels, fields[row.id_at]))
        if request is None:
            code, text = codes.NO_SUCH_REQUEST
            session.error(fields[row.id_at], code, text.format(id=fields[row.id_at].decode()))
            return
        fields[row.id_at] = request.upstream_id
        request.follower = b"\0".join(fields) + b"\0"
        if request.sent_at_s is not None:  # else it leaves with the request
            self._context.pacer.push(request.source, request.follower)

    def cancel(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a cancel of `session`: it ends the session's part only."""
        assert row.id_at is not None  # noqa: S101
        client_id = fields[row.id_at]
        int(client_id)  # an unreadable id is answered by the hub
        assert row.cancels is not None  # noqa: S101
        request = session.requests.get((row.cancels, client_id))
        if request is None:
            if row.unknown:
                code, text = row.unknown
                session.error(client_id, code, text.format(id=client_id.decode()))
            return
        self._remove(request, session, client_id)
        if row.reply:
            code, text = row.reply
            session.error(client_id, code, text.format(id=client_id.decode()))

    def forget(self, session: Session) -> None:
        """The session is over: its parts of all requests end."""
        for (_, client_id, *_), request in list(session.requests.items()):
            self._remove(request, session, client_id)

    def slow_down(self, session: Session) -> None:
        """The session reads too slowly: from now on only its newest ticks are kept."""
        session.is_slow = True
        for request in session.requests.values():
            request.rebuild_outlets()

    def catch_up(self, session: Session) -> None:
        """The session has caught up: it is told what was held back, and all that follows."""
        session.is_slow = False
        for (_, client_id, *_), request in session.requests.items():
            request.members[session.number, client_id].release()
            request.rebuild_outlets()

    # from the gateway

    def answer(self, row: Answer, payload: bytes) -> bool:
        """Hand a message with a request id to those who asked.

        Returns:
            whether that is all: nothing else has changed, as with most ticks.
        """
        at = row.id_at
        assert at is not None  # noqa: S101 - the table test holds this
        parts = payload.split(b"\0", at + 1)
        request = self._live.get(parts[at])
        if request is None:
            # a late message for a request that has ended (fact 4.11)
            self._context.counters["late_messages"] += 1
            return True
        msg_id, tail = parts[0], parts[-1]
        head = b"%b\0%b\0" % (msg_id, parts[1]) if at == 2 else msg_id + b"\0"  # noqa: PLR2004
        part = head, tail
        if row.is_tick and request.is_stream and request.is_answered and not request.inherited:
            delivery.deliver(request, row, msg_id, part)
            request.memory.take(row, msg_id, head, tail)
            return True
        if not request.is_answered:
            request.is_answered = True
            for replaced in delivery.take_over(request) if request.replaces else ():
                self._live.end_if_unneeded(replaced)
        if not request.is_stream:
            self._one_shot_answer(request, row, part)
            return False
        if msg_id == PAST:
            request.memory.last_bar = last_bar(tail)
        if msg_id == PAST and request.told_until is not None:
            delivery.fill_gap(request, part)
        elif row.end:
            delivery.deliver_end(request, row, part)
        elif not (request.inherited and delivery.is_old_news(request, row, msg_id, part)):
            delivery.deliver(request, row, msg_id, part)
        request.memory.take(row, msg_id, head, tail)
        return False

    def error(self, upstream_id: bytes, code: int, rest: list[bytes]) -> bool:
        """Hand an error to those whose request it concerns; False if it is nobody's.

        Args:
            upstream_id: the id that it carries.
            code: its code.
            rest: the fields behind the id.
        """
        request = self._live.get(upstream_id)
        if request is None:
            return int(upstream_id) >= FIRST_REQUEST_ID
        if self._refusals.takes(request, code, rest[1]):
            return True
        self._budget.report(request, code)
        is_end = code not in codes.UNSHARED and not codes.is_information(code)
        concerned = [request, *request.heirs] if is_end else [request]
        delivery.deliver_error(request, concerned, rest)
        if is_end:
            for each in concerned:
                self._end(each)
        elif code in codes.UNSHARED:
            self._live.unshare(request)
        elif code == codes.DEPTH_RESET:
            request.memory.book = None
        elif request.is_stream and code in codes.NOTICES_OF_STREAMS:
            request.memory.note(rest[0], b"\0".join(rest) + b"\0")
        return True

    def data_lost(self) -> None:
        """1101: streams of data are dead until they are asked for again (facts 7.3, 7.14)."""
        for request in self._live:
            if request.row.msg_id in DATA_STREAMS and request.is_stream:
                self._live.unshare(request)

    def askers(self, upstream_id: bytes) -> list[tuple[Session, bytes]]:
        """Return who asked the request with that id, and under which id of theirs."""
        request = self._live.get(upstream_id)
        if request is None:
            return []
        request.is_answered = True
        return [(member.session, member.client_id) for member in request.members.values()]

    # time and connection

    def advance(self) -> None:
        """Send what is due, tell those who wait, and forget what is never answered."""
        self._live.advance()
        now_s = self._context.now_s
        for waiting in self._live.waiting_room.to_be_told(now_s):
            has_time = waiting.due_s < NEVER_S
            text = codes.WAITS[1].format(
                request=waiting.request,
                wait=f"{waiting.due_s - now_s:.0f} s" if has_time else "a place",
                why=waiting.why or "others first",
            )
            for member in waiting.request.members.values():
                member.session.error(-1, codes.WAITS[0], text)
                self._context.notice(Level.INFO, f"{member.session}: {text}")
        for request in self._silence.unanswered(self._live, now_s):
            self._context.counters["timeouts"] += 1
            text = f"the gateway has not answered {request} in {ANSWER_TIMEOUT_S:.0f} s"
            self._context.notice(Level.WARNING, text)
            for member in list(request.members.values()):
                self._remove(request, member.session, member.client_id)

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        times = [*self._live.next_deadlines_s(), self._silence.next_deadline_s()]
        return min((each for each in times if each is not None), default=None)

    def farewell(self) -> list[bytes]:
        """Return what is to be said before the connection ends.

        A summary that is not cancelled may live on in the gateway without its client, and come
        back as an error of somebody else's (fact 2.28).
        """
        return [
            self._live.cancel_payload(request)
            for request in self._live
            if request.row.msg_id == SUMMARY and request.sent_at_s is not None
        ]

    def reset(self) -> None:
        """The gateway has forgotten everything (fact 7.15); see `renewal`."""
        self._live.reset()
        self._static.clear()
        for request in list(self._live):
            if not renew(request):
                self._end(request)

    def start(self) -> None:
        """The gateway is there: ask for everything again."""
        self._live.start()

    # asking

    def _share(
        self,
        running: UpstreamRequest,
        fields: list[bytes],
        member: Member,
        widening: Widening | None,
    ) -> None:
        """Take part in what runs, or in what it is widened to."""
        row = running.row
        if widening and not widening.covers(running.items, member.wanted):
            items = running.items | member.wanted
            wider = self._start(row, fields, running.key, member, is_stream=True, items=items)
            if wider:
                wider.replaces = running
        elif row.msg_id == HISTORY and running.is_stream and running.is_answered:
            self._catch_up(running, fields, member)
        else:
            delivery.set_filter(running, member)
            running.join(member)
            delivery.show(running, member)

    def _start(
        self,
        row: Request,
        fields: list[bytes],
        key: Key | None,
        member: Member,
        *,
        is_stream: bool,
        items: frozenset[bytes] = NOTHING,
    ) -> UpstreamRequest | None:
        """Ask the gateway; None if there is no room, of which the member is told."""
        if self._budget.refuses(row, fields, member, is_stream=is_stream):
            return None
        assert row.id_at is not None  # noqa: S101 - the table test holds this
        upstream_id = self._live.next_id(row)
        fields[row.id_at] = upstream_id
        source = member.session.number
        request = UpstreamRequest(row, upstream_id, fields, key, is_stream, source, items)
        widening = widening_of(row, fields, is_stream=is_stream)
        if widening and items != member.wanted:
            fields[widening.at] = widening.join(items)
            delivery.set_filter(request, member)
        if row.static and key:
            self._recorded[request] = []
        if not is_stream:
            self._silence.begin(self._context.now_s)
        request.join(member)
        self._live.add(request)
        return request

    def _catch_up(self, stream: UpstreamRequest, fields: list[bytes], member: Member) -> None:
        """Ask for the past, whose asker then joins the live bars.

        It is the answer that a live request begins with [assumed; what settles it is the check
        `live_bars_begin_with_the_past`].
        """
        fields[_KEEP_UP_TO_DATE_AT] = b"0"
        key = (b"past", *(stream.key or ()))
        past = self._live.equal_to(key)
        if past and past.takes(member.session, member.client_id, self._context.now_s):
            past.join(member)
            return
        past = self._start(stream.row, fields, key, member, is_stream=False)
        if past:
            past.leads_to = stream
            stream.heirs.append(past)

    def _settle_account(self, session: Session, row: Request, fields: list[bytes]) -> bool:
        """Fill in the only account, or refuse a foreign one (facts 2.15, 2.16)."""
        assert row.account_at is not None  # noqa: S101
        assert row.id_at is not None  # noqa: S101
        account = fields[row.account_at].decode(errors="replace")
        if not account and row.has_default_account:
            fields[row.account_at] = (session.view.only or "").encode()
            return True
        if account and session.view.sees(account):
            return True
        text = codes.INVALID_ACCOUNT[1].format(account=account)
        session.error(fields[row.id_at], codes.INVALID_ACCOUNT[0], text)
        return False

    # answering

    def _one_shot_answer(self, request: UpstreamRequest, row: Answer, part: Part) -> None:
        head, tail = part
        request.heard_at_s = self._context.now_s
        recorded = self._recorded.get(request)
        if recorded is not None:
            recorded.append(part)
        delivery.deliver(request, row, head[: head.index(b"\0")], part)
        if row.msg_id not in request.row.ends or (row.continued and tail.endswith(b"\x000\0")):
            return
        if recorded is not None and request.key:
            self._static.put(request.key, recorded, self._context.now_s)
        delivery.hand_over(request, tail)
        if request.row.stays_open:
            self._live.cancel(request)
        self._end(request)

    # ending

    def _remove(self, request: UpstreamRequest, session: Session, client_id: bytes) -> None:
        request.leave(request.members[session.number, client_id])
        self._live.end_if_unneeded(request)
        if not request.is_needed:
            self._recorded.pop(request, None)

    def _end(self, request: UpstreamRequest) -> None:
        self._recorded.pop(request, None)
        self._live.end(request)
