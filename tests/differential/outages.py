"""The same programs with and without cuts of the gateway's link, and what clients know at the end.

Both runs go through a hub. In one of them the link breaks now and then: what is on the wire is
lost, and the hub connects again; in the other it never does, and just as much time passes. A cut
may cost time and what tells of a moment (ticks one by one), but nothing that can be known later.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.differential.messages import OrderWish, Subject, cancelled, message, placed
from tests.differential.programs import CASTS
from tests.differential.sides import MARK, Fields, Role, SharedConnection, SharedSide

STREAMS = (
    "market data",
    "market data with volume",
    "depth",
    "scanner",
    "group",
    "live bars",
    "positions",
    "positions multi",
    "account multi",
    "account updates",
    "p&l",
    "one p&l",
    "bulletins",
    "all bulletins",
)
QUESTIONS = (
    "snapshot",
    "history",
    "details",
    "details of futures",
    "details of nothing",
    "head time stamp",
    "histogram",
    "past ticks",
    "option parameters",
    "soft dollars",
    "groups",
    "user",
    "fundamentals",
    "rule",
    "depth exchanges",
    "news providers",
    "open orders",
    "completed orders",
    "executions",
)
import os
ORD=int(os.environ.get("ORD","5"))
STEPS, OUTAGE_S, END_S = 30, 2.3137, 12.0

SNAPSHOT = "snapshot"
NEWS = {1100, 1102, 2104, 2106, 2108, 2158}
"""Codes that tell of the cut itself, or of the farms of a new connection."""

UNANSWERED = 322
"""Half an answer: the one thing that a cut may cost, and then it is said."""

LATEST = {
    "2": 4, "45": 4, "46": 4, "58": 3, "81": 2, "20": 3, "68": 3, "94": 2, "95": 2,
}  # fmt: skip
"""Messages of which the last one of a kind holds -> how many first fields name the kind."""

KEYED = {
    "6": (2, 4, 5), "7": (2, 19), "61": (2, 3), "71": (2, 3, 4), "73": (2, 3, 5, 7), "14": (2,),
}  # fmt: skip
"""The same, with the places of what names it."""

MOMENTS = {"50", "99", "8", "9", "15", "84", "51", "89", "98"}
"""What tells of a moment, or says no more than that time passes."""

WITH_VERSION = {"51", "52", "54", "55", "57", "64", "67", "72", "74"}
"""Answers whose id, or account, stands behind a version field."""


@dataclass
class Known:
    """What a client knows by what it was told.

    Attributes:
        values: what holds, by what it is about.
        books: request id -> side -> rows.
        bars: request id -> time -> bar.
        orders: order id -> how it stands.
        fills: execution id -> how often it was told live.
        commissions: execution id -> how often it was told.
        answers: request id, or kind of message -> messages, in order.
        errors: id and code, in order.
    """

    values: dict[tuple[str, ...], Fields] = field(default_factory=dict)
    books: dict[str, dict[str, list[Fields]]] = field(default_factory=dict)
    bars: dict[str, dict[str, Fields]] = field(default_factory=lambda: defaultdict(dict))
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fills: Counter[str] = field(default_factory=Counter)
    commissions: Counter[str] = field(default_factory=Counter)
    answers: dict[str, list[Fields]] = field(default_factory=lambda: defaultdict(list))
    errors: list[tuple[str, int]] = field(default_factory=list)

    def hear(self, fields: Fields) -> None:
        """Take a message."""
        if fields[-1].startswith(MARK):
            fields = fields[:-1]
        kind = fields[0]
        if kind in MOMENTS:
            return
        if kind == "4":
            self._error(fields)
        elif kind == "1":
            self.values[tuple(fields[:4])] = fields[4:5]  # the size has a message of its own
        elif kind in LATEST:
            self.values[tuple(fields[: LATEST[kind]])] = fields
        elif kind in KEYED:
            self.values[(kind, *(fields[at] for at in KEYED[kind]))] = fields
        elif kind in {"12", "13"}:
            self._book(fields)
        elif kind == "17":
            count = (len(fields) - 5) // 8
            for at in range(5, 5 + 8 * count, 8):
                time, opened, high, low, closed, *rest = fields[at : at + 8]
                self.bars[fields[1]][time] = [opened, high, low, closed, *rest]
        elif kind == "90":
            count, time, opened, closed, high, low, average, volume = fields[2:10]
            bar = [opened, high, low, closed, volume, average, count]
            self.bars[fields[1]][time] = bar
        elif kind == "3":
            self.orders[fields[1]] = tuple(fields[2:6])
        elif kind == "5":
            self.values["5", fields[1]] = [fields[1], fields[4]]
        elif kind == "11" and fields[2] == "-1":
            self.fills[fields[14]] += 1
        elif kind == "59":
            self.commissions[fields[2]] += 1
        else:
            at = 2 if kind in WITH_VERSION else 1
            self.answers[fields[at] if len(fields) > at else kind].append(fields)

    def _error(self, fields: Fields) -> None:
        code = int(fields[3])
        if code == 317:
            self.books.pop(fields[2], None)
        elif code not in NEWS:
            self.errors.append((fields[2], code))

    def _book(self, fields: Fields) -> None:
        at = 4 if fields[0] == "12" else 5
        position, operation, side = int(fields[3]), fields[at], fields[at + 1]
        rows = self.books.setdefault(fields[2], {}).setdefault(side, [])
        row = fields[at + 2 :]
        if operation == "0":
            rows.insert(position, row)
        elif operation == "1":
            rows[position] = row
        else:
            del rows[position]


class Outing:
    """One run of a program."""

    def __init__(self, seed: int, *, is_cut: bool) -> None:
        self._dice = dice = Random(seed)
        self._is_cut = is_cut
        self.is_calm = dice.random() < 0.5
        roles: Sequence[Role] = CASTS[dice.randrange(len(CASTS))]
        self.roles = roles
        self.side = SharedSide(roles, 0.0 if self.is_calm else 1.0)
        self._clients: list[SharedConnection] = []
        self.known = [Known() for _ in roles]
        self.snapshots: set[str] = set()
        self._ids = [10] * len(roles)
        self._order_ids = [0] * len(roles)
        self.steps: list[str] = []

    def run(self) -> list[Known]:
        """Run it; return what each client knows at the end."""
        side, dice = self.side, self._dice
        side.pass_time(1.0071)
        for number, role in enumerate(self.roles, 1):
            self._clients.append(SharedConnection(side, number, role, role.client_id))
        for _ in range(STEPS):
            kind = dice.choices(
                ["say", "order", "cancel", "time", "some", "all", "cut"], [9, ORD, ORD, 4, 3, 3, 2]
            )[0]
            getattr(self, f"_{kind}")(dice.randrange(len(self.roles)))
        side.pass_time(END_S)
        for number, known in enumerate(self.known, 1):
            for fields in side.out.pop(number, []):
                known.hear(fields)
        return self.known

    def _note(self, *words: object) -> None:
        self.steps.append(" ".join(map(str, words)))

    def _say(self, who: int) -> None:
        dice, accounts = self._dice, self.roles[who].accounts
        name = dice.choice(STREAMS if dice.random() < 0.6 else QUESTIONS)
        self._ids[who] += 10
        subject = Subject(self._ids[who], dice.randrange(2), dice.choice(accounts), 1)
        self._note(self.roles[who].name, "says", name, subject.id)
        if name == SNAPSHOT:
            self.snapshots.add(str(subject.id))
        self._clients[who].say(message(name, subject))

    def _order(self, who: int) -> None:
        dice, accounts = self._dice, self.roles[who].accounts
        self._order_ids[who] += 1
        wish = OrderWish(
            dice.randrange(2),
            dice.choice(["BUY", "SELL"]),
            dice.choice(["MKT", "LMT", "LMT"]),
            dice.choice([1.0, 10_000.0]),
            account=dice.choice(accounts),
        )
        self._note(self.roles[who].name, "places", self._order_ids[who], wish)
        self._clients[who].say(placed(self._order_ids[who], wish))

    def _cancel(self, who: int) -> None:
        if self._order_ids[who]:
            order_id = self._dice.randint(1, self._order_ids[who])
            self._note(self.roles[who].name, "cancels", order_id)
            self.side.deliver()
            self._clients[who].say(cancelled(order_id))

    def _time(self, _: int) -> None:
        self._note("time")
        self.side.pass_time(self._dice.choice([0.0137, 0.3137, 1.5113]))

    def _some(self, _: int) -> None:
        count = self._dice.choice([1, 2, 5, 30])
        self._note("some", count)
        self.side.deliver(count)

    def _all(self, _: int) -> None:
        self._note("all")
        self.side.deliver()

    def _cut(self, who: int) -> None:
        """Cut the link; clients ask for something while it is down, and then it comes back."""
        self._note("CUT")
        if self._is_cut:
            self.side.cut()
        for _ in range(self._dice.randrange(3)):
            self._say(who)
        self.side.pass_time(OUTAGE_S)
        self._note("back")


def differences(seed: int) -> list[str]:
    """Return what clients know otherwise because of the cuts."""
    calm, cut = Outing(seed, is_cut=False), Outing(seed, is_cut=True)
    lines: list[str] = []
    for role, before, after in zip(calm.roles, calm.run(), cut.run(), strict=True):
        lines += [f"{role.name}: {each}" for each in _compared(before, after, cut.is_calm, cut.snapshots)]
    return [*cut.steps, *lines] if lines else []


def _compared(smooth: Known, cut: Known, is_calm: bool, snapshots: set[str]) -> list[str]:
    lines = []
    given_up = {for_id for for_id, code in cut.errors if code == UNANSWERED}
    known = [each for each in cut.errors if each[1] != UNANSWERED]
    if sorted(known) != sorted(smooth.errors):
        lines.append(f"errors {smooth.errors} {cut.errors}")
    for name in ("values", "books", "orders", "bars", "answers"):
        one, other = getattr(smooth, name), getattr(cut, name)
        for key in sorted({*one, *other}, key=str):
            kind = key[0] if name == "values" else ""
            if kind in {"6", "7", "61", "71", "73", "94", "95"} and not is_calm:
                continue
            if kind in {"1", "2", "45", "46", "58", "81"} and key[2 if kind not in {"58","81"} else (2 if kind=="58" else 1)] in snapshots:
                continue
            if (key if isinstance(key, str) else "") in given_up and name in {"answers", "bars"}:
                continue
            a, b = one.get(key), other.get(key)
            if name == "bars" and a and b:
                newest = max(a)  # still growing, and told from time to time
                a, b = ({k: v for k, v in each.items() if k != newest} for each in (a, b))
            if a != b:
                lines.append(f"{name} {key}: {a} {b}")
    for name in ("fills", "commissions"):
        if getattr(smooth, name) != getattr(cut, name):
            lines.append(f"{name}: {getattr(smooth, name)} {getattr(cut, name)}")
    return lines
