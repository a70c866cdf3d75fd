"""Who of a request's members is told what."""

from __future__ import annotations

from collections.abc import Iterable

from ibproxy.wire.framing import prefix
from ibproxy.wire.messages import Answer
from ibproxy_server.core.requests.live_bars import LIVE_HEAD, missed_bars, newer_bars
from ibproxy_server.core.requests.memory import Part
from ibproxy_server.core.requests.sharing import widening_of
from ibproxy_server.core.requests.upstream_request import Member, UpstreamRequest

_ERROR = b"4"


def set_filter(request: UpstreamRequest, member: Member) -> None:
    """Settle what a member is shown of what the request asks for."""
    widening = widening_of(request.row, request.fields, is_stream=request.is_stream)
    is_narrower = widening is not None and member.wanted != request.items
    member.accept = (
        widening.make_filter(request.items, member.wanted) if widening and is_narrower else None
    )


def deliver(request: UpstreamRequest, row: Answer, msg_id: bytes, part: Part) -> None:
    """Send a message to the members, each under its own id."""
    head, tail = part
    if row.account_at is None:
        for client_id, outlets in request.outlets:
            length = len(head) + len(client_id) + 1 + len(tail)
            framed = b"%b%b%b\0%b" % (prefix(length), head, client_id, tail)
            for send in outlets:
                send(framed)
        for member in request.choosy:
            if not member.accepts(msg_id, tail):
                continue
            if row.is_tick and member.session.is_slow:
                member.hold(request.memory.key_of(row, msg_id, tail), part)
            else:
                member.send(head, tail)
        return
    _tell(request.members.values(), row, msg_id, part)


def deliver_end(request: UpstreamRequest, row: Answer, part: Part) -> None:
    """Tell the end of what a stream begins with, once to each member.

    What a stream that was asked for anew has not stated by then is not held any more.
    """
    for key, (head, tail) in list(request.inherited.items()):
        gone = request.memory.rows.get(key[0])
        if gone and gone.gone_at:
            del request.inherited[key]
            fields = tail.split(b"\0")
            assert gone.id_at is not None  # noqa: S101 - the table test holds this
            for at in gone.gone_at:
                fields[at - gone.id_at - 1] = b"0"
            old = [each for each in request.members.values() if each not in request.newcomers]
            _tell(old, gone, key[0], (head, b"\0".join(fields)))
    if not request.is_stream:
        deliver(request, row, part[0][: part[0].index(b"\0")], part)
        return
    for member in request.members.values():
        if not member.has_end:
            member.has_end = True
            member.send(*part)


def fill_gap(request: UpstreamRequest, part: Part) -> None:
    """The past has come anew: tell the bars of the gap, as live ones, and the rest to newcomers."""
    for member in request.members.values():
        if member in request.newcomers:
            member.send(*part)
            continue
        for bar in missed_bars(part[1], request.told_until or b""):
            member.send(LIVE_HEAD, bar)
    request.told_until = None
    if not request.inherited:
        request.newcomers.clear()


def deliver_error(
    request: UpstreamRequest, concerned: Iterable[UpstreamRequest], rest: list[bytes]
) -> None:
    """Tell an error to those whom it concerns, each under its own id.

    Args:
        request: whose id it carries.
        concerned: the request, and others that end with it.
        rest: its fields from the code on.
    """
    code, text, *more = rest
    is_known = request.inherited.pop((_ERROR, code), None) is not None
    for member in [each for other in concerned for each in other.members.values()]:
        if is_known and member not in request.newcomers:
            continue  # it was told before the link broke
        # an id of ten digits in the text means the id
        shown = text.replace(request.upstream_id, member.client_id)
        member.send(b"4\x002\0", b"\0".join((code, shown, *more)) + b"\0")


def show(request: UpstreamRequest, member: Member) -> None:
    """Show a late joiner what the others know already."""
    for msg_id, (head, tail) in request.memory.parts():
        row = request.memory.rows.get(msg_id)
        if not msg_id:
            member.has_end = True
            member.send(head, tail)
        elif msg_id == _ERROR:
            member.send(head, tail.replace(request.upstream_id, member.client_id))
        elif (row is None or _may_see(member, row, tail)) and member.accepts(msg_id, tail):
            member.send(head, tail)


def is_old_news(request: UpstreamRequest, row: Answer, msg_id: bytes, part: Part) -> bool:
    """Tell newcomers what the others have heard before; whether that is all it is.

    A stream that has been asked for anew begins with an image, of which those who come from the
    old stream are told only what has changed.
    """
    if row.state_at is None:
        return False
    tail = part[1]
    is_same = request.inherited.pop(request.memory.key_of(row, msg_id, tail), None) == part
    if is_same:
        _tell(request.newcomers, row, msg_id, part)
    if not request.inherited:
        request.newcomers.clear()
    return is_same


def take_over(request: UpstreamRequest) -> list[UpstreamRequest]:
    """A wider stream runs: the members of those that it replaces come over.

    Returns:
        the streams that have lost their members.
    """
    newcomers = set(request.members.values())
    replaced: list[UpstreamRequest] = []
    old, request.replaces = request.replaces, None
    while old:
        told = {key: part for key, part in old.memory.values.items() if key[0] != _ERROR}
        request.inherited = {**told, **request.inherited}
        for member in list(old.members.values()):
            if not old.is_answered or member in old.newcomers:
                newcomers.add(member)
            old.leave(member)
            set_filter(request, member)
            request.join(member)
        replaced.append(old)
        old.replaces, old = None, old.replaces
    request.newcomers = newcomers if request.inherited else set()
    return replaced


def hand_over(past: UpstreamRequest, tail: bytes) -> None:
    """The past has come: its askers join the live bars, from where it ends.

    Args:
        past: the request for it, which leads to a stream.
        tail: the answer, from behind its request id on.
    """
    stream = past.leads_to
    if stream is None:
        return
    bars = [part for key, part in stream.memory.values.items() if key[0] == b"90"]
    for member in list(past.members.values()):
        past.leave(member)
        stream.join(member)
        for head, bar in newer_bars(tail, bars):
            member.send(head, bar)


def _tell(members: Iterable[Member], row: Answer, msg_id: bytes, part: Part) -> None:
    """Send a message to those of `members` whom it concerns."""
    head, tail = part
    for member in members:
        if _may_see(member, row, tail) and member.accepts(msg_id, tail):
            member.send(head, tail)


def _may_see(member: Member, row: Answer, tail: bytes) -> bool:
    """Whether a message is about an account that the member's session may see, or about none."""
    if row.account_at is None:
        return True
    assert row.id_at is not None  # noqa: S101 - the table test holds this
    account = tail.split(b"\0", row.account_at - row.id_at)[-2].decode()
    return member.session.view.sees(account)
