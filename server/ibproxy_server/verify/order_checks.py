"""Checks that place orders: one share, far from the market, cancelled at once.

What a check leaves of its orders is cancelled behind it (`Lab.tidy`).
"""

from __future__ import annotations

import dataclasses

from ibproxy_server.core.orders.layout import COMPLETED_PERM_ID, completed
from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import Lab, is_read_only
from ibproxy_server.verify.layout_checks import compare
from ibproxy_server.verify.order_form import cancellation
from ibproxy_server.verify.order_view import (
    CLIENT_ID_AT,
    LIMIT_AT,
    PERM_ID_AT,
    REF_AT,
    of_order,
    open_orders,
)
from ibproxy_server.verify.probe import Message, Probe, Silence, is_error, is_kind, shown

UNKNOWN_ORDER = 2_000_000_001
SKIPPED = 50
REFUSED_READ_ONLY = {"321", "10119", "10132"}


def read_only_is_known(lab: Lab) -> str:
    """1.43: the codes by which the proxy knows that orders are not allowed."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    since = lab.send(lab.main, ticket)
    own = str(ticket.order_id)
    end = lab.main.wait(lambda m: is_read_only(m) or m[:2] == ["3", own], since)
    if end[0] == "3":
        raise CannotCheck("orders are allowed here")
    if end[3] not in REFUSED_READ_ONLY:
        raise Differs(shown([end]))
    return shown([end])


def orders_outlive_their_client(lab: Lab) -> str:
    """1.57, 3.88: they stay, and the same client id sees them again."""
    lab.need_orders()
    client_id = lab.returning_client_id()
    with lab.client(client_id) as probe:
        ticket = lab.resting(probe)
        lab.work(probe, ticket)
    with lab.client(client_id) as probe:
        listed = of_order(open_orders(probe), ticket.order_id)
    if not listed:
        raise Differs("after its client came back, the order was not listed")
    return "the order was there after its client came back"


# ids


def ids_only_rise(lab: Lab) -> str:
    """3.1 to 3.4, 3.13: an id below one that was used is 103, though it never was used itself."""
    lab.need_orders()
    with lab.client() as probe:
        skipped = lab.next_order_id(probe)
        ticket = lab.resting(probe)
        lab.work(probe, ticket)
        messages = lab.place(probe, dataclasses.replace(ticket, order_id=skipped))
    if not is_error(103, of=skipped)(messages[-1]):
        raise Differs(f"{ticket.order_id} and then {skipped} were answered with {shown(messages)}")
    return shown(messages[-1:])


def same_id_is_a_change(lab: Lab) -> str:
    """3.9: with a lower price under the id of a working order, that order has the lower price."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    lab.main.listen(lab.quiet_s)  # it may be told several times (fact 3.56)
    changed = dataclasses.replace(ticket, limit=round(ticket.limit * 0.99, 2))
    messages = lab.place(lab.main, changed)
    if is_error(2102)(messages[-1]):  # fact 3.74
        raise CannotCheck(f"the change came too soon: {messages[-1][4]}")
    listed = of_order(open_orders(lab.main), ticket.order_id)
    orders = {order[PERM_ID_AT] for order in listed}  # one may be listed twice (fact 3.56)
    if messages[-1][0] == "4" or len(orders) != 1:
        raise Differs(f"{shown(messages[-1:])}; {len(orders)} orders have the id")
    if float(listed[0][LIMIT_AT]) != changed.limit:
        raise Differs(f"its limit is {listed[0][LIMIT_AT]}, not {changed.limit}")
    return f"its limit went from {ticket.limit} to {changed.limit}"


def done_ids_are_refused(lab: Lab) -> str:
    """3.11: with 104, or 103."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    lab.cancel(lab.main, ticket.order_id)
    lab.main.settle()
    messages = lab.place(lab.main, ticket)
    if not is_error(103, 104, of=ticket.order_id)(messages[-1]):
        raise Differs(shown(messages))
    return shown(messages[-1:])


def ids_are_each_clients_own(lab: Lab) -> str:
    """3.7: what one client has used does not raise another's; which may be 1 ahead (3.15)."""
    lab.need_orders()
    with lab.client() as one, lab.client() as other:
        before = lab.stated_order_id(other)
        high = max(before, lab.next_order_id(one)) + SKIPPED
        lab.work(one, dataclasses.replace(lab.resting(one), order_id=high))
        after = lab.stated_order_id(other)
    if not before <= after <= before + 1:
        raise Differs(f"after order {high} of one client, another's next went {before} to {after}")
    return f"after order {high} of one client, another's next id is {after}"


def next_id_is_kept(lab: Lab) -> str:
    """3.8, 3.10: it is above what was used, between connections too."""
    lab.need_orders()
    client_id = lab.returning_client_id()
    with lab.client(client_id) as probe:
        ticket = lab.resting(probe)
        lab.work(probe, ticket)
        lab.cancel(probe, ticket.order_id)
    with lab.client(client_id) as probe:
        stated = int(probe.wait(is_kind(9))[2])
    if stated <= ticket.order_id:
        raise Differs(f"after order {ticket.order_id} the next id is {stated}")
    return f"after order {ticket.order_id} the next id is {stated}"


def perm_id_is_stated(lab: Lab) -> str:
    """3.19, 3.20: in 5, with the client's own id."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    [order] = of_order(open_orders(lab.main), ticket.order_id)[-1:] or [[]]
    if not order or int(order[PERM_ID_AT]) <= 0:
        raise Differs(f"it was listed as {shown([order])}")
    if order[CLIENT_ID_AT] != str(lab.main.client_id):
        raise Differs(f"client id {order[CLIENT_ID_AT]}")
    return f"permId {order[PERM_ID_AT]}"


def reference_returns(lab: Lab) -> str:
    """3.26: in 5, as it was sent."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    [order] = of_order(open_orders(lab.main), ticket.order_id)[-1:] or [[]]
    if not order or order[REF_AT] != ticket.ref:
        raise Differs(f"{ticket.ref!r} was listed as {shown([order])}")
    return f"orderRef {order[REF_AT]}"


# who is told what


def own_orders_come_to_their_client(lab: Lab) -> str:
    """3.30: 5 and 3 come to who placed the order, and to no other client."""
    lab.need_orders()
    with lab.client() as other:
        ticket = lab.resting(lab.main)
        messages = lab.work(lab.main, ticket)
        other.settle()
        strays = [m for kind in ("5", "3") for m in of_order(other.received, ticket.order_id, kind)]
    if not of_order(messages, ticket.order_id):
        raise Differs(f"the order was answered with {shown(messages)}")
    if strays:
        raise Differs(f"another client was told {shown(strays)}")
    return shown(messages)


def open_orders_are_the_clients_own(lab: Lab) -> str:
    """3.37: another client's are not listed, its own are."""
    lab.need_orders()
    with lab.client() as other:
        ticket = lab.resting(lab.main)
        lab.work(lab.main, ticket)
        lab.main.listen(lab.quiet_s)  # until it is told of no more, and only lists are left
        other.settle()
        listed = of_order(open_orders(other), ticket.order_id)
        own = of_order(open_orders(lab.main), ticket.order_id)
    if listed or not own:
        raise Differs(f"another client's list had {len(listed)}, its owner's {len(own)} of it")
    return "it was listed to its own client alone"


def open_orders_are_pairs(lab: Lab) -> str:
    """3.38: 5, 3, 5, 3, then 53."""
    lab.need_orders()
    for _ in range(2):
        lab.work(lab.main, lab.resting(lab.main))
    lab.main.settle()
    kinds = [(m[0], m[1]) for m in open_orders(lab.main)]
    pairs = [kinds[n : n + 2] for n in range(0, len(kinds), 2)]
    if any([k for k, _ in pair] != ["5", "3"] or len({i for _, i in pair}) > 1 for pair in pairs):
        raise Differs(", ".join(f"{kind} of {order_id}" for kind, order_id in kinds))
    return f"{len(pairs)} times 5 and 3"


def all_open_orders_end_alike(lab: Lab) -> str:
    """3.41, 8.5: 16 shows other clients' orders, and ends with the same 53."""
    lab.need_orders()
    with lab.client() as other:
        ticket = lab.resting(lab.main)
        lab.work(lab.main, ticket)
        listed = of_order(open_orders(other, 16), ticket.order_id)
    if not listed:
        raise Differs("another client's order was not listed")
    return "another client's order was listed, 53 came"


# warnings and refusals


def warned_orders_live(lab: Lab) -> str:
    """3.63, 3.64: an order that 399 is said of is among the open ones."""
    return _lives_after(lab, 399, "the exchange is open", tif="DAY")


def preset_orders_live(lab: Lab) -> str:
    """3.68: an order whose time in force a preset has set is among the open ones."""
    return _lives_after(lab, 10349, "the gateway's presets say nothing of it", tif="")


def _lives_after(lab: Lab, code: int, why_none: str, tif: str) -> str:
    lab.need_orders()
    ticket = lab.resting(lab.main, tif=tif)
    since = len(lab.main.received)
    lab.work(lab.main, ticket)
    lab.main.listen(lab.quiet_s)
    warnings = [m for m in lab.main.received[since:] if is_error(code)(m)]
    if not warnings:
        raise CannotCheck(f"no {code} came: {why_none}")
    if not of_order(open_orders(lab.main), ticket.order_id):
        raise Differs(f"after {shown(warnings)} the order is gone")
    return shown(warnings)


def orders_need_an_account(lab: Lab) -> str:
    """3.71: on a login with several accounts an order without one is refused."""
    lab.need_orders()
    lab.two_accounts()
    ticket = dataclasses.replace(lab.resting(lab.main), account="")
    messages = lab.place(lab.main, ticket)
    if not is_error(321, 435, of=ticket.order_id)(messages[-1]):
        raise Differs(shown(messages))
    return shown(messages[-1:])


# cancels


def cancel_ends_with_202(lab: Lab) -> str:
    """3.61, 3.65: 3 Cancelled, then 202."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    since = len(lab.main.received)
    lab.work(lab.main, ticket)
    try:
        lab.cancel(lab.main, ticket.order_id)
        lab.main.wait(is_error(202, of=ticket.order_id), since)
    except Silence:
        messages = lab.main.received[since:]
        raise Differs(f"the cancel was answered with {shown(messages)}") from None
    statuses = [m[2] for m in of_order(lab.main.received[since:], ticket.order_id, "3")]
    if statuses[-1:] != ["Cancelled"]:
        raise Differs(", ".join([*statuses, "202"]))
    return ", ".join([*statuses, "202"])


def cancelled_orders_are_completed(lab: Lab) -> str:
    """3.103: 101 with the permId, the status Cancelled, and nothing filled."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    [order] = of_order(open_orders(lab.main), ticket.order_id)[-1:] or [["0"] * 99]
    lab.cancel(lab.main, ticket.order_id)
    if order[PERM_ID_AT] == "0":
        raise CannotCheck("the order was not listed with a permId")
    try:
        messages = lab.main.ask(99, 0, until=is_kind(102))
    except Silence as silence:
        raise CannotCheck(f"completed orders did not end: {silence}") from None
    rows = [m for m in messages if m[0] == "101" and m[COMPLETED_PERM_ID] == order[PERM_ID_AT]]
    if not rows:
        raise Differs(f"it is not among the {len(messages) - 1} completed orders")
    read = completed([*(field.encode() for field in rows[0]), b""], lab.main.version)
    if read.status != b"Cancelled" or read.filled:
        raise Differs(f"it is read as {read.status.decode()}, filled {read.filled}")
    return f"Cancelled, {read.text.decode()}"


def order_errors_have_the_order_id(lab: Lab) -> str:
    """3.18: whatever the error is."""
    lab.need_orders()
    order_id = UNKNOWN_ORDER + 1
    try:
        refused = _cancel_refused(lab, order_id)
    except Silence as silence:
        raise CannotCheck(f"the cancel of {order_id} was answered with {silence}") from None
    if refused[2] != str(order_id):
        raise Differs(f"the cancel of {order_id} was answered with {shown([refused])}")
    return shown([refused])


def cancel_of_unknown_order(lab: Lab) -> str:
    """3.82: 10147, whatever its id field says."""
    lab.need_orders()
    try:
        refused = _cancel_refused(lab, UNKNOWN_ORDER)
    except Silence as silence:
        raise Differs(f"the cancel of {UNKNOWN_ORDER} was answered with {silence}") from None
    if refused[3] != "10147":
        raise Differs(f"the cancel of {UNKNOWN_ORDER} was answered with {shown([refused])}")
    return shown([refused])


def _cancel_refused(lab: Lab, order_id: int) -> list[str]:
    """Cancel an order that does not exist, and return the error that is about it.

    Raises:
        Silence: none came.
    """
    about = str(order_id)
    since = lab.main.send(*cancellation(order_id, lab.main.version))
    refused = lab.main.wait(
        lambda m: is_error()(m) and (m[2] == about or about in m[4] or is_read_only(m)), since
    )
    if is_read_only(refused):
        raise CannotCheck(f"orders are not allowed here: {refused[4]}")
    return refused


def second_cancel_is_refused(lab: Lab) -> str:
    """3.83: 10148 that names the state, or 10147."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    lab.cancel(lab.main, ticket.order_id)
    test = is_error(10148, 10147, of=ticket.order_id)
    since = lab.main.send(*cancellation(ticket.order_id, lab.main.version))
    try:
        return shown([lab.main.wait(test, since)])
    except Silence as silence:
        raise Differs(f"the second cancel was answered with {silence}") from None


def orders_are_laid_out_as_the_table_says(lab: Lab) -> str:
    """9.1: an order of the main client's, in the list of all open orders."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    mine = of_order(open_orders(lab.main), ticket.order_id)[-1]

    def listed(_: Lab, probe: Probe) -> list[Message]:
        orders = [m for m in open_orders(probe, 16) if m[0] == "5"]
        found = [m for m in orders if m[PERM_ID_AT] == mine[PERM_ID_AT]]
        if not found:
            raise CannotCheck("the order is not in the list of all open orders")
        return found[-1:]

    try:
        return compare(lab, listed)
    finally:
        lab.cancel(lab.main, ticket.order_id)
