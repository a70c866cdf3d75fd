"""Bugs to be planted in what the hub does over an outage: the comparison has to find each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ibproxy_server.core.accounts.positions import Positions
from ibproxy_server.core.accounts.updates import AccountUpdates
from ibproxy_server.core.orders.doubts import Doubts
from ibproxy_server.core.orders.known_executions import KnownExecutions
from ibproxy_server.core.orders.reconciliation import Reconciliation
from ibproxy_server.core.pacer import Pacer
from ibproxy_server.core.requests import delivery
from ibproxy_server.core.requests.registry import Registry
from ibproxy_server.core.requests.upstream_request import UpstreamRequest
from ibproxy_server.core.serial import SerialDesk
from ibproxy_server.core.session import Session

Plant = Callable[[pytest.MonkeyPatch], None]


def _instead(owner: object, name: str, value: object) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        assert hasattr(owner, name)
        patch.setattr(owner, name, value)

    return plant


def _behind(cls: type, name: str, wrapper: Callable[..., Any]) -> Plant:
    """Return what lets a function do something behind a method, with its arguments."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        original = getattr(cls, name)

        def both(*args: Any, **more: Any) -> Any:
            result = original(*args, **more)
            wrapper(*args)
            return result

        patch.setattr(cls, name, both)

    return plant


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _no_317(session: Session, for_id: bytes, code: int, text: str) -> None:
    if code != 317:
        session.say(4, 2, for_id.decode() if isinstance(for_id, bytes) else for_id, code, text, "")


BUGS: Mapping[str, Plant] = {
    "requests are not asked again": _instead(Registry, "start", _nothing),
    "questions without an id are not asked again": _instead(SerialDesk, "start", _nothing),
    "what waits for a gateway is sent twice": _instead(Pacer, "clear", _nothing),
    "no request outlives the link": _behind(
        Registry, "reset", lambda live: [live.end(each) for each in list(live)]
    ),
    "ends of images are told again": _instead(
        delivery,
        "deliver_end",
        lambda request, row, part: delivery.deliver(request, row, part[0][:-1], part),
    ),
    "who joins meanwhile is told only what changed": _behind(
        UpstreamRequest, "join", lambda request, _: request.newcomers.clear()
    ),
    "books are not emptied": _instead(Session, "error", _no_317),
    "who listens to an account is forgotten": _behind(
        AccountUpdates, "reset", lambda updates: updates.listeners.clear()
    ),
    "who listens to positions is forgotten": _behind(
        Positions, "reset", lambda positions: positions.listeners.clear()
    ),
    "fills of the outage are not told": _instead(
        KnownExecutions, "take", lambda *_, is_live: is_live
    ),
    "fills are told twice": _instead(KnownExecutions, "take", lambda *_, **__: True),
    "ends of orders are not told": _instead(Reconciliation, "_settle_end", lambda *_: True),
    "nothing is reconciled": _instead(Reconciliation, "_begin", _nothing),
    "what may have got lost is given up": _behind(
        Doubts, "doubt", lambda _, record: setattr(record, "is_gone", True)
    ),
}
"""Name -> what plants it."""
