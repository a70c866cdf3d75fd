"""Checks of the handshake, the start, client ids, and the small requests."""

from __future__ import annotations

import re

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import EURUSD, Lab, is_read_only
from ibproxy_server.verify.probe import (
    AWAKE_FARMS,
    IDLE_FARMS,
    LOWEST_VERSION,
    Message,
    Silence,
    is_error,
    is_kind,
    shown,
)

MOST_INT = 2**31 - 1
UNKNOWN_RULE = 987654
NOT_AN_ID = "none"


def greeting_has_two_fields(lab: Lab) -> str:
    """1.2."""
    if len(lab.main.greeting) != 2 or not lab.main.version:  # noqa: PLR2004 - as it says
        raise Differs(f"the greeting was {shown([lab.main.greeting])}")
    return shown([lab.main.greeting])


def range_is_understood(lab: Lab) -> str:
    """1.1: the answer lies within what was offered."""
    seen = f"{LOWEST_VERSION} to {lab.highest} were offered, the answer was {lab.main.version}"
    if not LOWEST_VERSION <= lab.main.version <= lab.highest:
        raise Differs(seen)
    return seen


def highest_common_version(lab: Lab) -> str:
    """1.3: a lower offer is answered with its upper end."""
    lower = min(lab.main.version, lab.highest) - 1
    if lower < LOWEST_VERSION:
        raise CannotCheck(f"nothing below {lab.main.version} can be offered")
    with lab.client(highest=lower) as probe:
        if probe.version != lower:
            raise Differs(f"{LOWEST_VERSION} to {lower} were offered, it was {probe.version}")
    return f"{lab.main.version} and {lower}, each the highest offered"


def nothing_before_start_api(lab: Lab) -> str:
    """1.7: a client that reads greeting and more at one time loses nothing."""
    if lab.before_start:
        raise Differs(f"before startApi came {shown(lab.before_start)}")
    return "nothing came before startApi"


def start_api_is_answered(lab: Lab) -> str:
    """1.8: whoever says so is let in, beside who is there."""
    with lab.probe() as probe:
        try:
            probe.start()
        except Silence as silence:
            if any(is_error(326)(m) for m in silence.seen):
                raise CannotCheck(f"client id {probe.client_id} is in use") from None
            raise Differs(f"client id {probe.client_id} was answered with {silence}") from None
    return f"client id {lab.main.client_id} was let in, and {probe.client_id} beside it"


def accounts_then_next_id(lab: Lab) -> str:
    """1.14: 15, 9, then notices."""
    order = [message[0] for message in lab.welcome if message[0] in {"15", "9"}]
    if order[:2] != ["15", "9"]:
        raise Differs(f"the start was {shown(lab.welcome)}")
    return f"15, 9 and {len(lab.welcome) - 2} more"


def farm_notices_name_their_farm(lab: Lab) -> str:
    """1.15: behind a colon, with id -1."""
    return _farms_are_named(lab.welcome, AWAKE_FARMS, r":[\w.]+$")


def idle_farms_are_behind_a_dot(lab: Lab) -> str:
    """1.16: those that are inactive, with id -1 too."""
    return _farms_are_named(lab.welcome, IDLE_FARMS, r"\.[\w.]+$")


def later_farm_notices_are_alike(lab: Lab) -> str:
    """1.18: in mid-session too; asking for something else may call one up (fact 1.17)."""
    req_id, start = lab.req_id(), len(lab.before_start) + len(lab.welcome)
    lab.main.send(1, 11, req_id, *EURUSD, 0, "", 0, 0, "")
    lab.main.listen(lab.quiet_s)
    lab.main.send(2, 2, req_id)
    return _farms_are_named(lab.main.received[start:], AWAKE_FARMS | IDLE_FARMS, r"[:.][\w.]+$")


def _farms_are_named(messages: list[Message], codes: frozenset[str], pattern: str) -> str:
    notices = [m for m in messages if is_error()(m) and m[3] in codes]
    if not notices:
        raise CannotCheck("no such farm was mentioned")
    wrong = [m for m in notices if m[2] != "-1" or not re.search(pattern, m[4])]
    if wrong:
        raise Differs(shown(wrong))
    return ", ".join(m[3] for m in notices)


def client_id_in_use(lab: Lab) -> str:
    """1.28: 326, then the connection ends."""
    with lab.probe(client_id=lab.main.client_id) as second:
        try:
            second.send(71, 2, lab.main.client_id, "")
            refused = second.wait(is_error(326))
        except Silence as silence:
            raise Differs(f"a second client with the same id got {silence}") from None
        second.listen(lab.quiet_s)
        if refused[2] != "-1" or not second.is_closed:
            raise Differs(f"{shown([refused])}, closed: {second.is_closed}")
    lab.main.settle()
    return shown([refused])


def ids_up_to_31_bits(lab: Lab) -> str:
    """1.40: an id near the limit comes back as it was."""
    req_id = MOST_INT - 1
    try:
        answer = lab.main.ask(79, req_id, until=is_kind(77))[-1]
    except Silence as silence:
        raise Differs(f"request id {req_id} was answered with {silence}") from None
    if answer[1] != str(req_id):
        raise Differs(f"request id {req_id} came back as {answer[1]}")
    return f"request id {req_id} came back"


def malformed_ids_are_320(lab: Lab) -> str:
    """1.47: on a connection of its own, which a setting may end (fact 1.46)."""
    with lab.client() as probe:
        try:
            refused = probe.ask(79, NOT_AN_ID, until=is_error(320))[-1]
        except Silence as silence:
            if probe.is_closed:
                raise CannotCheck("the gateway ends such a connection, by its settings") from None
            raise Differs(f"an id that is no number was answered with {silence}") from None
    return shown([refused])


def request_ids_use_up_no_order_ids(lab: Lab) -> str:
    """3.5: the next order id is far below a request id that was used; it may be 1 ahead (3.15)."""
    before = lab.stated_order_id(lab.main)
    for _ in range(3):
        lab.main.ask(79, lab.req_id(), until=is_kind(77))
    after = lab.stated_order_id(lab.main)
    if not before <= after <= before + 1:
        raise Differs(f"the next order id was {before}, and {after} after three requests")
    return f"the next order id was {before}, and {after} after three requests"


def auto_open_is_for_client_0(lab: Lab) -> str:
    """3.43: another client is refused."""
    if lab.main.client_id == 0:
        raise CannotCheck("we are client 0: give another --client-id")
    try:
        refused = lab.main.ask(15, 1, 1, until=lambda m: _is_refused(m) or is_read_only(m))[-1]
    except Silence as silence:
        raise Differs(f"client {lab.main.client_id} got {silence}") from None
    if is_read_only(refused):
        raise CannotCheck(f"orders are not allowed here: {refused[4]}")
    return shown([refused])


_is_refused = is_error(327, 321)


def data_type_has_no_answer(lab: Lab) -> str:
    """8.1: a mode."""
    since = lab.main.send(59, 1, 1)
    lab.main.settle()
    wrong = [m for m in lab.main.received[since:] if m[0] in {"58", "4"} and m[2] != "-1"]
    if wrong:
        raise Differs(shown(wrong))
    return "nothing came"


def managed_accounts_again(lab: Lab) -> str:
    """8.13: one 15 for each request."""
    return _one_answer(lab, (17, 1), 15)


def next_id_again(lab: Lab) -> str:
    """8.14: one 9 for each request."""
    return _one_answer(lab, (8, 1, 1), 9)


def time_is_answered(lab: Lab) -> str:
    """8.12: one 49; the proxy never asks twice within a second (6.11)."""
    return _one_answer(lab, (49, 1), 49)


def _one_answer(lab: Lab, request: tuple[object, ...], answer: int) -> str:
    since = lab.main.send(*request)
    try:
        lab.main.wait(is_kind(answer), since)
    except Silence as silence:
        raise Differs(f"request {request[0]} was answered with {silence}") from None
    lab.main.listen(lab.quiet_s)
    answers = [m for m in lab.main.received[since:] if is_kind(answer)(m)]
    if len(answers) > 1:
        raise Differs(f"{len(answers)} answers came: {shown(answers)}")
    return shown(answers)


def lists_without_id(lab: Lab) -> str:
    """8.17: families, depth exchanges and news providers, one message each."""
    for request, answer in ((80, 78), (82, 80), (85, 85)):
        try:
            lab.main.ask(request, until=is_kind(answer))
        except Silence as silence:
            raise Differs(f"request {request} was answered with {silence}") from None
    return "78, 80 and 85 came"


def unknown_rule_is_named(lab: Lab) -> str:
    """8.18: the error has no id, its text names the rule."""

    def is_about_rule(message: Message) -> bool:
        return is_error(322, 321)(message) and str(UNKNOWN_RULE) in message[4]

    try:
        return shown(lab.main.ask(91, UNKNOWN_RULE, until=is_about_rule)[-1:])
    except Silence as silence:
        raise Differs(f"market rule {UNKNOWN_RULE} was answered with {silence}") from None


def rule_names_itself(lab: Lab) -> str:
    """8.18: the answer is keyed by the rule."""
    try:
        return shown(lab.main.ask(91, 26, until=lambda m: m[:2] == ["93", "26"])[-1:])
    except Silence as silence:
        raise Differs(f"market rule 26 was answered with {silence}") from None


def bulletins_of_the_day(lab: Lab) -> str:
    """8.9: the day's come if they are asked for, and else only new ones."""
    first = _bulletins(lab, 1)
    if not first:
        raise CannotCheck("there are none today")
    again = _bulletins(lab, 0) & first
    if again:
        raise Differs(f"old ones came unasked: {', '.join(sorted(again))}")
    return f"{len(first)} came, and none of them unasked"


def _bulletins(lab: Lab, wants_all: int) -> set[str]:
    since = lab.main.send(12, 1, wants_all)
    lab.main.settle()
    lab.main.listen(lab.quiet_s)
    lab.main.send(13, 1)
    return {m[2] for m in lab.main.received[since:] if m[0] == "14"}
