"""The auditor: compares the three accounts, rule by rule.

A rule yields what breaks it. None of them knows what struck when: whatever happened, they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ibproxy_sim.control.views import OrderView
from tests.chaos.accounts import Books, Line, Story, owner_of

UNKNOWN = 2198
"""The proxy's word for: it may have got lost."""

UNCERTAIN = "ApiPending"
"""The status of such an order, until the gateway's word is in."""

REFUSED = 201

INFORMATION = {0, 100, 105, 165, 317, 399, 404, 1100, 1101, 1102, 10167} | set(range(2100, 2200))
"""Codes that end nothing."""

OF_CANCELS = {161, 202, 10147, 10148}
"""A cancel worked, met a fill or met another cancel: not about whether the order arrived."""

EXPECTED = {
    200: "the question about what does not exist",
    300: "a cancel of market data that has ended",
    322: "a question after the end of what it is about",
    366: "a question that was cut off",
} | dict.fromkeys(INFORMATION, "information")
"""Codes that may come for what is no order, and why; any other one is a fault of the proxy's."""

OF_CHANGE = 104

EXPECTED_OF_ORDERS = {
    OF_CHANGE: "a change that met a fill",
    110: "a price off its steps",
    201: "an order that the proxy, or the broker, refused",
    321: "a child whose parent was refused, or is done",
} | dict.fromkeys(INFORMATION | OF_CANCELS | {UNKNOWN}, "information")
"""The same for orders."""

WORKING = {"PreSubmitted", "Submitted", "PendingCancel", "PendingSubmit"}
OVER = {"Cancelled", "ApiCancelled", "Inactive"}
HELD = "Inactive"

Finding = tuple[str, str]
"""An orderRef or a strategy, and what is wrong with it."""


@dataclass(frozen=True)
class Case:
    """All accounts together.

    Attributes:
        account_of: strategy -> its account.
    """

    books: Books
    journal: dict[str, list[dict[str, Any]]]
    stories: dict[str, Story]
    account_of: dict[str, str]

    def placed(self) -> Iterator[tuple[Story, str, Line]]:
        """Yield each order that a strategy has placed: its story, its ref, its line."""
        for story in self.stories.values():
            for ref, line in story.placed.items():
                yield story, ref, line

    def orders(self) -> Iterator[tuple[str, OrderView, Story]]:
        """Yield each order in the books with its ref and its strategy's story."""
        for ref, orders in self.books.orders.items():
            story = self.stories.get(owner_of(ref))
            if story:
                for order in orders:
                    yield ref, order, story

    def evidence(self, ref: str) -> list[str]:
        """Return what all three accounts say of an order."""
        lines = [f"books: {order}" for order in self.books.orders.get(ref, [])]
        lines += [f"books: {each}" for each in self.books.fills.get(ref, [])]
        for row in self.journal.get(ref, []):
            shown = {key: value for key, value in row.items() if key not in {"request", "status"}}
            lines.append(f"journal: {shown}")
        story = self.stories.get(owner_of(ref))
        lines += [f"told: {line}" for line in (story.told.get(ref, []) if story else [])]
        if story and ref in story.placed:
            where = story.placed[ref]["c"]
            lines.append(f"its connection {where} {'ended' if where in story.cut else 'lived'}")
        return lines or ["nobody knows of it"]


def refusal(story: Story, ref: str) -> Line | None:
    """Return the error that told that an order is none, if there was one."""
    for line in story.told[ref]:
        if line.get("status") == UNCERTAIN:
            continue
        if line["k"] in {"open", "status", "exec", "completed"}:
            return None
        is_end = line["k"] == "error" and line["code"] not in INFORMATION | OF_CANCELS
        if is_end:
            return line
    return None


def _is_over(story: Story, ref: str) -> bool:
    """Whether the last that was told of an order is that it has ended."""
    statuses = [line["status"] for line in story.told[ref] if line["k"] in {"open", "status"}]
    return bool(statuses) and statuses[-1] in OVER


def none_doubled(case: Case) -> Iterator[Finding]:
    """One orderRef is one order at most."""
    for ref, orders in case.books.orders.items():
        if len(orders) > 1:
            yield ref, f"is {len(orders)} orders"
        if owner_of(ref) not in case.stories or ref not in case.stories[owner_of(ref)].placed:
            yield ref, "is in the books, and no strategy has placed it"


def none_lost(case: Case) -> Iterator[Finding]:
    """What was placed is in the books, or refused; or its connection ended without a word.

    What never left its strategy's connection is not in the journal, or the journal says that it
    is nothing. What is held back (transmit off) for a family that never became whole is lost by
    a restart of the gateway (fact 3.49), and so may be what was placed just before (fact 3.17):
    then the last word is that it is over.
    """
    for story, ref, line in case.placed():
        if ref in case.books.orders or refusal(story, ref) or _is_over(story, ref):
            continue
        was_cut = line["c"] in story.cut
        if not was_cut and _is_transmitted(story, ref):
            yield ref, "is not in the books, and its strategy was not told so"


def _is_transmitted(story: Story, ref: str) -> bool:
    """Whether it was to be transmitted, by itself or with the last child of its family."""
    line = story.placed[ref]
    parents = {line["parent"] or ref}
    family = (each for each in story.placed.values() if each["parent"] in parents)
    return line["transmit"] or any(each["transmit"] for each in family)


def none_refused_and_working(case: Case) -> Iterator[Finding]:
    """What a strategy was told is refused is no order."""
    for ref, order, story in case.orders():
        said = refusal(story, ref)
        if said and order.status not in OVER:
            yield ref, f"was refused ({said['code']} {said['text']}), and is {order.status}"
        elif said and order.filled:
            yield ref, f"was refused ({said['code']} {said['text']}), and has filled"


def all_known(case: Case) -> Iterator[Finding]:
    """Its strategy knows of every order in the books."""
    for ref, order, story in case.orders():
        is_held = order.status == HELD and not order.filled
        if not is_held and not _heard(story, ref):
            yield ref, f"is {order.status}, and its strategy does not know"


def _heard(story: Story, ref: str) -> bool:
    return any(
        line["k"] in {"open", "status", "exec", "completed", "error"} for line in story.told[ref]
    )


def no_fill_undelivered(case: Case) -> Iterator[Finding]:
    """Each execution, and what it cost, is known to whose order it was."""
    for ref, fills in case.books.fills.items():
        story = case.stories.get(owner_of(ref))
        for fill in fills:
            if story is None or fill.exec_id not in story.fills_told:
                yield ref, f"its fill {fill.exec_id} was not told"
            elif fill.commission is not None and fill.exec_id not in story.commissions:
                yield ref, f"what its fill {fill.exec_id} cost was not told"


def no_fill_twice(case: Case) -> Iterator[Finding]:
    """No connection is told an execution live more than once."""
    for story in case.stories.values():
        for (connection, exec_id), times in story.live.items():
            if times > 1:
                yield story.name, f"was told {exec_id} {times} times on connection {connection}"


def none_astray(case: Case) -> Iterator[Finding]:
    """A strategy is told of its own orders; in answers of what its account did as well."""
    for story in case.stories.values():
        for line in story.others:
            is_list = line["k"] == "completed" or (line["k"] == "exec" and not line["is_live"])
            if is_list and line["account"] == case.account_of[story.name]:
                continue
            if line["k"] == "error":
                continue  # about a question, or about nothing; `only_expected_errors` looks
            yield line.get("ref") or story.name, f"was told to {story.name}: {line}"


def unknown_resolved(case: Case) -> Iterator[Finding]:
    """Nothing is unknown at the end, and who was told that it is has been told what it was."""
    for ref, rows in case.journal.items():
        for row in rows:
            if row["state"] in {"unknown", "sent", ""} and row["is_transmitted"]:
                yield ref, f"is still {row['state'] or 'sent'} in the journal"
    for story in case.stories.values():
        for ref, lines in story.told.items():
            said = [line for line in lines if line["k"] not in {"place", "change", "cancel"}]
            is_open = bool(said) and said[-1]["k"] == "error" and said[-1]["code"] == UNKNOWN
            if is_open and said[-1]["c"] == story.last:
                yield ref, "its strategy was told that it may be lost, and then nothing more"


def final_status(case: Case) -> Iterator[Finding]:
    """What the last connection was told last of an order is how it stands.

    One that may have got lost, and then is refused, is over for its strategy.
    """
    for story in case.stories.values():
        for ref, lines in story.told.items():
            told = [_status_told(line) for line in lines if line["c"] == story.last]
            said = [each for each in told if each]
            orders = case.books.orders.get(ref, [])
            if said and orders and not _is_same(said[-1], orders[-1].status):
                yield ref, f"was last told to be {said[-1]}, and is {orders[-1].status}"
    for ref, order, story in case.orders():
        is_told = any(line["c"] == story.last for line in story.told[ref])
        if story.last and order.status in WORKING and not is_told:
            yield ref, f"is {order.status}, and the strategy's last connection was not told of it"


def _status_told(line: Line) -> str:
    """Return the status that a line tells an order to have; empty if it tells none."""
    if line["k"] in {"open", "status", "completed"}:
        return str(line["status"])
    return "Cancelled" if line["k"] == "error" and line["code"] == REFUSED else ""


def _is_same(told: str, true: str) -> bool:
    return told == true or (told in OVER and true in OVER)


def journal_agrees(case: Case) -> Iterator[Finding]:
    """The journal knows each order of the books, its owner, permId, fills and status.

    One that ended without a fill before its permId was written is nothing more than refused: no
    list names it by an id that is known (a completed order has no order id, fact 3.103).
    """
    for ref, order, _ in case.orders():
        rows = case.journal.get(ref, [])
        if len(rows) != 1:
            yield ref, f"has {len(rows)} rows in the journal"
            continue
        [row] = rows
        if row["strategy"] != owner_of(ref):
            yield ref, f"is {row['strategy']}'s in the journal"
        is_nothing = order.status in OVER and not order.filled and row["is_gone"]
        if int(row["perm_id"] or 0) != order.perm_id and not is_nothing and order.status != HELD:
            yield ref, f"has permId {row['perm_id']} in the journal, and {order.perm_id} in truth"
        fills = len(case.books.fills.get(ref, []))
        if row["fills"] != fills:
            yield ref, f"has {row['fills']} fills in the journal, and {fills} in truth"
        is_done = order.status not in WORKING
        if bool(row["is_done"]) != is_done and order.status != HELD:
            yield ref, f"is {row['state']} in the journal, and {order.status} in truth"


def journal_invents_nothing(case: Case) -> Iterator[Finding]:
    """What is alive in the journal is in the books."""
    for ref, rows in case.journal.items():
        for row in rows:
            is_alive = not row["is_done"] and row["is_transmitted"]
            if is_alive and ref not in case.books.orders:
                yield ref, f"is {row['state'] or 'sent'} in the journal, and not in the books"


def only_expected_errors(case: Case) -> Iterator[Finding]:
    """No error comes that nothing explains."""
    for story in case.stories.values():
        for line in story.others:
            if line["k"] == "error" and line["code"] not in EXPECTED:
                yield story.name, f"was told {line['code']} {line['text']} for {line['id']}"
        for ref, lines in story.told.items():
            is_changed = any(line["k"] == "change" for line in lines)
            expected = {*EXPECTED_OF_ORDERS} - (set() if is_changed else {OF_CHANGE})
            for line in lines:
                if line["k"] == "error" and line["code"] not in expected:
                    yield ref, f"was told {line['code']} {line['text']}"


RULES: dict[str, Callable[[Case], Iterator[Finding]]] = {
    rule.__name__.replace("_", " "): rule
    for rule in (
        none_doubled,
        none_lost,
        none_refused_and_working,
        all_known,
        no_fill_undelivered,
        no_fill_twice,
        none_astray,
        unknown_resolved,
        final_status,
        journal_agrees,
        journal_invents_nothing,
        only_expected_errors,
    )
}


def audit(case: Case) -> dict[str, list[Finding]]:
    """Return what breaks each rule that does not hold."""
    found = {name: list(rule(case)) for name, rule in RULES.items()}
    return {name: findings for name, findings in found.items() if findings}
