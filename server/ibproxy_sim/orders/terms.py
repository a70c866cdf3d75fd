"""What an order says, as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

UNSET_DOUBLE_TEXT: Final = "1.7976931348623157E308"
UNSET_LONG_TEXT: Final = "9223372036854775807"
UNSET_DOUBLE: Final = 1.7976931348623157e308
UNSET_INTEGER_TEXT: Final = "2147483647"
UNSET_TEXTS: Final = frozenset({"", "1.7976931348623157e+308", UNSET_DOUBLE_TEXT, "2147483647"})
"""How clients write that a field is unset."""

UP_TO_MID: Final = "Infinity"
"""competeAgainstBestOffset "up to mid"; ib_async writes it Infinite, but reads only this."""

CONDITION_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "1": ("conjunction", "is_more", "price", "con_id", "exchange", "trigger_method"),
    "3": ("conjunction", "is_more", "time"),
    "4": ("conjunction", "is_more", "percent"),
    "5": ("conjunction", "sec_type", "exchange", "symbol"),
    "6": ("conjunction", "is_more", "volume", "con_id", "exchange"),
    "7": ("conjunction", "is_more", "change_percent", "con_id", "exchange"),
}
"""Condition type -> its fields behind the type [api OrderCondition]."""


@dataclass
class Terms:
    """What an order says, all of it as text.

    Attributes:
        fields: text by the field's name.
        rows: the rows of counted groups by the group's name.
    """

    fields: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the field, empty if it is not there."""
        return self.fields.get(name, "")

    def number(self, name: str) -> float | None:
        """Return the field as a number; None if it is empty or says unset."""
        return number_of(self.text(name))

    def integer(self, name: str) -> int:
        """Return the field as a whole number; 0 if it is empty."""
        return int(float(self.text(name) or 0))

    @property
    def leg_prices(self) -> list[float]:
        """A price for each leg of a combo; empty if it has none (recorded: in place of a limit)."""
        texts = [row[0] for row in self.rows.get("leg_prices", ())]
        prices = [number_of(text) for text in texts]
        return [price for price in prices if price is not None]

    def is_set(self, name: str) -> bool:
        """Whether the flag is on."""
        return self.text(name) in {"1", "true", "True"}


def number_of(text: str) -> float | None:
    """Return `text` as a number; None if it is empty or one of the ways to say unset."""
    if not text:
        return None
    number = float(text)
    return None if number == UNSET_DOUBLE else number
