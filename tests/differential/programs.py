"""Programs of three clients, and what it means to run one both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.differential.messages import (
    MOST_SUMMARIES,
    OTHER_IDS,
    TALKS,
    OrderWish,
    Subject,
    cancelled,
    ended,
    message,
    placed,
)
from tests.differential.sides import OwnSide, Role, SharedSide, Sides
from tests.differential.tolerances import AUDIT, conversations, differences
from tests.differential.twins import Twin

ONE, TWO, THREE = ("DU1000001",), ("DU1000002",), ("DU1000003",)
BOTH, ALL = ONE + TWO, ONE + TWO + THREE

CASTS = (
    (  # a strategy for each account, and one that sees all
        Role("alpha", "alpha", 1, ONE, 1),
        Role("beta", "beta", 1, TWO, 2),
        Role("gamma", "gamma", 1, BOTH, 3),
    ),
    (  # two strategies on one account
        Role("alpha", "alpha", 1, ONE, 1),
        Role("beta", "beta", 1, ONE, 2),
        Role("gamma", "gamma", 1, TWO, 3),
    ),
    (  # two programs of one strategy, and one that sees all
        Role("alpha", "alpha", 1, ONE, 1),
        Role("alpha's other", "alpha", 2, ONE, 1),
        Role("gamma", "gamma", 1, BOTH, 3),
    ),
    (  # a strategy with two accounts of three
        Role("alpha", "alpha", 1, BOTH, 1),
        Role("beta", "beta", 1, THREE, 2),
        Role("gamma", "gamma", 1, ALL, 3),
    ),
)
HEAD = "87"
LISTS = {"5", "16"}
"""reqOpenOrders and reqAllOpenOrders."""

START_S, END_S = 1.0071, 5.0
"""How much time passes at the beginning and at the end."""

AUDIT_ID, AUDIT_S, SLOW = 9, 0.0571, {"completed orders"}

Step = tuple[Any, ...]


@dataclass(frozen=True)
class Program:
    """What happens.

    Attributes:
        cast: who takes part.
        is_calm: whether prices stand still, so that all values can be compared.
        first: how many are connected at the beginning; the others come with their first word.
        words: what is talked about: a part of the alphabet, so that clients ask for the same.
        steps: what happens, in order.
    """

    cast: int
    is_calm: bool
    first: int
    words: Sequence[str]
    steps: Sequence[Step] = field(default_factory=list)

    def __repr__(self) -> str:
        """Return the source of it."""
        steps = "\n".join(f"        {each!r}," for each in self.steps)
        words = ", ".join(map(repr, self.words))
        head = f"{self.cast}, {self.is_calm}, {self.first}, [{words}]"
        return f"Program({head}, [\n{steps}\n    ])"


class Run:
    """A program that is run both ways.

    Attributes:
        twins: the clients.
        list_readers: clients that have asked for open orders.
        watched: accounts whose updates were asked for.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        roles = CASTS[program.cast]
        volatility = 0.0 if program.is_calm else 1.0
        self.sides = Sides(OwnSide(roles, volatility), SharedSide(roles, volatility))
        self.twins = [Twin(role, self.sides, role.client_id) for role in roles]
        self.list_readers: set[str] = set()
        self.watched: set[str] = set()
        self._last_said: dict[int, Sequence[str]] = {}
        self._orders_of: dict[tuple[str, int], dict[int, OrderWish]] = {}

    def differences(self) -> list[str]:
        """Run it, and return where the sides differ."""
        sides = self.sides
        sides.pass_time(START_S)
        for twin in self.twins[: self.program.first]:
            twin.connect(twin.client_id)
        for kind, *step in self.program.steps:
            getattr(self, f"_{kind}")(*step)
        sides.pass_time(END_S)
        for twin in self.twins:
            twin.note("")
        for twin in self.twins:
            self._audit(twin)
        lines = []
        for twin in self.twins:
            lines += [f"{twin.role.name}: {each}" for each in self._of(twin)]
            twin.leave()
        sides.pass_time(END_S)
        lines += [f"{name} runs on for nobody" for name in sides.shared.left_over]
        return lines

    def _audit(self, twin: Twin) -> None:
        """Let a client ask for everything that has an answer of its own, while all is quiet."""
        for name in AUDIT if twin.is_connected else ():
            twin.note(name)
            twin.say(message(name, Subject(AUDIT_ID, 0, "", 0)))
            self.sides.shared.deliver()
            if name in SLOW:
                self.sides.pass_time(AUDIT_S)
            twin.note("")

    def _of(self, twin: Twin) -> list[str]:
        twin.collect()
        own, shared = (
            conversations(each, is_calm=self.program.is_calm, is_turned=len(self.watched) > 1)
            for each in twin.callbacks()
        )
        found = differences(
            own,
            shared,
            twin.cut_short,
            twin.merged,
            twin.hasty,
            has_lists=bool(self.list_readers),
            asks_lists=twin.role.name in self.list_readers,
            is_impatient=twin.is_impatient,
            has_turned_away=twin.has_turned_away,
            has_left=twin.has_left,
            own_refs=tuple(f"{twin.role.number}{client_id}" for client_id in twin.client_ids),
        )
        return found + twin.wrong

    # the steps

    def _client(self, who: int) -> Twin:
        """Return a client; it connects if it has not."""
        twin = self.twins[who]
        if not twin.is_connected:
            twin.connect(twin.client_id)
        return twin

    def _say(
        self, who: int, word: int, number: int, symbol: int, account: int, client_id: int
    ) -> None:
        name = self.program.words[word]
        twin = self._client(who)
        accounts = twin.role.accounts
        subject = Subject(number, symbol, accounts[account % len(accounts)], client_id)
        fields = message(name, subject)
        if fields[0] not in TALKS or not TALKS[fields[0]].is_cancel:
            self._last_said[who] = fields
        self._tell(twin, fields)

    def _same(self, who: int, number: int, is_next: bool) -> None:
        """Ask what another one has asked last."""
        other = self._last_said.get((who + 1 + is_next) % 3)
        if not other:
            return
        accounts = self.twins[who].role.accounts
        fields = [accounts[0] if each in ALL else each for each in other]
        if other[0] in TALKS:
            if other[0] == "62":
                number = min(number, MOST_SUMMARIES)
            elif other[0] == "94":
                number += OTHER_IDS
            fields[TALKS[other[0]].id_at] = str(number)
        self._last_said[who] = fields
        self._tell(self._client(who), fields)

    def _tell(self, twin: Twin, fields: Sequence[str]) -> None:
        if fields[0] == "6" and fields[2] == "1":
            self.watched.add(fields[3])
        if fields[0] == HEAD and twin.is_open("head", fields[1]):
            twin.say(ended("head", fields[1]))  # as ib_async does: its id is taken until then
        if fields[0] in LISTS:
            self.list_readers.add(twin.role.name)
        twin.say(fields)

    def _end(self, who: int, which: int) -> None:
        """Cancel something that runs."""
        twin = self._client(who)
        if twin.running:
            family, request_id = twin.running[which % len(twin.running)]
            twin.say(ended(family, request_id))

    def _order(
        self, who: int, order_id: str, symbol: int, action: str, kind: str, price: float,
        account: int, parent: str, group: str, condition: str, is_what_if: bool,
        is_transmitted: bool,
    ) -> None:  # fmt: skip
        twin = self._client(who)
        number = self._order_id(twin, order_id)
        known = self._orders(twin).get(number)
        wish = OrderWish(
            symbol=symbol,
            action=action,
            kind=kind,
            price=price,
            account=self._account_of(twin, number, parent, account),
            # of two faults, a bad parent and a bad change, each side may name another
            parent_id=known.parent_id if known else self._parent(twin, parent),
            group=group,
            condition=condition,
            is_what_if=is_what_if and not parent,
            is_transmitted=is_transmitted or is_what_if,
        )
        self._place(twin, number, wish)

    @staticmethod
    def _account(twin: Twin, account: int) -> str:
        """Return the account that an order names; with one account it may name none."""
        accounts = twin.role.accounts
        return accounts[account] if len(accounts) > 1 else (accounts[0] if account else "")

    def _account_of(self, twin: Twin, number: int, parent: str, account: int) -> str:
        """An order stays in its account, and a child is in its parent's."""
        known = self._orders(twin)
        if number in known:
            return known[number].account
        if parent == "last" and known:
            return known[max(known)].account
        return self._account(twin, account)

    def _orders(self, twin: Twin) -> dict[int, OrderWish]:
        return self._orders_of.setdefault((twin.role.strategy, twin.client_id), {})

    def _order_id(self, twin: Twin, meant: int | str) -> int:
        numbers = self._orders(twin) or [0]
        if isinstance(meant, int):
            return meant
        return {
            "next": max(numbers) + 1,
            "later": max(numbers) + 3,
            "last": max(*numbers, 1),
            "first": 1,
        }[meant]

    def _parent(self, twin: Twin, parent: str) -> int:
        return {"": 0, "none": 99}.get(parent, max(self._orders(twin), default=0))

    def _place(self, twin: Twin, number: int, wish: OrderWish) -> None:
        known = self._orders(twin)
        ref = f"{twin.role.number}{twin.client_id}{number:03}"
        wish = wish._replace(ref=ref)
        if not wish.is_what_if or number not in known:
            known[number] = wish
        twin.say(placed(number, wish))

    def _trade(self, who: int, side: str, account: int) -> None:
        twin = self._client(who)
        wish = OrderWish(0, side, account=self._account(twin, account))
        self._place(twin, self._order_id(twin, "next"), wish)

    def _bracket(self, who: int, symbol: int, account: int, is_far: bool) -> None:
        """An order with a target and a stop; its parent rests far from the market, or fills."""
        twin = self._client(who)
        first = self._order_id(twin, "next")
        whose = self._account(twin, account)
        parent = OrderWish(
            symbol, "BUY", "LMT", 1.0 if is_far else 10_000.0, account=whose, is_transmitted=False
        )
        target = OrderWish(
            symbol, "SELL", "LMT", 10_000.0, account=whose, parent_id=first, is_transmitted=False
        )
        stop = OrderWish(symbol, "SELL", "STP", 1.0, account=whose, parent_id=first)
        for number, wish in enumerate((parent, target, stop), first):
            self._place(twin, number, wish)

    def _modify(self, who: int, which: str, price: float) -> None:
        twin = self._client(who)
        known = self._orders(twin)
        if known:
            number = (max if which == "last" else min)(known)
            self._place(twin, number, known[number]._replace(price=price, quantity=7))

    def _cancel(self, who: int, which: int | str) -> None:
        twin = self._client(who)
        twin.say(cancelled(self._order_id(twin, which)))

    def _reconnect(self, who: int, client_id: int) -> None:
        self.sides.shared.deliver()
        self.twins[who].leave()
        self.twins[who].connect(client_id)

    def _deliver(self, count: int | None) -> None:
        self.sides.shared.deliver(count)

    def _time(self, seconds: float) -> None:
        self.sides.pass_time(seconds)

    def _world(self, what: str) -> None:
        if what == "bulletin":
            self.sides.publish()
        else:
            self.sides.farm_blinks(what)
