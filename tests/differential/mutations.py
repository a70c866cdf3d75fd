"""Bugs to be planted in the hub, one at a time: the machine has to find each of them.

Where it can be, a bug is planted in the message table or at a method that others call; what it
replaces is the hub's own and is put back by pytest's monkeypatch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ibproxy.wire import messages
from ibproxy.wire.framing import join_fields
from ibproxy_server.core.accounts.bulletins import Bulletins
from ibproxy_server.core.accounts.positions import Positions
from ibproxy_server.core.accounts.updates import AccountUpdates
from ibproxy_server.core.orders.book import OrderBook
from ibproxy_server.core.orders.executions import Executions
from ibproxy_server.core.orders.instructions import Instructions
from ibproxy_server.core.orders.open_lists import OpenLists
from ibproxy_server.core.orders.owners import Owners
from ibproxy_server.core.requests import RequestDesk, delivery
from ibproxy_server.core.requests.memory import Memory
from ibproxy_server.core.requests.upstream_request import UpstreamRequest
from ibproxy_server.core.serial import SerialDesk
from ibproxy_server.core.session import Session, View
from ibproxy_server.core.session_desk import SessionDesk

Plant = Callable[[pytest.MonkeyPatch], None]


def _answer(msg_id: int, **changes: Any) -> Plant:
    """Return what changes a row of the table of answers."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        rows = tuple(
            replace(row, **changes) if row.msg_id == msg_id else row for row in messages.ANSWERS
        )
        patch.setattr(messages, "ANSWERS", rows)

    return plant


def _request(msg_id: int, **changes: Any) -> Plant:
    """Return what changes a row of the table of requests."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        rows = tuple(
            replace(row, **changes) if row.msg_id == msg_id else row for row in messages.REQUESTS
        )
        patch.setattr(messages, "REQUESTS", rows)

    return plant


def _method(cls: type, name: str, value: object) -> Plant:
    """Return what replaces a method."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        assert hasattr(cls, name)
        patch.setattr(cls, name, value)

    return plant


def _around(cls: type, name: str, wrapper: Callable[..., Any]) -> Plant:
    """Return what replaces a method by one that is given the original first."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        original = getattr(cls, name)
        patch.setattr(cls, name, lambda *args, **more: wrapper(original, *args, **more))

    return plant


def _everybody_sees(cls: object, name: str) -> Plant:
    """Return what makes one method show everything to everybody."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        original = getattr(cls, name)

        def blind(*args: Any, **more: Any) -> Any:
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(View, "sees", lambda _self, _account: True)
                return original(*args, **more)

        patch.setattr(cls, name, blind)

    return plant


def _error_to_all(
    original: Callable[..., bool], desk: Any, upstream_id: bytes, code: int, rest: list[bytes]
) -> bool:
    members = desk.askers(upstream_id)
    for session in desk._context.ready_sessions():
        if members and session is not members[0][0]:
            session.error(members[0][1], code, rest[1].decode())
    return original(desk, upstream_id, code, rest)


def _cancel_for_all(
    original: Callable[..., None], desk: Any, session: Session, row: Any, fields: list[bytes]
) -> None:
    request = session.requests.get((row.cancels, fields[row.id_at]))
    members = list(request.members.values()) if request else []
    original(desk, session, row, list(fields))
    for member in members:
        if member.session is not session:
            fields[row.id_at] = member.client_id
            original(desk, member.session, row, list(fields))


def _owner_by_client_id(desk: Any, record: Any) -> list[Session]:
    sessions = desk._context.ready_sessions()
    return [each for each in sessions if record.owner and each.client_id == record.owner[1]][:1]


def _tell_every_listener(
    desk: Any, _account: str, key: tuple[bytes, ...], payload: bytes, **_more: bool
) -> None:
    for session in desk.listeners:
        desk._tell_one(session, key, payload)


def _join_running(
    original: Callable[..., None], desk: Any, session: Session, row: Any, fields: list[bytes]
) -> None:
    for asked in desk._asked.values():
        if asked.row is row and asked.fields == fields:
            asked.askers.append(session)
            return
    original(desk, session, row, fields)


def _clock_stands(desk: Any, session: Session) -> bool:
    if desk._clock is None:
        return False
    session.say(49, 1, desk._clock[1])
    return True


def _data_type_of_all(desk: Any, _session: Session, fields: list[bytes]) -> None:
    for session in desk._context.ready_sessions():
        session.market_data_type = fields[2]


def _cancel_everybodys(desk: Any, session: Session, row: Any, _fields: list[bytes]) -> None:
    for record in desk._book.records:
        if record.owner and record.may_work:
            record.unasked_cancels += 1
            fields = [b"4", b"1", b"%d" % record.upstream_id, b""]
            desk._send(session, fields, row)


def _raise_by_own_only(original: Callable[..., None], book: OrderBook, seen: int) -> None:
    if seen == book._next_upstream_id:
        original(book, seen)


def _end_list_at_once(desk: Any, session: Session, row: Any, fields: list[bytes]) -> None:
    del row, fields, desk
    session.send(join_fields(53, 1))


def _commission_to_nobody(desk: Any, fields: list[bytes]) -> None:
    desk._audience.pop(fields[2], None)


def _prices_last(original: Callable[..., Iterator[Any]], memory: Memory) -> list[Any]:
    parts = list(original(memory))
    return sorted(parts, key=lambda part: part[0] == b"1")


MUTATIONS: Mapping[str, Plant] = {
    "an index is wrong: what a size is of": _answer(2, state_at=(4,)),
    "an index is wrong: whose P&L it is": _request(92, account_at=3),
    "a cancel is another request's": _request(51, cancels=1),
    "an upstream cancel is another request's": _request(1, cancelled_by=51),
    "an error goes to everybody": _around(RequestDesk, "error", _error_to_all),
    "an order's report goes to who has the same client id": _method(
        Owners, "listeners", _owner_by_client_id
    ),
    "who joins is not shown the last prices": _answer(1, state_at=None),
    "who joins is not shown the end of the first part": _answer(74, end=False),
    "who joins is shown all accounts": _everybody_sees(delivery, "show"),
    "rows of a summary go to all who share it": _answer(63, account_at=None),
    "prices are shown behind newer sizes": _around(Memory, "parts", _prices_last),
    "a bracket's parent is not mapped": _method(Instructions, "_map_parent", lambda *_: True),
    "a bracket's parent is not mapped back": _method(
        Owners, "parent_for", lambda _desk, _session, upstream_id: upstream_id
    ),
    "ids begin below the gateway's": _around(OrderBook, "raise_upstream_id", _raise_by_own_only),
    "positions of all accounts": _everybody_sees(Positions, "_send"),
    "changes of positions of all accounts": _everybody_sees(Positions, "_tell"),
    "account updates of all accounts": _method(AccountUpdates, "_tell", _tell_every_listener),
    "a picture goes to who listens to another account": _around(
        AccountUpdates,
        "_show_picture",
        lambda original, updates, session, _: original(updates, session, updates.slot.current),
    ),
    "a question joins a running answer": _around(SerialDesk, "receive", _join_running),
    "completed orders of all accounts": _answer(101, account_at=None),
    "the data type is everybody's": _method(SessionDesk, "_market_data_type", _data_type_of_all),
    "a question joins one that has been answered": _method(
        UpstreamRequest, "takes", lambda *_: True
    ),
    "a cancel ends the others' streams": _around(RequestDesk, "cancel", _cancel_for_all),
    "an OCA group is everybody's": _method(OrderBook, "oca_name", lambda _book, _owner, name: name),
    "a global cancel cancels everybody's": _method(Instructions, "cancel_all", _cancel_everybodys),
    "executions of all client ids": _method(Executions, "_is_wanted", lambda *_: True),
    "executions of all accounts": _everybody_sees(Executions, "answer"),
    "all open orders of all accounts": _everybody_sees(OpenLists, "audience_of"),
    "no open orders": _method(OpenLists, "wait", _end_list_at_once),
    "no commissions": _method(Executions, "commission", _commission_to_nobody),
    "the clock stands": _method(SerialDesk, "_tell_time", _clock_stands),
    "a refused id is used up": _method(OrderBook, "refuse", lambda *_: None),
    "bulletins of the day for everybody": _method(Bulletins, "day_is_told", lambda *_: None),
}
"""What is wrong -> how it is planted."""
