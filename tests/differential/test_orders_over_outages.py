"""Whatever breaks, and whenever: what owners are told of their orders is what the books say.

Two strategies trade through the hub on the pure stand-in gateway, while links break, messages are
lost on the wire, orders are filled and cancelled at the exchange, and the gateway loses IB. At the
end all is whole again, and told and true are compared.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ib_async import LimitOrder

from ibproxy.wire.framing import GREETING, frame, join_fields
from ibproxy_server.core import events as ev
from ibproxy_sim.faults.board import make_fault
from ibproxy_sim.orders.order import Order
from ibproxy_sim.wire.gateway import Client
from tests.differential.messages import CONTRACTS, VERSION
from tests.differential.sides import Fields, Role, SharedSide
from tests.sim.test_order_codec import encode

EXAMPLES = int(os.environ.get("IBPROXY_EXAMPLES", "60"))
"""How many programs are tried; more of them by hand."""

ROLES = (Role("a", "alpha", 1, ("DU1",), 1), Role("b", "beta", 1, ("DU2",), 2))
LOOKS_S = 100.0
"""After so long nothing is unknown any more: a list may have been given up, and asked for again."""

LAST_MOMENTS_S = 0.5
FAR_BELOW = 1.0
REFUSED, CANCELLED = "201", {"Cancelled", "ApiCancelled"}
NOT_THERE = {REFUSED, "10147"}


class TornSide(SharedSide):
    """A hub and a gateway whose link can be torn: it takes messages, and they do not arrive."""

    def __init__(self) -> None:
        super().__init__(ROLES, volatility=0.0)
        self.is_torn = False
        receive = self.sim.gateway.receive

        def receive_unless_torn(client: Client, data: bytes) -> None:
            if not self.is_torn:
                receive(client, data)

        self.sim.gateway.receive = receive_unless_torn  # type: ignore[method-assign]
        self.pass_time(1.0)

    def cut(self, down_s: float) -> None:
        """The link breaks; the next one is whole."""
        self.is_torn = False
        super().cut(down_s)


class Trader:
    """A client, and what it has placed: order id -> orderRef."""

    def __init__(self, side: TornSide, number: int) -> None:
        self.side = side
        self.number = number
        self.role = ROLES[number - 1]
        self.placed: dict[int, str] = {}
        side.feed(ev.ClientArrived(number, self.role.strategy))
        side.feed(ev.ClientData(number, GREETING + frame(b"v157..176")))
        self.say(71, 2, self.role.client_id, "")

    def say(self, *fields: object) -> None:
        """Send a message."""
        self.side.feed(ev.ClientData(self.number, frame(join_fields(*fields))))

    def place(self) -> None:
        """Place an order that rests."""
        order_id = len(self.placed) + 1
        self.placed[order_id] = f"{self.role.name}{order_id}"
        self.say(*self._order(order_id, FAR_BELOW))

    def change(self, which: int) -> None:
        """Change an order's price."""
        if order_id := self._chosen(which):
            self.say(*self._order(order_id, FAR_BELOW + 1.0))

    def cancel(self, which: int) -> None:
        """Cancel an order."""
        if order_id := self._chosen(which):
            self.say(4, 1, order_id, "")

    def _order(self, order_id: int, price: float) -> Fields:
        order = LimitOrder("BUY", 10, price, orderRef=self.placed[order_id])
        asked = encode(VERSION, CONTRACTS[0], order)
        return [asked[0], str(order_id), *asked[2:]]

    def _chosen(self, which: int) -> int:
        """Return the id of an order that was not refused: that would be placed anew."""
        refused = {each[2] for each in self.told("4") if each[3] == REFUSED}
        known = [each for each in self.placed if str(each) not in refused]
        return known[which % len(known)] if known else 0

    def told(self, message_id: str) -> list[Fields]:
        """Return what it was told, of one kind."""
        return [each for each in self.side.out[self.number] if each[0] == message_id]


class Trading:
    """Strategies, a hub, and a gateway on which things happen."""

    def __init__(self) -> None:
        self.side = TornSide()
        self.traders = [Trader(self.side, number) for number in (1, 2)]
        self.is_cut_off = False

    @property
    def books(self) -> list[Order]:
        """The gateway's orders."""
        return self.side.sim.trading.books.orders

    def do(self, what: str, one: int, two: int) -> None:
        """Take a step of a program."""
        getattr(self, f"_{what}")(one, two)

    def _place(self, one: int, _two: int) -> None:
        self.traders[one % 2].place()

    def _change(self, one: int, two: int) -> None:
        self.traders[one % 2].change(two)

    def _cancel(self, one: int, two: int) -> None:
        self.traders[one % 2].cancel(two)

    def _cancel_all(self, one: int, _two: int) -> None:
        self.traders[one % 2].say(58, 1)

    def _ask(self, one: int, two: int) -> None:
        """Ask for open orders, all open orders, executions or completed orders."""
        requests = [(5, 1), (16, 1), (7, 3, 70_000 + two, 0, *[""] * 6), (99, 0)]
        self.traders[one % 2].say(*requests[two % len(requests)])

    def _fill(self, one: int, two: int) -> None:
        working = list(self.side.sim.trading.engine.working.values())
        if working:
            found = working[one % len(working)]
            self.side.sim.trading.engine.fill(found, min(found.remaining, 1 + two), 100.0)

    def _cancel_outside(self, one: int, _two: int) -> None:
        working = list(self.side.sim.trading.engine.working.values())
        if working:
            self.side.sim.trading.engine.ask_cancel(working[one % len(working)])

    def _deliver(self, one: int, _two: int) -> None:
        self.side.deliver(one)

    def _wait(self, one: int, _two: int) -> None:
        self.side.pass_time((0.01, 0.1, 1.0)[one % 3])

    def _tear(self, _one: int, _two: int) -> None:
        self.side.is_torn = True

    def _cut(self, one: int, two: int) -> None:
        """The link breaks; a gateway that was restarted may have lost orders, or their ids.

        Those are orders of the last moments (fact 3.17), and ids of all that work (3.39).
        """
        trading, working = self.side.sim.trading, [o for o in self.books if not o.is_done]
        if two % 3 == 0:
            since_s = self.side.now_s - LAST_MOMENTS_S
            for each in [o for o in working if o.placed_at_s >= since_s and not o.filled]:
                trading.forget(each)
        elif two % 3 == 1:
            for each in working:
                trading.disown(each)
        self.side.cut((0.0, 0.0, 3.0)[one % 3])

    def _lose_ib(self, _one: int, _two: int) -> None:
        fault = make_fault("outage", {"down_s": 10_000.0, "data": "kept"})
        self.side.sim.faults.start(fault)
        self.is_cut_off = True

    def _find_ib(self, _one: int, _two: int) -> None:
        if self.is_cut_off:
            self.side.sim.faults.end("outage")
            self.is_cut_off = False

    def settle(self) -> None:
        """Make all whole, and wait until everything is known."""
        self._find_ib(0, 0)
        if self.side.is_torn:
            self.side.cut(0.0)
        self.side.pass_time(LOOKS_S)

    # told and true

    def differences(self) -> list[str]:
        """Return what is not told as it is."""
        found = [
            f"{ref} is twice in the books"
            for ref, times in Counter(self._ref(each) for each in self.books).items()
            if times > 1
        ]
        if self.side.is_over:
            found.append(f"sessions {self.side.is_over} have ended")
        for trader in self.traders:
            found += self._fills_differ(trader)
            for order_id in trader.placed:
                found += self._order_differs(trader, order_id)
        return found

    def _fills_differ(self, trader: Trader) -> list[str]:
        mine = set(trader.placed.values())
        executions = self.side.sim.trading.books.executions
        true = Counter(each.exec_id for each in executions if self._ref(each.order) in mine)
        told = Counter(each[14] for each in trader.told("11") if each[1] == "-1")
        asked = {each[14] for each in trader.told("11")} - set(true)
        paid = Counter(each[2] for each in trader.told("59"))
        answered = Counter(each[14] for each in trader.told("11"))
        found = [f"{trader.role.name}: fills {told - true} too many"] if told - true else []
        found += [f"{trader.role.name}: fills {true - told} untold"] if true - told else []
        found += [f"{trader.role.name}: fills {asked} are another's"] if asked else []
        found += [f"{trader.role.name}: {paid} paid of {answered}"] if paid != answered else []
        return found

    def _order_differs(self, trader: Trader, order_id: int) -> list[str]:
        ref = trader.placed[order_id]
        statuses = [each[2:5] for each in trader.told("3") if each[1] == str(order_id)]
        codes = [each[3] for each in trader.told("4") if each[2] == str(order_id)]
        last = statuses[-1] if statuses else []
        true = next((each for each in self.books if self._ref(each) == ref), None)
        if true is None:
            is_told = NOT_THERE & set(codes) or (last and last[0] in CANCELLED)
            return [] if is_told else [f"{ref} is not in the books; told {last}, {codes}"]
        if REFUSED in codes and true.is_done and not true.filled:
            return []  # it ended before the gateway had spoken of it: that is what 201 says
        stated = [true.status.wire_text, f"{true.filled:g}", f"{true.remaining:g}"]
        is_right = stated == last and REFUSED not in codes
        return [] if is_right else [f"{ref} is {stated}; told {last}, {codes}"]

    def _ref(self, of: Order) -> str:
        return of.terms.text("order_ref")


def run(program: Sequence[tuple[str, int, int]]) -> list[str]:
    """Return what is not told as it is at the end of a program."""
    trading = Trading()
    for what, one, two in program:
        trading.do(what, one, two)
    trading.settle()
    return trading.differences()


STEPS = (
    *("place",) * 6, *("change", "cancel", "fill", "deliver", "wait") * 3, "cancel_all", "ask",
    "ask", "cancel_outside", "tear", *("cut",) * 3, "lose_ib", "find_ib",
)  # fmt: skip


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="IBPROXY_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 7), st.integers(0, 7)), max_size=40)
)
def test_told_is_true(program: list[tuple[str, int, int]]) -> None:
    """Each fill and each commission once, each order as it ended, nothing placed twice."""
    assert run(program) == []
