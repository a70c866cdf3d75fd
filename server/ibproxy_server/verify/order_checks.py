"""Checks that place orders: one share, far from the market, cancelled at once."""

from __future__ import annotations

import dataclasses

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import Lab, is_read_only
from ibproxy_server.verify.order_form import CANCEL_ORDER
from ibproxy_server.verify.probe import Message, Probe, Silence, is_error, is_kind, shown

PERM_ID_AT, CLIENT_ID_AT, OCA_AT, PARENT_AT = 25, 24, 19, 58
LONGEST_OCA = 64
UNKNOWN_ORDER = 2_000_000_001


def _orders(messages: list[Message], order_id: int, kind: str = "5") -> list[Message]:
    return [m for m in messages if m[0] == kind and m[1] == str(order_id)]


def _open_orders(probe: Probe, request: int = 5) -> list[Message]:
    messages = probe.ask(request, 1, until=is_kind(53))
    return [m for m in messages if m[0] in {"5", "3"}]


def own_orders_come_to_their_client(lab: Lab) -> str:
    """3.30, 3.37: 5 and 3 come to who placed the order, and to no other client."""
    lab.need_orders()
    with lab.client() as other:
        ticket = lab.resting(lab.main)
        messages = lab.place(lab.main, ticket)
        listed = _orders(_open_orders(other), ticket.order_id)
        strays = [m for m in _orders(other.received, ticket.order_id) if m not in listed]
        lab.cancel(lab.main, ticket.order_id)
    if not _orders(messages, ticket.order_id):
        raise Differs(f"the order was answered with {shown(messages)}")
    if strays or listed:
        raise Differs(f"another client was shown {shown(strays + listed)}")
    return shown(messages)


def perm_id_is_stated(lab: Lab) -> str:
    """3.19, 3.20: in 5 and 3, with the client's own id."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.place(lab.main, ticket)
    listed = _open_orders(lab.main)
    lab.cancel(lab.main, ticket.order_id)
    [order] = _orders(listed, ticket.order_id)[-1:] or [[]]
    if not order or int(order[PERM_ID_AT]) <= 0:
        raise Differs(f"the list of open orders was {shown(listed)}")
    if order[CLIENT_ID_AT] != str(lab.main.client_id):
        raise Differs(f"client id {order[CLIENT_ID_AT]}")
    return f"permId {order[PERM_ID_AT]}"


def open_orders_are_pairs(lab: Lab) -> str:
    """3.38: 5, 3, 5, 3, then 53."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.place(lab.main, ticket)
    kinds = [(m[0], m[1]) for m in _open_orders(lab.main)]
    lab.cancel(lab.main, ticket.order_id)
    pairs = [kinds[n : n + 2] for n in range(0, len(kinds), 2)]
    if any([k for k, _ in pair] != ["5", "3"] or len({i for _, i in pair}) > 1 for pair in pairs):
        raise Differs(", ".join(f"{kind} of {order_id}" for kind, order_id in kinds))
    return f"{len(pairs)} times 5 and 3"


def cancel_ends_with_202(lab: Lab) -> str:
    """3.61, 3.65: 3 Cancelled, then 202."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.place(lab.main, ticket)
    try:
        messages = lab.cancel(lab.main, ticket.order_id)
    except Silence as silence:
        raise Differs(f"the cancel was answered with {silence}") from None
    statuses = [m[2] for m in _orders(messages, ticket.order_id, "3")]
    if statuses[-1:] != ["Cancelled"] or not is_error(202)(messages[-1]):
        raise Differs(shown(messages))
    return ", ".join([*statuses, "202"])


def cancel_of_unknown_order(lab: Lab) -> str:
    """3.82: 10147 with the order id."""
    lab.need_orders()
    test = is_error(10147, of=UNKNOWN_ORDER)
    try:
        last = lab.main.ask(
            *CANCEL_ORDER, UNKNOWN_ORDER, until=lambda m: test(m) or is_read_only(m)
        )[-1]
    except Silence as silence:
        raise Differs(f"the cancel was answered with {silence}") from None
    if not test(last):
        raise CannotCheck(f"orders are not allowed here: {last[4]}")
    return shown([last])


def second_cancel_is_refused(lab: Lab) -> str:
    """3.83: 10148 that names the state, or 10147."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.place(lab.main, ticket)
    lab.cancel(lab.main, ticket.order_id)
    test = is_error(10148, 10147, of=ticket.order_id)
    try:
        return shown(lab.main.ask(*CANCEL_ORDER, ticket.order_id, until=test)[-1:])
    except Silence as silence:
        raise Differs(f"the second cancel was answered with {silence}") from None


def ids_only_rise(lab: Lab) -> str:
    """3.1 to 3.3, 3.9: an id below one that was used is 103."""
    lab.need_orders()
    with lab.client() as probe:
        skipped = lab.next_order_id(probe)
        ticket = lab.resting(probe)
        lab.place(probe, ticket)
        low = lab.resting(probe)
        below = type(low)(skipped, low.contract, low.account, low.limit)
        messages = lab.place(probe, below)
        lab.cancel(probe, ticket.order_id)
    if not is_error(103, of=skipped)(messages[-1]):
        raise Differs(f"{ticket.order_id} and then {skipped} were answered with {shown(messages)}")
    return shown(messages[-1:])


def ids_are_each_clients_own(lab: Lab) -> str:
    """3.7, 3.10: a client that never placed an order starts anew; used + 1 is kept."""
    lab.need_orders()
    with lab.client() as probe:
        ticket = lab.resting(probe)
        lab.place(probe, ticket)
        lab.cancel(probe, ticket.order_id)
        client_id = probe.client_id
    with lab.client(client_id) as probe:
        stated = int(probe.wait(is_kind(9))[2])
    if stated <= ticket.order_id:
        raise Differs(f"after order {ticket.order_id} the next id is {stated}")
    return f"after order {ticket.order_id} the next id is {stated}"


def orders_outlive_their_client(lab: Lab) -> str:
    """1.57, 3.88: they stay, and the same client id sees them again."""
    lab.need_orders()
    client_id = lab.returning_client_id()
    with lab.client(client_id) as probe:
        ticket = lab.resting(probe)
        lab.place(probe, ticket)
    with lab.client(client_id) as probe:
        listed = _orders(_open_orders(probe), ticket.order_id)
        lab.cancel(probe, ticket.order_id)
    if not listed:
        raise Differs("after its client came back, the order was not listed")
    return "the order was there after its client came back"


def all_open_orders_end_alike(lab: Lab) -> str:
    """3.41, 8.5: 16 shows other clients' orders, and ends with the same 53."""
    lab.need_orders()
    with lab.client() as other:
        ticket = lab.resting(lab.main)
        lab.place(lab.main, ticket)
        listed = _orders(_open_orders(other, 16), ticket.order_id)
        lab.cancel(lab.main, ticket.order_id)
    if not listed:
        raise Differs("another client's order was not listed")
    return "another client's order was listed, 53 came"


def bracket_children_name_the_parent(lab: Lab) -> str:
    """3.92, 3.94, 3.95: parentId is the API's order id, ocaGroup the parent's permId."""
    lab.need_orders()
    parent = lab.resting(lab.main, transmit=False)
    since = lab.send(lab.main, parent)
    child = lab.resting(lab.main, action="SELL", stop=1.0, parent_id=parent.order_id)
    lab.place(lab.main, child)
    lab.main.listen(lab.quiet_s)
    seen = lab.main.received[since:]
    lab.cancel(lab.main, parent.order_id)
    first, second = _orders(seen, parent.order_id), _orders(seen, child.order_id)
    if not first or not second:
        raise Differs(shown(seen))
    parent_id, group = second[-1][PARENT_AT], second[-1][OCA_AT]
    if parent_id != str(parent.order_id) or group != first[-1][PERM_ID_AT]:
        raise Differs(f"parent {parent_id}, group {group}")
    return f"parent {parent_id}, group {group}"


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
        lab.place(lab.main, mine)
        lab.place(other, others)
        lab.cancel(lab.main, mine.order_id)
        try:
            other.wait(is_error(202, of=others.order_id), patience_s=lab.quiet_s * 3)
        except Silence:
            lab.cancel(other, others.order_id)
            raise Differs("the other client's order in the group lived on") from None
        lab.gone(other, others.order_id)
    return "the other client's order was cancelled too"


def warned_orders_live(lab: Lab) -> str:
    """3.63, 3.64: an order that 399 is said of is among the open ones."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    messages = lab.place(lab.main, ticket)
    warnings = [m for m in messages if is_error(399, of=ticket.order_id)(m)]
    listed = _orders(_open_orders(lab.main), ticket.order_id)
    lab.cancel(lab.main, ticket.order_id)
    if not warnings:
        raise CannotCheck("no 399 came: the exchange is open")
    if not listed:
        raise Differs(f"after {shown(warnings)} the order is gone")
    return shown(warnings)


def orders_need_an_account(lab: Lab) -> str:
    """3.71: on a login with several accounts an order without one is refused."""
    lab.need_orders()
    lab.two_accounts()
    ticket = dataclasses.replace(lab.resting(lab.main), account="")
    messages = lab.place(lab.main, ticket)
    if messages[-1][0] == "3":
        lab.cancel(lab.main, ticket.order_id)
    if not is_error(321, 435, of=ticket.order_id)(messages[-1]):
        raise Differs(shown(messages))
    return shown(messages[-1:])


def what_if_leaves_orders_alone(lab: Lab) -> str:
    """3.99, 3.102: under a working order's id it is priced, and the order stays."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.place(lab.main, ticket)
    question = type(ticket)(
        ticket.order_id, ticket.contract, ticket.account, ticket.limit, what_if=True
    )
    since = lab.main.send(*question.fields())
    try:
        lab.main.wait(lambda m: m[:2] == ["5", str(ticket.order_id)], since)
    except Silence as silence:
        raise Differs(f"the question was answered with {silence}") from None
    listed = _orders(_open_orders(lab.main), ticket.order_id)
    lab.cancel(lab.main, ticket.order_id)
    if not listed:
        raise Differs("the working order is gone")
    return "it was answered, and the order stayed"


def refused_change_leaves_the_order(lab: Lab) -> str:
    """11.23, 3.75: a change that is refused does not end the order."""
    lab.need_orders()
    ticket = lab.resting(lab.main)
    lab.place(lab.main, ticket)
    change = type(ticket)(ticket.order_id, ticket.contract, ticket.account, 0.0, stop=ticket.limit)
    since = lab.main.send(*change.fields())
    try:
        refused = lab.main.wait(is_error(of=ticket.order_id), since)
    except Silence as silence:
        raise Differs(f"another order type was answered with {silence}") from None
    listed = _orders(_open_orders(lab.main), ticket.order_id)
    lab.cancel(lab.main, ticket.order_id)
    if not listed:
        raise Differs(f"after {shown([refused])} the order is gone")
    return shown([refused])


def completed_orders_end(lab: Lab) -> str:
    """3.103, 8.7: rows without ids, then 102."""
    try:
        messages = lab.main.ask(99, 0, until=lambda m: is_kind(102)(m) or is_error(321)(m))
    except Silence as silence:
        raise Differs(f"no 102: {silence}") from None
    return f"{sum(m[0] == '101' for m in messages)} orders, then {messages[-1][0]}"


def executions_end(lab: Lab) -> str:
    """3.105 to 3.107: each 11 of the answer has the request id, 55 ends it."""
    req_id = lab.req_id()
    fields = (7, 3, req_id, "0", "", "", "", "", "", "")
    try:
        messages = lab.main.ask(*fields, until=lambda m: m[0] == "55" and m[2] == str(req_id))
    except Silence as silence:
        raise Differs(f"no 55: {silence}") from None
    rows = [m for m in messages if m[0] == "11"]
    if any(m[1] != str(req_id) for m in rows):
        raise Differs(shown(rows))
    return f"{len(rows)} executions"
