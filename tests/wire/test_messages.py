"""The message table against the libraries that speak the protocol."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from ib_async import Client, Contract, ExecutionFilter, Order, Wrapper, WshEventData
from ib_async import ScannerSubscription as Scanner
from ib_async.decoder import Decoder

from ibproxy.wire.layouts import ANSWER_FIELDS
from ibproxy.wire.messages import (
    ANSWERS,
    FIRST_VERSION,
    LAST_VERSION,
    REQUESTS,
    Answer,
    Carry,
    Deliver,
    Request,
    answers_by_id,
    requests_by_id,
)
from ibproxy.wire.sources import ANSWER_SOURCES, REQUEST_SOURCES, sources_of, stated
from ibproxy_server.core.orders import layout as at

ID, ACCOUNT = 987654321, "DU55555"
_NO_REQUEST = {"connect", "disconnect", "reset", "run", "send", "sendMsg", "updateReqId"}


class _Sent(list[list[str]]):
    """A client's messages, kept instead of sent."""

    def __call__(self, text: str) -> None:
        self.append(text.split("\0")[:-1])


def sent_by(method: str, version: int) -> list[list[str]]:
    """Return what ib_async's Client sends for `method`, ids and accounts recognisable."""
    client: Any = Client(Wrapper(None, None))  # type: ignore[arg-type, no-untyped-call]
    client.connState, client._serverVersion = client.CONNECTED, version
    client.sendMsg = sent = _Sent()
    values: dict[str, Any] = {
        "contract": Contract(conId=1, symbol="SPY", secType="STK"),
        "underlying": Contract(conId=1),
        "order": Order(account=ACCOUNT, orderType="LMT"),
        "execFilter": ExecutionFilter(acctCode=ACCOUNT),
        "subscription": Scanner(),
        "data": WshEventData(),
    }
    ids = {"reqId", "orderId", "tickerId"}
    accounts = {"account", "acctCode", "accountName"}
    arguments: list[Any] = []
    for name in inspect.signature(getattr(client, method)).parameters:
        if name in ids:
            arguments.append(ID)
        elif name in accounts:
            arguments.append(ACCOUNT)
        else:
            arguments.append(values.get(name, [] if name.endswith(("Options", "Values")) else 0))
    getattr(client, method)(*arguments)
    return sent


def request_methods() -> list[str]:
    """Return the methods of ib_async's Client that send a message, by its source."""
    return [
        name
        for name, method in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_")
        and name not in _NO_REQUEST
        and re.search(r"self\.send\(", inspect.getsource(method))
    ]


def test_ids_are_unique() -> None:
    """Two rows for one id are an error, not a silent replacement."""
    assert len(requests_by_id()) == len(REQUESTS)
    assert len(answers_by_id(LAST_VERSION)) == len(ANSWERS)


@pytest.mark.parametrize("version", [FIRST_VERSION, 163, 164, 176, LAST_VERSION])
@pytest.mark.parametrize("method", request_methods())
def test_every_request_of_ib_async_has_a_row(method: str, version: int) -> None:
    """Name and positions of ids and accounts in the table are those of the message as sent."""
    if method == "startApi":
        return
    rows = requests_by_id()
    for fields in sent_by(method, version):
        row = rows[fields[0].encode()]
        assert row.name == method
        ids_at = [index for index, field in enumerate(fields) if field == str(ID)]
        if ids_at:
            assert row.id_at == ids_at[0]
        accounts_at = [index for index, field in enumerate(fields) if field == ACCOUNT]
        if accounts_at:
            assert row.account_at == accounts_at[0]


def test_every_answer_of_ib_async_has_a_row() -> None:
    """Each message that ib_async's decoder handles is in the table."""
    known = {row.msg_id for row in ANSWERS}
    handled = set(Decoder(Wrapper(None, None), LAST_VERSION).handlers)  # type: ignore[arg-type]
    assert handled <= known


def test_every_row_is_a_message_of_ib_async() -> None:
    """No request is made up; those of IB's own programs are methods too."""
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction)}
    assert {row.name for row in REQUESTS} <= methods
    handled = set(Decoder(Wrapper(None, None), LAST_VERSION).handlers)  # type: ignore[arg-type]
    assert {row.msg_id for row in ANSWERS} - handled == UNHANDLED_BY_IB_ASYNC


UNHANDLED_BY_IB_ASYNC: set[int] = set()
"""Messages that ib_async throws away."""

FUNDAMENTALS = {"request": {52, 53}, "answer": {51}}
"""Ids of fundamental data, which IB's own client no longer has and ib_async has."""

LATER = {"request": range(105, 110), "answer": range(108, 112)}
"""Ids of messages that no server below 196 sends or takes [api ibapi/server_versions.py]."""


@pytest.mark.parametrize("kind", ["request", "answer"])
def test_every_message_of_ibs_own_client_has_a_row(kind: str) -> None:
    """The ids are those of IB's list, but for those of later versions."""
    message = pytest.importorskip("ibapi.message", reason="ibapi is not installed")
    theirs = {int(each) for each in (message.OUT if kind == "request" else message.IN)}
    ours = {row.msg_id for row in (REQUESTS if kind == "request" else ANSWERS)}
    assert theirs - ours == set(LATER[kind])
    assert ours - theirs == FUNDAMENTALS[kind]


def test_every_stream_has_a_cancel_and_every_cancel_a_request() -> None:
    """A stream that nobody can end would leak; a cancel must name what it ends."""
    rows = {row.msg_id: row for row in REQUESTS}
    for row in REQUESTS:
        if row.carry in {Carry.SHARED, Carry.OWN}:
            assert row.cancelled_by is not None, row.name
        if row.cancelled_by is not None:
            assert rows[row.cancelled_by].cancels == row.msg_id, row.name
        if row.carry is Carry.CANCEL:
            assert row.cancels is not None
            assert rows[row.cancels].cancelled_by == row.msg_id, row.name


def test_every_answer_is_named_by_a_request_or_goes_elsewhere() -> None:
    """A message routed by request id is the answer to some request."""
    answered = {answer for row in REQUESTS for answer in row.answers}
    for row in ANSWERS:
        if row.deliver in {Deliver.BY_REQUEST, Deliver.SERIAL} and row.msg_id != 103:
            assert row.msg_id in answered, row.name
    known = {row.msg_id for row in ANSWERS}
    assert answered <= known


def test_one_shots_with_answers_have_an_end() -> None:
    """A one-shot that is answered but never ends would leak."""
    for row in REQUESTS:
        if row.carry in {Carry.ONE_SHOT, Carry.SERIAL} and row.answers:
            assert row.ends, row.name
            assert set(row.ends) <= set(row.answers), row.name


def test_rows_by_request_say_where_the_id_is() -> None:
    """The hot path relies on an index of 1 or 2."""
    for row in ANSWERS:
        if row.deliver is Deliver.BY_REQUEST:
            assert row.id_at in {1, 2}, row.name
            if row.account_at is not None:
                assert row.account_at > row.id_at
            assert all(each > row.id_at for each in row.state_at or ()), row.name


ROWS = [*REQUESTS, *ANSWERS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_everything_that_a_row_states_has_a_source(row: Request | Answer) -> None:
    """Each value that is more than a layout is known from somewhere, and says from where."""
    sources = sources_of(row)
    assert set(sources) == {"layout", *stated(row)}


def test_no_source_is_of_something_that_is_not_stated() -> None:
    """A line that no row needs any more is taken away."""
    for kinds, rows in ((REQUEST_SOURCES, REQUESTS), (ANSWER_SOURCES, ANSWERS)):
        by_id: dict[int, Request | Answer] = {row.msg_id: row for row in rows}
        for name, lines in kinds.items():
            for ids, text in lines:
                assert text
                for msg_id in ids:
                    assert name in set(stated(by_id[msg_id])), (name, msg_id)


@pytest.mark.parametrize("version", [FIRST_VERSION, 176, 177, LAST_VERSION])
def test_orders_are_patched_where_the_table_says(version: int) -> None:
    """The layout that the desk of orders works with is that of the table."""
    answers, requests = answers_by_id(version), requests_by_id()
    place, executions = requests[b"3"], requests[b"7"]
    status, opened, execution = answers[b"3"], answers[b"5"], answers[b"11"]
    assert (place.account_at, place.parent_at) == (at.ACCOUNT, at.PARENT_ID)
    assert (executions.client_at, executions.account_at) == (
        at.FILTER_CLIENT_ID,
        at.FILTER_ACCOUNT,
    )
    assert (status.client_at, status.perm_at) == (at.STATUS_CLIENT_ID, at.STATUS_PERM_ID)
    assert status.parent_at == at.STATUS_PARENT_ID
    assert (opened.client_at, opened.perm_at) == (at.OPEN_CLIENT_ID, at.OPEN_PERM_ID)
    assert (opened.account_at, opened.parent_at) == (
        at.OPEN_ACCOUNT,
        at.open_parent_id_at(version),
    )
    assert (execution.id_at, execution.account_at) == (at.EXEC_ORDER_ID, at.EXEC_ACCOUNT)
    assert (execution.client_at, execution.perm_at) == (at.EXEC_CLIENT_ID, at.EXEC_PERM_ID)


def test_contract_details_move_at_164() -> None:
    """Below 164 a version field stands before the request id of 10 and 18."""
    assert answers_by_id(163)[b"10"].id_at == answers_by_id(163)[b"18"].id_at == 2
    assert answers_by_id(164)[b"10"].id_at == answers_by_id(164)[b"18"].id_at == 1


@pytest.mark.parametrize("row", [row for row in ANSWERS if row.until], ids=lambda row: row.name)
def test_what_moves_is_moved_by_fields_of_the_other_table(row: Answer) -> None:
    """This table and that of layouts agree on what stood before it, and up to which version."""
    assert row.until
    version, attribute, before = row.until
    gone = [field for field in ANSWER_FIELDS[row.msg_id] if field.until == version]
    in_front = [field for field in gone if field.at is not None and field.at <= before]
    assert before - getattr(row, attribute) == len(in_front)
