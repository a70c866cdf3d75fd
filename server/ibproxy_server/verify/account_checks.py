"""Checks of account updates and their one slot, positions, summary, and P&L."""

from __future__ import annotations

import contextlib

from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.probe import (
    AWAKE_FARMS,
    IDLE_FARMS,
    Message,
    Probe,
    Silence,
    is_error,
    is_kind,
    shown,
)

IMAGE = {"6", "7", "8", "54"}
NOT_AN_ACCOUNT = "DU0"
NOTICES = AWAKE_FARMS | IDLE_FARMS


def image(lab: Lab, probe: Probe, account: str) -> list[Message]:
    """Subscribe and return the messages of the image, 54 the last.

    Raises:
        CannotCheck: another client of the gateway's has the account slot.
        Silence: it did not come whole.
    """
    refused = is_error(2101)
    messages = probe.ask(
        6, 2, 1, account, until=lambda m: (m[0] == "54" and m[2] == account) or refused(m)
    )
    if refused(messages[-1]):
        _see_that_the_slot_is_ours(lab)
        raise Silence(messages[-1:])
    return [message for message in messages if message[0] in IMAGE]


def _see_that_the_slot_is_ours(lab: Lab) -> None:
    """Tell a gateway that refuses from one where somebody else is served.

    While we have nothing, each account must be ours for the asking. If one is refused even so,
    another client has the slot for another account (facts 2.3, 2.4): a proxy at work does.
    """
    lab.main.send(6, 2, 0, lab.accounts[0])
    for account in lab.accounts[:2]:
        with contextlib.suppress(Silence):
            end = lab.main.ask(6, 2, 1, account, until=lambda m: m[0] == "54" or is_error(2101)(m))[
                -1
            ]
            if end[0] == "4":
                raise CannotCheck(
                    "the account slot is taken by another client of this gateway, perhaps by a "
                    f"proxy that is running: {account} was refused while we had none: {end[4]}"
                )
        leave(lab.main, account)


def leave(probe: Probe, account: str) -> None:
    """Give the slot back."""
    probe.send(6, 2, 0, account)
    probe.settle()


def _served(lab: Lab, probe: Probe, account: str) -> list[Message]:
    """Return an image that another check looks at.

    Raises:
        CannotCheck: it does not come.
    """
    try:
        return image(lab, probe, account)
    except Silence as silence:
        raise CannotCheck(f"no image of {account} came: {silence}") from None


def _free_account(lab: Lab) -> str:
    """Return an account that the slot is to be had for: one of the first two must be.

    Raises:
        CannotCheck: the login has one, and another client has the slot for another.
    """
    first = lab.accounts[0]
    try:
        image(lab, lab.main, first)
    except CannotCheck:
        if len(lab.accounts) == 1:
            raise
        return lab.accounts[1]
    except Silence:
        return first  # that it did not come is what a check is to see
    finally:
        leave(lab.main, first)
    return first


def image_ends_with_54(lab: Lab) -> str:
    """2.6, 2.7: values by key, each row of the portfolio with a time, 54."""
    account = _free_account(lab)
    try:
        messages = image(lab, lab.main, account)
    except Silence as silence:
        raise Differs(f"no whole image of {account}: {silence}") from None
    finally:
        leave(lab.main, account)
    keys = [m[2] for m in messages if m[0] == "6"]
    rows = [n for n, m in enumerate(messages) if m[0] == "7"]
    if keys != sorted(keys):
        raise Differs("its values are not in the order of their keys")
    if any(messages[n + 1][0] != "8" for n in rows):
        raise Differs("a row of the portfolio is not followed by a time")
    return f"{len(keys)} values, {len(rows)} rows, 54"


def second_account_replaces_the_first(lab: Lab) -> str:
    """2.1: on the same connection, without a refusal."""
    first, second = lab.two_accounts()
    try:
        _served(lab, lab.main, first)
        image(lab, lab.main, second)
    except Silence as silence:
        raise Differs(f"after {first}, {second} was answered with {silence}") from None
    finally:
        leave(lab.main, second)
    return f"after {first} came {second}"


def replacement_is_2100_or_silent(lab: Lab) -> str:
    """2.2: nothing else is said of it."""
    first, second = lab.two_accounts()
    try:
        _served(lab, lab.main, first)
        since = len(lab.main.received)
        _served(lab, lab.main, second)
        told = [m for m in lab.main.received[since:] if is_error()(m) and m[3] not in NOTICES]
    finally:
        leave(lab.main, second)
    if any(m[2:4] != ["-1", "2100"] for m in told):
        raise Differs(shown(told))
    return shown(told) if told else "it was replaced without a word"


def slot_is_gateway_wide(lab: Lab) -> str:
    """2.3, 2.4: another client is refused another account."""
    first, second = lab.two_accounts()
    try:
        _served(lab, lab.main, first)
        with lab.client() as other:
            ends = other.ask(6, 2, 1, second, until=lambda m: m[0] == "54" or is_error(2101)(m))[-1]
    except Silence as silence:
        raise Differs(f"another client was told {silence}") from None
    finally:
        leave(lab.main, first)
    if ends[0] == "54":
        raise Differs(f"while one client had {first}, another was served {second}")
    if ends[2] != "-1":
        raise Differs(f"2101 came with id {ends[2]}")
    return shown([ends])


def same_account_is_shared(lab: Lab) -> str:
    """2.3: another client may join."""
    account = _free_account(lab)
    try:
        _served(lab, lab.main, account)
        with lab.client() as other:
            count = len(image(lab, other, account))
    except Silence as silence:
        raise Differs(f"another client that asks for {account} too got {silence}") from None
    finally:
        leave(lab.main, account)
    return f"both were served, the second with {count} messages"


def no_code_is_refused(lab: Lab) -> str:
    """2.15: on a login with several accounts, with id -1."""
    lab.two_accounts()
    try:
        refused = lab.main.ask(6, 2, 1, "", until=is_error(321))[-1]
        wrong = lab.main.ask(6, 2, 1, NOT_AN_ACCOUNT, until=is_error(321))[-1]
    except Silence as silence:
        raise Differs(f"an empty or wrong account code was answered with {silence}") from None
    if [refused[2], wrong[2]] != ["-1", "-1"]:
        raise Differs(shown([refused, wrong]))
    return shown([refused, wrong])


def only_account_is_taken(lab: Lab) -> str:
    """2.16: whatever the code says."""
    if len(lab.accounts) > 1:
        raise CannotCheck("this login has several accounts")
    try:
        lab.main.ask(6, 2, 1, "", until=lambda m: m[0] == "54" and m[2] == lab.accounts[0])
    except Silence as silence:
        raise Differs(f"an empty code was answered with {silence}") from None
    finally:
        leave(lab.main, lab.accounts[0])
    return f"an empty code was served {lab.accounts[0]}"


def unsubscribing_is_confirmed(lab: Lab) -> str:
    """2.17: 2100 with id -1, or nothing at all; never the end of something else."""
    account = _free_account(lab)
    _served(lab, lab.main, account)
    since = lab.main.send(6, 2, 0, account)
    lab.main.settle()
    told = [m for m in lab.main.received[since:] if is_error()(m) and m[3] == "2100"]
    if any(m[2] != "-1" for m in told):
        raise Differs(shown(told))
    return shown(told) if told else "it ended without a word"


def ledger_rows_are_of_all(lab: Lab) -> str:
    """2.26: rows of currencies have the account text All, and 64 may come twice."""
    req_id = lab.req_id()
    tags = "NetLiquidation,$LEDGER:ALL"
    since = lab.main.send(62, 1, req_id, "All", tags)
    try:
        lab.main.wait(is_kind(64), since)
    except Silence as silence:
        raise Differs(f"the summary did not end: {silence}") from None
    lab.main.listen(lab.quiet_s)
    lab.main.send(63, 1, req_id)
    rows = [m for m in lab.main.received[since:] if m[0] == "63" and m[2] == str(req_id)]
    ends = sum(m[0] == "64" and m[2] == str(req_id) for m in lab.main.received[since:])
    named = {m[3] for m in rows if m[4] == "NetLiquidation"}
    if not named <= set(lab.accounts):
        raise Differs(f"the net liquidation is that of {sorted(named)}")
    ledger = {m[3] for m in rows if m[4] == "CashBalance"}
    if ledger != {"All"}:
        raise Differs(f"the cash of a ledger is that of {sorted(ledger)}")
    return f"ledger rows are of All; 64 came {ends} times"


def replaced_summary_lives(lab: Lab) -> str:
    """2.25, 2.39: a live id given again replaces its request."""
    req_id = lab.req_id()
    try:
        lab.main.ask(62, 1, req_id, "All", "NetLiquidation", until=is_kind(64))
        ends = lab.main.ask(
            62, 1, req_id, "All", "BuyingPower", until=lambda m: is_kind(64)(m) or is_error()(m)
        )
    except Silence as silence:
        raise Differs(f"the second request was answered with {silence}") from None
    finally:
        lab.main.send(63, 1, req_id)
    if ends[-1][0] == "4":
        raise Differs(shown(ends[-1:]))
    return "the second request was served under the same id"


def several_accounts_at_once(lab: Lab) -> str:
    """2.19: updates by request id know no slot."""
    first, second = lab.two_accounts()
    ids = lab.req_id(), lab.req_id()
    since = len(lab.main.received)
    try:
        for req_id, account in zip(ids, (first, second), strict=True):
            lab.main.send(76, 1, req_id, account, "", 1)
        for req_id in ids:
            end = ["74", "1", str(req_id)]
            lab.main.wait(end.__eq__, since)
    except Silence as silence:
        raise Differs(f"the values of two accounts were answered with {silence}") from None
    finally:
        for req_id in ids:
            lab.main.send(77, 1, req_id)
    shown_by = {m[2]: m[3] for m in lab.main.received[since:] if m[0] == "73"}
    if shown_by != {str(ids[0]): first, str(ids[1]): second}:
        raise Differs(f"the requests were served {shown_by}")
    return f"{first} and {second} side by side"


def positions_end(lab: Lab) -> str:
    """2.31, 2.34, 8.2: the whole set, then 62; asking again gives it again."""
    try:
        first = lab.main.ask(61, 1, until=is_kind(62))
        second = lab.main.ask(61, 1, until=is_kind(62))
    except Silence as silence:
        raise Differs(f"no 62: {silence}") from None
    finally:
        lab.main.send(64, 1)
    counts = [sum(m[0] == "61" for m in messages) for messages in (first, second)]
    if counts[0] != counts[1]:
        raise Differs(f"{counts[0]} rows, then {counts[1]}")
    return f"{counts[0]} rows, twice"


def pnl_comes_by_request(lab: Lab) -> str:
    """2.39, 2.40: 94 for a request; a cancel of none is 10185."""
    req_id, unknown = lab.req_id(), lab.req_id()
    try:
        lab.main.ask(92, req_id, lab.accounts[0], "", until=lambda m: m[:2] == ["94", str(req_id)])
    except Silence as silence:
        raise CannotCheck(f"no P&L came, perhaps by a setting (fact 2.40): {silence}") from None
    lab.main.send(93, req_id)
    try:
        return shown(lab.main.ask(93, unknown, until=is_error(10185, of=unknown))[-1:])
    except Silence as silence:
        raise Differs(f"a cancel of no subscription was answered with {silence}") from None
