"""The table of assumptions: it is complete, and the page is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ibproxy
import ibproxy_server
from ibproxy_server.verify.assumption import Assumption
from ibproxy_server.verify.page import page
from ibproxy_server.verify.table import ASSUMPTIONS

PAGE = Path(__file__).parents[2] / "docs" / "assumptions.md"
CITED = re.compile(r"facts?\s+((?:\d+\.\d+(?:,| and| to|)\s*(?:#\s*)?)+)")


def test_every_fact_that_code_relies_on_is_in_the_table() -> None:
    """Each number cited in the proxy has a row; a range stands for all between its ends."""
    known = {row.fact for row in ASSUMPTIONS}
    cited: dict[str, str] = {}
    folders = [Path(str(ibproxy_server.__file__)).parent, Path(str(ibproxy.__file__)).parent]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        if "verify" in path.parts or path.name == "verify.py":
            continue
        for found in CITED.findall(path.read_text()):
            for number in numbers(found):
                cited.setdefault(number, path.name)
    assert len(cited) > 60
    assert {number: name for number, name in cited.items() if number not in known} == {}


def numbers(text: str) -> list[str]:
    """The facts that a citation names: `2.1 to 2.4` is four."""
    found: list[str] = []
    for first, last in re.findall(r"(\d+\.\d+)(?:\s+to\s+(\d+\.\d+))?", text):
        section, start = first.split(".")
        end = last.split(".")[1] if last else start
        found += [f"{section}.{number}" for number in range(int(start), int(end) + 1)]
    return found


@pytest.mark.parametrize("row", ASSUMPTIONS, ids=lambda row: row.fact)
def test_a_row_has_a_check_or_says_why_not(row: Assumption) -> None:
    """One of the two, and a sentence that is one."""
    assert bool(row.check) != bool(row.why_not)
    assert row.sentence.endswith(".")
    assert row.source


def test_the_page_is_what_the_table_says() -> None:
    """`python -m ibproxy_server.verify.page > docs/assumptions.md` keeps it so."""
    assert PAGE.read_text() == page()
