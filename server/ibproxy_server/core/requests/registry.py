"""The requests that are live upstream: their ids, how they get there, and how they end."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from ibproxy.wire.framing import join_fields
from ibproxy.wire.messages import Request, requests_by_id
from ibproxy_server.core.context import Context
from ibproxy_server.core.requests.sharing import MARKET_DATA, SUMMARY, Key
from ibproxy_server.core.requests.upstream_request import UpstreamRequest
from ibproxy_server.core.requests.waiting_room import WaitingRoom

FIRST_REQUEST_ID, LAST_REQUEST_ID = 2_000_000_000, 2_147_000_000
"""Upstream request ids; order ids stay below, all below 2**31 (facts 1.40, 3.18)."""

SUMMARY_IDS = (b"2147000001", b"2147000002")
"""Summaries use the same two ids again and again: a cancelled one may keep its place under its
id (facts 2.23, 2.25)."""

MIN_STREAM_AGE_S = 1.0
"""A stream cancelled within milliseconds of its request runs on unregistered (fact 4.10)."""

_MARKET_DEPTH, _IS_SMART_DEPTH_AT = 10, -2


class Registry:
    """Live requests by id and by what makes them equal.

    Attributes:
        waiting_room: those that the gateway's rules for its pace hold back.
    """

    def __init__(self, context: Context, places: int) -> None:
        self._context = context
        self.waiting_room = WaitingRoom(places)
        self._rows = requests_by_id()
        self._last_id = FIRST_REQUEST_ID - 1
        self._by_id: dict[bytes, UpstreamRequest] = {}
        self._by_key: dict[Key, UpstreamRequest] = {}
        self._cancels: list[tuple[float, int, UpstreamRequest]] = []
        self._cancel_numbers = itertools.count()
        self._data_type = b"1"

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[UpstreamRequest]:
        return iter(self._by_id.values())

    def get(self, upstream_id: bytes) -> UpstreamRequest | None:
        """Return the live request with that id."""
        return self._by_id.get(upstream_id)

    def equal_to(self, key: Key | None) -> UpstreamRequest | None:
        """Return the live request that equal ones can share."""
        return self._by_key.get(key) if key else None

    def next_id(self, row: Request) -> bytes:
        """Return an id that no live request has; after the last one it begins anew."""
        if row.msg_id == SUMMARY:
            for upstream_id in SUMMARY_IDS:
                if upstream_id not in self._by_id:
                    return upstream_id
        while True:
            self._last_id += 1
            if self._last_id >= LAST_REQUEST_ID:
                self._last_id = FIRST_REQUEST_ID
            upstream_id = b"%d" % self._last_id
            if upstream_id not in self._by_id:
                return upstream_id

    def add(self, request: UpstreamRequest) -> None:
        """Take in a request that has its first member, and send it when it may go."""
        self._by_id[request.upstream_id] = request
        if request.key:
            self._by_key[request.key] = request
        if self.waiting_room.admit(request, self._context.now_s):
            self._send(request)

    def again(self, request: UpstreamRequest, wait_s: float) -> None:
        """Send a request once more, after a while."""
        request.sent_at_s = None
        self.waiting_room.finished(request)
        self.waiting_room.admit(request, self._context.now_s, wait_s)

    def unshare(self, request: UpstreamRequest) -> None:
        """Let nobody join it any more; its members end it as they would on their own."""
        request.memory.clear()
        if self.equal_to(request.key) is request and request.key:
            del self._by_key[request.key]

    def end(self, request: UpstreamRequest) -> None:
        """It is over at the gateway."""
        for member in list(request.members.values()):
            request.leave(member)
        self._forget(request)

    def end_if_unneeded(self, request: UpstreamRequest) -> None:
        """Cancel it, unless somebody needs it; a young stream later."""
        if request.is_needed:
            return
        if request.sent_at_s is None:
            self._forget(request)
            return
        due_s = request.sent_at_s + (MIN_STREAM_AGE_S if request.is_stream else 0.0)
        if due_s > self._context.now_s:
            heapq.heappush(self._cancels, (due_s, next(self._cancel_numbers), request))
        else:
            self.cancel(request)

    def cancel(self, request: UpstreamRequest) -> None:
        """End it at the gateway, under the same queue as the request."""
        self._forget(request)
        if request.row.cancelled_by is not None:
            self._context.pacer.push(request.source, self.cancel_payload(request))

    def cancel_payload(self, request: UpstreamRequest) -> bytes:
        """Return the message that ends a request at the gateway."""
        cancel = self._rows[b"%d" % (request.row.cancelled_by or 0)]
        fields = [b"%d" % cancel.msg_id, request.upstream_id]
        if cancel.id_at == 2:  # noqa: PLR2004 - a version field stands before the id
            fields.insert(1, b"%d" % cancel.version)
        if request.row.msg_id == _MARKET_DEPTH:
            fields.append(request.fields[_IS_SMART_DEPTH_AT])  # must be repeated (fact 4.54)
        return b"\0".join(fields) + b"\0"

    def advance(self) -> None:
        """Send what is due: cancels, and requests that had to wait."""
        now_s = self._context.now_s
        while self._cancels and self._cancels[0][0] <= now_s:
            _, _, request = heapq.heappop(self._cancels)
            if not request.is_needed and self._by_id.get(request.upstream_id) is request:
                self.cancel(request)
        for request in self.waiting_room.release(now_s):
            self._send(request)

    def next_deadlines_s(self) -> list[float | None]:
        """Return when `advance` has something to do."""
        return [
            self._cancels[0][0] if self._cancels else None,
            self.waiting_room.next_deadline_s(),
        ]

    def reset(self) -> None:
        """The gateway has forgotten everything (fact 7.15); what somebody needs stays live here."""
        self._cancels.clear()
        self.waiting_room.clear()
        for request in list(self):
            request.sent_at_s = None
            if not request.is_needed:
                self._forget(request)

    def start(self) -> None:
        """The gateway is there: send everything under the ids of before."""
        self._data_type = b"1"
        self.waiting_room.clear()
        for request in list(self):
            if self.waiting_room.admit(request, self._context.now_s):
                self._send(request)

    def _send(self, request: UpstreamRequest) -> None:
        """Queue a request; what goes upstream is made when its turn has come."""
        data_type = b""
        if request.row.msg_id == MARKET_DATA and request.members:
            member = next(iter(request.members.values()))
            data_type = member.session.market_data_type
        self._context.pacer.push_lazily(
            request.source, lambda: self._make_payloads(request, data_type)
        )

    def _make_payloads(self, request: UpstreamRequest, data_type: bytes) -> tuple[bytes, ...]:
        """Return what goes upstream for a request whose turn has come."""
        if not request.is_needed:
            self._forget(request)
            return ()
        request.sent_at_s = request.heard_at_s = self._context.now_s
        self.waiting_room.sent(request, self._context.now_s)
        payloads = [b"\0".join(request.fields) + b"\0"]
        if request.follower:
            payloads.append(request.follower)
        if data_type in {b"", self._data_type}:
            return tuple(payloads)
        # the type is a mode of the connection: set it for this request (fact 4.37)
        self._data_type = data_type
        return join_fields(59, 1, data_type.decode()), *payloads

    def _forget(self, request: UpstreamRequest) -> None:
        if self._by_id.get(request.upstream_id) is request:
            del self._by_id[request.upstream_id]
        self.waiting_room.finished(request)
        narrower, request.replaces = request.replaces, None
        self.unshare(request)
        if narrower and narrower.key and narrower.members:
            self._by_key.setdefault(narrower.key, narrower)  # it goes on alone
        stream, request.leads_to = request.leads_to, None
        if stream:
            stream.heirs.remove(request)
            if self._by_id.get(stream.upstream_id) is stream:
                self.end_if_unneeded(stream)
