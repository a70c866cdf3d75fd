"""Message by message: what is translated for ibapi 9.81 is to it what its own version would be.

Its decoder is given what the stand-in says at 178, translated, and what it says at 157; the orders
that it writes are read by the stand-in as they are, and translated. `test_ibapi_981.py` runs this.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from ibapi import order_condition
from ibapi.client import EClient
from ibapi.contract import ComboLeg, Contract, DeltaNeutralContract
from ibapi.decoder import Decoder
from ibapi.order import Order, OrderComboLeg
from ibapi.softdollartier import SoftDollarTier
from ibapi.tag_value import TagValue
from ibapi.wrapper import EWrapper

from ibproxy.wire.framing import split_fields
from ibproxy.wire.layouts import ANSWERS_SINCE
from ibproxy_sim.orders.codec import read_place_order, write_order
from ibproxy_sim.orders.layouts import COMPLETED_ORDER, OPEN_ORDER
from tests.judges.ibapi_client import IS_OLD
from tests.sim import test_order_codec as codec
from tests.sim.test_protocol import every_answer
from tests.wire.test_layouts import SIZED, Message, lowered, placed, raised

assert IS_OLD, "this is for ibapi 9.81"

OLD = 157
UPSTREAM = (166, 176, 178)
NEW_FIELDS = {"duration", "post_to_ats", "auto_cancel_parent", "advanced_error_override",
              "manual_order_time", "min_trade_qty", "min_compete_size",
              "compete_against_best_offset", "mid_offset_at_whole", "mid_offset_at_half",
              "fa_profile"}  # fmt: skip
"""Names by which the stand-in reads what orders at 157 lack, or have no more at 178."""

Calls = list[tuple[str, Any]]


def plain(value: Any) -> Any:
    """An object of ibapi's as plain values, which can be compared."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return plain(sorted(vars(value).items())) if hasattr(value, "__dict__") else value


class Wrapper(EWrapper):  # type: ignore[misc] # ibapi has no types
    """Writes down every callback."""

    def __init__(self) -> None:
        self.calls: Calls = []

    def __getattribute__(self, name: str) -> Any:
        if name == "calls" or name.startswith("_") or not hasattr(EWrapper, name):
            return super().__getattribute__(name)
        return lambda *arguments: self.calls.append((name, plain(arguments)))


@pytest.fixture
def decode(caplog: pytest.LogCaptureFixture) -> Callable[[list[Message]], Calls]:
    """Lets its decoder read messages, without a complaint."""
    caplog.set_level(logging.WARNING, logger="ibapi")

    def run(messages: list[Message]) -> Calls:
        wrapper = Wrapper()
        decoder = Decoder(wrapper, OLD)
        for message in messages:
            decoder.interpret(tuple(field.encode() for field in message))
        assert not caplog.records
        return wrapper.calls

    return run


@pytest.mark.parametrize("high", UPSTREAM)
def test_every_answer_is_the_same_callback(
    high: int, decode: Callable[[list[Message]], Calls]
) -> None:
    """All that the stand-in can be made to say."""
    newer = {str(msg_id) for msg_id in ANSWERS_SINCE}
    seen = set()
    for place, messages in every_answer(high).items():
        own = [each for each in every_answer(OLD)[place] if each[0] not in newer]
        calls = decode(lowered(messages, OLD, high))
        assert calls == decode(own), place
        assert len([call for call in calls if call[0] != "tickSize"]) >= len(
            [each for each in own if each[0] != "2"]
        ), place
        seen |= {name for name, _ in calls}
    assert len(seen) > 50


@pytest.mark.parametrize("kind", [{}, codec.PEG_BENCH, codec.PEG_BEST])
@pytest.mark.parametrize("make_contract", [codec.stock, codec.combo])
@pytest.mark.parametrize(("msg_id", "layout"), [("5", OPEN_ORDER), ("101", COMPLETED_ORDER)])
def test_every_block_of_an_order_is_the_same_callback(
    kind: dict[str, Any],
    make_contract: Any,
    msg_id: str,
    layout: Any,
    decode: Callable[[list[Message]], Calls],
) -> None:
    """Legs, conditions, algos and all, in open and in completed orders."""
    terms = read_place_order(placed(178, 178, make_contract, **kind), 178)
    own = decode([[msg_id, *write_order(layout, terms, codec.STATED, OLD)]])
    assert len(own) == 1
    for high in UPSTREAM:
        message = [msg_id, *write_order(layout, terms, codec.STATED, high)]
        assert decode(lowered([message], OLD, high)) == own


@pytest.mark.parametrize("text", SIZED.values(), ids=SIZED)
def test_it_ends_at_fractions_and_is_told_none(
    text: str, decode: Callable[[list[Message]], Calls]
) -> None:
    """Each size that is cut off is one that would end the program."""
    if "{}" in text:
        for fraction_at in range(text.count("{}")):
            sizes = ["0.5" if at == fraction_at else "1" for at in range(text.count("{}"))]
            message = text.format(*sizes).split("|")
            with pytest.raises(ValueError, match="invalid literal"):
                decode([message])
            assert decode(lowered([message], OLD, 178))


class Wire:
    """A connection that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def isConnected(self) -> bool:  # noqa: N802 - ibapi's name
        """Yes."""
        return True

    def sendMsg(self, data: bytes) -> None:  # noqa: N802 - ibapi's name
        """Keep it."""
        self.sent.append(data)


def sent(contract: Any, order: Any) -> Message:
    """The fields in which it places an order."""
    client: Any = EClient(Wrapper())
    client.conn, client.serverVersion_ = Wire(), OLD
    client.setConnState(EClient.CONNECTED)
    client.placeOrder(7, contract, order)
    [data] = client.conn.sent
    return split_fields(data[4:])


def stock() -> Any:
    """An ordinary contract."""
    made: Any = Contract()
    made.symbol, made.secType, made.exchange, made.currency = "AAPL", "STK", "SMART", "USD"
    return made


def combo() -> Any:
    """A combo that is hedged."""
    made = stock()
    made.secType, made.comboLegs = "BAG", [ComboLeg(), ComboLeg()]
    made.deltaNeutralContract = DeltaNeutralContract()
    return made


def rich_order(**more: Any) -> Any:
    """An order with nearly every field set, and every kind of condition."""
    made: Any = Order()
    model = codec.rich_order(**more)
    for name in vars(made):
        value = getattr(model, name, None)
        if isinstance(value, str | int | float):
            setattr(made, name, value)
    made.faProfile = "a profile"
    made.algoParams = [TagValue("maxPctVol", "0.1")]
    made.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]
    made.orderComboLegs = [OrderComboLeg(), OrderComboLeg()]
    made.softDollarTier = SoftDollarTier("tier", "value", "shown")
    kinds = order_condition.OrderCondition
    for kind in (kinds.Price, kinds.Time, kinds.Margin, kinds.Execution, kinds.Volume,
                 kinds.PercentChange):  # fmt: skip
        condition = order_condition.Create(kind)
        for name, value in vars(condition).items():
            if value is None:
                setattr(condition, name, 1)
        made.conditions.append(condition)
    return made


@pytest.mark.parametrize("high", UPSTREAM)
@pytest.mark.parametrize("make_contract", [stock, combo])
@pytest.mark.parametrize(
    "kind", [{}, codec.PEG_BENCH, {"orderType": "PEG MID"}, {"orderType": "PEG BEST"}]
)
def test_every_order_that_it_places_is_read_as_it_was_meant(
    high: int, make_contract: Any, kind: dict[str, Any]
) -> None:
    """The gateway reads the same terms at its own version; what they lack is left open."""
    message = sent(make_contract(), rich_order(**kind))
    meant, understood = (
        read_place_order(message, OLD),
        read_place_order(raised(message, OLD, high), high),
    )
    assert understood.rows == meant.rows
    for name in meant.fields.keys() - NEW_FIELDS:
        assert understood.fields[name] == meant.fields[name], name
    for name in understood.fields.keys() - meant.fields.keys():
        assert name in NEW_FIELDS
        assert understood.fields[name] in {"", "0"}, name
    assert len(meant.rows["conditions"]) == 6
