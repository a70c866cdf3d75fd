"""Checks of orders that hang together, of changes, and of what-if questions."""

from __future__ import annotations

import dataclasses

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import FAR, Lab
from ibproxy_server.verify.order_form import Ticket
from ibproxy_server.verify.order_view import (
    OCA_AT,
    PERM_ID_AT,
    of_order,
    open_orders,
    parent_id_of,
)
from ibproxy_server.verify.probe import Message, Silence, is_error, shown

LONGEST_OCA = 64


def bracket_group_is_the_perm_id(lab: Lab) -> str:
    """3.94: ocaGroup of a child is the permId of its parent."""
    _, first, _, second = _bracket(lab)
    if second[OCA_AT] != first[PERM_ID_AT]:
        raise Differs(f"the parent's permId is {first[PERM_ID_AT]}, the group {second[OCA_AT]!r}")
    return f"permId {first[PERM_ID_AT]} and group {second[OCA_AT]}"


def parent_id_is_the_order_id(lab: Lab) -> str:
    """3.92, 3.95: parentId of a child is the API's order id of its parent."""
    parent, _, _, second = _bracket(lab)
    parent_id = parent_id_of(second, lab.main.version)
    if parent_id != str(parent.order_id):
        raise Differs(f"the parent is order {parent.order_id}, its child says {parent_id!r}")
    return f"parent {parent_id}"


def _bracket(lab: Lab) -> tuple[Ticket, Message, Ticket, Message]:
    """Place a parent and a child; returns each and what is said of it."""
    lab.need_orders()
    parent = lab.resting(lab.main, transmit=False)
    since = lab.send(lab.main, parent)
    child = lab.resting(lab.main, action="SELL", stop=1.0, parent_id=parent.order_id)
    lab.work(lab.main, child)
    lab.main.listen(lab.quiet_s)
    seen = lab.main.received[since:]
    first, second = of_order(seen, parent.order_id), of_order(seen, child.order_id)
    if not first or not second:
        raise CannotCheck(f"parent and child were answered with {shown(seen)}")
    return parent, first[-1], child, second[-1]


def long_oca_names_are_refused(lab: Lab) -> str:
    """3.97: longer than 64 characters is 401."""
    lab.need_orders()
    ticket = lab.resting(lab.main, oca_group="x" * (LONGEST_OCA + 1))
    messages = lab.place(lab.main, ticket)
    if not is_error(401, of=ticket.order_id)(messages[-1]):
        raise Differs(shown(messages))
    return shown(messages[-1:])


def oca_names_are_account_wide(lab: Lab) -> str:
    """3.98: a group of two clients is one group."""
    lab.need_orders()
    name = f"ibproxy-{lab.req_id()}"
    with lab.client() as other:
        mine, others = lab.resting(lab.main, oca_group=name), lab.resting(other, oca_group=name)
        lab.work(lab.main, mine)
        lab.work(other, others)
        lab.cancel(lab.main, mine.order_id)
        done = ["3", str(others.order_id), "Cancelled"]
        try:
            other.wait(lambda m: m[:3] == done, patience_s=lab.quiet_s * 3)
        except Silence:
            raise Differs("the other client's order in the group lived on") from None
        lab.gone(other, others.order_id)
    return "the other client's order was cancelled too"


def what_if_leaves_orders_alone(lab: Lab) -> str:
    """3.99, 3.102: under a working order's id it is priced, and the order stays."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    lab.main.settle()
    since = lab.send(lab.main, dataclasses.replace(ticket, what_if=True))
    try:
        lab.main.wait(lambda m: m[:2] == ["5", str(ticket.order_id)], since)
    except Silence as silence:
        raise Differs(f"the question was answered with {silence}") from None
    if not _is_open(lab, ticket):
        raise Differs("the working order is gone")
    return "it was answered, and the order stayed"


def refused_change_leaves_the_order(lab: Lab) -> str:
    """11.23, 3.75: a change that is refused does not end the order."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.work(lab.main, ticket)
    lab.main.settle()
    far_above = round(ticket.limit / FAR**2, 2)  # if it is taken after all, it does not trigger
    since = lab.send(lab.main, dataclasses.replace(ticket, stop=far_above))
    try:
        refused = lab.main.wait(is_error(of=ticket.order_id), since)
    except Silence as silence:
        raise CannotCheck(f"another order type was not refused, but {silence}") from None
    if not _is_open(lab, ticket):
        raise Differs(f"after {shown([refused])} the order is gone")
    return shown([refused])


def _is_open(lab: Lab, ticket: Ticket) -> bool:
    lab.main.listen(lab.quiet_s)
    return bool(of_order(open_orders(lab.main), ticket.order_id))
