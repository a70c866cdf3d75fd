"""The order layouts, judged by ib_async: it encodes, we read and write, it decodes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, cast

import pytest
from ib_async import Bag, Client, ComboLeg, Contract, DeltaNeutralContract, Order, Stock, TagValue
from ib_async.decoder import Decoder
from ib_async.objects import SoftDollarTier
from ib_async.order import (
    ExecutionCondition,
    MarginCondition,
    OrderComboLeg,
    OrderState,
    PercentChangeCondition,
    PriceCondition,
    TimeCondition,
    VolumeCondition,
)

from ibproxy.wire.framing import split_fields
from ibproxy_sim.orders.codec import read_order, read_place_order, write_order
from ibproxy_sim.orders.layouts import COMPLETED_ORDER, OPEN_ORDER
from ibproxy_sim.orders.terms import Terms

VERSIONS = range(157, 179)
STATED = {"order_id": "7", "client_id": "3", "perm_id": "99", "status": "Submitted"}

Answer = tuple[Contract, Order, OrderState]


class ClientOnPaper(Client):
    """An ib_async client whose socket is a list."""

    def __init__(self, version: int) -> None:
        """Pretend to be connected at `version`."""
        super().__init__(wrapper=None)  # type: ignore[no-untyped-call]
        self._serverVersion = version
        self.connState = Client.CONNECTED
        self.sent: list[list[str]] = []

    def sendMsg(self, msg: str) -> None:  # noqa: N802 - ib_async's name
        """Keep a message instead of sending it."""
        self.sent.append(split_fields(msg.encode()))


class Listener:
    """Takes what ib_async decodes."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.orders: list[Answer] = []

    def openOrder(self, _id: int, *answer: Any) -> None:  # noqa: N802 - ib_async's name
        """Take an openOrder."""
        self.orders.append(cast("Answer", answer))

    def completedOrder(self, *answer: Any) -> None:  # noqa: N802 - ib_async's name
        """Take a completedOrder."""
        self.orders.append(cast("Answer", answer))


def encode(version: int, contract: Contract, order: Order) -> list[str]:
    """Return the fields of the message in which ib_async places the order."""
    client = ClientOnPaper(version)
    client.placeOrder(7, contract, order)  # type: ignore[no-untyped-call]
    return client.sent[0]


def decode(version: int, fields: list[str]) -> Answer:
    """Return what ib_async makes of a message; it must not fail."""
    listener = Listener()
    decoder = Decoder(cast("Any", listener), version)
    decoder.handlers[int(fields[0])](fields)
    (answer,) = listener.orders
    return answer


def stock() -> Contract:
    """Return an ordinary contract."""
    return Stock("AAPL", "SMART", "USD", conId=265598, localSymbol="AAPL", tradingClass="NMS")


def combo() -> Contract:
    """Return a combo hedged by a delta-neutral contract."""
    return Bag(  # type: ignore[no-untyped-call]
        symbol="AAPL,MSFT",
        exchange="SMART",
        currency="USD",
        comboLegs=[
            ComboLeg(265598, 1, "BUY", "SMART", 0, 0, "", -1),
            ComboLeg(272093, 2, "SELL", "ISLAND", 1, 2, "there", 3),
        ],
        deltaNeutralContract=DeltaNeutralContract(43645865, 0.5, 12.25),
    )


def rich_order(**more: Any) -> Order:
    """Return an order with nearly every field that openOrder can give back set."""
    values: dict[str, Any] = {
        "action": "SELL", "totalQuantity": 12.0, "orderType": "LMT", "lmtPrice": 101.25,
        "auxPrice": 3.5, "tif": "GTD", "ocaGroup": "a group", "ocaType": 2, "orderRef": "a ref",
        "parentId": 4, "blockOrder": True, "sweepToFill": True, "displaySize": 5,
        "triggerMethod": 7, "outsideRth": True, "hidden": True, "discretionaryAmt": 0.5,
        "goodAfterTime": "20300101 10:00:00 US/Eastern", "goodTillDate": "20300102-10:00:00",
        "faGroup": "fa", "faMethod": "NetLiq", "faPercentage": "10", "modelCode": "model",
        "account": "DU1", "openClose": "C", "origin": 1, "shortSaleSlot": 1, "exemptCode": 6,
        "designatedLocation": "place", "rule80A": "I", "settlingFirm": "firm", "allOrNone": True,
        "minQty": 2, "percentOffset": 0.25, "auctionStrategy": 1, "startingPrice": 1.5,
        "stockRefPrice": 2.5, "delta": 0.75, "stockRangeLower": 1.25, "stockRangeUpper": 3.25,
        "deltaNeutralOrderType": "LMT", "deltaNeutralAuxPrice": 5.5, "deltaNeutralConId": 11,
        "deltaNeutralSettlingFirm": "dn firm", "deltaNeutralClearingAccount": "dn account",
        "deltaNeutralClearingIntent": "Away", "deltaNeutralOpenClose": "O",
        "deltaNeutralShortSale": True, "deltaNeutralShortSaleSlot": 2,
        "deltaNeutralDesignatedLocation": "dn place", "continuousUpdate": True,
        "referencePriceType": 2, "trailStopPrice": 99.5, "trailingPercent": 1.5,
        "scaleInitLevelSize": 4, "scaleSubsLevelSize": 5, "scalePriceIncrement": 0.5,
        "scalePriceAdjustValue": 0.1, "scalePriceAdjustInterval": 6, "scaleProfitOffset": 0.7,
        "scaleAutoReset": True, "scaleInitPosition": 8, "scaleInitFillQty": 9,
        "scaleRandomPercent": True, "hedgeType": "P", "hedgeParam": "2",
        "optOutSmartRouting": True, "clearingAccount": "clear", "clearingIntent": "PTA",
        "notHeld": True, "algoStrategy": "Vwap",
        "algoParams": [TagValue("maxPctVol", "0.1"), TagValue("noTakeLiq", "1")],
        "solicited": True, "randomizeSize": True, "randomizePrice": True,
        "adjustedOrderType": "TRAIL", "triggerPrice": 88.5, "lmtPriceOffset": 0.05,
        "adjustedStopPrice": 87.5, "adjustedStopLimitPrice": 86.5, "adjustedTrailingAmount": 1.25,
        "adjustableTrailingUnit": 1, "softDollarTier": SoftDollarTier("tier", "value"),
        "cashQty": 10.5, "dontUseAutoPriceForHedge": True, "isOmsContainer": True,
        "discretionaryUpToLimitPrice": True, "usePriceMgmtAlgo": True, "duration": 60,
        "postToAts": 3, "autoCancelParent": True,
        "conditionsCancelOrder": True, "conditionsIgnoreRth": True,
        "conditions": [
            PriceCondition(1, "a", True, 120.5, 265598, "SMART", 2),
            TimeCondition(3, "o", False, "20300101 10:00:00 US/Eastern"),
            MarginCondition(4, "a", True, 30),
            ExecutionCondition(5, "o", "STK", "SMART", "TSLA"),
            VolumeCondition(6, "a", False, 1000, 265598, "ISLAND"),
            PercentChangeCondition(7, "a", True, 2.5, 272093, "SMART"),
        ],
    }  # fmt: skip
    return Order(**{**values, **more})


PEG_BENCH = {
    "orderType": "PEG BENCH", "referenceContractId": 8314, "peggedChangeAmount": 0.5,
    "isPeggedChangeAmountDecrease": True, "referenceChangeAmount": 0.25,
    "referenceExchangeId": "NYSE",
}  # fmt: skip
PEG_BEST = {
    "orderType": "PEG BEST", "minCompeteSize": 100, "competeAgainstBestOffset": math.inf,
    "midOffsetAtWhole": 0.02, "midOffsetAtHalf": 0.01,
}  # fmt: skip

FIRST_DECODED_AT = {"duration": 159, "postToAts": 160, "autoCancelParent": 162}
"""Fields that ib_async does not read before a version."""

NOT_IN_OPEN_ORDER = {
    "transmit", "overridePercentageConstraints", "scaleTable", "algoId", "extOperator",
    "activeStartTime", "activeStopTime", "orderMiscOptions", "mifid2DecisionMaker",
    "advancedErrorOverride", "manualOrderTime", "softDollarTier", "shareholder",
    "volatility", "volatilityType",  # only kept for VOL orders by ib_async
}  # fmt: skip

STATED_BY_GATEWAY = {"orderId": 7, "clientId": 3, "permId": 99}

FILLED_IN_EMPTY = {
    "volatilityType", "referencePriceType", "deltaNeutralOrderType", "deltaNeutralOpenClose",
    "adjustedOrderType", "clearingIntent", "dontUseAutoPriceForHedge", "usePriceMgmtAlgo",
    "shareholder", "ocaType", "tif", "lmtPrice", "auxPrice", "cashQty", "stockRangeLower",
    "volatility", "exemptCode", "filledQuantity", "parentPermId",
}  # fmt: skip
"""What the gateway fills in where the client left a field empty (fact 3.66)."""


def different(asked: Order, got: Order) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two orders differ."""
    pairs = {
        f.name: (getattr(asked, f.name), getattr(got, f.name)) for f in dataclasses.fields(Order)
    }
    return {name: (a, g) for name, (a, g) in pairs.items() if (a or None) != (g or None)}


def echo(version: int, contract: Contract, order: Order) -> Answer:
    """Place an order, and return what openOrder says of it."""
    terms = read_place_order(encode(version, contract, order), version)
    return decode(version, ["5", *write_order(OPEN_ORDER, terms, STATED, version)])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("extra", [{}, PEG_BENCH, PEG_BEST, {"orderType": "PEG MID"}])
@pytest.mark.parametrize("make_contract", [stock, combo])
def test_rich_order_comes_back(version: int, extra: dict[str, Any], make_contract: Any) -> None:
    """Whatever ib_async places comes back in openOrder, at every version."""
    contract = make_contract()
    order = rich_order(**extra)
    if version < 177:
        order.faProfile = "profile"
    if contract.secType == "BAG":
        order.orderComboLegs = [OrderComboLeg(1.5), OrderComboLeg(-2.5)]
        order.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]
    got_contract, got, state = echo(version, contract, order)

    expected = set(NOT_IN_OPEN_ORDER) | set(STATED_BY_GATEWAY)
    expected |= {name for name, first in FIRST_DECODED_AT.items() if version < first}
    if version < 170:
        expected |= {"minCompeteSize", "competeAgainstBestOffset"}
        expected |= {"midOffsetAtWhole", "midOffsetAtHalf"}
    assert set(different(order, got)) <= expected
    assert (got.softDollarTier.name, got.softDollarTier.val) == ("tier", "value")
    assert {name: getattr(got, name) for name in STATED_BY_GATEWAY} == STATED_BY_GATEWAY
    assert state.status == "Submitted"
    assert got_contract.comboLegs == contract.comboLegs
    assert got_contract.deltaNeutralContract == contract.deltaNeutralContract
    assert (got_contract.symbol, got_contract.secType) == (contract.symbol, contract.secType)


@pytest.mark.parametrize("version", VERSIONS)
def test_plain_order_is_filled_in(version: int) -> None:
    """A plain order has the field count of recorded frames, and what a gateway fills in."""
    order = Order(action="BUY", totalQuantity=100, orderType="LMT", lmtPrice=149.5)
    terms = read_place_order(encode(version, stock(), order), version)
    fields = write_order(OPEN_ORDER, terms, STATED, version)
    counts = {157: 128, 158: 129, 160: 130, 162: 131, 170: 136, 177: 135}  # wire table, 3
    assert len(fields) + 1 == counts[max(first for first in counts if first <= version)]
    _, got, state = decode(version, ["5", *fields])
    assert set(different(order, got)) <= FILLED_IN_EMPTY | set(STATED_BY_GATEWAY)
    assert (got.deltaNeutralOrderType, got.adjustedOrderType) == ("None", "None")
    assert (got.clearingIntent, got.volatilityType, got.referencePriceType) == ("IB", 0, 0)
    assert float(state.initMarginChange) == pytest.approx(1.7976931348623157e308)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("make_contract", [stock, combo])
def test_completed_order_decodes(version: int, make_contract: Any) -> None:
    """CompletedOrder gives back what it has room for, at every version."""
    order, contract = rich_order(), make_contract()
    terms = read_place_order(encode(version, contract, order), version)
    stated = {**STATED, "completed_time": "20260101 10:00:00 US/Eastern"}
    stated |= {"completed_status": "Filled Size: 12", "filled_quantity": "12"}
    fields = write_order(COMPLETED_ORDER, terms, stated, version)
    got_contract, got, state = decode(version, ["101", *fields])
    for name in ("account", "orderRef", "permId", "ocaGroup", "modelCode", "hedgeParam"):
        assert getattr(got, name) == (99 if name == "permId" else getattr(order, name))
    assert (got.algoParams, len(got.conditions)) == (order.algoParams, 6)
    assert (got.filledQuantity, got.parentPermId) == (12, 9223372036854775807)
    assert state.completedStatus == "Filled Size: 12"
    assert got_contract.comboLegs == (contract.comboLegs or [])


@pytest.mark.parametrize(("version", "count"), [(164, 96), (173, 101), (178, 100)])
def test_completed_order_has_recorded_length(version: int, count: int) -> None:
    """A plain completedOrder is as long as the recorded ones (wire table, 3)."""
    order = Order(action="BUY", totalQuantity=100, orderType="MKT")
    terms = read_place_order(encode(version, stock(), order), version)
    assert len(write_order(COMPLETED_ORDER, terms, STATED, version)) + 1 == count


@pytest.mark.parametrize("version", [157, 169, 170, 178])
def test_own_reader_agrees_with_own_writer(version: int) -> None:
    """Reading an openOrder by the layout gives the client's fields back."""
    terms = read_place_order(encode(version, combo(), rich_order(**PEG_BENCH)), version)
    again = read_order(OPEN_ORDER, write_order(OPEN_ORDER, terms, STATED, version), version)
    shared = set(terms.fields) & set(again.fields) - {"oca_type"}
    assert len(shared) > 100
    assert {n: again.fields[n] for n in shared if terms.fields[n]} == {
        n: terms.fields[n] for n in shared if terms.fields[n]
    }
    assert again.rows == terms.rows


def test_unknown_condition_and_short_message_are_refused() -> None:
    """What cannot be read raises ValueError, which the gateway answers with 320."""
    order = Order(action="BUY", totalQuantity=1, orderType="MKT")
    fields = encode(178, stock(), order)
    with pytest.raises(ValueError, match="too early"):
        read_place_order(fields[:-1], 178)
    order.conditions = [TimeCondition(2, "a", True, "20300101")]
    with pytest.raises(ValueError, match="unknown condition"):
        read_place_order(encode(178, stock(), order), 178)


def test_terms_know_what_unset_is() -> None:
    """Empty and both spellings of the largest double are no number."""
    terms = Terms({"a": "", "b": "1.7976931348623157e+308", "c": "1.7976931348623157E308"})
    assert [terms.number(name) for name in "abcd"] == [None] * 4
    assert (terms.integer("a"), terms.is_set("a")) == (0, False)
