"""What a client knows by what it was told, and how two clients' knowledge differs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.differential.sides import MARK, Fields

NEWS = {1100, 1102, *range(2100, 2200)}
"""Codes that tell of the cut itself, or of the farms of a new connection."""

ABOUT_CANCELS = {161, 202, 10147, 10148}
"""What became of a cancel may be lost on the wire; how the order stands is told all the same."""

DONE = {"Filled", "Cancelled", "ApiCancelled"}

UNANSWERED = 322
"""Half an answer: the one thing that a cut may cost, and then it is said."""

LATEST = {
    "2": 4, "45": 4, "46": 4, "58": 3, "81": 2, "20": 3, "68": 3, "94": 2, "95": 2,
}  # fmt: skip
"""Messages of which the last one of a kind holds -> how many first fields name the kind."""

KEYED = {
    "6": (2, 4, 5), "61": (2, 3), "71": (2, 3, 4), "73": (2, 3, 5, 7), "14": (2,),
}  # fmt: skip
"""The same, with the places of what names it."""

VALUED = {"6", "20", "7", "61", "71", "73", "94", "95"}
"""What hangs on prices, and is told from time to time."""

TICKS = {"1": 2, "2": 2, "45": 2, "46": 2, "58": 2, "81": 1}
"""Messages of a line -> where its request id stands in their key."""

MOMENTS = {"50", "99", "8", "9", "15", "84", "51", "89", "98", "101"}
"""What tells of the moment in which it is made."""

NAMELESS = {"19", "53", "62", "80", "85", "102"}
"""Answers without a request id."""

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
        if kind in HANDLERS:
            HANDLERS[kind](self, fields)
        elif kind in LATEST:
            self.values[tuple(fields[: LATEST[kind]])] = fields
        elif kind in KEYED:
            key = kind, *(fields[at] for at in KEYED[kind])
            self.values[key] = fields
        else:
            at = 0 if kind in NAMELESS else 2 if kind in WITH_VERSION else 1
            self.answers[fields[at]].append(fields)

    def _price(self, fields: Fields) -> None:
        self.values[tuple(fields[:4])] = fields[4:5]  # the size has a message of its own

    def _portfolio(self, fields: Fields) -> None:
        place = "7", fields[2], fields[19]
        self.values[place] = fields
        if float(fields[13]) == 0:
            del self.values[place]  # whether it is told that it is closed, hangs on the moment

    def _past(self, fields: Fields) -> None:
        for at in range(5, len(fields) - 7, 8):
            time, *bar = fields[at : at + 8]
            self.bars[fields[1]][time] = bar

    def _live_bar(self, fields: Fields) -> None:
        count, time, opened, closed, high, low, average, volume = fields[2:10]
        self.bars[fields[1]][time] = [opened, high, low, closed, volume, average, count]

    def _status(self, fields: Fields) -> None:
        self.orders[fields[1]] = tuple(fields[2:6])

    def _open_order(self, fields: Fields) -> None:
        self.values["5", fields[1]] = [fields[1], fields[4]]

    def _execution(self, fields: Fields) -> None:
        if fields[2] == "-1":
            self.fills[fields[14]] += 1

    def _commission(self, fields: Fields) -> None:
        self.commissions[fields[2]] += 1

    def _error(self, fields: Fields) -> None:
        code = int(fields[3])
        if code == 317:
            self.books.pop(fields[2], None)
        elif code not in NEWS | ABOUT_CANCELS:
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


HANDLERS: Mapping[str, Callable[[Known, Fields], None]] = {
    "1": Known._price,
    "3": Known._status,
    "4": Known._error,
    "5": Known._open_order,
    "7": Known._portfolio,
    "11": Known._execution,
    "12": Known._book,
    "13": Known._book,
    "17": Known._past,
    "59": Known._commission,
    "90": Known._live_bar,
}


class Comparison:
    """What a client knows after a run with cuts, against what it knows without.

    Args:
        smooth: without.
        cut: with cuts.
        snapshots: ids of what is of the moment in which it is answered.
        is_calm: whether prices stand still, so that what is told from time to time is equal.
    """

    def __init__(self, smooth: Known, cut: Known, snapshots: set[str], *, is_calm: bool) -> None:
        self._smooth, self._cut, self._is_calm = smooth, cut, is_calm
        given_up = {for_id for for_id, code in cut.errors if code == UNANSWERED}
        self._left_out = snapshots | given_up

    def lines(self) -> list[str]:
        """Return the differences."""
        lines: list[str] = []
        told = [each for each in self._cut.errors if each[1] != UNANSWERED]
        if sorted(told) != sorted(self._smooth.errors):
            lines.append(f"errors: {self._smooth.errors} {told}")
        for name in ("values", "books", "orders", "bars", "answers", "fills", "commissions"):
            one, other = getattr(self._smooth, name), getattr(self._cut, name)
            for key in sorted({*one, *other}, key=str):
                a, b = one.get(key), other.get(key)
                if a != b and not self._is_excused(name, key):
                    lines.append(f"{name} {key}: {a} {b}")
        return lines

    def _is_excused(self, name: str, key: tuple[str, ...] | str) -> bool:
        """Whether a difference is no fault of the hub's."""
        if isinstance(key, str):
            return key in self._left_out or (name == "bars" and self._has_equal_past(key))
        kind = key[0]
        if kind in VALUED:
            return not self._is_calm
        if kind == "5":  # what is done is not listed any more
            return self._smooth.orders.get(key[1], ("",))[0] in DONE
        return kind in TICKS and key[TICKS[kind]] in self._left_out

    def _has_equal_past(self, request_id: str) -> bool:
        """Whether bars are equal but for the newest, which grows and is told now and then.

        Who asks during an outage is answered after it: the first bars are later ones then.
        """
        bars = self._smooth.bars[request_id], self._cut.bars[request_id]
        if not all(bars):
            return False
        first, newest = max(map(min, bars)), max(map(max, bars))
        one, other = ({t: bar for t, bar in each.items() if first <= t < newest} for each in bars)
        return one == other
