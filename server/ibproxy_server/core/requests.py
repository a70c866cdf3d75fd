"""Requests with a request id: who asked, under which id, and who shares.

Upstream every request has an id of the proxy's own, from a range that order ids never reach
(fact 3.18). A request upstream has *members*, the (session, id) pairs that asked for it. Equal
requests share one: streams for as long as they live, one-shots until the first answer has come.
Who joins a running stream is first shown its state, the last message of each kind, as the
gateway itself does it (fact 4.6).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from ibproxy.wire.framing import join_fields, prefix
from ibproxy.wire.messages import Answer, Carry, Request, Reuse, requests_by_id
from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.session import Place, Session

FIRST_REQUEST_ID, LAST_REQUEST_ID = 2_000_000_000, 2_147_000_000
"""Upstream request ids; order ids stay below, all below 2**31 (facts 1.40, 3.18)."""

MIN_STREAM_AGE_S = 1.0
"""A stream cancelled within milliseconds of its request runs on unregistered (fact 4.10)."""

MARKET_DATA, MARKET_DEPTH = 1, 10
DATA_STREAMS = frozenset({1, 10, 20, 50, 97})
"""Streams that a lost link to IB's servers can end without a word (facts 7.3, 7.6)."""

_GENERIC_TICKS_AT, _REGULATORY_AT, _IS_SMART_DEPTH_AT = -4, -2, -2
_EMPTY_NUMBERS = {b"0", b"0.0"}
_ALL = "All"

Part = tuple[bytes, bytes]
"""A message around its request id: what stands before, what behind."""


@dataclass(eq=False)
class UpstreamRequest:
    """One request at the gateway.

    Attributes:
        row: its row in the message table.
        upstream_id: its id there, as on the wire.
        fields: the request as sent.
        key: what an equal request has in common with it; None: not shared.
        is_stream: whether it goes on after its first answer.
        source: session under which it was queued.
        sent_at_s: when it left; None while it waits in the pacer.
        members: (session number, client's id) -> session.
        outlets: client's id -> appenders of those members' outputs; follows `members`.
        state: kind of message -> last one of that kind.
        ended: end marker of a stream's first part, once it has come.
        is_answered: whether anything has come.
    """

    row: Request
    upstream_id: bytes
    fields: list[bytes]
    key: tuple[bytes, ...] | None
    is_stream: bool
    source: int
    sent_at_s: float | None = None
    members: dict[tuple[int, bytes], Session] = field(default_factory=dict)
    outlets: list[tuple[bytes, list[Callable[[bytes], None]]]] = field(default_factory=list)
    state: dict[tuple[bytes, ...], Part] = field(default_factory=dict)
    ended: Part | None = None
    is_answered: bool = False

    def takes(self, session: Session, client_id: bytes) -> bool:
        """Whether (session, client_id) can share it: nothing missed, nothing told once for two."""
        is_member = (session.number, client_id) in self.members
        return not is_member and (self.is_stream or not self.is_answered)

    def join(self, session: Session, client_id: bytes) -> None:
        """Make (session, client_id) a member."""
        self.members[session.number, client_id] = session
        session.requests[self._place(client_id)] = self
        self._rebuild_outlets()

    def leave(self, session: Session, client_id: bytes) -> None:
        """End a membership."""
        del self.members[session.number, client_id]
        del session.requests[self._place(client_id)]
        self._rebuild_outlets()

    def _place(self, client_id: bytes) -> Place:
        """Return where a session keeps it: what cannot be cancelled may share an id in flight."""
        if self.row.cancelled_by is None:
            return self.row.msg_id, client_id, self.upstream_id
        return self.row.msg_id, client_id

    def _rebuild_outlets(self) -> None:
        grouped: dict[bytes, list[Callable[[bytes], None]]] = {}
        for (_, client_id), session in self.members.items():
            grouped.setdefault(client_id, []).append(session.out.append)
        self.outlets = list(grouped.items())

    @property
    def subject(self) -> str:
        """What it is about, for people."""
        at = self.row.subject_at
        if at is None:
            return self.row.name.removeprefix("req")
        return self.fields[at].decode(errors="replace")


class RequestDesk:
    """Carries ONE_SHOT, SHARED, OWN, CANCEL and FOLLOW requests, and their answers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows = requests_by_id()
        self._last_id = FIRST_REQUEST_ID - 1
        self._by_id: dict[bytes, UpstreamRequest] = {}
        self._by_key: dict[tuple[bytes, ...], UpstreamRequest] = {}
        self._cancels: list[tuple[float, int, UpstreamRequest]] = []
        self._cancel_numbers = itertools.count()
        self._upstream_data_type = b"1"

    @property
    def open_requests(self) -> int:
        """How many requests are live upstream."""
        return len(self._by_id)

    @property
    def market_data_lines(self) -> int:
        """How many market data subscriptions are live upstream."""
        return sum(
            request.row.msg_id == MARKET_DATA and request.is_stream
            for request in self._by_id.values()
        )

    # from clients

    def ask(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request of `session`."""
        assert row.id_at is not None  # noqa: S101 - the table test holds this
        client_id = fields[row.id_at]
        int(client_id)  # an unreadable id is answered by the hub
        live = session.requests.get((row.msg_id, client_id))
        if live and row.reuse is Reuse.REPLACES:
            self._remove_member(live, session, client_id)
        elif live:
            code = row.reuse.value
            session.error(client_id, code, codes.DUPLICATE_TICKER[code])
            return
        if row.account_at is not None and not self._settle_account(session, row, fields):
            return
        is_stream = row.carry in {Carry.SHARED, Carry.OWN}
        if row.flag_at is not None and fields[row.flag_at] == b"1":
            is_stream = not is_stream
        key = self._sharing_key(session, row, fields, is_stream=is_stream)
        request = self._by_key.get(key) if key else None
        if request and request.takes(session, client_id):
            request.join(session, client_id)
            self._show_state(request, session, client_id)
            return
        upstream_id = self._next_id()
        fields[row.id_at] = upstream_id
        request = UpstreamRequest(row, upstream_id, fields, key, is_stream, session.number)
        self._by_id[upstream_id] = request
        if key:
            self._by_key[key] = request
        request.join(session, client_id)
        data_type = session.market_data_type if row.msg_id == MARKET_DATA else b""
        self._context.pacer.push_lazily(
            session.number, lambda: self._make_payloads(request, data_type)
        )

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
        self._context.pacer.push(request.source, b"\0".join(fields) + b"\0")

    def cancel(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a cancel of `session`: it ends the session's part only."""
        assert row.id_at is not None  # noqa: S101
        client_id = fields[row.id_at]
        assert row.cancels is not None  # noqa: S101
        request = session.requests.get((row.cancels, client_id))
        if request is None:
            if row.unknown:
                code, text = row.unknown
                session.error(client_id, code, text.format(id=client_id.decode()))
            return
        self._remove_member(request, session, client_id)
        if row.reply:
            code, text = row.reply
            session.error(client_id, code, text.format(id=client_id.decode()))

    def forget(self, session: Session) -> None:
        """The session is over: its parts of all requests end."""
        for (_, client_id, *_), request in list(session.requests.items()):
            self._remove_member(request, session, client_id)

    # from the gateway

    def answer(self, row: Answer, payload: bytes) -> None:
        """Hand a message with a request id to those who asked."""
        at = row.id_at
        assert at is not None  # noqa: S101 - the table test holds this
        parts = payload.split(b"\0", at + 1)
        request = self._by_id.get(parts[at])
        if request is None:
            # a late message for a request that has ended (fact 4.11)
            self._context.counters["late_messages"] += 1
            return
        tail = parts[-1]
        head = b"%b\0%b\0" % (parts[0], parts[1]) if at == 2 else parts[0] + b"\0"  # noqa: PLR2004
        request.is_answered = True
        if request.is_stream:
            if row.state_at is not None:
                self._remember(request, row, parts[0], head, tail)
            elif row.end:
                request.ended = (head, tail)
        self._deliver(request, row, head, tail)
        if (
            not request.is_stream
            and row.msg_id in request.row.ends
            and not (row.continued and payload.endswith(b"\x000\0"))
        ):
            self._end(request)

    def error(self, upstream_id: bytes, code: int, rest: list[bytes]) -> bool:
        """Hand an error to those whose request it concerns; False if it is nobody's.

        Args:
            upstream_id: the id that it carries.
            code: its code.
            rest: the fields behind the id.
        """
        request = self._by_id.get(upstream_id)
        if request is None:
            return int(upstream_id) >= FIRST_REQUEST_ID
        code_text, text, *more = rest
        for (_, client_id), session in request.members.items():
            shown = text.replace(upstream_id, client_id)  # ten digits, so it means the id
            session.send(b"\0".join((b"4", b"2", client_id, code_text, shown, *more)) + b"\0")
        if code == codes.BUST:
            self._unshare(request)
        elif not codes.is_information(code):
            self._end(request)
        return True

    def data_lost(self) -> None:
        """1101: streams of data are dead until they are asked for again (facts 7.3, 7.14)."""
        for request in self._by_id.values():
            if request.row.msg_id in DATA_STREAMS and request.is_stream:
                self._unshare(request)

    def askers(self, upstream_id: bytes) -> list[tuple[Session, bytes]]:
        """Return who asked the request with that id, and under which id of theirs."""
        request = self._by_id.get(upstream_id)
        if request is None:
            return []
        request.is_answered = True
        return [(session, client_id) for (_, client_id), session in request.members.items()]

    # time and connection

    def advance(self) -> None:
        """Send the cancels that are due."""
        while self._cancels and self._cancels[0][0] <= self._context.now_s:
            _, _, request = heapq.heappop(self._cancels)
            if not request.members and self._by_id.get(request.upstream_id) is request:
                self._cancel_upstream(request)

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return self._cancels[0][0] if self._cancels else None

    def reset(self) -> None:
        """The gateway has forgotten everything (fact 7.15)."""
        for request in list(self._by_id.values()):
            for (_, client_id), session in list(request.members.items()):
                request.leave(session, client_id)
        self._by_id.clear()
        self._by_key.clear()
        self._cancels.clear()
        self._upstream_data_type = b"1"

    # inside

    def _deliver(self, request: UpstreamRequest, row: Answer, head: bytes, tail: bytes) -> None:
        """Send a message to the members, each under its own id."""
        if row.account_at is None:
            for client_id, outlets in request.outlets:
                length = len(head) + len(client_id) + 1 + len(tail)
                framed = b"%b%b%b\0%b" % (prefix(length), head, client_id, tail)
                for send in outlets:
                    send(framed)
            return
        assert row.id_at is not None  # noqa: S101
        account = tail.split(b"\0", row.account_at - row.id_at)[-2].decode()
        for (_, client_id), session in request.members.items():
            if session.view.sees(account):
                session.send(b"%b%b\0%b" % (head, client_id, tail))

    def _make_payloads(self, request: UpstreamRequest, data_type: bytes) -> tuple[bytes, ...]:
        """Return what goes upstream for a request whose turn has come."""
        if not request.members:
            self._forget_request(request)
            return ()
        request.sent_at_s = self._context.now_s
        payload = b"\0".join(request.fields) + b"\0"
        if data_type in {b"", self._upstream_data_type}:
            return (payload,)
        # the type is a mode of the connection: set it for this request (fact 4.37)
        self._upstream_data_type = data_type
        return join_fields(59, 1, data_type.decode()), payload

    def _next_id(self) -> bytes:
        """Return an id that no live request has; after the last one it begins anew."""
        while True:
            self._last_id += 1
            if self._last_id >= LAST_REQUEST_ID:
                self._last_id = FIRST_REQUEST_ID
            upstream_id = b"%d" % self._last_id
            if upstream_id not in self._by_id:
                return upstream_id

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

    def _sharing_key(
        self, session: Session, row: Request, fields: list[bytes], *, is_stream: bool
    ) -> tuple[bytes, ...] | None:
        """Return what makes requests equal, or None for one that is never shared."""
        if row.carry is Carry.OWN or (row.carry is Carry.ONE_SHOT and is_stream):
            return None
        if row.msg_id == MARKET_DATA:
            if fields[_REGULATORY_AT] == b"1":
                return None  # each one costs money (fact 4.32)
            ticks = b",".join(sorted(set(fields[_GENERIC_TICKS_AT].split(b","))))
            fields = [*fields[:_GENERIC_TICKS_AT], ticks, *fields[_GENERIC_TICKS_AT + 1 :]]
            fields.append(session.market_data_type)
        assert row.id_at is not None  # noqa: S101
        normal = (b"" if each in _EMPTY_NUMBERS else each for each in fields[row.id_at + 1 :])
        return (fields[0], b"stream" if is_stream else b"once", *normal)

    def _remember(
        self, request: UpstreamRequest, row: Answer, msg_id: bytes, head: bytes, tail: bytes
    ) -> None:
        """Keep a message as state; the dict stays in the order of the last changes."""
        at, state_at = row.id_at, row.state_at
        assert at is not None  # noqa: S101
        assert state_at is not None  # noqa: S101
        if not state_at:
            key: tuple[bytes, ...] = (msg_id,)
        elif state_at[-1] == at + 1:
            key = (msg_id, tail[: tail.index(b"\0")])
        else:
            behind = tail.split(b"\0", state_at[-1] - at)
            key = (msg_id, *(behind[each - at - 1] for each in state_at))
        state = request.state
        state.pop(key, None)
        state[key] = (head, tail)
        if row.kept:
            same = [each for each in state if each[0] == msg_id]
            for old in same[: -row.kept]:
                del state[old]

    def _show_state(self, request: UpstreamRequest, session: Session, client_id: bytes) -> None:
        """Show a late joiner what the others know already."""
        for key, (head, tail) in request.state.items():
            account_at = _ACCOUNT_IN_TAIL.get(key[0])
            if account_at is not None:
                account = tail.split(b"\0", account_at + 1)[account_at].decode()
                if not session.view.sees(account):
                    continue
            session.send(b"%b%b\0%b" % (head, client_id, tail))
        if request.ended:
            head, tail = request.ended
            session.send(b"%b%b\0%b" % (head, client_id, tail))

    def _remove_member(self, request: UpstreamRequest, session: Session, client_id: bytes) -> None:
        request.leave(session, client_id)
        if request.members:
            return
        if request.sent_at_s is None:
            return  # nothing will be sent when its turn comes
        due_s = request.sent_at_s + (MIN_STREAM_AGE_S if request.is_stream else 0.0)
        if due_s > self._context.now_s:
            heapq.heappush(self._cancels, (due_s, next(self._cancel_numbers), request))
        else:
            self._cancel_upstream(request)

    def _cancel_upstream(self, request: UpstreamRequest) -> None:
        """Nobody is left: end it at the gateway, under the same queue as the request."""
        self._forget_request(request)
        if request.row.cancelled_by is None:
            return
        cancel = self._rows[b"%d" % request.row.cancelled_by]
        fields = [b"%d" % cancel.msg_id, request.upstream_id]
        if cancel.id_at == 2:  # noqa: PLR2004 - a version field stands before the id
            fields.insert(1, b"%d" % cancel.version)
        if request.row.msg_id == MARKET_DEPTH:
            fields.append(request.fields[_IS_SMART_DEPTH_AT])  # must be repeated (fact 4.54)
        self._context.pacer.push(request.source, b"\0".join(fields) + b"\0")

    def _unshare(self, request: UpstreamRequest) -> None:
        """Let nobody join it any more; its members end it as they would on their own."""
        request.state.clear()
        if request.key and self._by_key.get(request.key) is request:
            del self._by_key[request.key]

    def _end(self, request: UpstreamRequest) -> None:
        for (_, client_id), session in list(request.members.items()):
            request.leave(session, client_id)
        self._forget_request(request)

    def _forget_request(self, request: UpstreamRequest) -> None:
        self._by_id.pop(request.upstream_id, None)
        self._unshare(request)


_ACCOUNT_IN_TAIL = {b"63": 0, b"71": 0, b"73": 0}
"""Messages kept as state that name an account: its index behind the request id."""
