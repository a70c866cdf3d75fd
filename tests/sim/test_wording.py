"""Whatever code the stand-in can send is one whose wording is known."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ibproxy_sim
from ibproxy_sim.data.quotes import NOT_PERMITTED
from ibproxy_sim.faults.orders import REFUSALS, WARNINGS
from ibproxy_sim.feeds.permission import CALENDAR, FUNDAMENTALS, NEWS
from tests.recorded_texts import ELSEWHERE, NEVER_BY_ITSELF, TEXTS, fits

CODE_AT = {"error": 2, "refuse": 1, "Refusal": 0, "BadRequestError": 0}
"""Callable -> where its argument with the code stands, not counting the gateway itself."""


def codes() -> Iterator[int]:
    """Each code that stands in the source."""
    for path in Path(ibproxy_sim.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            at = CODE_AT.get(name, 99)
            code = node.args[at] if len(node.args) > at else None
            if isinstance(code, ast.Constant) and type(code.value) is int:
                yield code.value


def test_every_code_has_a_known_wording() -> None:
    """Of the codes in the source none is missing from the tables, and none comes only wrapped."""
    found = set(codes())
    assert len(found) > 60
    assert found - set(TEXTS) - set(ELSEWHERE) == set()
    assert found & NEVER_BY_ITSELF == set()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *NOT_PERMITTED.items(),
        *((feed.code, feed.text) for feed in (NEWS, CALENDAR, FUNDAMENTALS)),
        *((code, text) for code, text in {**REFUSALS, **WARNINGS}.items()),
    ],
)
def test_texts_in_tables_are_worded_so(code: int, text: str) -> None:
    """What tests seldom cause is worded as the rest."""
    assert fits(code, text)


def test_another_wording_is_noticed() -> None:
    """A word more, a word less, another code."""
    assert fits(103, "Duplicate order id")
    assert not fits(103, "Duplicated order id")
    assert not fits(201, "Duplicate order id")
    assert not fits(10147, "OrderId that needs to be cancelled is not found.")
