"""The life of orders on the wire, driven with bytes and with time passed in.

The market here is set by the test. Each test reads what each client was sent.
"""

from __future__ import annotations

import pytest
from ib_async import Bag, ComboLeg, Contract, Forex, Order, Stock
from ib_async import Client as IbClient
from ib_async.order import (
    ExecutionCondition,
    LimitOrder,
    MarginCondition,
    MarketOrder,
    OrderCondition,
    PercentChangeCondition,
    PriceCondition,
    StopOrder,
    TimeCondition,
    VolumeCondition,
)

from ibproxy.wire.framing import FrameBuffer, frame, join_fields, split_fields
from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.requests import Accounts
from ibproxy_sim.exchange.market import Market, Quote
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.trading.exercise import Exercises
from ibproxy_sim.trading.manual import ManualOrders
from ibproxy_sim.trading.requests import Trading
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import Settings

NOW_S = 1_790_000_000.0  # a Monday, 10:13 in New York
ACCOUNT, OTHER = "DU1000001", "DU1000002"
APPLE = Stock("AAPL", "SMART", "USD", conId=265598)
MICROSOFT = Stock("MSFT", "SMART", "USD", conId=272093)
UNIVERSE = Universe(1, NOW_S)


class SetMarket(Market):
    """A market that stands still unless the test moves it."""

    def __init__(self) -> None:
        """Quote 100.00 to 100.02, 200 each side."""
        self.quotes: dict[int, Quote] = {}
        self.set(0, 100.0, 100.02)

    def set(self, con_id: int, bid: float, ask: float, size: float = 200) -> None:
        """Set an instrument's quote; con_id 0 is all others'."""
        last = bid if bid > 0 else 50.0
        self.quotes[con_id] = Quote(bid, size, ask, size, last, 1, 1, last, last, last, last)

    def quote(self, instrument: Instrument, time_s: float) -> Quote:  # noqa: ARG002 - it stands
        """Return what was set."""
        return self.quotes.get(instrument.con_id, self.quotes[0])


class Pen(IbClient):
    """An ib_async client that only writes."""

    def __init__(self, version: int) -> None:
        """Pretend to be connected."""
        super().__init__(wrapper=None)  # type: ignore[no-untyped-call]
        self._serverVersion = version
        self.connState = IbClient.CONNECTED
        self.text = ""

    def sendMsg(self, msg: str) -> None:  # noqa: N802 - ib_async's name
        """Keep what would be sent."""
        self.text = msg


class Desk:
    """A gateway with trading on it, and clients that talk to it in bytes."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Start at `NOW_S`."""
        self.gateway = Gateway(settings or Settings(), NOW_S)
        self.market = SetMarket()
        advisors = Advisors(self.gateway)
        self.trading = Trading(self.gateway, UNIVERSE, self.market, advisors)
        self.trading.install()
        ManualOrders(self.gateway, self.trading).install()
        Exercises(self.gateway, UNIVERSE, self.trading).install()
        Accounts(self.gateway, self.trading.books, advisors).install()

    def connect(self, client_id: int, version: int = 178) -> Client:
        """Connect and start a client."""
        client = self.gateway.connect()
        hello = b"API\0" + frame(f"v157..{version}".encode())
        self.gateway.receive(client, hello)
        self.send(client, 71, 2, client_id, "")
        self.read(client)
        return client

    def send(self, client: Client, *fields: object) -> None:
        """Send one message."""
        self.gateway.receive(client, frame(join_fields(*fields)))

    def place(self, client: Client, order_id: int, contract: Contract, order: Order) -> None:
        """Send placeOrder as ib_async writes it."""
        pen = Pen(client.version)
        order.account = order.account or ACCOUNT
        pen.placeOrder(order_id, contract, order)  # type: ignore[no-untyped-call]
        self.gateway.receive(client, frame(pen.text.encode()))

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.gateway.advance(self.gateway.now_s + seconds)

    def read(self, client: Client) -> list[list[str]]:
        """Return what the client was sent since the last time."""
        frames = FrameBuffer().feed(b"".join(client.outbox))
        client.outbox.clear()
        return [split_fields(payload) for payload in frames]

    def brief(self, client: Client) -> list[str]:
        """Return it in short: 5 and 3 with status, 4 with code, others by id."""
        return [_brief(fields) for fields in self.read(client)]


def _brief(fields: list[str]) -> str:
    if fields[0] == "3":
        return f"3:{fields[1]}:{fields[2]}" + (f":{fields[10]}" if fields[10] else "")
    if fields[0] == "5":
        words = {"PreSubmitted", "Submitted", "Filled", "PendingCancel", "Cancelled", "Inactive"}
        return f"5:{fields[1]}:{next(f for f in fields if f in words)}"
    if fields[0] == "4":
        return f"4:{fields[2]}:{fields[3]}"
    return fields[0]


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


def limit(price: float, action: str = "BUY", quantity: float = 100, **more: object) -> Order:
    """Return a limit order."""
    return LimitOrder(action, quantity, price, **more)


def test_market_order_fills_as_recorded(desk: Desk) -> None:
    """5 and 3 PreSubmitted, 11 with reqId -1, 5 and 3 Filled, both again, 59 (fact 3.50)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, MarketOrder("BUY", 100))
    desk.pass_s(0.3)
    messages = desk.read(client)
    assert [_brief(m) for m in messages] == [
        "5:1:PreSubmitted", "3:1:PreSubmitted", "11", "5:1:Filled", "3:1:Filled", "5:1:Filled",
        "3:1:Filled", "59",
    ]  # fmt: skip
    execution, status, report = messages[2], messages[4], messages[7]
    assert len(execution) == 32
    assert (execution[1], execution[18], execution[19], execution[20]) == (
        "-1", "BOT", "100", "100.02",
    )  # fmt: skip
    assert (execution[21], execution[22], execution[14]) == (status[6], "1", report[2])
    assert status[1:6] == ["1", "Filled", "100", "0", "100.02"]
    assert (report[3], report[4], report[5]) == ("1.0", "USD", "1.7976931348623157E308")
    (booked,) = desk.trading.books.executions
    assert (booked.exec_id, booked.account, booked.shares) == (execution[14], ACCOUNT, 100)
    assert desk.gateway.order_ids == {1: 2}
    assert desk.gateway.next_deadline_s() is None or not desk.trading.engine.working


@pytest.mark.parametrize("version", range(157, 179))
def test_every_version_has_its_shape(version: int) -> None:
    """Field counts of 3, 5, 11 and 59 are those of the wire table."""
    desk = Desk(Settings(server_version=version))
    client = desk.connect(1)
    desk.place(client, 1, APPLE, MarketOrder("BUY", 100))
    desk.pass_s(0.3)
    desk.send(client, 99, 0)
    desk.pass_s(0.1)
    lengths = {int(m[0]): len(m) for m in desk.read(client)}
    plain = {157: 128, 158: 129, 160: 130, 162: 131, 170: 136, 177: 135}
    assert lengths == {
        3: 12,
        5: plain[max(first for first in plain if first <= version)],
        11: 32 if version == 178 else 31,
        59: 8,
        101: 96 if version < 170 else 101 if version < 177 else 100,
        102: 1,
    }


def test_big_order_fills_in_parts(desk: Desk) -> None:
    """Each step fills what is quoted; one commission minimum for the whole order."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, MarketOrder("BUY", 500))
    desk.pass_s(1)
    messages = desk.read(client)
    statuses = [(m[2], m[3], m[4]) for m in messages if m[0] == "3"]
    steps = [("Submitted", "200", "300"), ("Submitted", "400", "100"), ("Filled", "500", "0")]
    assert statuses[1:] == [step for step in steps for _ in range(2)]
    paid = [float(m[3]) for m in messages if m[0] == "59"]
    assert paid == pytest.approx([1.0, 1.0, 0.5])
    assert desk.trading.books.accounts[ACCOUNT].commissions == pytest.approx(2.5)


def test_resting_limit_is_stated_twice_then_cancelled(desk: Desk) -> None:
    """PreSubmitted, then Submitted; cancel: 3 Cancelled without a 5, then 202 (3.65)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(90))
    desk.pass_s(1)
    assert desk.brief(client) == [
        "5:1:PreSubmitted", "3:1:PreSubmitted", "5:1:Submitted", "3:1:Submitted",
    ]  # fmt: skip
    desk.send(client, 4, 1, 1, "")
    assert desk.brief(client) == []  # nothing at the moment of the request (3.85)
    desk.send(client, 5, 1)
    assert desk.brief(client) == ["5:1:PendingCancel", "3:1:PendingCancel", "53"]
    desk.pass_s(1)
    assert desk.brief(client) == ["3:1:Cancelled", "4:1:202"]
    for expected in ("4:1:10148", "4:1:10147"):  # facts 3.82, 3.83
        desk.send(client, 4, 1, 1, "")
        assert desk.brief(client) == [expected]
    desk.send(client, 4, 1, 77, "")
    assert desk.brief(client) == ["4:77:10147"]


def test_stop_waits_triggers_and_fills(desk: Desk) -> None:
    """A stop is stated three times alike with whyHeld trigger (facts 3.59, 3.65)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, StopOrder("BUY", 100, 101))
    desk.pass_s(1)
    assert desk.brief(client) == ["5:1:PreSubmitted", "3:1:PreSubmitted:trigger"] * 3
    desk.market.set(265598, 101.5, 101.52)
    desk.pass_s(0.3)
    assert desk.brief(client) == ["11", *["5:1:Filled", "3:1:Filled"] * 2, "59"]


def test_modify(desk: Desk) -> None:
    """Same id again changes price and size, keeps the permId and restates 5 and 3 (3.73)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(90))
    desk.pass_s(1)
    desk.read(client)
    desk.place(client, 1, APPLE, limit(91, quantity=150))
    openly, status = desk.read(client)
    assert (openly[14], openly[16], status[2], status[4]) == ("150", "91.0", "Submitted", "150")
    desk.place(client, 1, APPLE, limit(101, quantity=150))
    desk.pass_s(1)
    assert "3:1:Filled" in desk.brief(client)
    assert len(desk.trading.books.orders) == 1
    desk.place(client, 1, APPLE, limit(102))
    assert desk.brief(client) == ["4:1:104"]  # fact 3.11


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (MarketOrder("BUY", 100), 329),
        (limit(90, tif="IOC"), 462),
        (limit(90, ocaGroup="x"), 10326),
        (limit(90, ocaType=1), 10327),
        (limit(90, parentId=5), 10341),
        (limit(90, "SELL"), 105),
        (limit(90.001), 110),
    ],
)
def test_modify_refused_leaves_the_order_alive(desk: Desk, changed: Order, code: int) -> None:
    """A refused change has its own code, and the order works on (facts 3.69, 3.76)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(90))
    desk.pass_s(1)
    desk.read(client)
    desk.place(client, 1, APPLE, changed)
    assert desk.brief(client) == [f"4:1:{code}"]
    desk.send(client, 5, 1)
    openly, _, _ = desk.read(client)
    assert (openly[15], openly[16], openly[13]) == ("LMT", "90.0", "BUY")


@pytest.mark.parametrize(
    ("contract", "order", "code", "text"),
    [
        (Stock("NOSUCH", "SMART", "USD"), limit(1), 200, "No security definition"),
        (APPLE, Order(action="BUY", totalQuantity=1, orderType="XYZ"), 321, "Invalid order type"),
        (APPLE, limit(90, quantity=0), 321, "size value cannot be zero"),
        (APPLE, limit(90, account="U999"), 201, "Invalid account code"),
        (APPLE, limit(90, parentId=50), 321, "Can't find order with id"),
        (APPLE, limit(90, ocaGroup="x" * 65), 401, "OCA"),
        (APPLE, limit(90, tif="XXX"), 321, "Invalid time in force"),
        (APPLE, limit(90, goodAfterTime="soon"), 337, "Good After Time"),
        (APPLE, limit(90, action="HOLD"), 321, "Invalid side"),
        (APPLE, Order(action="BUY", totalQuantity=1, orderType="LMT"), 463, "valid price"),
        (APPLE, Order(action="BUY", totalQuantity=1, orderType="STP"), 321, "stop price"),
        (APPLE, Order(action="BUY", totalQuantity=1, orderType="TRAIL"), 321, "Trailing Amount"),
        (APPLE, limit(90, whatIf=True, transmit=False), 321, "What-If"),
        (Contract(conId=416904, exchange="CBOE"), limit(90), 412, "not available"),
    ],
)
def test_new_order_refused(
    desk: Desk, contract: Contract, order: Order, code: int, text: str
) -> None:
    """The gateway says why with the order's id, and takes nothing."""
    client = desk.connect(1)
    desk.place(client, 1, contract, order)
    (message,) = desk.read(client)
    assert (message[0], message[2], message[3]) == ("4", "1", str(code))
    assert text in message[4]
    assert desk.trading.books.orders == []


def test_account_is_required_unless_there_is_only_one(desk: Desk) -> None:
    """No account on a login with several is 321; a single one is filled in (3.71, 3.72)."""
    client = desk.connect(1)
    pen = Pen(178)
    pen.placeOrder(1, APPLE, limit(90))  # type: ignore[no-untyped-call]
    desk.gateway.receive(client, frame(pen.text.encode()))
    (message,) = desk.read(client)
    assert message[2:5:2] == [
        "1",
        "Error validating request.-'bH' : cause - You must specify an account.",
    ]
    single = Desk(Settings(accounts=("DU7",)))
    client = single.connect(1)
    single.gateway.receive(client, frame(pen.text.encode()))
    assert single.read(client)[0][20] == "DU7"


def test_ids_only_rise(desk: Desk) -> None:
    """A lower or equal unused id is 103, an impossible one 10149, each client on its own."""
    first, second = desk.connect(1), desk.connect(2)
    desk.place(first, 10, APPLE, limit(90))
    desk.place(second, 3, APPLE, limit(90))
    assert desk.brief(first)[0] == desk.brief(second)[0].replace("3", "10") == "5:10:PreSubmitted"
    desk.place(first, 9, APPLE, limit(90))
    desk.place(first, 0, APPLE, limit(90))
    assert desk.brief(first) == ["4:9:103", "4:0:10149"]
    assert desk.gateway.order_ids == {1: 11, 2: 4}


def test_too_expensive_order_is_rejected(desk: Desk) -> None:
    """Inactive, 201, and Inactive again."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(100, quantity=1_000_000))
    refused = ["5:1:Inactive", "3:1:Inactive"]
    assert desk.brief(client) == [*refused, "4:1:201", *refused]
    desk.send(client, 5, 1)
    assert desk.brief(client) == ["53"]


def bracket(desk: Desk, client: Client, price: float) -> None:
    """Place a bracket under the ids 1, 2 and 3."""
    desk.place(client, 1, APPLE, limit(price, transmit=False))
    desk.place(client, 2, APPLE, limit(110, "SELL", parentId=1, transmit=False))
    assert desk.brief(client) == []
    desk.place(client, 3, APPLE, StopOrder("SELL", 100, 80, parentId=1))


def test_bracket_is_released_by_its_last_child(desk: Desk) -> None:
    """Nothing until the last child; children wait, in a group named by the permId (3.94)."""
    client = desk.connect(1)
    bracket(desk, client, 90)
    messages = desk.read(client)
    assert [_brief(m) for m in messages] == [
        "5:1:PreSubmitted", "3:1:PreSubmitted", "5:2:PreSubmitted", "3:2:PreSubmitted:child",
        "5:3:PreSubmitted", "3:3:PreSubmitted:child,trigger",
    ]  # fmt: skip
    perm_id = messages[0][25]
    assert [m[19] for m in messages if m[0] == "5"] == ["", perm_id, perm_id]
    assert [m[57] for m in messages if m[0] == "5"] == ["0", "1", "1"]
    assert [m[7] for m in messages if m[0] == "3"] == ["0", "1", "1"]
    desk.pass_s(1)
    desk.read(client)
    desk.send(client, 4, 1, 1, "")
    desk.pass_s(1)
    assert desk.brief(client) == [
        "5:1:PendingCancel", "3:1:PendingCancel", "5:2:PreSubmitted", "3:2:PreSubmitted:child",
        "5:3:PreSubmitted", "3:3:PreSubmitted:child,trigger",
        "3:1:Cancelled", "4:1:202", "3:2:Cancelled", "4:2:202", "3:3:Cancelled", "4:3:202",
    ]  # fmt: skip


def test_bracket_children_cancel_each_other(desk: Desk) -> None:
    """The parent's fill wakes the children, one child's fill cancels the other (3.98)."""
    client = desk.connect(1)
    bracket(desk, client, 101)
    desk.pass_s(1)
    brief = desk.brief(client)
    assert {"3:1:Filled", "3:2:Submitted", "3:3:PreSubmitted:trigger"} <= set(brief)
    assert brief.index("3:1:Filled") < brief.index("3:2:Submitted")
    desk.market.set(265598, 79, 79.02)
    desk.pass_s(0.5)
    brief = desk.brief(client)
    assert ("3:3:Filled" in brief, brief[-1]) == (True, "59")
    assert brief[3:5] == ["3:2:Cancelled", "4:2:202"]
    assert desk.trading.books.accounts[ACCOUNT].positions[265598].quantity == 0
    assert not desk.trading.engine.working


def test_modify_of_a_child_must_not_name_its_filled_parent(desk: Desk) -> None:
    """Once the parent has filled, a child that names it is refused; without it passes (3.93)."""
    client = desk.connect(1)
    bracket(desk, client, 101)
    desk.pass_s(1)
    desk.read(client)
    desk.place(client, 2, APPLE, limit(111, "SELL", parentId=1))
    desk.place(client, 2, APPLE, limit(111, "SELL"))
    assert desk.brief(client) == ["4:2:321", "5:2:Submitted", "3:2:Submitted"]


def test_oca_cancel_takes_the_other_one_first(desk: Desk) -> None:
    """Cancelling one member cancels the others; theirs is reported first (fact 3.96)."""
    client = desk.connect(1)
    for order_id in (1, 2):
        desk.place(client, order_id, APPLE, limit(90, ocaGroup="mine"))
    desk.pass_s(1)
    desk.read(client)
    desk.send(client, 4, 1, 1, "")
    desk.pass_s(1)
    assert desk.brief(client) == ["3:2:Cancelled", "4:2:202", "3:1:Cancelled", "4:1:202"]
    desk.send(client, 4, 1, 2, "")
    assert desk.read(client)[0][4].endswith("cannot be cancelled, state: Cancelled.")


@pytest.mark.parametrize(("oca_type", "left"), [(1, None), (2, 50.0), (3, 50.0)])
def test_oca_partial_fill(desk: Desk, oca_type: int, left: float | None) -> None:
    """A partial fill cancels the peers of type 1 and shrinks those of types 2 and 3."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(90, quantity=100, ocaGroup="g", ocaType=oca_type))
    desk.place(client, 2, MICROSOFT, limit(101, quantity=400, ocaGroup="g", ocaType=oca_type))
    desk.pass_s(0.1)
    first, _ = desk.trading.books.orders
    assert (None if first.is_done else first.remaining) == left


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (
            limit(90, tif="IOC"),
            [
                *("5:1:Submitted", "3:1:Submitted", "5:1:PendingCancel", "3:1:PendingCancel"),
                *("3:1:Cancelled", "4:1:202"),
            ],
        ),
        (limit(101, quantity=500, tif="FOK"), ["4:1:201", "5:1:Inactive", "3:1:Inactive"]),
    ],
)
def test_immediate_orders_give_up(desk: Desk, order: Order, expected: list[str]) -> None:
    """What an IOC leaves is cancelled (fact 3.60); stocks know no FOK."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, order)
    desk.pass_s(0.5)
    assert desk.brief(client)[2:] == expected


def test_a_pair_that_cannot_fill_at_once_is_killed(desk: Desk) -> None:
    """An FOK far away becomes Inactive (fact 3.60)."""
    client = desk.connect(1)
    desk.market.set(12087792, 1.1, 1.1001)
    desk.place(client, 1, Forex("EURUSD"), limit(1.05, quantity=20000, tif="FOK"))
    desk.pass_s(0.5)
    assert desk.brief(client)[2:] == ["5:1:Inactive", "3:1:Inactive"]


def test_times_and_conditions_hold_an_order(desk: Desk) -> None:
    """GoodAfterTime and a time condition delay an order, goodTillDate ends it."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, MarketOrder("BUY", 1, goodAfterTime="20260921-14:13:30"))
    late = MarketOrder("BUY", 1)
    late.conditions = [TimeCondition(3, "a", True, "20260921 10:13:40 US/Eastern")]
    desk.place(client, 2, APPLE, late)
    desk.place(client, 3, APPLE, limit(90, tif="GTD", goodTillDate="20260921 10:13:50 US/Eastern"))
    orders = desk.trading.books.orders
    for seconds, filled in [(9, 0), (2, 1), (10, 2), (10, 2)]:
        desk.pass_s(seconds)
        assert sum(order.filled for order in orders) == filled
    assert [order.is_done for order in orders] == [True] * 3
    desk.place(client, 4, APPLE, limit(90))
    desk.place(client, 5, APPLE, limit(90, tif="GTC"))
    desk.pass_s(86_400)
    assert [order.is_done for order in orders[3:]] == [True, False]


def test_others_hear_nothing_and_lists_are_right(desk: Desk) -> None:
    """Events go to the owner; reqOpenOrders has one's own, reqAllOpenOrders all (3.30-3.41)."""
    first, second = desk.connect(1), desk.connect(2)
    desk.place(first, 1, APPLE, limit(90))
    desk.place(second, 1, APPLE, limit(91))
    desk.place(second, 2, APPLE, limit(91, transmit=False))
    desk.pass_s(1)
    desk.read(first), desk.read(second)
    desk.send(first, 5, 1)
    assert desk.brief(first) == ["5:1:Submitted", "3:1:Submitted", "53"]
    desk.send(first, 16, 1)
    assert [(m[24], m[1]) for m in desk.read(first) if m[0] == "5"] == [("1", "1"), ("2", "1")]
    desk.send(second, 4, 1, 99, "")  # fact 3.79
    desk.send(first, 15, 1, 1)
    assert desk.brief(first) == ["4:-1:327"]
    desk.gateway.disconnect(first)
    again = desk.connect(1)  # fact 3.88
    desk.send(again, 5, 1)
    assert desk.brief(again) == ["5:1:Submitted", "3:1:Submitted", "53"]
    desk.read(second)
    desk.send(second, 58, 1)
    desk.pass_s(1)
    assert desk.brief(again) == ["3:1:Cancelled", "4:1:202"]  # facts 3.86, 3.87
    assert set(desk.brief(second)) == {"3:1:Cancelled", "4:1:202", "3:2:Cancelled", "4:2:202"}


def test_fill_while_away_is_found_by_executions(desk: Desk) -> None:
    """An order lives on without its client; reqExecutions tells later (facts 3.105-3.111)."""
    first, other = desk.connect(1), desk.connect(2)
    desk.place(first, 1, APPLE, limit(99, orderRef="mine"))
    desk.pass_s(1)
    desk.gateway.disconnect(first)
    desk.market.set(265598, 98.9, 98.92)
    desk.pass_s(1)
    assert desk.brief(other) == []
    again = desk.connect(1)
    desk.send(again, 7, 3, 55, 0, "", "", "", "", "", "")
    messages = desk.read(again)
    assert [m[0] for m in messages] == ["11", "59", "55"]
    assert (messages[0][1], messages[0][20], messages[0][26]) == ("55", "98.92", "mine")
    for wanted, count in [
        ((2, "", "", "", "", "", ""), 0), ((1, "", "", "", "", "", "BUY"), 1),
        ((0, ACCOUNT.lower(), "", "AAPL", "STK", "NASDAQ", "BOT"), 1),
        ((0, OTHER, "", "", "", "", ""), 0), ((0, "", "20260921-14:14:00", "", "", "", ""), 0),
        ((0, "", "nonsense", "", "", "", ""), 1), ((0, "", "", "MSFT", "", "", ""), 0),
    ]:  # fmt: skip
        desk.send(other, 7, 3, 9, *wanted)
        assert len(desk.read(other)) == 2 * count + 1
    desk.pass_s(86_400)
    desk.send(again, 7, 3, 56, 0, "", "", "", "", "", "")
    assert desk.brief(again) == ["55"]


def test_completed_orders_have_one_slot(desk: Desk) -> None:
    """A request while another one is pending gets nothing (facts 3.103, 3.104)."""
    first, second = desk.connect(1), desk.connect(2)
    desk.place(first, 1, APPLE, limit(101))
    desk.place(first, 2, APPLE, limit(90))
    desk.pass_s(1)
    desk.read(first)
    desk.send(first, 99, 0)
    desk.send(second, 99, 0)
    desk.pass_s(1)
    assert (desk.brief(first), desk.brief(second)) == (["101", "102"], [])
    desk.send(second, 99, 0)
    desk.pass_s(1)
    assert desk.brief(second) == ["101", "102"]


def test_what_if_is_one_open_order_with_margins(desk: Desk) -> None:
    """It answers with 5 alone, takes an id and changes nothing (facts 3.99, 3.101, 3.102)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, MarketOrder("BUY", 100, whatIf=True))
    (message,) = desk.read(client)
    start = message.index("PreSubmitted")
    assert message[start - 1] == "1"
    assert message[start + 4 : start + 6] == ["5000.0", "2500.0"]
    assert message[start + 10] == "1.0"
    assert (desk.gateway.order_ids, desk.trading.books.orders) == ({1: 2}, [])
    desk.place(client, 2, APPLE, limit(90))
    desk.pass_s(1)
    desk.read(client)
    desk.place(client, 2, APPLE, limit(95, whatIf=True))
    assert len(desk.read(client)) == 1
    assert desk.trading.books.orders[0].limit_price == 90


def test_combo_fill_as_recorded(desk: Desk) -> None:
    """11, 5, 3 for the combo and each leg, then 5, 3, 59 for each leg (fact 3.109)."""
    desk.market.set(265598, 100, 100.02)
    desk.market.set(272093, 40, 40.02)
    client = desk.connect(1)
    contract = Bag(  # type: ignore[no-untyped-call]
        symbol="AAPL,MSFT", exchange="SMART", currency="USD",
        comboLegs=[ComboLeg(265598, 1, "BUY", "SMART"), ComboLeg(272093, 2, "SELL", "SMART")],
    )  # fmt: skip
    desk.place(client, 1, contract, limit(20.5, quantity=10))
    desk.pass_s(0.3)
    messages = desk.read(client)
    pair = ["5:1:Filled", "3:1:Filled"]
    assert [_brief(m) for m in messages[2:]] == [*["11", *pair] * 3, *[*pair, "59"] * 2]
    fills = [(m[5], m[18], m[19], m[20]) for m in messages if m[0] == "11"]
    assert fills == [
        ("BAG", "BOT", "10", "20.02"), ("STK", "BOT", "10", "100.02"), ("STK", "SLD", "20", "40.0"),
    ]  # fmt: skip
    held = desk.trading.books.accounts[ACCOUNT].positions
    assert {p.instrument.symbol: p.quantity for p in held.values()} == {"AAPL": 10, "MSFT": -20}


def test_cancel_can_lose_against_a_fill(desk: Desk) -> None:
    """An order can still fill while its cancel is on the way; then there is no Cancelled."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(99))
    desk.pass_s(0.745 - desk.gateway.now_s % 0.25)  # just before a step of the market
    desk.read(client)
    desk.market.set(265598, 98, 98.5)
    desk.send(client, 4, 1, 1, "")
    desk.pass_s(1)
    assert desk.brief(client) == ["11", *["5:1:Filled", "3:1:Filled"] * 2, "59"]


def test_malformed_order_is_320_and_the_connection_stays(desk: Desk) -> None:
    """A message that cannot be read is reported (facts 1.46, 1.47)."""
    client = desk.connect(1)
    desk.send(client, 3, 1, 265598, "AAPL")
    desk.send(client, 5, 1)
    assert desk.brief(client) == ["4:-1:320", "53"]


def test_exercise_is_refused(desk: Desk) -> None:
    """There is no position to be exercised: 322 with the request's id (fact 3.117)."""
    client = desk.connect(1)
    desk.send(client, 21, 2, 8, *[""] * 13, ACCOUNT, 0)
    assert desk.brief(client) == ["4:8:322"]


def test_oca_name_is_the_accounts_own(desk: Desk) -> None:
    """The same name in another account is another group (fact 3.98)."""
    client = desk.connect(1)
    desk.place(client, 1, APPLE, limit(90, ocaGroup="same"))
    desk.place(client, 2, APPLE, limit(90, ocaGroup="same", account=OTHER))
    desk.pass_s(1)
    desk.send(client, 4, 1, 1, "")
    desk.pass_s(1)
    assert [order.is_done for order in desk.trading.books.orders] == [True, False]


def test_children_wake_with_the_fill_of_a_resting_parent(desk: Desk) -> None:
    """They are restated in the burst of the parent's fill, before its commission."""
    client = desk.connect(1)
    bracket(desk, client, 90)
    desk.pass_s(1)
    desk.read(client)
    desk.market.set(265598, 89, 89.02)
    desk.pass_s(0.5)
    assert desk.brief(client) == [
        "11", "5:1:Filled", "3:1:Filled", "5:2:Submitted", "3:2:Submitted",
        "5:3:PreSubmitted", "3:3:PreSubmitted:trigger", "5:1:Filled", "3:1:Filled", "59",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "fills"),
    [
        (PriceCondition(1, "a", True, 105.0, 272093, "SMART"), True),
        (PriceCondition(1, "a", False, 105.0, 272093, "SMART"), False),
        (VolumeCondition(6, "a", True, 2, 272093, "SMART"), False),
        (PercentChangeCondition(7, "a", False, -1.0, 272093, "SMART"), False),
        (PercentChangeCondition(7, "a", True, -1.0, 272093, "SMART"), True),
        (ExecutionCondition(5, "a", "STK", "SMART", "MSFT"), True),
        (ExecutionCondition(5, "a", "STK", "SMART", "TSLA"), False),
        (MarginCondition(4, "a", True, 101), False),
        (MarginCondition(4, "a", True, 99), True),
    ],
)
def test_conditions(desk: Desk, condition: OrderCondition, fills: bool) -> None:
    """A conditional order works once its condition holds, and is held until then."""
    client = desk.connect(1)
    waits = MarketOrder("BUY", 1)
    waits.conditions = [condition, TimeCondition(3, "a", True, "20260921 10:13:25 US/Eastern")]
    desk.place(client, 1, APPLE, waits)
    desk.place(client, 2, MICROSOFT, MarketOrder("BUY", 1))
    desk.pass_s(2)
    assert not desk.trading.books.orders[0].filled
    desk.market.set(272093, 106, 106.02)
    desk.pass_s(10)
    assert bool(desk.trading.books.orders[0].filled) is fills
