"""Checks of what allows one subscription to serve many."""

from __future__ import annotations

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.data_checks import begins, is_refusal, of_request
from ibproxy_server.verify.lab import EURUSD, FUND, STOCK, Lab
from ibproxy_server.verify.probe import Message, Silence, Test, is_error, is_kind, shown

VOLATILITY, IMPLIED = {"23"}, {"24"}
BARS_UPDATE_FIELDS = 10
BAR_FIELDS = 8
TICKS = ("1", "2", "45", "46")
UPDATE_PATIENCE_S = 10.0
"""Within this time an unfinished bar changes (fact 5.23)."""


def third_summary_is_refused(lab: Lab) -> str:
    """2.21, 2.22: two summaries may run, a third is 322."""
    ids = [lab.req_id() for _ in range(3)]
    try:
        for req_id in ids[:2]:
            lab.main.ask(62, 1, req_id, "All", "NetLiquidation", until=_ends(req_id))
        third = lab.main.ask(
            62, 1, ids[2], "All", "NetLiquidation",
            until=lambda m: _ends(ids[2])(m) or is_error(322)(m),
        )[-1]  # fmt: skip
        if third[0] != "4":
            raise Differs("a third summary was served beside two others")
    except Silence as silence:
        raise Differs(f"a summary was answered with {silence}") from None
    finally:
        for req_id in ids:
            lab.main.send(63, 1, req_id)
    return shown([third])


def _ends(req_id: int) -> Test:
    return lambda m: is_kind(64)(m) and m[2] == str(req_id)


def _ticks(lab: Lab, contract: tuple[object, ...], lists: tuple[str, ...]) -> list[set[str]]:
    """Subscribe once for each generic tick list; returns the kinds of tick that each had."""
    ids = [lab.req_id() for _ in lists]
    since = len(lab.main.received)
    for req_id, ticks in zip(ids, lists, strict=True):
        lab.main.send(1, 11, req_id, *contract, 0, ticks, 0, 0, "")
    lab.main.settle()
    lab.main.listen(lab.quiet_s)
    for req_id in ids:
        lab.main.send(2, 2, req_id)
    messages = lab.main.received[since:]
    for message in messages:
        if any(is_refusal(req_id)(message) for req_id in ids):
            raise CannotCheck(f"no market data: {message[4]}")
    return [{m[3] for m in messages if m[0] in TICKS and m[2] == str(req_id)} for req_id in ids]


def generic_ticks_are_each_requests_own(lab: Lab) -> str:
    """4.23, 4.26: a request has the generic ticks of its own list, and no others."""
    first, second = _ticks(lab, FUND, ("104", "106"))
    if not first & VOLATILITY or not second & IMPLIED:
        raise CannotCheck("the fund has no volatility here")
    if first & IMPLIED or second & VOLATILITY:
        raise Differs(f"104 had ticks {sorted(first)}, 106 had {sorted(second)}")
    return "104 had tick 23 alone, 106 tick 24"


def defaults_can_be_switched_off(lab: Lab) -> str:
    """4.25: with mdoff no bid and no ask come."""
    usual, without = _ticks(lab, FUND, ("", "mdoff,292"))
    if not usual & {"1", "2"}:
        raise CannotCheck("the fund is not quoted")
    if without & {"1", "2"}:
        raise Differs("prices came all the same")
    return "no bid and no ask"


def live_bars_begin_with_the_past(lab: Lab) -> str:
    """5.23, 5.24: the same 17 as without keepUpToDate, then 90 with open, close, high, low."""
    plain, live = (_bars(lab, keep) for keep in (0, 1))
    main = lab.main
    try:
        if not _agree(plain[1], live[1]):
            raise Differs(f"a live request began with {shown([live[1]])}")
        update = main.wait(begins(live[0], 90), live[2], max(main.patience_s, UPDATE_PATIENCE_S))
    except Silence:
        raise CannotCheck("the unfinished bar did not change") from None
    finally:
        main.send(25, 1, live[0])
        main.settle()
    if len(update) != BARS_UPDATE_FIELDS:
        raise Differs(f"an update has {len(update)} fields: {shown([update])}")
    first, close, high, low = map(float, update[4:8])
    if not low <= min(first, close) <= max(first, close) <= high:
        raise Differs(f"the prices of an update are in another order: {shown([update])}")
    return f"{live[1][4]} bars, then {shown([update])}"


def _bars(lab: Lab, keep: int) -> tuple[int, Message, int]:
    """Return id, answer, and from where on its updates come."""
    req_id = lab.req_id()
    fields = (20, req_id, *EURUSD, 0, "", "1 min", "1800 S", 0, "MIDPOINT", 1, keep, "")
    test = begins(req_id, 17)
    since = lab.main.send(*fields)
    try:
        answer = lab.main.wait(lambda m: test(m) or is_refusal(req_id)(m), since)
    except Silence as silence:
        raise CannotCheck(f"no bars came: {silence}") from None
    if answer[0] == "4":
        raise CannotCheck(f"no bars: {answer[4]}")
    return req_id, answer, since


def _agree(plain: Message, live: Message) -> bool:
    """Whether two answers are the same but for their end: time goes on between them."""
    times = [
        {answer[at]: answer[at + 1 : at + 5] for at in range(5, len(answer), BAR_FIELDS)}
        for answer in (plain, live)
    ]
    common = [*times[0].keys() & times[1].keys()]
    last = max(common, default="")
    is_same = all(times[0][each] == times[1][each] for each in common if each != last)
    return is_same and abs(int(plain[4]) - int(live[4])) <= 1 and len(common) > 1


def smart_depth_names_its_exchanges(lab: Lab) -> str:
    """4.52: 2152 under the request's id, which ends nothing."""
    req_id = lab.req_id()
    rows = of_request(req_id, 12, 13)
    main = lab.main
    since = main.send(10, 5, req_id, *STOCK, 5, 1, "")
    try:
        main.wait(lambda m: rows(m) or _is_end(req_id, m), since)
    except Silence as silence:
        raise CannotCheck(f"no depth came: {silence}") from None
    finally:
        main.send(11, 1, req_id, 1)
    messages = main.received[since:]
    if any(_is_end(req_id, m) for m in messages):
        raise CannotCheck("no smart depth of the stock here")
    notices = [m for m in messages if is_error(2152, of=req_id)(m)]
    if not notices:
        raise Differs("rows came without 2152")
    return shown(notices[:1])


def _is_end(req_id: int, message: Message) -> bool:
    return is_refusal(req_id)(message) and message[3] != "2152"
