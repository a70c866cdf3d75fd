"""Every request of ib_async, through the hub and straight: nobody can tell, and nothing is lost.

The requests are those of `tests/sim/test_protocol.py`, which are all that ib_async can make, at
the versions where layouts change, and by clients of lower versions than the gateway's. Each is
made twice, on two stand-ins of one seed: once
straight, and once through a hub. The client must be told the same, field by field, and the
gateway must be asked the same but for the ids that are the proxy's to give.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import ib_async
import pytest
from ib_async.client import Client

from ibproxy.wire.framing import frame
from ibproxy.wire.layouts import ANSWERS_SINCE, REQUESTS_SINCE
from ibproxy.wire.messages import ANSWERS, REQUESTS
from ibproxy_server.core.translation import translation
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.wire.settings import Settings
from tests.sim.test_protocol import CASES, FA, MONDAY_S, ORDER_ID, PLAIN, REQ, Case, Speaker
from tests.wire.through import SETTLE_S, Through

VERSIONS = (
    *((version, version) for version in (157, 163, 164, 176, 178)),
    *((157, 178), (157, 176), (163, 176), (169, 177), (176, 178)),
)
"""The client's and the gateway's."""

CLIENT_ID = 7
MOMENT_S = 0.05
FIRST_UPSTREAM_ID = 2_000_000_000
IDS = {str(REQ), str(REQ - 1), str(ORDER_ID)}
"""What the cases use as ids; no other field of theirs has these values."""

OTHER_WORDING = {
    ("reqAccountUpdates", 2): "two letters in the text, which change with each build",
    ("reqPnL", 1): "the same",
    ("setServerLogLevel", 1): "the same",
    ("updateDisplayGroup", 1): "the proxy refuses it: no gateway's wording is known",
}
"""Cases whose error has the same id and code, but another text -> why."""

NOT_THE_SAME = {
    ("reqIds", 0): "a client's order ids begin at 1, the stand-in is told to begin elsewhere",
    ("requestFA", 3): "the change before it was refused",
    ("replaceFA", 0): "it would change the groups of everybody: refused",
    ("replaceFA", 1): "the same",
    ("replaceFA", 2): "the same",
    ("exerciseOptions", 0): "refused",
    ("exerciseOptions", 1): "refused",
    ("verifyRequest", 0): "IB's own, never for clients: refused with another code",
    ("verifyMessage", 0): "the same",
    ("verifyAndAuthRequest", 0): "the same",
    ("verifyAndAuthMessage", 0): "the same",
    ("cancelWshMetaData", 1): "not known is whether an answered request is live: nothing is said",
    ("cancelWshEventData", 0): "the same",
}
"""Cases whose answer differs -> why."""

BULLETINS = "12"
"""Asked for in other words: the proxy wants the whole day, whoever asks first."""

NEVER_CARRIED = {
    *(5, 6, 12, 58, 61, 64),  # served from what the proxy knows, or in other words
    *(8, 14, 15, 17, 59, 71),  # answered by the session
    *(19, 21, 65, 66, 72, 73),  # refused
}
"""Requests that do not reach the gateway as the client wrote them."""

WIDENED = {62: 4}
"""Lists that are longer when they reach the gateway: one summary serves all."""

CANCELS = {23, 25, 53, 56, 57, 63, 70, 75, 77, 89, 90, 93, 95, 98, 101, 103}
"""Cancels that no case makes of something that is live: see test_carried.py."""

NEVER_BROUGHT = {
    *(65, 66, 69, 70, 103),  # answers to what is refused
    *(47, 56, 83, 100),  # see test_carried.py
    7,  # comes later than the image of an account without positions
}
"""Answers that no case brings."""

Message = list[str]


class Run(NamedTuple):
    """What came of a case.

    Attributes:
        straight: what a client of the gateway itself is told.
        told: what a client of the proxy is told.
        said: what that client said.
        asked: what the gateway was asked for it.
    """

    straight: list[Message]
    told: list[Message]
    said: list[Message]
    asked: list[Message]


def gateway() -> Simulation:
    """A stand-in whose one trading account has no positions or orders."""
    return make_simulation(Settings(accounts=(FA, PLAIN)), MONDAY_S)


def straight(case: Case, method: str, version: int) -> list[Message]:
    """Make a request at the gateway itself."""
    sim = gateway()
    sim.gateway.advance(MONDAY_S + SETTLE_S)
    speaker = Speaker(sim, CLIENT_ID, version)
    for before in case.before:
        speaker.ask(*before)
        speaker.raw.wait(0.5)
    speaker.raw.read()
    speaker.ask(method, case.arguments)
    return [*speaker.raw.read(), *speaker.raw.wait(max(case.wait_s, MOMENT_S))]


def through(case: Case, method: str, version: int, upstream: int) -> Through:
    """Make a request through a hub."""
    link = Through(gateway(), CLIENT_ID, version, upstream)
    encoder: Any = Client(ib_async.IB().wrapper)  # type: ignore[no-untyped-call]
    vars(encoder).update(
        _serverVersion=version,
        isConnected=lambda: True,
        sendMsg=lambda text: link.feed(frame(text.encode())),
    )
    for name, arguments in case.before:
        getattr(encoder, name)(*arguments)
        link.wait(0.5)
    link.clear()
    getattr(encoder, method)(*case.arguments)
    link.wait(max(case.wait_s, MOMENT_S))
    return link


@cache
def runs(version: int, upstream: int) -> dict[tuple[str, int], Run]:
    """Make every request both ways."""
    found = {}
    newer = {str(row) for row, since in ANSWERS_SINCE.items() if version < min(since, upstream)}
    for method, cases in CASES.items():
        for number, case in enumerate(cases):
            link = through(case, method, version, upstream)
            assert link.dropped is None
            own = [each for each in straight(case, method, version) if each[0] not in newer]
            found[method, number] = Run(own, link.told, link.said, link.asked)
    return found


def without_texts(messages: list[Message]) -> list[Message]:
    """Leave the texts of errors out."""
    return [[*each[:4], *each[5:]] if each[0] == "4" else each for each in messages]


@pytest.mark.parametrize(("version", "upstream"), VERSIONS)
def test_a_client_is_told_the_same(version: int, upstream: int) -> None:
    """Each message, in its order and with every field, but for what is listed with its reason."""
    for place, run in runs(version, upstream).items():
        if version < min(REQUESTS_SINCE.get(int(run.said[0][0]), 0), upstream):
            assert [each[:4] for each in run.told] == [["4", "2", "-1", "320"]]
        elif place in NOT_THE_SAME:
            assert run.told != run.straight, f"{place}: needs no excuse any more"
        elif place in OTHER_WORDING:
            assert run.told != run.straight, f"{place}: needs no excuse any more"
            assert without_texts(run.told) == without_texts(run.straight), place
        else:
            assert run.told == run.straight, place


@pytest.mark.parametrize(("version", "upstream"), VERSIONS)
def test_the_gateway_is_asked_the_same(version: int, upstream: int) -> None:
    """What is carried is carried whole: only request and order ids are the proxy's own."""
    carried, unknown = set(), set()
    between = translation(version, upstream)
    for place, run in runs(version, upstream).items():
        [said] = run.said
        if between:
            if said[0].encode() in between.unknown_requests:
                assert not run.asked
                unknown.add(int(said[0]))
                continue
            fields = [field.encode() for field in said]
            between.up(fields)
            said = [field.decode() for field in fields]
        asked = next((each for each in run.asked if each[0] == said[0]), None)
        if asked is None or said[0] == BULLETINS:
            continue
        carried.add(int(said[0]))
        assert len(asked) == len(said), place
        widened = WIDENED.get(int(said[0]))
        if widened:
            assert {*said[widened].split(",")} <= {*asked[widened].split(",")}
            asked[widened] = said[widened]
        changed = [at for at, field in enumerate(said) if asked[at] != field]
        assert changed == [at for at, field in enumerate(said) if field in IDS], (place, asked)
        for at in changed:
            is_order = said[at] == str(ORDER_ID)
            assert (int(asked[at]) >= FIRST_UPSTREAM_ID) is not is_order, (place, asked)
    assert {row.msg_id for row in REQUESTS} - carried == NEVER_CARRIED | CANCELS | unknown


@pytest.mark.parametrize(("version", "upstream"), VERSIONS)
def test_the_cases_bring_nearly_every_kind_of_message(version: int, upstream: int) -> None:
    """What no case brings is listed: those are tested in test_carried.py by themselves."""
    told = {int(message[0]) for run in runs(version, upstream).values() for message in run.told}
    newer = {row for row, since in ANSWERS_SINCE.items() if version < min(since, upstream)}
    assert {row.msg_id for row in ANSWERS} - told == NEVER_BROUGHT | newer
