"""The rows of docs/limits.md: the page that says what differs, read as a table."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_QUOTED = re.compile(r"`(\w+)`")
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")
_HEADS = {"what"}


@dataclass(frozen=True)
class Limit:
    """A row of the page.

    Attributes:
        title: what is concerned.
        behind: how it is behind the proxy.
        why: the reason.
    """

    title: str
    behind: str
    why: str

    @property
    def names(self) -> frozenset[str]:
        """The names in its title, of methods, requests and fields."""
        return frozenset(_QUOTED.findall(self.title))


def page_path() -> Path:
    """Return where the page is: in the wheel beside the package, else in the checkout."""
    here = Path(__file__).resolve().parent
    packed = here / "limits.md"
    return packed if packed.exists() else here.parents[2] / "docs" / "limits.md"


@functools.cache
def limits() -> dict[str, Limit]:
    """Return the rows by their titles."""
    rows = [Limit(*_LINK.sub(r"\1", "\0".join(row)).split("\0")) for row in _ROW.findall(_text())]
    return {row.title: row for row in rows if row.title not in _HEADS and set(row.title) != {"-"}}


def _text() -> str:
    return page_path().read_text(encoding="utf-8")
