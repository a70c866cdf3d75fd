"""When orders trigger and fill, and by which events they move on."""

from __future__ import annotations

import itertools

import pytest

from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.orders.matching import follow, mark, match, net_quote
from ibproxy_sim.orders.order import DONE, TRANSITIONS, Event, IllegalMoveError, Order, Status
from ibproxy_sim.orders.terms import Terms

APPLE = Instrument(1, "AAPL", "STK")


def quote(bid: float, ask: float, size: float = 100) -> Quote:
    """Return a quote whose last price is in the middle."""
    last = (bid + ask) / 2
    return Quote(bid, size, ask, size, last, 1, 1, last, last, last, last)


def order(kind: str, action: str = "BUY", quantity: float = 50, **fields: str) -> Order:
    """Return an order that has been placed."""
    terms = Terms({"order_type": kind, "action": action, **fields})
    made = Order(1, 1, 1, "DU1", terms, APPLE, quantity=quantity)
    made.restart_prices()
    made.triggered = made.stop_price is None and "TRAIL" not in kind
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (order("MKT"), (50, 10.1)),
        (order("MKT", "SELL"), (50, 10.0)),
        (order("MKT", quantity=500), (100, 10.1)),
        (order("LMT", lmt_price="10.1"), (50, 10.1)),
        (order("LMT", lmt_price="11"), (50, 10.1)),
        (order("LMT", lmt_price="10.09"), None),
        (order("LMT", "SELL", lmt_price="10"), (50, 10.0)),
        (order("LMT", "SELL", lmt_price="10.01"), None),
        (order("LMT", quantity=500, lmt_price="11", all_or_none="1"), None),
        (order("MKT", quantity=500, tif="FOK"), None),
        (order("PEG MID", lmt_price="0"), (50, 10.1)),
        (order("PEG MID", lmt_price="9"), None),
    ],
)
def test_match(made: Order, expected: tuple[float, float] | None) -> None:
    """An order fills at the quote up to its size, never worse than its limit."""
    assert match(made, quote(10.0, 10.1)) == expected


def test_no_quote_no_fill() -> None:
    """Prices of -1, and sizes of 0, cannot be traded at."""
    assert match(order("MKT"), quote(-1, -1)) is None
    assert match(order("MKT"), quote(10, 11, size=0)) is None


@pytest.mark.parametrize(
    ("made", "below", "at"),
    [
        (order("STP", aux_price="20"), 19.99, 20.0),
        (order("STP", "SELL", aux_price="20"), 20.01, 20.0),
        (order("MIT", aux_price="20"), 20.01, 20.0),
        (order("LIT", "SELL", aux_price="20", lmt_price="21"), 19.99, 20.0),
        (order("STP LMT", aux_price="20", lmt_price="20.5"), 19.99, 20.0),
    ],
)
def test_triggers(made: Order, below: float, at: float) -> None:
    """A stop triggers when the market gets there, a touched order from the other side."""
    assert not follow(made, below)
    assert follow(made, at)
    assert made.triggered
    assert not follow(made, at)


def test_trail_follows_one_way_only() -> None:
    """A trailing sell stop rises with the market and stays when it falls."""
    made = order("TRAIL", "SELL", aux_price="2")
    for price, stop in [(100, 98), (105, 103), (104, 103)]:
        assert not follow(made, price)
        assert made.stop_price == stop
    assert follow(made, 103)
    percent = order("TRAIL", trailing_percent="10")
    assert not follow(percent, 100)
    assert percent.stop_price == pytest.approx(110)


def test_trail_limit_gets_its_limit_when_triggered() -> None:
    """The limit is the stop and the offset, on the side that helps to fill."""
    made = order("TRAIL LIMIT", "SELL", aux_price="2", trail_stop_price="98", lmt_price_offset="1")
    assert not follow(made, 99)
    assert follow(made, 97.5)
    assert made.limit_price == 97


def test_net_quote_of_a_combo() -> None:
    """Buying a combo buys its bought legs at the ask and sells the others at the bid."""
    net = net_quote([(quote(10, 10.2, 30), 1), (quote(4, 4.1, 100), -2)])
    assert net is not None
    assert [net.bid, net.ask, net.ask_size] == pytest.approx([1.8, 2.2, 30])
    assert net_quote([(quote(-1, -1), 1)]) is None


def test_mark_prefers_last_within_the_quote() -> None:
    """The last price counts unless the quote has left it behind."""
    assert mark(quote(10, 10.2)._replace(last=10.05)) == 10.05
    assert mark(quote(10, 10.2)._replace(last=9)) == pytest.approx(10.1)
    assert mark(quote(-1, -1)._replace(last=7)) == 7
    assert mark(Quote(*[-1.0] * 11)) == 0


@pytest.mark.parametrize(("status", "event"), list(itertools.product(Status, Event)))
def test_every_status_and_event(status: Status, event: Event) -> None:
    """A listed move is made, any other is refused and changes nothing."""
    made = order("MKT")
    made.status = status
    moves = TRANSITIONS[status]
    if event in moves:
        made.apply(event)
        assert made.status is moves[event]
    else:
        with pytest.raises(IllegalMoveError):
            made.apply(event)
        assert made.status is status


def test_done_statuses() -> None:
    """Exactly these are the end of an order."""
    assert {Status.FILLED, Status.CANCELLED, Status.REFUSED} == DONE
    assert {status.wire_text for status in DONE} == {"Filled", "Cancelled", "Inactive"}
