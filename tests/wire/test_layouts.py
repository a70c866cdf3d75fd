"""A message at one server version becomes the same message at another, field by field.

What it must become is not asked of the table: ib_async writes requests at each version, and the
stand-in writes answers, by tables of its own.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import Bag, Client, Contract, Order, TagValue
from ib_async.order import OrderComboLeg

from ibproxy.wire.framing import FrameBuffer, frame, join_fields, split_fields
from ibproxy.wire.layouts import (
    ANSWER_FIELDS,
    ANSWERS_SINCE,
    REQUEST_FIELDS,
    REQUESTS_SINCE,
    SIZES,
    Field,
    tail_at,
)
from ibproxy.wire.messages import ANSWERS, FIRST_VERSION, LAST_VERSION, REQUESTS
from ibproxy_server.core.translation import Translation, translation
from ibproxy_sim.orders.codec import read_place_order, write_order
from ibproxy_sim.orders.layouts import COMPLETED_ORDER, OPEN_ORDER
from tests.sim.test_order_codec import (
    PEG_BENCH,
    PEG_BEST,
    STATED,
    combo,
    encode,
    rich_order,
    stock,
)
from tests.sim.test_protocol import CASES, every_answer

VERSIONS = range(FIRST_VERSION, LAST_VERSION)
UPSTREAM = (166, 176, 178)
PAIRS = [(low, high) for high in UPSTREAM for low in VERSIONS if low < high]
FIRST_SENT_AT = {
    "duration": 158,
    "postToAts": 160,
    "autoCancelParent": 162,
    "advancedErrorOverride": 166,
    "manualOrderTime": 169,
    **dict.fromkeys(("minTradeQty", "minCompeteSize", "competeAgainstBestOffset"), 170),
    **dict.fromkeys(("midOffsetAtWhole", "midOffsetAtHalf"), 170),
}
"""Attributes of an order that ib_async does not write before a version."""

KINDS: tuple[dict[str, Any], ...] = (
    {},
    PEG_BENCH,
    PEG_BEST,
    {"orderType": "PEG MID"},
    {"orderType": "PEG BEST"},
    {"hedgeType": "", "algoStrategy": "", "conditions": [], "deltaNeutralOrderType": ""},
)

Message = list[str]


def between(low: int, high: int) -> Translation:
    """What is between two versions that differ."""
    found = translation(low, high)
    assert found
    return found


def lowered(messages: list[Message], low: int, high: int) -> list[Message]:
    """Answers at `high` as a client at `low` is told them."""
    complaints: list[object] = []
    data = b"".join(frame(join_fields(*message)) for message in messages)
    told = between(low, high).down(data, lambda *complaint: complaints.append(complaint))
    assert not complaints
    return [split_fields(payload) for payload in FrameBuffer().feed(told)]


def raised(message: Message, low: int, high: int) -> Message:
    """A request at `low` as the gateway at `high` is asked it."""
    fields = [field.encode() for field in message]
    between(low, high).up(fields)
    return [field.decode() for field in fields]


@cache
def requests(version: int) -> list[Message]:
    """Every request of ib_async's client, as it writes it at a version."""
    client = Client(wrapper=None)  # type: ignore[no-untyped-call]
    sent: list[Message] = []
    vars(client).update(
        _serverVersion=version,
        isConnected=lambda: True,
        sendMsg=lambda text: sent.append(split_fields(text.encode())),
    )
    for method, cases in CASES.items():
        for case in cases:
            getattr(client, method)(*case.arguments)
    return sent


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_becomes_what_the_version_has(version: int) -> None:
    """The stand-in at 178 and 176, translated, says what it says at the lower version."""
    unknown = {str(msg_id) for msg_id, since in ANSWERS_SINCE.items() if version < since}
    for high in UPSTREAM:
        if version >= high:
            continue
        for place, messages in every_answer(version).items():
            known = [each for each in messages if each[0] not in unknown]
            assert lowered(every_answer(high)[place], version, high) == known, (place, high)


@pytest.mark.parametrize(("low", "high"), PAIRS)
def test_every_request_becomes_what_the_gateway_reads(low: int, high: int) -> None:
    """ib_async at the lower version, translated, says what it says at the higher one."""
    for before, after in zip(requests(low), requests(high), strict=True):
        assert raised(before, low, high) == after


def placed(version: int, knows: int, make_contract: Any, **extra: Any) -> Message:
    """A placeOrder at `version` whose author knows what there was at `knows`."""
    order, contract = rich_order(**extra), make_contract()
    order.advancedErrorOverride, order.manualOrderTime = "8229", "20300101 10:00:00"
    for name, first in FIRST_SENT_AT.items():
        if knows < first:
            setattr(order, name, getattr(Order(), name))
    if contract.secType == "BAG":
        order.orderComboLegs = [OrderComboLeg(1.5), OrderComboLeg(-2.5)]
        order.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]
    return encode(version, contract, order)


def at_ibkrats() -> Contract:
    """A contract at the exchange whose orders have a field more."""
    contract = stock()
    contract.exchange = "IBKRATS"
    return contract


def bare_combo() -> Contract:
    """A combo without legs."""
    return Bag(symbol="AAPL", exchange="SMART", currency="USD")  # type: ignore[no-untyped-call]


CONTRACTS = (stock, combo, bare_combo, at_ibkrats)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make_contract", CONTRACTS)
def test_every_order_becomes_what_the_gateway_reads(
    kind: dict[str, Any], make_contract: Any
) -> None:
    """With legs, conditions, algos and all, at each version."""
    if make_contract is at_ibkrats:
        kind = {**kind, "minTradeQty": 7}
    for low, high in PAIRS:
        before = placed(low, low, make_contract, **kind)
        expected = placed(high, low, make_contract, **kind)
        if kind.get("orderType") == "PEG BEST" and low < 170 <= high:
            assert expected[-1] == ""  # neither says up to the middle
        assert raised(before, low, high) == expected, (low, high)


@pytest.mark.parametrize("make_contract", CONTRACTS)
@pytest.mark.parametrize(
    ("group", "profile", "expected"),
    [("", "mine", "mine"), ("ours", "mine", "ours"), ("ours", "", "ours")],
)
def test_a_profile_is_a_group_where_there_are_none(
    make_contract: Any, group: str, profile: str, expected: str
) -> None:
    """An allocation that an older client names is not lost."""
    order = rich_order(faGroup=group, faProfile=profile)
    expected_order = dataclasses.replace(order, faGroup=expected)
    before = encode(170, make_contract(), order)
    assert raised(before, 170, 178) == encode(178, make_contract(), expected_order)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make_contract", [stock, combo])
@pytest.mark.parametrize(
    ("msg_id", "layout"), [("5", OPEN_ORDER), ("101", COMPLETED_ORDER)], ids=["open", "completed"]
)
def test_every_open_and_completed_order_becomes_what_the_version_has(
    kind: dict[str, Any], make_contract: Any, msg_id: str, layout: Any
) -> None:
    """With all blocks that an order can have."""
    terms = read_place_order(placed(178, 178, make_contract, **kind), 178)
    for low, high in PAIRS:
        before = [msg_id, *write_order(layout, terms, STATED, high)]
        after = [msg_id, *write_order(layout, terms, STATED, low)]
        assert lowered([before], low, high) == [after], (low, high)


SIZED = {
    "1": "1|6|9|1|10.5|{}|0",
    "2": "2|6|9|0|{}",
    "12": "12|1|9|0|1|1|10.5|{}",
    "13": "13|1|9|0|NYSE|1|1|10.5|{}|1",
    "17": "17|9|a|b|2|t|1.5|2.5|1.5|2.5|{}|1.5|3|t|1.5|2.5|1.5|2.5|{}|1.5|3",
    "50": "50|3|9|1|1.5|2.5|1.5|2.5|{}|1.5|3",
    "89": "89|9|2|10.5|{}|10.6|{}",
    "90": "90|9|3|t|1.5|2.5|1.5|2.5|1.5|{}",
    "95": "95|9|{}|1.5|2.5|1.5|2.5",
    "96": "96|9|2|1|0|10.5|{}|1|0|10.5|{}|1",
    "97": "97|9|1|1|0|10.5|10.6|{}|{}|1",
    "98": "98|9|2|1|0|10.5|{}|NYSE||1|0|10.5|{}|NYSE||1",
    "99/1": "99|9|1|1|10.5|{}|0|NYSE|",
    "99/3": "99|9|3|1|10.5|10.6|{}|{}|0",
    "99/4": "99|9|4|1|10.5",
}


@pytest.mark.parametrize("text", SIZED.values(), ids=SIZED)
@pytest.mark.parametrize(
    ("size", "whole"), [("0.75", "0"), ("12.5", "12"), ("1.2E3", "1200"), ("300", "300"), ("", "")]
)
def test_sizes_are_whole_numbers_below_163(text: str, size: str, whole: str) -> None:
    """Clients of those versions read whole numbers, and end when a size is none."""
    message = text.replace("{}", size).split("|")
    assert lowered([message], 162, 178) == [text.replace("{}", whole).split("|")]
    assert lowered([message], 163, 178) == [message]


def test_every_message_with_sizes_is_tried() -> None:
    """One that the table gains needs a line above."""
    assert {int(kind.split("/")[0]) for kind in SIZED} == set(SIZES)


def test_what_is_malformed_is_left_out_and_reported() -> None:
    """The other messages are told all the same."""
    complaints: list[bytes] = []
    rubbish = [b"5\x00", b"79\x009\x003\x00x\x00", b"79\x009\x00many\x00"]
    rubbish += [b"17\x009\x00\x00\x00-1\x00", b"2\x006\x009\x000\x001E999\x00"]
    data = b"".join(map(frame, (*rubbish, b"4\x002\x007\x00200\x00no\x00{}\x00")))
    told = between(157, 178).down(data, lambda payload, _: complaints.append(payload))
    assert told == frame(b"4\x002\x007\x00200\x00no\x00")
    assert complaints == rubbish


@pytest.mark.parametrize("field", ["many", "-3", "999999"])
def test_a_malformed_request_is_the_askers_error(field: str) -> None:
    """It raises what the hub answers with 320."""
    message = placed(157, 157, combo)
    message[35] = field
    with pytest.raises((ValueError, IndexError)):
        raised(message, 157, 178)


def test_one_version_needs_no_translation() -> None:
    """A session at the gateway's version pays nothing."""
    assert all(translation(version, version) is None for version in VERSIONS)
    assert translation(157, 178) is translation(157, 178)


ROWS = [
    (table, msg_id, field)
    for table, rows in (("request", REQUEST_FIELDS), ("answer", ANSWER_FIELDS))
    for msg_id, fields in rows.items()
    for field in fields
]


@pytest.mark.parametrize(
    ("table", "msg_id", "field"), ROWS, ids=[f"{msg_id}-{f.name}" for _, msg_id, f in ROWS]
)
def test_every_row_of_the_table_can_be_carried_out(table: str, msg_id: int, field: Field) -> None:
    """A field came or went within the versions, and stands where the translation looks for it."""
    known = {row.msg_id for row in (REQUESTS if table == "request" else ANSWERS)}
    assert msg_id in known
    changed = field.since if field.until is None else field.until
    assert FIRST_VERSION < changed <= LAST_VERSION
    assert bool(field.since) is (field.until is None)
    assert (field.at is None) is (field.until is None)
    assert bool(field.default) <= (table == "request" or field.until is not None)


def test_what_a_request_gains_stands_at_its_end() -> None:
    """A field in front of one that was there before would need a place, and so would two gone."""
    for fields in REQUEST_FIELDS.values():
        assert sum(each.until is not None for each in fields) <= 1
        assert [each.since for each in tail_at(fields, LAST_VERSION)] == sorted(
            each.since for each in tail_at(fields, LAST_VERSION)
        )


def test_newer_messages_are_those_of_the_official_client() -> None:
    """The official client says from which version on it asks for them."""
    since = pytest.importorskip("ibapi.server_versions")
    events, user = since.MIN_SERVER_VER_WSHE_CALENDAR, since.MIN_SERVER_VER_USER_INFO
    schedule = since.MIN_SERVER_VER_HISTORICAL_SCHEDULE
    assert {**dict.fromkeys((100, 101, 102, 103), events), 104: user} == REQUESTS_SINCE
    assert {104: events, 105: events, 106: schedule, 107: user} == ANSWERS_SINCE


@given(
    st.sampled_from([str(row.msg_id) for row in ANSWERS]),
    st.lists(st.text("0123456789-.E", max_size=6), max_size=40),
)
def test_no_answer_raises(msg_id: str, fields: list[str]) -> None:
    """Whatever stands in it, it is told, left out as unknown, or reported."""
    between(157, 178).down(frame(join_fields(msg_id, *fields)), lambda *_: None)
