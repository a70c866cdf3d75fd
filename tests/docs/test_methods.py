"""The page on methods says what the message table and ib_async say."""

from __future__ import annotations

from pathlib import Path

from ib_async import IB

from ibproxy.wire.messages import REQUESTS
from ibproxy_server.methods import WORDS, how, messages_of, methods, page

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


def test_the_page_is_what_the_table_says() -> None:
    """`python -m ibproxy_server.methods > docs/methods.md` keeps it so."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_method_is_there_once() -> None:
    """Those that send something in the table, the others in the list; twins are one."""
    text = page()
    for name in methods():
        assert text.count(f"`{name}`") == 1, name
    assert {"reqMktData", "placeOrder", "positions"} <= set(methods())
    assert "reqPositionsAsync" not in methods()
    assert callable(IB.reqPositionsAsync)


def test_messages_are_found_through_the_methods_that_are_called() -> None:
    """A blocking method sends what its asynchronous twin sends."""
    assert [row.msg_id for row in messages_of("qualifyContracts")] == [9]
    assert {row.msg_id for row in messages_of("connect")} >= {5, 6, 7, 61, 76, 99}
    assert messages_of("positions") == []


def test_every_word_is_explained_and_used() -> None:
    """The page's own words, and no others."""
    used = {word for row in REQUESTS for word in how(row).split(", ")}
    assert used | {"own"} == set(WORDS)


def test_nearly_every_request_is_sent_by_a_method() -> None:
    """What only `ib.client` can send is known."""
    sent = {row.msg_id for name in methods() for row in messages_of(name)}
    only_clients = {row.name for row in REQUESTS if row.msg_id not in sent}
    assert "reqFamilyCodes" in only_clients
    assert len(only_clients) < 30
