"""Faults of orders: what the one who placed them sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Order

from ibproxy_sim.build import Simulation

Fault = Callable[..., None]
Start = Callable[..., Any]


def far() -> Order:
    """Return an order that rests."""
    return LimitOrder("BUY", 100, 1.0)


def test_duplicates(start_trader: Start, fault: Fault) -> None:
    """Each report comes several times (facts 3.56, 11.16)."""
    fault("duplicates", times=2)
    trader = start_trader()
    trader.place(1, far())
    assert trader.brief() == ["5:PreSubmitted"] * 2 + ["3:PreSubmitted"] * 2


def test_fills_before_statuses(start_trader: Start, fault: Fault) -> None:
    """The execution and its commission precede every openOrder (fact 3.54)."""
    fault("out_of_order", what="fills_first")
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 10))
    assert trader.brief(0.2) == ["11", "59"]
    assert trader.brief(2)[:2] == ["5:PreSubmitted", "3:PreSubmitted"]


def test_statuses_before_fills(start_trader: Start, fault: Fault) -> None:
    """Filled precedes the execution (fact 3.52)."""
    fault("out_of_order", what="status_first")
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 10))
    told = trader.brief(2)
    assert told.index("3:Filled") < told.index("11") < told.index("59")


def test_statuses_in_any_order(start_trader: Start, fault: Fault) -> None:
    """An older status comes after a newer one."""
    fault("out_of_order", what="shuffled", late_s=1.0)
    trader = start_trader()
    for order_id in range(1, 6):
        trader.place(order_id, MarketOrder("BUY", 10))
    statuses = [word for word in trader.brief(5) if word.startswith("3:")]
    assert (statuses.count("3:PreSubmitted"), statuses.count("3:Filled")) == (5, 10)
    assert statuses.index("3:Filled") < 5 + 4
    assert statuses != sorted(statuses, key=lambda word: word == "3:Filled")


def test_perm_id_comes_late(start_trader: Start, fault: Fault, decode: Start) -> None:
    """The first openOrder and orderStatus say 0, later ones the number (fact 3.19)."""
    fault("perm_id_late")
    trader = start_trader()
    trader.place(1, far())
    calls = decode(trader.read())
    assert [call[1][2].permId for call in calls if call[0] == "openOrder"] == [0]
    assert [call[1][5] for call in calls if call[0] == "orderStatus"] == [0]
    calls = decode(trader.wait(1))
    later = {call[1][2].permId for call in calls if call[0] == "openOrder"}
    assert later == {call[1][5] for call in calls if call[0] == "orderStatus"}
    assert min(later) > 0


def test_partial_fills(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """An order fills in pieces, and all of it in the end."""
    fault("partial_fills", most_shares=30)
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 100))
    messages = trader.wait(2)
    fills = [m for m in messages if m[0] == "11"]
    assert [m[19] for m in fills] == ["30", "30", "30", "10"]
    assert [m[24] for m in fills] == ["30", "60", "90", "100"]
    statuses = [(m[2], m[3], m[4]) for m in messages if m[0] == "3"]
    assert ("Submitted", "30", "70") in statuses
    assert statuses[-1] == ("Filled", "100", "0")
    assert sum(float(m[3]) for m in messages if m[0] == "59") == pytest.approx(1.0)
    (account, _) = sim.trading.books.accounts.values()
    assert [p.quantity for p in account.positions.values()] == [100]
    trader.place(2, LimitOrder("BUY", 100, 9999.0, allOrNone=True))
    assert "3:Submitted" in (told := trader.brief(1))
    assert "11" not in told  # all or none does not fill in pieces


def test_rejected_by_the_server(start_trader: Start, fault: Fault) -> None:
    """201 with its text, then Inactive (facts 3.62, 3.67); only the next N, only that symbol."""
    fault("reject", symbol="AMD", count=1, reason="No.")
    trader = start_trader()
    trader.place(1, far(), "SPY")
    assert trader.brief()[0] == "5:PreSubmitted"
    trader.place(2, far())
    messages = trader.read()
    assert messages[0][2:5] == ["2", "201", "Order rejected - reason:No."]
    assert [m[0] for m in messages] == ["4", "5", "3"]
    assert messages[2][2] == "Inactive"
    trader.place(3, far())
    assert trader.brief()[0] == "5:PreSubmitted"


def test_rejected_with_the_status_first(start_trader: Start, fault: Fault) -> None:
    """Inactive comes before the 201 that explains it (fact 3.62)."""
    fault("reject", first="status")
    trader = start_trader()
    trader.place(1, far())
    assert trader.brief(1) == ["5:Inactive", "3:Inactive", "4:1:201"]


def test_refused_by_the_gateway(start_trader: Start, fault: Fault) -> None:
    """110 kills a new order; on a change the order works on as it was (facts 3.69, 11.23)."""
    trader = start_trader()
    trader.place(1, far())
    trader.wait(1)
    fault("refuse")
    trader.place(2, far())
    assert trader.brief() == ["4:2:110"]
    changed = far()
    changed.lmtPrice = 2.0
    trader.place(1, changed)
    assert trader.brief() == ["4:1:110"]
    told = [m for m in trader.ask(5, 1) if m[0] == "5"]
    assert [m[1] for m in told] == ["1"]
    assert "1.0" in told[0]
    assert "2.0" not in told[0][:20]


@pytest.mark.parametrize("code", [399, 404, 10349])
def test_warned_of(start_trader: Start, fault: Fault, code: int) -> None:
    """The warning precedes the first openOrder, and the order lives (facts 3.63, 3.64)."""
    fault("warn", code=code, count=1)
    trader = start_trader()
    trader.place(1, far())
    assert trader.brief() == [f"4:1:{code}", "5:PreSubmitted", "3:PreSubmitted"]
    assert "3:Submitted" in trader.brief(1)


def test_a_warning_reads_as_recorded(start_trader: Start, fault: Fault) -> None:
    """399 has three lines (fact 3.64)."""
    fault("warn")
    trader = start_trader()
    trader.place(1, far())
    lines = trader.read()[0][4].split("\n")
    assert lines[:2] == ["Order Message:", "BUY 100 AMD SMART"]
    assert lines[2].startswith("Warning: your order will not be placed at the exchange until 2026")


def test_a_cancel_loses_the_race(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """The order fills; a second cancel says so (fact 3.83)."""
    fault("cancel_race", outcome="filled")
    trader = start_trader()
    trader.place(1, far())
    trader.wait(1)
    trader.cancel(1)
    told = trader.brief(1)
    assert "11" in told
    assert "3:Filled" in told
    assert "3:Cancelled" not in told
    trader.cancel(1)
    (refusal,) = trader.read()
    assert refusal[2:4] == ["1", "10148"]
    assert refusal[4].endswith("state: Filled.")
    assert not sim.trading.engine.working


def test_a_cancel_comes_too_late(start_trader: Start, fault: Fault) -> None:
    """The order fills, and the cancel is answered with 10148 (fact 3.83)."""
    fault("cancel_race", outcome="too_late")
    trader = start_trader()
    trader.place(1, far())
    trader.wait(1)
    trader.cancel(1)
    told = trader.brief(1)
    assert told.index("11") < told.index("3:Filled") < told.index("4:1:10148")


def test_a_cancel_is_refused(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """161 with the permId; the order is restated and works on (facts 3.84, 3.85)."""
    fault("cancel_race", outcome="refused", count=1)
    trader = start_trader()
    trader.place(1, far())
    trader.wait(1)
    trader.cancel(1)
    messages = trader.wait(1)
    (order,) = sim.trading.books.orders
    assert messages[0][2:4] == ["1", "161"]
    assert messages[0][4].endswith(f"Order permId ={order.perm_id}")
    assert messages[2][2] == "Submitted"
    trader.cancel(1)
    assert trader.brief(1) == ["3:Cancelled", "4:1:202"]


def test_a_cancel_works_and_is_denied(start_trader: Start, fault: Fault) -> None:
    """Cancelled and 202, and then 10147 all the same (facts 3.82, 11.31)."""
    fault("cancel_race", outcome="denied")
    trader = start_trader()
    trader.place(1, far())
    trader.wait(1)
    trader.cancel(1)
    assert trader.brief(1) == ["3:Cancelled", "4:1:202", "4:1:10147"]


def test_one_slot_for_completed_orders(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """A request while another one is pending is never answered (facts 3.104, 8.7)."""
    fault("completed_orders", taken_s=5)
    one, two = start_trader(1), start_trader(2)
    one.send(99, 0)
    two.send(99, 0)
    assert one.brief(4.9) == []
    assert one.brief(0.2) == ["102"]
    assert two.brief(60) == []
    sim.faults.end("completed_orders")
    two.send(99, 0)
    assert two.brief(0.1) == ["102"]
