"""Random programs, each from a number of its own.

What a step needs is drawn from small pools, so that clients collide: three request ids, two
client ids, order ids that count from 1. Each program has a part of the alphabet only, eight words,
and two contracts: clients that share so little ask for the same again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tests.differential.messages import ALPHABET, CONDITIONS, CONTRACTS, UNDRAWN
from tests.differential.programs import CASTS, Program, Step

STEPS, WORDS, SYMBOLS = 50, 8, 2

MOMENTS_S = (0.3137, 0.3137, 1.5113)
"""How much time passes; never just as much as it takes the market to move."""

VOCABULARY = sorted(set(ALPHABET) - UNDRAWN)

THEMES = (
    ("market data", "market data", "snapshot", "delayed data", "delayed data"),
    ("market data", "market data with volume", "snapshot", "cancel market data"),
    ("bulletins", "all bulletins", "cancel bulletins"),
    ("account updates", "no account updates", "p&l", "one p&l", "time"),
    ("summary", "account multi", "positions multi", "positions", "cancel positions"),
    ("open orders", "all open orders", "completed orders", "global cancel", "ids"),
    ("executions", "executions of a client", "executions of a side", "executions of an account"),
    ("rule", "depth exchanges", "news providers", "scanner parameters", "time"),
    ("live bars", "history", "depth", "trades", "real-time bars", "scanner"),
    ("details", "details of futures", "option parameters", "matching", "head time stamp"),
)
"""Words that have to do with each other."""


class Dice(Random):
    """Draws what steps need."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.symbols = self.sample(range(len(CONTRACTS)), SYMBOLS)

    def who(self) -> int:
        """A client."""
        return self.randrange(3)

    def id(self) -> int:
        """A request id."""
        return self.randint(1, 3)

    def symbol(self) -> int:
        """A contract."""
        return self.choice(self.symbols)

    def side(self) -> str:
        """BUY or SELL."""
        return self.choice(["BUY", "SELL"])

    def coin(self) -> bool:
        """Yes or no."""
        return self.random() < 0.5

    def seldom(self) -> bool:
        """Once in four times."""
        return self.random() < 0.25


def _order(dice: Dice) -> Step:
    order_id = dice.choice(["next", "next", "next", "next", "last", "first", "later"])
    kind = dice.choice(["MKT", "LMT", "STP"])
    price = dice.choice([1.0, 10_000.0])
    parent = dice.choice(["", "", "", "", "last", "none"])
    group = dice.choice(["", "", "exit"])
    condition = dice.choice(["", "", "", "", *CONDITIONS])
    return (
        "order", dice.who(), order_id, dice.symbol(), dice.side(), kind, price, int(dice.coin()),
        parent, group, condition, dice.seldom(), not dice.seldom(),
    )  # fmt: skip


def _say(dice: Dice) -> Step:
    word, account, client_id = dice.randrange(WORDS), int(dice.coin()), dice.randint(1, 2)
    return "say", dice.who(), word, dice.id(), dice.symbol(), account, client_id


STEP_KINDS: Mapping[str, tuple[int, Callable[[Dice], Step]]] = {
    "say": (14, _say),
    "same": (6, lambda dice: ("same", dice.who(), dice.id(), dice.coin())),
    "end": (3, lambda dice: ("end", dice.who(), dice.randrange(3))),
    "order": (4, _order),
    "trade": (3, lambda dice: ("trade", dice.who(), dice.side(), int(dice.coin()))),
    "bracket": (
        2,
        lambda dice: ("bracket", dice.who(), dice.symbol(), int(dice.coin()), dice.coin()),
    ),
    "modify": (
        2,
        lambda dice: (
            "modify", dice.who(), dice.choice(["last", "first"]), dice.choice([1.0, 10_000.0]),
        ),
    ),
    "cancel": (
        2,
        lambda dice: ("cancel", dice.who(), dice.choice(["last", "last", "first", 2, 3, 9])),
    ),
    "reconnect": (1, lambda dice: ("reconnect", dice.who(), dice.randint(1, 2))),
    "some": (3, lambda dice: ("deliver", dice.choice([1, 2, 5, 30]))),
    "all": (3, lambda _: ("deliver", None)),
    "time": (6, lambda dice: ("time", dice.choice(MOMENTS_S))),
    "world": (1, lambda dice: ("world", dice.choice(["bulletin", "market", "historical"]))),
}  # fmt: skip
"""Kind of step -> how often it comes, and how it is drawn."""


def drawn(seed: int) -> Program:
    """Return the program of a number."""
    dice = Dice(seed)
    weights = [weight for weight, _ in STEP_KINDS.values()]
    kinds = dice.choices([draw for _, draw in STEP_KINDS.values()], weights, k=STEPS)
    return Program(
        dice.randrange(len(CASTS)),
        dice.coin(),
        dice.randint(1, 3),
        dice.choices(dice.choice(THEMES), k=WORDS // 2) + dice.choices(VOCABULARY, k=WORDS // 2),
        [draw(dice) for draw in kinds],
    )
