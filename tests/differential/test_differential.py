"""Nobody can tell that the connection is not their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ib_async import Client, Contract, Order, Wrapper

from ibproxy_sim.testing import contract
from tests.differential.twins import SharedSide, Twin
from tests.differential.views import differences, view

ACCOUNTS = {"alpha": "DU1000001", "beta": "DU1000002"}
CONTRACTS = (contract("AMD"), contract("SPY"), contract("EUR", "CASH", "IDEALPRO"))
NOTHING = contract("NOSUCHSYMBOL")

Step = tuple[Any, ...]


def blank_order() -> list[str]:
    """Return a placeOrder message of version 176, as ib_async writes it."""
    client: Any = Client(Wrapper(None, None))  # type: ignore[arg-type, no-untyped-call]
    sent: list[str] = []
    client.connState, client._serverVersion, client.sendMsg = client.CONNECTED, 176, sent.append
    client.placeOrder(0, Contract(), Order())
    return sent[0].split("\0")[:-1]


BLANK_ORDER = blank_order()


def order(
    order_id: int, symbol: int, action: str, kind: str, price: float, parent: int, group: str
) -> Step:
    """Return a placeOrder message of version 176."""
    fields: list[Any] = list(BLANK_ORDER)
    fields[1], fields[2:14] = order_id, CONTRACTS[symbol]
    fields[16:22] = [action, 5, kind, *PRICES[kind](price), "DAY"]
    fields[22], fields[28] = group, parent
    return tuple(fields)


PRICES: dict[str, Callable[[float], tuple[object, object]]] = {
    "MKT": lambda _: ("", ""),
    "LMT": lambda price: (price, ""),
    "STP": lambda price: ("", price),
}


ids = st.integers(1, 3)
order_ids = st.integers(1, 4)
symbols = st.integers(0, len(CONTRACTS) - 1)
prices = st.sampled_from([1.0, 10_000.0])
whos = st.sampled_from(sorted(ACCOUNTS))

MESSAGES: dict[str, Callable[..., Step]] = {
    "market data": lambda i, c: (1, 11, i, *CONTRACTS[c], 0, "", 0, 0, ""),
    "snapshot": lambda i, c: (1, 11, i, *CONTRACTS[c], 0, "", 1, 0, ""),
    "cancel market data": lambda i, _: (2, 2, i),
    "details": lambda i, c: (9, 8, i, *CONTRACTS[c][:7], *CONTRACTS[c][7:], 0, "", "", ""),
    "details of nothing": lambda i, _: (9, 8, i, *NOTHING, 0, "", "", ""),
    "history": lambda i, c: (
        20, i, *CONTRACTS[c], 0, "", "1 hour", "1 D", 1, "MIDPOINT", 1, 0, "",
    ),
    "head time stamp": lambda i, c: (87, i, *CONTRACTS[c], 0, 1, "MIDPOINT", 1),
    "matching": lambda i, _: (81, i, "AM"),
    "option parameters": lambda i, _: (78, i, "SPY", "", "STK", 756733),
    "summary": lambda i, _: (62, 1, i, "All", "NetLiquidation,TotalCashValue"),
    "cancel summary": lambda i, _: (63, 1, i),
    "positions multi": lambda i, _: (74, 1, i, "", ""),
    "one p&l": lambda i, c: (94, i, "", "", (4391, 756733, 12087792)[c]),
    "completed orders": lambda *_: (99, 0),
    "delayed data": lambda *_: (59, 1, 3),
    "live data": lambda *_: (59, 1, 1),
    "real-time bars": lambda i, c: (50, 3, i, *CONTRACTS[c], 5, "MIDPOINT", 0, ""),
    "cancel real-time bars": lambda i, _: (51, 1, i),
    "global cancel": lambda *_: (58, 1),
    "rule": lambda i, _: (91, 20 + i),
    "positions": lambda *_: (61, 1),
    "cancel positions": lambda *_: (64, 1),
    "account updates": lambda *_: (6, 2, 1, ""),
    "no account updates": lambda *_: (6, 2, 0, ""),
    "account multi": lambda i, _: (76, 1, i, "", "", 0),
    "cancel account multi": lambda i, _: (77, 1, i),
    "p&l": lambda i, _: (92, i, "", ""),
    "cancel p&l": lambda i, _: (93, i),
    "open orders": lambda *_: (5, 1),
    "all open orders": lambda *_: (16, 1),
    "executions": lambda i, _: (7, 3, i, 0, "", "", "", "", "", ""),
    "time": lambda *_: (49, 1),
    "ids": lambda *_: (8, 1, 1),
    "accounts": lambda *_: (17, 1),
    "depth exchanges": lambda *_: (82,),
}  # fmt: skip

LISTS = {"open orders", "all open orders"}

steps = st.one_of(
    st.tuples(st.just("say"), whos, st.sampled_from(sorted(MESSAGES)), ids, symbols),
    st.tuples(
        st.just("order"), whos, order_ids, symbols, st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["MKT", "LMT", "STP"]), prices, st.just(0),
        st.sampled_from(["", "", "", "exit"]),
    ),
    st.tuples(st.just("cancel"), whos, order_ids),
    st.tuples(st.just("reconnect"), whos),
    st.tuples(st.just("deliver")),
    st.tuples(st.just("time"), st.sampled_from([0.3, 1.5])),
)  # fmt: skip


def run(program: list[Step]) -> list[str]:
    """Run a program both ways and return the differences."""
    shared = SharedSide(ACCOUNTS)
    twins = {name: Twin(name, account, shared) for name, account in ACCOUNTS.items()}
    session = 0
    pass_time(shared, twins, 1.0)
    for twin in twins.values():
        session += 1
        twin.connect(session)
    for kind, *step in program:
        if kind == "say":
            twins[step[0]].say(*MESSAGES[step[1]](step[2], step[3]))
        elif kind == "order":
            twins[step[0]].say(*order(*step[1:]))
        elif kind == "cancel":
            twins[step[0]].say(4, 1, step[1], "")
        elif kind == "deliver":
            shared.deliver()
        elif kind == "time":
            shared.deliver()
            pass_time(shared, twins, step[0])
        else:
            session += 1
            shared.deliver()
            twins[step[0]].leave()
            twins[step[0]].connect(session)
    shared.deliver()
    pass_time(shared, twins, 5.0)
    has_lists = any(kind == "say" and step[1] in LISTS for kind, *step in program)
    lines = []
    for name, twin in twins.items():
        twin.collect()
        own, both = view(twin.own_log), view(twin.shared_log)
        found = differences(own, both, twin.cut_short, has_lists=has_lists)
        lines += [f"{name}: {each}" for each in found]
    return lines


def pass_time(shared: SharedSide, twins: dict[str, Twin], seconds: float) -> None:
    """Let the same time pass on both sides."""
    shared.pass_time(seconds)
    for twin in twins.values():
        gateway = twin.own_sim.gateway
        gateway.advance(shared.now_s)


EXAMPLES = int(os.environ.get("IBPROXY_EXAMPLES", "300"))
"""How many programs are tried; more of them by hand."""


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=50))
def test_nobody_can_tell(program: list[Step]) -> None:
    """Whatever two clients do, each sees what it would see on a gateway of its own."""
    assert not run(program), "\n".join(run(program))
