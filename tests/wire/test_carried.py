"""What the hub does to a message on its way: it maps exactly the fields that it must.

Requests are written by ib_async's own encoder, with a value of its own in every field. The
positions of ids are found by their values, not by asking the table.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from ib_async import Client, Contract, ExecutionFilter, Order, Wrapper, WshEventData
from ib_async import ScannerSubscription as Scanner

from ibproxy.wire.framing import frame, join_fields
from ibproxy.wire.messages import ANSWERS, REQUESTS, Carry, Deliver, requests_by_id
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import HubSettings
from ibproxy_server.core.requests.sharing import TAGS
from tests.core.conftest import World

VERSIONS = (157, 163, 164, 176, 178)
REQUEST_ID, ORDER_ID, PARENT_ID = 987654321, 4711, 4710
ACCOUNT, GROUP = "DU1", "MYGROUP"
FIRST_UPSTREAM_ID = 2_000_000_000

OWN_WORDS = {
    "reqOpenOrders": "the gateway is asked for all open orders",
    "reqAccountUpdates": "the account slot's own request",
    "reqNewsBulletins": "one subscription for all",
    "cancelNewsBulletins": "one subscription for all",
    "reqGlobalCancel": "single cancels",
    "reqPositions": "the proxy's own subscription",
    "cancelPositions": "the proxy's own subscription",
}
"""Requests that reach the gateway in the proxy's own words, or not at all -> how."""

NOT_FOR_CLIENTS = {Deliver.PROXY}


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world() -> MakeWorld:
    """Return a maker of worlds; its arguments are the hub's settings."""
    return lambda **settings: World(HubSettings(**{"messages_per_s": 0.0, **settings}))


def distinct(kind: type[Any], **given: Any) -> Any:
    """Return an object of ib_async's with a value of its own in every plain field."""
    thing = kind()
    for number, field in enumerate(dataclasses.fields(kind), 1):
        value = getattr(thing, field.name)
        if field.name in given:
            setattr(thing, field.name, given[field.name])
        elif isinstance(value, bool):
            continue
        elif isinstance(value, int | float):
            setattr(thing, field.name, type(value)(1000 + number))
        elif isinstance(value, str):
            setattr(thing, field.name, f"{field.name}-{number}")
    return thing


def order(**given: Any) -> Order:
    """Return an order with a value of its own in nearly every field.

    Texts that open blocks of further fields stay empty: what stands behind them is tested with
    orders of every kind elsewhere.
    """
    blocks = dict.fromkeys(
        ("algoStrategy", "hedgeType", "deltaNeutralOrderType", "orderId", "clientId"), ""
    )
    plain = {"orderType": "LMT", "scalePriceIncrement": 0.0, "conditions": []}
    return distinct(Order, **blocks, **plain, **given)  # type: ignore[no-any-return]


def arguments_of(method: Callable[..., Any]) -> list[Any]:
    """Return an argument for each parameter of a method of ib_async's client."""
    contract = distinct(Contract, secType="STK", comboLegs=[], deltaNeutralContract=None)
    contract.comboLegsDescrip = ""
    values: dict[str, Any] = {
        "contract": contract,
        "underlying": contract,
        "order": order(account=ACCOUNT, parentId=PARENT_ID, ocaGroup=GROUP),
        "execFilter": ExecutionFilter(acctCode=ACCOUNT, time="20260101 00:00:00", symbol="SYM"),
        "subscription": distinct(Scanner),
        "data": WshEventData(conId=8314),
        "orderId": ORDER_ID,
        "faData": 1,
        "isSmartDepth": True,
    }
    values |= dict.fromkeys(("reqId", "tickerId"), REQUEST_ID)
    values |= dict.fromkeys(("account", "acctCode", "accountName"), ACCOUNT)
    found = []
    for number, name in enumerate(inspect.signature(method).parameters):
        is_list = name.endswith(("Options", "Values"))
        found.append(values.get(name, [] if is_list else 70 + number))
    return found


class Speaker:
    """A client of the hub whose words ib_async chooses."""

    def __init__(self, world: World, version: int, strategy: str = "alpha") -> None:
        self.said: list[str] = []
        self._client = world.client(strategy, port=4001).start()
        self._encoder: Any = Client(Wrapper(None, None))  # type: ignore[arg-type, no-untyped-call]
        vars(self._encoder).update(
            connState=Client.CONNECTED, _serverVersion=version, sendMsg=self._send
        )

    def _send(self, text: str) -> None:
        self.said = text.split("\0")[:-1]
        self._client.say(*self.said)

    def say(self, method: str) -> list[str]:
        """Make a request and return what was said."""
        call = getattr(self._encoder, method)
        call(*arguments_of(call))
        return self.said

    def place_parent(self) -> None:
        """Place the order that is the parent of others."""
        self._encoder.placeOrder(PARENT_ID, Contract(symbol="SYM"), Order(transmit=False))

    def told(self) -> list[list[str]]:
        """Return and forget what came."""
        return self._client.take()


def hub(make_world: MakeWorld, version: int) -> World:
    """Return a world in which one client may see everything."""
    world = make_world(max_version=version).connect("DU1,DU2", version=version)
    world.say(53, 1)  # the proxy has asked for all open orders
    return world


def methods() -> dict[str, int]:
    """Return method of ib_async's client -> id of the message that it sends."""
    names = {row.name: row.msg_id for row in REQUESTS}
    return {
        name: names[name] for name, _ in inspect.getmembers(Client, inspect.isfunction)
        if name in names and name != "startApi"
    }  # fmt: skip


TAGS_AT = ("reqAccountSummary", 4)
"""The one field that is widened: one summary upstream serves all (facts 2.21, 2.22)."""

CARRIED = {
    name: msg_id
    for name, msg_id in methods().items()
    if requests_by_id()[b"%d" % msg_id].carry not in {Carry.SESSION, Carry.REFUSED}
    and name not in OWN_WORDS
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CARRIED)
def test_a_request_reaches_the_gateway_whole(
    name: str, version: int, make_world: MakeWorld
) -> None:
    """Every field is as written, but for ids, the mark of a group, and the tags of a summary."""
    world = hub(make_world, version)
    speaker = Speaker(world, version)
    row = requests_by_id()[b"%d" % CARRIED[name]]
    speaker.place_parent()
    if row.cancels:
        by_id = {each.msg_id: each.name for each in REQUESTS}
        speaker.say(by_id[row.cancels])
        world.pass_time(5.0)
    elif name == "cancelOrder":
        speaker.say("placeOrder")
    world.asked()
    said = speaker.say(name)
    [asked] = world.asked(row.msg_id)
    assert len(asked) == len(said)
    for at, (field, sent) in enumerate(zip(said, asked, strict=True)):
        if field == str(REQUEST_ID):
            assert int(sent) >= FIRST_UPSTREAM_ID, at
        elif field in {str(ORDER_ID), str(PARENT_ID)}:
            assert int(sent) < PARENT_ID, at
        elif field == GROUP:
            assert sent.startswith(f"{GROUP}~"), at
        elif (name, at) == TAGS_AT:
            assert {*sent.split(",")} == {field} | {tag.decode() for tag in TAGS}
        else:
            assert sent == field, at


@pytest.mark.parametrize("name", OWN_WORDS)
def test_what_is_served_otherwise_is_not_carried(name: str, make_world: MakeWorld) -> None:
    """The gateway is not asked in the client's words."""
    world = hub(make_world, 176)
    speaker = Speaker(world, 176)
    said = speaker.say(name)
    if name != "reqNewsBulletins":
        assert said not in world.asked()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("msg_id", "at", "kind"),
    [(47, 2, "reqMktData"), (56, 2, "reqMktData"), (83, 1, "reqNewsArticle")],
)
def test_an_answer_reaches_the_client_whole(
    msg_id: int, at: int, kind: str, version: int, make_world: MakeWorld
) -> None:
    """The request id is the client's own, and every other field is as the gateway wrote it.

    These are the messages that the stand-in never sends; for all others see test_through.py.
    """
    world = hub(make_world, version)
    speaker = Speaker(world, version)
    speaker.say(kind)
    [asked] = world.asked(methods()[kind])
    upstream_id = next(each for each in asked if each.isdigit() and int(each) >= FIRST_UPSTREAM_ID)
    fields = [str(msg_id), *(f"field-{number}" for number in range(1, 12))]
    fields[at] = upstream_id
    world.say(*fields)
    fields[at] = str(REQUEST_ID)
    assert speaker.told() == [fields]


@pytest.mark.parametrize(
    "msg_id", [row.msg_id for row in ANSWERS if row.deliver in NOT_FOR_CLIENTS]
)
def test_what_is_the_proxys_own_reaches_nobody(msg_id: int, make_world: MakeWorld) -> None:
    """The connection's own messages are not given on once it is up."""
    world = hub(make_world, 176)
    speaker = Speaker(world, 176)
    world.say(msg_id, 1, 1, 1)
    assert speaker.told() == []


def test_an_answer_that_nobody_knows_is_passed_on(make_world: MakeWorld) -> None:
    """To all who see every account, as it came; it is counted, and logged once."""
    world = hub(make_world, 176)
    speaker, other = Speaker(world, 176), Speaker(world, 176, "gamma")
    for _ in range(3):
        world.say(199, "a", 7, "", "b")
    assert speaker.told() == other.told() == [["199", "a", "7", "", "b"]] * 3
    assert world.hub.context.counters["unknown_messages"] == 3
    assert sum("unknown message id b'199'" in each for each in world.notices()) == 1


def test_an_answer_that_nobody_knows_is_not_shown_to_bound_strategies(
    make_world: MakeWorld,
) -> None:
    """It may be about any account, so only who sees all of them is told."""
    world = make_world(accounts_of_strategy={"alpha": ("DU1",)}).connect("DU1,DU2")
    bound, free = world.client("alpha").start(), world.client("gamma", port=4001).start()
    world.say(199, "a")
    assert (bound.take(), free.take()) == ([], [["199", "a"]])


def test_a_request_that_nobody_knows_is_answered(make_world: MakeWorld) -> None:
    """With 320, as by a gateway that cannot read it; it is counted, and logged once."""
    world = hub(make_world, 176)
    alpha = world.client("alpha", port=4001).start()
    for _ in range(3):
        alpha.say(150, 1, 2)
    assert [each[:4] for each in alpha.take()] == [["4", "2", "-1", "320"]] * 3
    assert world.asked() == []
    assert world.hub.context.counters["unknown_messages"] == 3
    assert sum("unknown message id b'150'" in each for each in world.notices()) == 1


def test_bytes_of_a_message_are_only_patched(make_world: MakeWorld) -> None:
    """What is no text is left alone as well."""
    world = hub(make_world, 176)
    alpha = world.client("alpha", port=4001).start()
    alpha.say(81, 5, "A")
    [asked] = world.asked(81)
    raw = join_fields(79, asked[1]) + b"\xff\xfe\\u4e2d\0"
    world.effects.clear()
    vars(alpha)["hear"] = lambda _: None  # it cannot read this
    world.feed(ev.UpstreamData(frame(raw)))
    sent = [each.data for each in world.effects if isinstance(each, ef.SendToClient)]
    assert sent == [frame(join_fields(79, 5) + b"\xff\xfe\\u4e2d\0")]
