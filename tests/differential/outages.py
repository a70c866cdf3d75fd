"""The same programs with and without cuts of the gateway's link, and what clients know at the end.

Both runs go through a hub. In one of them the link breaks now and then: what is on the wire is
lost, and the hub connects again; in the other it never does, and just as much time passes. A cut
may cost time and what tells of a moment (ticks one by one), but nothing that can be known later.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ibproxy_server.core.upstream import LONGEST_PAUSE_S
from tests.differential.knowledge import Comparison, Known
from tests.differential.messages import OrderWish, Subject, cancelled, message, placed
from tests.differential.programs import CASTS
from tests.differential.sides import Role, SharedConnection, SharedSide

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
)
STEPS, END_S = 30, 12.0

SNAPSHOT, UPDATES = "snapshot", "account updates"


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
        self._has_updates: set[int] = set()
        self.steps: list[str] = []

    def run(self) -> list[Known]:
        """Run it; return what each client knows at the end."""
        side, dice = self.side, self._dice
        side.pass_time(1.0071)
        for number, role in enumerate(self.roles, 1):
            self._clients.append(SharedConnection(side, number, role, role.client_id))
        for _ in range(STEPS):
            kind = dice.choices(
                ["say", "order", "cancel", "time", "some", "all", "cut"], [9, 5, 2, 4, 3, 3, 2]
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
        if name == UPDATES and who in self._has_updates:
            name = "positions"  # what a second subscription does, is not known (fact 2.18)
        if name == UPDATES:
            self._has_updates.add(who)
        account = accounts[0] if name == UPDATES else dice.choice(accounts)
        subject = Subject(self._ids[who], dice.randrange(2), account, 1)
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
        arriving, down_s = self._dice.choice([0, 1, 2, 5]), self._dice.choice([0.0, 0.0, 3.0, 75.0])
        self._note("CUT", down_s, "behind", arriving)
        self.side.deliver(arriving)
        if self._is_cut:
            self.side.cut(down_s)
        for _ in range(self._dice.randrange(3)):
            self._say(who)
        self.side.pass_time(down_s + LONGEST_PAUSE_S + 1)
        self._note("back")


def differences(seed: int) -> list[str]:
    """Return what clients know otherwise because of the cuts, behind the steps that show it."""
    smooth, cut = Outing(seed, is_cut=False), Outing(seed, is_cut=True)
    lines: list[str] = []
    for role, before, after in zip(smooth.roles, smooth.run(), cut.run(), strict=True):
        wrong = Comparison(before, after, cut.snapshots, is_calm=cut.is_calm).lines()
        lines += [f"{role.name}: {each}" for each in wrong]
    return [*cut.steps, *lines] if lines else []
