"""Checks of the handshake, the start, client ids, and the small requests."""

from __future__ import annotations

import re

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.probe import Message, Silence, is_error, is_kind, shown

OWN_VERSION = 160
MOST_INT = 2**31 - 1
FARM_NOTICES = range(2103, 2161)
UNKNOWN_RULE = 987654


def greeting_has_two_fields(lab: Lab) -> str:
    """1.2."""
    if len(lab.main.greeting) != 2 or not lab.main.version:  # noqa: PLR2004 - as it says
        raise Differs(f"the greeting was {shown([lab.main.greeting])}")
    return shown([lab.main.greeting])


def range_is_understood(lab: Lab) -> str:
    """1.1: the answer lies within what was offered."""
    if not 157 <= lab.main.version <= 176:  # noqa: PLR2004 - what was offered
        raise Differs(f"157 to 176 were offered, the answer was {lab.main.version}")
    return f"157 to 176 were offered, the answer was {lab.main.version}"


def highest_common_version(lab: Lab) -> str:
    """1.3: a lower offer is answered with its upper end."""
    with lab.probe(versions=f"157..{OWN_VERSION}") as probe:
        probe.start()
        if probe.version != OWN_VERSION:
            raise Differs(f"157 to {OWN_VERSION} were offered, the answer was {probe.version}")
    return f"{lab.main.version} and {OWN_VERSION}, each the highest offered"


def nothing_before_start_api(lab: Lab) -> str:
    """1.7: a client that reads greeting and more at one time loses nothing."""
    if lab.before_start:
        raise Differs(f"before startApi came {shown(lab.before_start)}")
    return "nothing came before startApi"


def start_api_is_answered(lab: Lab) -> str:
    """1.8: it was, or there would be no connection to check."""
    return f"client id {lab.main.client_id} was let in"


def accounts_then_next_id(lab: Lab) -> str:
    """1.14: 15, 9, then notices."""
    order = [message[0] for message in lab.welcome if message[0] in {"15", "9"}]
    if order[:2] != ["15", "9"]:
        raise Differs(f"the start was {shown(lab.welcome)}")
    return f"15, 9 and {len(lab.welcome) - 2} more"


def farm_notices_name_their_farm(lab: Lab) -> str:
    """1.15, 1.16: behind a colon or a dot, with id -1."""
    notices = [m for m in lab.welcome if is_error()(m) and int(m[3]) in FARM_NOTICES]
    if not notices:
        raise CannotCheck("no farm was mentioned")
    wrong = [m for m in notices if m[2] != "-1" or not re.search(r"[:.][\w.]+$", m[4])]
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


def a_place_is_free_at_once(lab: Lab) -> str:
    """1.33: the proxy tries again while its id is still held; here it need not."""
    lab.returning_client_id()  # if it is held, as is known, that cannot be checked
    return "a client id was free at once after its owner had left"


def auto_open_is_for_client_0(lab: Lab) -> str:
    """3.43: another client is refused."""
    if lab.main.client_id == 0:
        raise CannotCheck("we are client 0: give another --client-id")
    try:
        return shown(lab.main.ask(15, 1, 1, until=is_error(327, 321)))
    except Silence as silence:
        raise Differs(f"client {lab.main.client_id} got {silence}") from None


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
    try:
        return shown(lab.main.ask(17, 1, until=is_kind(15))[-1:])
    except Silence as silence:
        raise Differs(f"reqManagedAccts was answered with {silence}") from None


def next_id_again(lab: Lab) -> str:
    """8.14: one 9 for each request."""
    try:
        return shown(lab.main.ask(8, 1, 1, until=is_kind(9))[-1:])
    except Silence as silence:
        raise Differs(f"reqIds was answered with {silence}") from None


def time_is_answered(lab: Lab) -> str:
    """8.12: one 49; the proxy never asks twice within a second (6.11)."""
    try:
        return shown(lab.main.ask(49, 1, until=is_kind(49))[-1:])
    except Silence as silence:
        raise Differs(f"reqCurrentTime was answered with {silence}") from None


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
