"""Checks of market data, depth, ticks, history and scanners."""

from __future__ import annotations

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import EURUSD, STOCK, UNKNOWN, Lab
from ibproxy_server.verify.probe import Message, Silence, Test, is_error, shown

FIRST_WITH_ISSUER = 176
"""Server version from which reqContractDetails names an issuer (wire-table)."""

NOTICES = {"2104", "2106", "2119", "2158", "2174", "10167", "10090"}


def of_request(req_id: int, *message_ids: int) -> Test:
    """Return a test for a message of one of these ids that has the request id as its third."""
    texts = {str(message_id) for message_id in message_ids}
    return lambda m: m[0] in texts and m[2] == str(req_id)


def begins(req_id: int, *message_ids: int) -> Test:
    """Return a test for a message of one of these ids that has the request id as its second."""
    texts = {str(message_id) for message_id in message_ids}
    return lambda m: m[0] in texts and m[1] == str(req_id)


def is_refusal(req_id: int) -> Test:
    """Return a test for an error that ends a request."""
    return lambda m: is_error(of=req_id)(m) and m[3] not in NOTICES


def subscribe(
    lab: Lab, contract: tuple[object, ...], until: tuple[int, ...]
) -> tuple[int, list[Message]]:
    """Subscribe to market data and return its id and what came up to the first of these.

    Raises:
        CannotCheck: it is refused or there is nothing to be had.
    """
    req_id = lab.req_id()
    fields = (1, 11, req_id, *contract, 0, "", 0, 0, "")
    test = of_request(req_id, *until)
    try:
        messages = lab.main.ask(*fields, until=lambda m: test(m) or is_refusal(req_id)(m))
    except Silence as silence:
        lab.main.send(2, 2, req_id)
        raise CannotCheck(f"no market data came: {silence}") from None
    if messages[-1][0] == "4":
        raise CannotCheck(f"no market data: {messages[-1][4]}")
    return req_id, messages


def joining_shows_the_present(lab: Lab) -> str:
    """4.6: a second request for a contract has 58, 81 and what the first has, at once."""
    first, messages = subscribe(lab, EURUSD, (1,))
    lab.main.listen(lab.quiet_s)
    before = {(m[0], m[3]) for m in lab.main.received if m[0] == "1" and m[2] == str(first)}
    second = lab.req_id()
    lab.main.send(1, 11, second, *EURUSD, 0, "", 0, 0, "")
    lab.main.listen(lab.quiet_s)
    kinds = {m[0] for m in lab.main.received if m[0] == "58" and m[2] == str(second)}
    kinds |= {m[0] for m in lab.main.received if m[0] == "81" and m[1] == str(second)}
    after = {(m[0], m[3]) for m in lab.main.received if m[0] == "1" and m[2] == str(second)}
    for req_id in (first, second):
        lab.main.send(2, 2, req_id)
    if kinds != {"58", "81"}:
        raise Differs(f"of 58 and 81 came {sorted(kinds)}")
    if not before <= after:
        raise Differs(f"the first had {len(before)} kinds of price, who joined {len(after)}")
    return f"58, 81 and {len(after)} kinds of price; the first began with {shown(messages[:2])}"


def cancel_of_unknown_data(lab: Lab) -> str:
    """4.9: 300 with the id."""
    req_id = lab.req_id()
    try:
        return shown(lab.main.ask(2, 2, req_id, until=is_error(300, of=req_id))[-1:])
    except Silence as silence:
        raise Differs(f"the cancel was answered with {silence}") from None


def live_id_is_refused(lab: Lab) -> str:
    """4.8: 322 or 102, and the first request goes on."""
    req_id, _ = subscribe(lab, EURUSD, (1,))
    fields = (1, 11, req_id, *EURUSD, 0, "", 0, 0, "")
    try:
        refused = lab.main.ask(*fields, until=is_error(322, 102, of=req_id))[-1]
    except Silence as silence:
        raise Differs(f"an id that is live was answered with {silence}") from None
    finally:
        lab.main.send(2, 2, req_id)
    return shown([refused])


def unknown_contract_is_200(lab: Lab) -> str:
    """4.43, 4.68: one 200, no end marker."""
    req_id = lab.req_id()
    issuer = ("",) if lab.main.version >= FIRST_WITH_ISSUER else ()
    since = lab.main.send(9, 8, req_id, *UNKNOWN, 0, "", "", *issuer)
    try:
        refused = lab.main.wait(is_error(200, of=req_id), since)
    except Silence as silence:
        raise Differs(f"an unknown contract was answered with {silence}") from None
    lab.main.settle()
    if any(of_request(req_id, 52)(m) for m in lab.main.received[since:]):
        raise Differs("52 came behind the 200")
    return shown([refused])


def delayed_data_goes_on(lab: Lab) -> str:
    """4.39: 10167 is followed by ticks."""
    req_id = lab.req_id()
    test = of_request(req_id, 1)
    lab.main.send(59, 1, 3)
    since = lab.main.send(1, 11, req_id, *STOCK, 0, "", 0, 0, "")
    try:
        end = lab.main.wait(lambda m: test(m) or is_refusal(req_id)(m), since)
    except Silence:
        end = []
    finally:
        lab.main.send(2, 2, req_id)
        lab.main.send(59, 1, 1)
    if not any(is_error(10167, of=req_id)(m) for m in lab.main.received[since:]):
        raise CannotCheck("no delayed data of the stock came, or live data is subscribed here")
    if not end or end[0] == "4":
        raise Differs(f"behind 10167 came {shown([end] if end else [])}")
    return "ticks came behind 10167"


def data_type_is_for_what_follows(lab: Lab) -> str:
    """4.37: a stream that runs stays what it is when another type is chosen."""
    req_id = lab.req_id()
    test = of_request(req_id, 1)
    lab.main.send(59, 1, 3)
    try:
        since = lab.main.send(1, 11, req_id, *STOCK, 0, "", 0, 0, "")
        end = lab.main.wait(lambda m: test(m) or is_refusal(req_id)(m), since)
    except Silence as silence:
        raise CannotCheck(f"no data of the stock came: {silence}") from None
    finally:
        since = lab.main.send(59, 1, 1)
        lab.main.listen(lab.quiet_s)
        lab.main.send(2, 2, req_id)
    if end[0] == "4":
        raise CannotCheck(f"no data of the stock: {end[4]}")
    changes = of_request(req_id, 58)
    told = [m for m in lab.main.received[since:] if changes(m) or is_refusal(req_id)(m)]
    if told:
        raise Differs(f"when another type was chosen came {shown(told)}")
    return "a stream went on as it was when another type was chosen"


def ticks_open_with_history(lab: Lab) -> str:
    """4.48: a number of ticks asked for comes as 96, under the same id."""
    req_id = lab.req_id()
    test = begins(req_id, 96, 97, 98, 99)
    try:
        messages = lab.main.ask(
            97, req_id, *EURUSD, "MidPoint", 5, 0, until=lambda m: test(m) or is_refusal(req_id)(m)
        )
    except Silence as silence:
        raise CannotCheck(f"no ticks came: {silence}") from None
    finally:
        lab.main.send(98, req_id)
    if messages[-1][0] == "4":
        raise CannotCheck(f"no ticks: {messages[-1][4]}")
    if messages[-1][0] == "99":
        raise Differs("a live tick came first")
    return f"{messages[-1][0]} came first"


def depth_starts_with_inserts(lab: Lab) -> str:
    """4.55: rows are inserted from 0, then changed by number."""
    req_id, since = _depth(lab)
    lab.main.listen(lab.quiet_s)
    lab.main.send(11, 1, req_id, 0)
    inserted: set[tuple[str, str]] = set()
    for message in filter(of_request(req_id, 12), lab.main.received[since:]):
        place = message[5], message[3]
        if message[4] == "1" and place not in inserted:
            raise Differs(f"row {message[3]} was changed before it was inserted")
        inserted.add(place)
    return f"{len(inserted)} rows, each inserted first"


def depth_cancel_repeats_its_kind(lab: Lab) -> str:
    """4.54: with the wrong flag 310, and the book runs on."""
    req_id, _ = _depth(lab)
    try:
        return shown(lab.main.ask(11, 1, req_id, 1, until=is_error(310, of=req_id))[-1:])
    except Silence as silence:
        raise Differs(f"a cancel with the wrong flag was answered with {silence}") from None
    finally:
        lab.main.send(11, 1, req_id, 0)


def _depth(lab: Lab) -> tuple[int, int]:
    """Subscribe to depth, wait for its first row, return its id and where its rows begin."""
    main, req_id = lab.main, lab.req_id()
    rows = of_request(req_id, 12)
    since = main.send(10, 5, req_id, *EURUSD, 5, 0, "")
    try:
        first = main.wait(lambda m: rows(m) or is_refusal(req_id)(m), since)
    except Silence as silence:
        raise CannotCheck(f"no depth came: {silence}") from None
    if first[0] == "4":
        raise CannotCheck(f"no depth: {first[4]}")
    return req_id, since


def _history(lab: Lab, keep: int) -> tuple[int, list[Message]]:
    req_id = lab.req_id()
    fields = (20, req_id, *EURUSD, 0, "", "1 min", "1800 S", 0, "MIDPOINT", 1, keep, "")
    test = begins(req_id, 17)
    try:
        messages = lab.main.ask(*fields, until=lambda m: test(m) or is_refusal(req_id)(m))
    except Silence as silence:
        raise CannotCheck(f"no bars came: {silence}") from None
    if messages[-1][0] == "4":
        raise CannotCheck(f"no bars: {messages[-1][4]}")
    return req_id, messages


def bars_come_in_one_message(lab: Lab) -> str:
    """5.10: one 17 with a count of bars of eight fields."""
    _, messages = _history(lab, 0)
    answer = messages[-1]
    count = int(answer[4])
    if len(answer) != 5 + 8 * count:
        raise Differs(f"{count} bars in {len(answer)} fields")
    return f"{count} bars"


def cancelled_history_is_162(lab: Lab) -> str:
    """5.11, 5.25: the cancel of a live request is confirmed."""
    req_id, _ = _history(lab, 1)
    try:
        return shown(lab.main.ask(25, 1, req_id, until=is_error(162, of=req_id))[-1:])
    except Silence as silence:
        raise Differs(f"the cancel was answered with {silence}") from None


def cancel_of_unknown_history(lab: Lab) -> str:
    """5.11: 366, or 322 that says so."""
    req_id = lab.req_id()
    try:
        return shown(lab.main.ask(25, 1, req_id, until=is_error(366, 322, of=req_id))[-1:])
    except Silence as silence:
        raise Differs(f"the cancel was answered with {silence}") from None


def scanner_answers(lab: Lab) -> str:
    """4.64: the whole list in one 20, or 165 for no matches."""
    req_id = lab.req_id()
    fields = (22, req_id, 5, "STK", "STK.US.MAJOR", "MOST_ACTIVE", *[""] * 13, 0, *[""] * 5)
    test = of_request(req_id, 20)
    try:
        messages = lab.main.ask(*fields, until=lambda m: test(m) or is_error(of=req_id)(m))
    except Silence as silence:
        raise CannotCheck(f"no scan came: {silence}") from None
    finally:
        lab.main.send(23, 1, req_id)
    last = messages[-1]
    if last[0] == "20" and len(last) != 4 + 16 * int(last[3]):
        raise Differs(f"{last[3]} rows in {len(last)} fields")
    if last[0] == "4" and last[3] != "165":
        raise CannotCheck(f"no scan: {last[4]}")
    return f"{last[3]} rows" if last[0] == "20" else shown([last])
