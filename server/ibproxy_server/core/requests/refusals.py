"""Refusals that clients are not told: what is tried again, and what is about something else."""

from __future__ import annotations

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.requests.registry import Registry
from ibproxy_server.core.requests.sharing import SUMMARY
from ibproxy_server.core.requests.upstream_request import UpstreamRequest

RETRY_AFTER_S = (15.0, 60.0, 600.0)
"""When a request that was refused for its pace is tried again; the windows of fact 5.1."""

REFUSED = 322
"""What a gateway refuses a summary with (fact 2.22)."""


class Refusals:
    """Looks at an error before anybody is told.

    Args:
        context: shared by all desks.
        live: the requests that are live upstream.
    """

    def __init__(self, context: Context, live: Registry) -> None:
        self._context = context
        self._live = live

    def takes(self, request: UpstreamRequest, code: int, text: bytes) -> bool:
        """Whether nobody is to be told of an error."""
        return self._is_retried(request, code, text) or self._is_of_a_dead_one(request, code)

    def _is_retried(self, request: UpstreamRequest, code: int, text: bytes) -> bool:
        """Whether it was refused for its pace and is asked again, out of the clients' sight."""
        if not codes.is_pacing(code, text) or request.is_answered:
            return False
        if request.tries >= len(RETRY_AFTER_S):
            return False
        wait_s = RETRY_AFTER_S[request.tries]
        request.tries += 1
        self._context.counters["retries"] += 1
        shown = text.decode(errors="replace")
        self._context.notice(
            Level.WARNING, f"{request} was refused ({code}: {shown}); again in {wait_s:.0f} s"
        )
        self._live.again(request, wait_s)
        return True

    def _is_of_a_dead_one(self, request: UpstreamRequest, code: int) -> bool:
        """Whether it is about a summary of an earlier connection, which had the same id.

        A gateway replays one that was not cancelled after every 1102, and refuses it (fact 2.28).
        """
        is_it = request.row.msg_id == SUMMARY and request.is_answered and code == REFUSED
        if is_it:
            text = f"{request} goes on: the error {code} is about one of an earlier connection"
            self._context.notice(Level.INFO, text)
        return is_it
