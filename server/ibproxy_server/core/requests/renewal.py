"""What becomes of a request when the link to the gateway breaks.

What a row of the message table calls `AfterLoss.REPEAT` fails if part of its answer has come; all
else stays live, to be asked again, and its members are told only what differs from what they know.
"""

from __future__ import annotations

from ibproxy.wire.messages import AfterLoss
from ibproxy_server.core import codes
from ibproxy_server.core.requests.sharing import PAST_TICKS_AT, TICK_BY_TICK
from ibproxy_server.core.requests.upstream_request import UpstreamRequest


def renew(request: UpstreamRequest) -> bool:
    """Let a request begin anew, or tell its members that it cannot.

    Returns:
        whether it can.
    """
    is_cut_short = not request.is_stream and request.is_answered
    if is_cut_short and request.row.after_loss is AfterLoss.REPEAT:
        _tell(request, *codes.CUT_SHORT)
        return False
    if request.memory.book:
        _tell(request, *codes.BOOK_RESET)
    if request.row.msg_id == TICK_BY_TICK and request.is_answered:
        request.fields[PAST_TICKS_AT] = b"0"  # the past has been told
    request.renew()
    return True


def _tell(request: UpstreamRequest, code: int, text: str) -> None:
    for member in request.members.values():
        member.session.error(member.client_id, code, text)
