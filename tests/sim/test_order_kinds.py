"""Orders of unusual kinds: adjusted, trailing, sliced, scaled, hedging, exercised, by hand.

The market is set by the test, except where contracts expire.
"""

from __future__ import annotations

from typing import Any

import ib_async
import pytest
from ib_async import Contract, LimitOrder, MarketOrder, Order, Stock, TagValue
from ib_async.client import Client as IbClient

from ibproxy.wire.framing import frame
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.exchange.market import Quote, expiry_s
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.settings import Settings

NOW_S = 1776092400.0  # a Monday, 11:00 in New York
ACCOUNT = "DU1"
AMD = Stock("AMD", "SMART", "USD", conId=4391)
KO = Stock("KO", "SMART", "USD", conId=8894)


class Desk:
    """A stand-in whose quotes a test sets, and a client whose orders ib_async writes."""

    def __init__(self, now_s: float = NOW_S, client_id: int = 1, **more: Any) -> None:
        self.sim: Simulation = make_simulation(Settings(accounts=(ACCOUNT,), **more), now_s)
        self.client = RawClient(self.sim, client_id=client_id)
        pen: Any = IbClient(ib_async.IB().wrapper)  # type: ignore[no-untyped-call]
        pen._serverVersion = 178
        pen.isConnected = lambda: True
        pen.sendMsg = lambda text: self.client.feed(frame(text.encode()))
        self._pen = pen
        self._number = 0

    def set(self, *prices: float, con_id: int = 4391) -> None:
        """Let an instrument's bid and ask stand at two prices."""
        bid, ask = prices
        market, known = self.sim.market, self.sim.market.quote
        quote = Quote(bid, 500, ask, 500, bid, 1, 1, bid, bid, bid, bid)

        def set_quote(instrument: Any, time_s: float) -> Quote:
            return quote if instrument.con_id == con_id else known(instrument, time_s)

        market.quote = set_quote  # type: ignore[method-assign]

    def place(self, contract: Contract, order: Order) -> list[list[str]]:
        """Place an order and wait a moment."""
        self._number += 1
        order.account = ACCOUNT
        self._pen.placeOrder(self._number, contract, order)
        return [*self.client.read(), *self.client.wait(0.5)]

    def order(self, number: int = 0) -> Any:
        """One of the orders, the last by default."""
        return self.sim.trading.books.orders[number - 1]

    def held(self, con_id: int) -> float:
        """How much of a contract is held."""
        position = self.sim.trading.books.accounts[ACCOUNT].positions.get(con_id)
        return position.quantity if position else 0.0

    def balance(self) -> float:
        """What cash and positions have come to, less what profits explain: nothing."""
        books, now_s = self.sim.trading.books, self.sim.gateway.now_s
        account = books.accounts[ACCOUNT]
        realized = books.position_usd(ACCOUNT, now_s, lambda p, _: p.realized)
        explained = realized + books.unrealized(ACCOUNT, now_s) - account.commissions
        return books.net_liquidation(ACCOUNT, now_s) - 1_000_000 - explained


def kinds(messages: list[list[str]]) -> list[str]:
    """Ids, and the codes of errors."""
    return [f"4/{m[3]}" if m[0] == "4" else m[0] for m in messages]


@pytest.mark.parametrize(
    ("kind", "unit", "prices", "stop"),
    [
        ("STP", 0, {}, 104.0),
        ("STP LMT", 0, {"adjustedStopLimitPrice": 103.5}, 104.0),
        ("TRAIL", 0, {"adjustedTrailingAmount": 2.0}, 108.0),
        ("TRAIL", 100, {"adjustedTrailingAmount": 10.0}, 104.0),
    ],
)
def test_a_stop_is_adjusted_once(kind: str, unit: int, prices: Any, stop: float) -> None:
    """It becomes what it was to become when the market has come to the trigger."""
    desk = Desk()
    desk.set(100.0, 100.02)
    order = Order(
        action="SELL", orderType="STP", totalQuantity=10, auxPrice=95.0, tif="GTC",
        adjustedOrderType=kind, triggerPrice=110.0, adjustedStopPrice=104.0,
        adjustableTrailingUnit=unit, **prices,
    )  # fmt: skip
    desk.place(AMD, order)
    assert (desk.order().type_name, desk.order().stop_price) == ("STP", 95.0)
    desk.set(110.0, 110.02)
    told = desk.client.wait(0.5)
    assert [m[0] for m in told] == ["5", "3"]
    assert desk.order().type_name == kind
    assert desk.order().stop_price == pytest.approx(stop)
    desk.set(stop - 0.01, stop + 0.01)
    desk.client.wait(0.5)
    assert desk.order().triggered
    is_out_of_reach = kind == "STP LMT" and stop < 103.5
    assert desk.order().is_done is not is_out_of_reach


def test_an_adjustment_needs_all_its_prices() -> None:
    """What is missing is named."""
    desk = Desk()
    order = Order(
        action="SELL", orderType="STP", totalQuantity=1, auxPrice=95.0, adjustedOrderType="STP"
    )
    assert "Trigger Price" in desk.place(AMD, order)[0][4]


def test_an_algo_hands_out_its_order_bit_by_bit() -> None:
    """Within its limit, evenly over time."""
    desk = Desk()
    desk.set(100.0, 100.02)
    order = LimitOrder("BUY", 100, 101.0)
    order.algoStrategy, order.algoParams = "Twap", [TagValue("allowPastEndTime", "1")]
    desk.place(AMD, order)
    desk.client.wait(10)
    assert 40 <= desk.order().filled <= 60
    desk.client.wait(15)
    assert desk.order().is_done
    assert desk.balance() == pytest.approx(0, abs=1e-6)
    order = LimitOrder("BUY", 100, 101.0)
    order.algoStrategy = "Nonsense"
    assert kinds(desk.place(AMD, order)) == ["4/439"]


def test_an_algo_keeps_to_its_times() -> None:
    """Nothing before its start, all by its end, half in between."""
    desk = Desk()
    desk.set(100.0, 100.02)
    order = LimitOrder("BUY", 100, 101.0)
    order.algoStrategy = "Twap"
    order.algoParams = [
        TagValue("startTime", "20260413-15:10:00"), TagValue("endTime", "20260413-15:30:00")
    ]  # fmt: skip
    desk.place(AMD, order)
    desk.client.wait(9 * 60)
    assert desk.order().filled == 0
    desk.client.wait(11 * 60)
    assert desk.order().filled == pytest.approx(50, abs=2)
    desk.client.wait(11 * 60)
    assert desk.order().is_done


@pytest.mark.parametrize(
    ("name", "params"),
    [("PctVol", {"pctVol": "0.01"}), ("Vwap", {"maxPctVol": "0.01", "endTime": "20260413-15:01"})],
)
def test_an_algo_keeps_to_its_share_of_the_volume(name: str, params: dict[str, str]) -> None:
    """One in a hundred of what is traded meanwhile, however much time there is."""
    desk = Desk(algo_s=1.0)
    desk.set(100.0, 100.02)
    order = LimitOrder("BUY", 1_000, 101.0)
    order.algoStrategy = name
    order.algoParams = [TagValue(key, value) for key, value in params.items()]
    desk.place(AMD, order)
    desk.client.wait(20)
    valuation, began_s = desk.sim.trading.books.valuation, desk.order().placed_at_s
    traded = valuation.traded(desk.order().instrument, began_s, desk.sim.gateway.now_s)
    assert desk.order().filled == pytest.approx(traded / 100, abs=2)
    assert 0 < desk.order().filled < 1_000


def test_how_long_an_algo_takes_is_a_setting() -> None:
    """If it does not say so itself."""
    desk = Desk(algo_s=60.0)
    desk.set(100.0, 100.02)
    order = LimitOrder("BUY", 100, 101.0)
    order.algoStrategy = "ArrivalPx"
    desk.place(AMD, order)
    desk.client.wait(30)
    assert desk.order().filled == pytest.approx(50, abs=2)


def test_a_scale_order_takes_profits() -> None:
    """Each piece is closed an offset above its level; then the order is filled."""
    desk = Desk()
    desk.set(99.98, 100.0)
    order = LimitOrder("BUY", 30, 100.0)
    order.scaleInitLevelSize, order.scaleSubsLevelSize, order.scalePriceIncrement = 20, 10, 0.5
    order.scaleProfitOffset = 1.0
    desk.place(AMD, order)
    desk.set(99.48, 99.5)
    desk.client.wait(1)
    assert (desk.held(4391), desk.order().remaining, desk.order().is_done) == (30, 0, False)
    desk.set(100.5, 100.52)
    told = desk.client.wait(1)
    assert desk.held(4391) == 20
    assert [m[18] for m in told if m[0] == "11"] == ["SLD"]
    assert {m[2] for m in told if m[0] == "3"} == {"Submitted"}
    desk.set(101.0, 101.02)
    assert {m[2] for m in desk.client.wait(1) if m[0] == "3"} == {"Filled"}
    assert (desk.held(4391), desk.order().is_done) == (0, True)
    assert desk.balance() == pytest.approx(0, abs=1e-6)


def test_a_scale_order_opens_again_what_it_closed() -> None:
    """With scaleAutoReset, at its level, again and again."""
    desk = Desk()
    order = LimitOrder("BUY", 20, 100.0)
    order.scaleInitLevelSize, order.scalePriceIncrement = 20, 0.5
    order.scaleProfitOffset, order.scaleAutoReset = 1.0, True
    desk.set(99.98, 100.0)
    desk.place(AMD, order)
    for _ in range(3):
        assert desk.held(4391) == 20
        desk.set(101.0, 101.02)
        desk.client.wait(1)
        assert desk.held(4391) == 0
        desk.set(99.98, 100.0)
        desk.client.wait(1)
    assert not desk.order().is_done
    assert desk.balance() == pytest.approx(0, abs=1e-6)


def test_a_scale_order_works_its_levels() -> None:
    """Each an increment below the one before."""
    desk = Desk()
    desk.set(99.98, 100.0)
    order = LimitOrder("BUY", 50, 100.0)
    order.scaleInitLevelSize, order.scaleSubsLevelSize, order.scalePriceIncrement = 20, 10, 0.5
    desk.place(AMD, order)
    assert desk.order().filled == 20
    desk.set(99.48, 99.5)
    desk.client.wait(1)
    assert desk.order().filled == 30
    desk.set(98.0, 98.02)
    desk.client.wait(2)
    assert desk.order().is_done
    order = LimitOrder("BUY", 50, 100.0)
    order.scalePriceIncrement = 0.5
    assert kinds(desk.place(AMD, order)) == ["4/409"]


@pytest.mark.parametrize(("kind", "parameter", "shares"), [("P", "2", 20), ("B", "0.5", 10)])
def test_a_hedge_has_the_size_that_its_parent_asks_for(
    kind: str, parameter: str, shares: int
) -> None:
    """So many for each, or so much worth."""
    desk = Desk()
    desk.set(100.0, 100.0)
    desk.set(50.0, 50.0, con_id=8894)
    parent = MarketOrder("BUY", 10)
    parent.transmit = False
    desk.place(AMD, parent)
    child = MarketOrder("SELL", 0)
    child.parentId, child.hedgeType, child.hedgeParam = 1, kind, parameter
    desk.place(KO, child)
    desk.client.wait(1)
    assert (desk.held(4391), desk.held(8894)) == (10, -shares)
    child = MarketOrder("SELL", 0)
    child.hedgeType = "X"
    assert kinds(desk.place(KO, child)) == ["4/10007"]


def test_stock_that_is_hard_to_borrow_is_located_first() -> None:
    """404, held, and then it works (fact 3.59)."""
    desk = Desk(hard_to_borrow=("AMD",))
    told = desk.place(AMD, MarketOrder("SELL", 10))
    assert "4/404" in kinds(told)
    assert next(m for m in told if m[0] == "3")[10] == "locate"
    assert desk.held(4391) == 0
    desk.client.wait(31)
    assert desk.held(4391) == -10


def test_fractions_are_for_coins() -> None:
    """10243 for stock (fact 3.71)."""
    desk = Desk()
    assert kinds(desk.place(AMD, MarketOrder("BUY", 0.5))) == ["4/10243"]
    coin = Contract(secType="CRYPTO", symbol="BTC", exchange="PAXOS", currency="USD")
    desk.place(coin, MarketOrder("BUY", 0.5))
    assert desk.held(479624278) == 0.5
    assert desk.balance() == pytest.approx(0, abs=1e-6)


def test_a_closed_market_warns_and_waits() -> None:
    """399 before the first 5, with the hour of the opening (fact 3.64); then it fills."""
    desk = Desk(NOW_S - 1.5 * 3600 - 60, keeps_hours=True)
    told = desk.place(AMD, MarketOrder("BUY", 10))
    assert kinds(told)[:3] == ["4/399", "5", "3"]
    lines = told[0][4].split("\n")
    assert lines[1] == "BUY 10 AMD NASDAQ.NMS"
    assert lines[2].endswith("until 2026-04-13 09:30:00 US/Eastern")
    assert desk.held(4391) == 0
    desk.client.wait(61)
    assert desk.held(4391) == 10


def test_a_day_order_ends_with_the_session() -> None:
    """At 16:00 if the market keeps its hours."""
    desk = Desk(NOW_S + 5 * 3600 - 30, keeps_hours=True)
    desk.place(AMD, LimitOrder("BUY", 10, 1.0))
    desk.client.wait(20)
    assert not desk.order().is_done
    desk.client.wait(20)
    assert desk.order().is_done


def option(right: str, strike: float, symbol: str = "AAPL") -> Contract:
    """An option that expires on Friday."""
    return Contract(
        secType="OPT", symbol=symbol, exchange="SMART", currency="USD",
        lastTradeDateOrContractMonth="20260417", strike=strike, right=right,
    )  # fmt: skip


def exercise(desk: Desk, contract: Contract, action: int, count: int, override: int) -> Any:
    """Exercise an option or let it lapse."""
    desk._pen.exerciseOptions(9001, contract, action, count, ACCOUNT, override)
    return [*desk.client.read(), *desk.client.wait(0.5)]


def test_an_exercised_option_becomes_stock() -> None:
    """At the strike; what is not held cannot be exercised (facts 3.117, 3.118)."""
    desk = Desk()
    call = option("C", 200.0)
    assert kinds(exercise(desk, call, 1, 1, 1)) == ["4/322"]
    desk.place(call, MarketOrder("BUY", 3))
    told = exercise(desk, call, 1, 2, 0)
    assert kinds(told)[:2] == ["5", "3"]
    assert kinds(told).count("11") == kinds(told).count("59") == 2
    assert desk.held(265598) == 200
    assert desk.balance() == pytest.approx(0, abs=1e-6)
    assert kinds(exercise(desk, call, 2, 1, 0))[:2] == ["5", "3"]
    assert kinds(exercise(desk, call, 1, 1, 0)) == ["4/322"]  # it was left to lapse
    far = option("C", 260.0)
    desk.place(far, MarketOrder("BUY", 1))
    assert kinds(exercise(desk, far, 1, 1, 0)) == ["4/322"]  # out of the money
    assert kinds(exercise(desk, far, 1, 1, 1))[:2] == ["5", "3"]


def test_what_expires_is_settled() -> None:
    """In the money: stock at the strike, for longs and shorts; else nothing; cash for an index."""
    now_s = expiry_s("20260417") - 86400
    desk = Desk(now_s)
    spot = desk.sim.market.quote(desk.sim.universe.by_con_id(265598), now_s).last  # type: ignore[arg-type]
    near = round(spot / 2.5) * 2.5  # a day moves it by less than 20
    desk.place(option("C", near - 20), MarketOrder("BUY", 1))
    desk.place(option("P", near + 20), MarketOrder("SELL", 2))
    desk.place(option("P", near - 20), MarketOrder("BUY", 1))
    index = Contract(
        secType="OPT", symbol="SPX", exchange="SMART", currency="USD", tradingClass="SPXW",
        lastTradeDateOrContractMonth="20260417", strike=5500.0, right="C",
    )  # fmt: skip
    desk.place(index, MarketOrder("BUY", 1))
    desk.client.wait(86400 - 5)
    before = desk.sim.trading.books.net_liquidation(ACCOUNT, desk.sim.gateway.now_s)
    desk.client.wait(10)
    assert desk.held(265598) == 100 + 200
    options = [p for p in desk.sim.trading.books.positions_of(ACCOUNT) if p.instrument.is_option]
    assert not any(p.quantity for p in options)
    assert desk.balance() == pytest.approx(0, abs=1e-6)
    after = desk.sim.trading.books.net_liquidation(ACCOUNT, desk.sim.gateway.now_s)
    assert after == pytest.approx(before, abs=500)
    assert kinds(desk.place(option("C", near), MarketOrder("BUY", 1))) == ["4/392"]


def test_client_0_binds_orders_that_were_entered_by_hand() -> None:
    """Unbound they have no id; bound a negative one, told by 100 (facts 3.21, 3.37, 3.45)."""
    desk = Desk(client_id=0)
    other = RawClient(desk.sim, client_id=5)
    amd = desk.sim.universe.by_con_id(4391)
    assert amd
    by_hand = desk.sim.manual.enter(ACCOUNT, amd, "BUY", 10, 1.0)
    assert desk.client.wait(1) == []
    (opened, status, _) = other.ask(16, 1)
    assert (opened[1], opened[24], status[1], status[9]) == ("0", "0", "0", "0")
    bound, opened, _, _ = desk.client.ask(5, 1)
    assert bound == ["100", str(by_hand.perm_id), "0", "-1"]
    assert opened[1] == "-1"
    desk.client.send(4, 1, -1, "")
    assert "4/202" in kinds(desk.client.wait(1))
    desk.client.send(15, 1, 1)
    desk.sim.manual.enter(ACCOUNT, amd, "BUY", 10, 1.0)
    assert kinds(desk.client.wait(1))[:3] == ["100", "5", "3"]
    assert other.ask(15, 1, 1)[0][3] == "327"
    assert kinds(other.wait(1)) == []


def test_fills_of_orders_by_hand_reach_client_0() -> None:
    """With the unset number as order id (facts 3.22, 3.32); others hear nothing."""
    desk = Desk(client_id=0)
    other = RawClient(desk.sim, client_id=5)
    amd = desk.sim.universe.by_con_id(4391)
    assert amd
    desk.sim.manual.enter(ACCOUNT, amd, "BUY", 10)
    told = desk.client.wait(1)
    assert kinds(told) == ["11", "59"]
    assert (told[0][1], told[0][2]) == ("-1", "2147483647")
    assert other.read() == []
