"""Positions in order messages, against a writer that shares nothing with the proxy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ibproxy_server.core.orders import layout as at
from ibproxy_sim.orders.codec import read_place_order, write_order
from ibproxy_sim.orders.layouts import COMPLETED_ORDER, OPEN_ORDER
from tests.sim.test_order_codec import VERSIONS, combo, encode, rich_order, stock

UNSET = "1.7976931348623157E308"
ORDERS: dict[str, Any] = {"plain": stock, "everything": combo}


def fields(shape: str, version: int, kind: int, **stated: str) -> list[bytes]:
    """Return a message that states an order, as it is split from the wire."""
    asked = encode(version, ORDERS[shape](), rich_order())
    terms = read_place_order(asked, version)
    layout = {5: OPEN_ORDER, 101: COMPLETED_ORDER}[kind]
    written = [str(kind), *write_order(layout, terms, stated, version), ""]
    return [each.encode() for each in written]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shape", ORDERS)
def test_the_end_of_a_completed_order_is_found(version: int, shape: str) -> None:
    """Status, what was filled and the words, behind every variable block."""
    message = fields(
        shape,
        version,
        101,
        perm_id="77",
        status="Cancelled",
        filled_quantity="2.5",
        completed_status="Cancelled by Trader",
    )
    assert message[at.COMPLETED_PERM_ID] == b"77"
    expected = at.Completed(b"Cancelled", Decimal("2.5"), b"Cancelled by Trader")
    assert at.completed(message, version) == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shape", ORDERS)
@pytest.mark.parametrize(("margin", "is_there"), [("1234.5", True), (UNSET, False), ("", False)])
def test_margins_of_a_what_if_are_found(
    version: int, shape: str, margin: str, is_there: bool
) -> None:
    """The change of the initial margin, which clients wait for."""
    message = fields(shape, version, 5, init_margin_change=margin, maint_margin_change="77")
    assert at.has_margins(message, version) is is_there


@pytest.mark.parametrize("version", VERSIONS)
def test_the_terms_of_an_order_are_those_asked_for(version: int) -> None:
    """Quantity and prices of placeOrder and openOrder; other ones are other terms."""
    asked = [each.encode() for each in encode(version, stock(), rich_order())]
    stated = fields("plain", version, 5)
    terms = at.asked_terms(asked)
    assert terms == (Decimal(12), Decimal("101.25"), Decimal("3.5"))
    assert at.states_terms(stated, terms)
    for position in (at.OPEN_QUANTITY, at.OPEN_LIMIT_PRICE, at.OPEN_STOP_PRICE):
        other = [*stated]
        other[position] = b"99"
        assert not at.states_terms(other, terms)


@pytest.mark.parametrize("text", [b"", b"2147483647", b"1.7976931348623157e+308", b"x", b"\xff"])
def test_unset_numbers(text: bytes) -> None:
    """They are no numbers, and what was left empty agrees with everything."""
    assert at.number(text) is None
    assert at.states_terms([b""] * 20, (None, None, None))
