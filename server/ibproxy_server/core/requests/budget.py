"""Whether there is room at the gateway for one more, and who has the rest."""

from __future__ import annotations

from collections.abc import Iterator

from ibproxy.wire.messages import Request
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.requests import limits
from ibproxy_server.core.requests.registry import Registry
from ibproxy_server.core.requests.upstream_request import Member, UpstreamRequest
from ibproxy_server.core.requests.waiting_room import HISTORY, PLACE_OF


class Budget:
    """Counts what runs against the limits."""

    def __init__(self, context: Context, most: limits.Limits, live: Registry) -> None:
        self._context = context
        self._limits = most
        self._live = live

    @property
    def lines(self) -> int:
        """How many market data lines are in use upstream (facts 4.1, 4.7, 4.57)."""
        running = self._running(limits.LINES)
        return len({limits.place_of(each.row, each.fields) for each in running})

    def refuses(
        self, row: Request, fields: list[bytes], member: Member, *, is_stream: bool
    ) -> bool:
        """Whether there is no room for another; if so the member and people are told (4.3, 5.3)."""
        holds_place = PLACE_OF.get(row.msg_id) == HISTORY
        kind = limits.HISTORY if holds_place else limits.KINDS.get(row.msg_id)
        if kind is None or not (is_stream or kind is limits.HISTORY):
            return False
        if kind is limits.HISTORY:
            running = self._live.waiting_room.open_history
            is_full = self._live.waiting_room.is_blocked
        else:
            running = list(self._running(kind))
            places = {limits.place_of(each.row, each.fields) for each in running}
            is_new = limits.place_of(row, fields) not in places
            is_full = is_new and kind.is_reached(self._limits, len(places))
        if not is_full:
            return False
        most = kind.most(self._limits)
        member.session.error(member.client_id, kind.code, kind.text.format(most=most))
        subject = fields[row.subject_at].decode(errors="replace") if row.subject_at else ""
        text = (
            f"{member.session}: {row.name} {subject} was refused: {kind.name} = {most} is "
            f"reached; held by {limits.holders(running)}"
        )
        self._context.notice(Level.WARNING, text)
        return True

    def _running(self, kind: limits.Kind) -> Iterator[UpstreamRequest]:
        for request in self._live:
            if request.is_stream and limits.KINDS.get(request.row.msg_id) is kind:
                yield request

    def report(self, request: UpstreamRequest, code: int) -> None:
        """If the gateway has no room for a request, tell people who has it."""
        kind = limits.KINDS.get(request.row.msg_id)
        if kind and code in limits.CODES:
            held = limits.holders(self._running(kind))
            text = f"{request}: the gateway has no room for it ({code}); held by {held}"
            self._context.notice(Level.WARNING, text)
