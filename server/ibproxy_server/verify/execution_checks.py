"""Checks of what is done: completed orders, executions, and their commissions. They place none."""

from __future__ import annotations

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import Lab, is_read_only
from ibproxy_server.verify.probe import Message, Silence, is_kind, shown

EXEC_ID_AT, COMMISSION_EXEC_ID_AT = 14, 2


def completed_orders_end(lab: Lab) -> str:
    """3.103, 8.7: rows without ids, then 102."""
    try:
        messages = lab.main.ask(99, 0, until=lambda m: is_kind(102)(m) or is_read_only(m))
    except Silence as silence:
        raise Differs(f"no 102: {silence}") from None
    if messages[-1][0] == "4":
        raise CannotCheck(f"completed orders are not shown here: {messages[-1][4]}")
    return f"{sum(m[0] == '101' for m in messages)} orders, then 102"


def executions_end(lab: Lab) -> str:
    """3.105 to 3.107: each 11 of the answer has the request id, 55 ends it."""
    try:
        req_id, messages = _executions(lab)
    except Silence as silence:
        raise Differs(f"no 55: {silence}") from None
    rows = [m for m in messages if m[0] == "11"]
    if any(m[1] != str(req_id) for m in rows):
        raise Differs(shown(rows))
    return f"{len(rows)} executions"


def commissions_name_their_execution(lab: Lab) -> str:
    """3.35, 3.106: each 59 is of an execution that was shown, and says so by its id alone."""
    try:
        _, messages = _executions(lab)
    except Silence as silence:
        raise CannotCheck(f"no executions came: {silence}") from None
    known = {m[EXEC_ID_AT] for m in messages if m[0] == "11"}
    named = [m[COMMISSION_EXEC_ID_AT] for m in messages if m[0] == "59"]
    if not named:
        raise CannotCheck("nothing was filled today")
    strangers = [exec_id for exec_id in named if exec_id not in known]
    if strangers:
        raise Differs(f"of no execution that was shown: {', '.join(strangers)}")
    return f"{len(named)} commissions of {len(known)} executions"


def _executions(lab: Lab) -> tuple[int, list[Message]]:
    req_id = lab.req_id()
    fields = (7, 3, req_id, "0", "", "", "", "", "", "")
    messages = lab.main.ask(*fields, until=lambda m: m[0] == "55" and m[2] == str(req_id))
    return req_id, messages
