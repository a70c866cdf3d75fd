"""The page about testing: its tables are the code's, and its examples work."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from ibproxy_sim.faults.catalogue import FAULTS
from ibproxy_sim.reference import SECTIONS, faults_table, keys_table, refreshed, scenarios_table
from ibproxy_sim.scenario import parse_scenario, shipped_scenarios

pytest_plugins = "pytester"

PAGE = Path(__file__).parents[2] / "docs" / "testing-strategies.md"


def example(language: str) -> str:
    """Return the page's example in a language; there is one of each."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def test_the_tables_are_made_from_the_code() -> None:
    """Write them anew with `python -m ibproxy_sim.reference docs/testing-strategies.md`."""
    page = PAGE.read_text()
    assert faults_table() in page
    assert scenarios_table() in page
    assert keys_table() in page
    assert refreshed(page) == page
    assert all(f"| `{name}` |" in page for name in (*FAULTS, *shipped_scenarios()))


def test_every_parameter_is_described() -> None:
    """No cell of the table says None."""
    assert "None" not in faults_table()


def test_every_key_of_a_scenario_is_described() -> None:
    """Those that are no part of their own have a row."""
    parts = {part.strip("[]") for part in SECTIONS}
    keys = [key for section in SECTIONS.values() for key in section.__struct_fields__]
    rows = re.findall(r"^\|[^|]*\| `(\w+)", keys_table(), re.MULTILINE)
    assert rows == [key for key in keys if key not in parts]


def test_the_scenario_on_the_page_can_be_played() -> None:
    """It is complete, and its positions are there."""
    sim = parse_scenario(example("toml")).build(0.0)
    assert sim.gateway.settings.symbols == ("AMD", "SPY")
    held = sim.trading.books.accounts["DU1000001"].positions
    assert [(p.quantity, p.average_price) for p in held.values()] == [(100, 150.0)]


def test_the_test_file_on_the_page_passes(pytester: pytest.Pytester) -> None:
    """A user who copies it has tests that pass, without a warning."""
    pytester.makepyfile(test_strategy=example("python"))
    installed = {entry.value for entry in entry_points(group="pytest11")}
    modules = ("ibproxy_sim.pytest_plugin", "ibproxy_server.pytest_plugin")
    missing = [f"-p{module}" for module in modules if module not in installed]
    asyncio = "-Wignore:There is no current event loop:DeprecationWarning"  # ib_async's doing
    result = pytester.runpytest_subprocess("-q", "-Werror", asyncio, "--strict-markers", *missing)
    result.assert_outcomes(passed=6)
