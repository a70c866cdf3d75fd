"""The text of a script: a Python file, or the code of a notebook's cells as one."""

from __future__ import annotations

import json
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibproxy.errors import LocalError

NOTEBOOK = ".ipynb"
_NOT_PYTHON = ("%", "!", "?")
_COMMAND = re.compile(r"(pip3?|conda|mamba|ls|cd|pwd)( +[\w./~-]|$)")
"""What IPython takes for a magic without its sign."""


class UnreadableError(LocalError):
    """Raised for a file that holds something else than a script."""


@dataclass(frozen=True)
class Source:
    """A script's text.

    Attributes:
        path: as the user named it.
        text: Python, with what only IPython understands left out.
        places: for each line of the text where people find it: "line 3", "cell 2, line 1".
    """

    path: Path
    text: str
    places: tuple[str, ...]

    @property
    def is_notebook(self) -> bool:
        """Whether it is run cell by cell."""
        return self.path.suffix == NOTEBOOK

    def place(self, line: int) -> str:
        """Return where a line of the text, from 1, stands."""
        return self.places[line - 1] if line <= len(self.places) else f"line {line}"


def read_source(path: Path) -> Source:
    """Return the text of a file.

    Raises:
        LocalError: there is no such file, or it may not be read.
        UnreadableError: what is in it is no script.
    """
    try:
        with (
            path.open(encoding="utf-8-sig")
            if path.suffix == NOTEBOOK
            else tokenize.open(path) as file
        ):
            text = file.read()
    except OSError as error:
        raise LocalError(f"{path}: cannot be read: {error.strerror}") from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UnreadableError(f"is not text: {error}") from None
    if path.suffix == NOTEBOOK:
        return _notebook(path, text)
    return Source(path, text, ())


def _notebook(path: Path, text: str) -> Source:
    try:
        cells = _cells(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableError("is not a notebook") from None
    lines, places = [], []
    for number, cell in enumerate(cells, 1):
        if cell.startswith("%%"):
            continue  # in another language, mostly
        for at, line in enumerate(cell.splitlines(), 1):
            lines.append(_python(line))
            places.append(f"cell {number}, line {at}")
    return Source(path, "\n".join(lines), tuple(places))


def _cells(notebook: dict[str, Any]) -> list[str]:
    cells = notebook.get("cells")
    if cells is None:  # before format 4
        cells = [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    texts = (
        cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] == "code"
    )
    return [text if isinstance(text, str) else "".join(text) for text in texts]


def _python(line: str) -> str:
    """Return a line without what is IPython's own; its block stays whole."""
    bare = line.lstrip()
    if bare.startswith(_NOT_PYTHON) or _COMMAND.match(bare):
        return line[: len(line) - len(bare)] + "pass"
    return line.rstrip("?") if line.endswith("?") else line
