"""The demo's judgement: it passes only what really was in order, and names what was not."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from ibproxy_server.demo.report import Report
from ibproxy_server.demo.verdict import Books, Outcome, Summary

BOOKS = Books(
    perm_ids=frozenset({11, 12}),
    executions=frozenset({"e1", "e2"}),
    settled_perm_ids=frozenset({11}),
    settled_executions=frozenset({"e1"}),
)


def report(**changes: object) -> Report:
    """Return what a strategy was told when all went well."""
    good = Report(
        messages=9,
        account_messages={"DU1": 5},
        perm_ids={0, 11, 12},
        executions={"e1": "DU1", "e2": "DU1"},
    )
    return msgspec.structs.replace(good, **changes)


def summary(told: Report | None, books: Books = BOOKS, **changes: Any) -> Summary:
    """Return the summary of a demo with this one strategy."""
    outcome = Outcome("wheel", "DU1", books, told)
    good = Summary(connections=1, most_connections=1, outcomes=(outcome,))
    return dataclasses.replace(good, **changes)


def test_what_is_in_order_passes() -> None:
    """No complaint when the strategy was told its own news, all of it, and nothing else."""
    good = summary(report())
    assert good.complaints() == []
    assert dict(good.rows()) == {
        "connections upstream": "1",
        "strategies": "1",
        "wheel in DU1": "2 orders, 2 fills; was told of 2 and 2",
        "timeouts": "0",
        "messages that reached the wrong strategy": "0 of 9",
    }


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"account_messages": {"DU1": 5, "DU2": 3}}, 3),
        ({"perm_ids": {11, 12, 99}}, 1),
        ({"executions": {"e1": "DU1", "x9": "DU1"}}, 1),
        ({"unasked": [7, 8]}, 2),
    ],
)
def test_messages_for_somebody_else_are_counted(changes: dict[str, object], count: int) -> None:
    """A foreign account, order, fill or answer each counts as delivered to the wrong strategy."""
    bad = summary(report(**changes))
    assert bad.misdirected == count
    assert any(f"{count} messages that were not for it" in text for text in bad.complaints())
    assert dict(bad.rows())["messages that reached the wrong strategy"] == f"{count} of 9"


@pytest.mark.parametrize(
    ("told", "books", "complaint"),
    [
        (None, BOOKS, "left no report"),
        (report(), Books(), "placed no order: give it more time"),
        (report(), dataclasses.replace(BOOKS, executions=frozenset()), "had no fill"),
        (report(executions={"e2": "DU1"}), BOOKS, "not told of 1 of its fills"),
        (report(perm_ids={12}), BOOKS, "not told of 1 of its orders"),
        (report(unreadable=["?"]), BOOKS, "1 messages that cannot be read"),
        (report(timeouts=["positions request timed out"]), BOOKS, "1 requests timed out"),
    ],
)
def test_what_is_wrong_is_named(told: Report | None, books: Books, complaint: str) -> None:
    """Whatever was promised and did not happen fails the demo, with the reason."""
    assert any(complaint in text for text in summary(told, books).complaints())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"connections": 2}, "saw 2 connections, 1 at a time"),
        ({"most_connections": 2}, "saw 1 connections, 2 at a time"),
        ({"connections": 0, "most_connections": 0}, "saw 0 connections"),
        ({"proxy_timeouts": 3}, "3 requests timed out"),
        ({"accidents": ("wheel ended too early: oh",)}, "wheel ended too early: oh"),
    ],
)
def test_what_is_wrong_around_the_strategies_is_named(
    changes: dict[str, Any], complaint: str
) -> None:
    """A second connection, a proxy's time-out or an accident fails the demo too."""
    assert any(complaint in text for text in summary(report(), **changes).complaints())


def test_news_of_the_last_moment_may_be_missed() -> None:
    """What happened while the strategies were being stopped is not held against anybody."""
    assert summary(report(perm_ids={11}, executions={"e1": "DU1"})).complaints() == []
