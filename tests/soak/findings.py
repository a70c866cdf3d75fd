"""What a soak has found."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

_KEPT, _SHOWN = 20, 200
"""How many texts are kept, and how many characters of each."""


@dataclass
class Findings:
    """Counts, and the first of what was wrong in words.

    Attributes:
        wrong: messages that were not for the client that got them, or were not right.
        unanswered: questions without an end to their answer.
        refused: error code -> how often, of errors that a limit of the gateway explains.
        lives: connections that clients made.
        asked: kind of request -> how often.
        told: messages that clients got.
        checked: of these, those that show whose they are, and were looked at.
        texts: the first of what was wrong.
        patience_s: a question that is not answered after so long never will be.
        placed: strategy -> client id and order id of all orders that it has placed.
    """

    wrong: int = 0
    unanswered: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    lives: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    told: int = 0
    checked: int = 0
    texts: list[str] = field(default_factory=list)
    patience_s: float = 30.0
    placed: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))

    def find_wrong(self, text: str) -> None:
        """A message was not as it must be."""
        self.wrong += 1
        self.note(text)

    def find_unanswered(self, text: str) -> None:
        """A question was not answered to its end."""
        self.unanswered += 1
        self.note(text)

    def note(self, text: str) -> None:
        """Keep the text, if there are not too many."""
        if len(self.texts) < _KEPT:
            self.texts.append(text[:_SHOWN])
