"""The pages in docs/ say what the code does: compared here wherever it can be compared."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

import ibproxy_server.core.accounts
import ibproxy_server.core.orders
import ibproxy_server.core.requests
from ibproxy import RemoteIB, Stock
from ibproxy.config import (
    CONFIG_VARIABLE,
    URL_VARIABLE,
    Config,
    DoorConfig,
    LimitsConfig,
    StrategyConfig,
    parse_config,
)
from ibproxy.identity import STRATEGY_VARIABLE
from ibproxy.wire.messages import REQUESTS, Carry
from ibproxy_server.core import codes
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
)
TYPE_NAMES = {str: "text", int: "whole number", float: "number", list: "list of text"}
PATIENCE_S = 15.0
MAPS = {"account_slot.ages_s"}
"""Status keys whose value is a map: its keys are data, not part of the shape."""


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str, columns: int) -> list[tuple[str, ...]]:
    """Return the table rows of so many columns whose first cell is a key in backquotes."""
    cells = "".join(r" (.*?) \|" for _ in range(columns - 1))
    found = re.findall(rf"^\| `([^`]+)` \|{cells}$", text, re.MULTILINE)
    return [tuple(each) for each in found]


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks in a language; they may stand in a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and type of everything in a status, as docs/status.md writes them."""
    if isinstance(value, dict) and path in MAPS:
        assert all(isinstance(each, float) for each in value.values())
        yield path, "map of number"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from shape(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and all(isinstance(each, dict) for each in value) and value:
        for each in value:
            yield from shape(each, f"{path}[]")
    else:
        yield path, TYPE_NAMES[type(value)]


@pytest.fixture(name="real_status")
def _real_status(
    sim_server: ThreadedSim,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, Any]]:
    """The status of a proxy with a client that has a subscription, as JSON brings it."""
    socket = tmp_path_factory.mktemp("p") / "p.sock"
    proxy = ThreadedProxy(
        Config(gateway=f"127.0.0.1:{sim_server.port}", listen=(f"ipc://{socket}",))
    )
    monkeypatch.setenv(URL_VARIABLE, proxy.urls[0])
    ib = RemoteIB()
    try:
        proxy.wait_until_ready()
        ib.connect()
        [spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
        ib.reqMktData(spy)
        ib.waitOnUpdate(PATIENCE_S)
        yield json.loads(json.dumps(proxy.status()))
    finally:
        ib.disconnect()
        proxy.stop()


def test_every_key_of_a_status_is_described_and_no_more(real_status: dict[str, Any]) -> None:
    """docs/status.md has a row with the right type for each key, in the order of the status."""
    described = [row[:2] for row in rows(page("docs/status.md"), columns=3)]
    assert described == list(shape(real_status))


def test_the_example_of_a_status_has_its_shape() -> None:
    """The example in docs/status.md has the keys and types of the table, in the same order."""
    text = page("docs/status.md")
    (example,) = blocks(text, "json")
    assert list(shape(json.loads(example))) == [row[:2] for row in rows(text, columns=3)]


def test_every_setting_is_described_with_its_default() -> None:
    """docs/configuration.md has a row with the right default for each key of the file."""
    expected = {name: getattr(Config(), name) for name in Config.__struct_fields__} | {
        f"strategies.NAME.{name}": getattr(StrategyConfig(), name)
        for name in StrategyConfig.__struct_fields__
    }
    expected |= {
        f"limits.{name}": getattr(LimitsConfig(), name) for name in LimitsConfig.__struct_fields__
    }
    described = {
        key: default
        for key, default, _ in rows(page("docs/configuration.md"), columns=3)
        if not key.startswith("IBPROXY")
    }
    for name in DoorConfig.__struct_fields__:
        default = described.pop(f"doors.{name}")
        assert default == ("none" if name in {"listen", "strategy"} else "`[]`"), name
    assert described == {
        key: f"`{msgspec.json.encode(value).decode()}`" for key, value in expected.items()
    }


def test_every_environment_variable_is_described() -> None:
    """docs/configuration.md has a row for each variable that the code reads, and no more."""
    described = {row[0] for row in rows(page("docs/configuration.md"), columns=3)}
    assert {key for key in described if key.startswith("IBPROXY")} == {
        URL_VARIABLE,
        CONFIG_VARIABLE,
        STRATEGY_VARIABLE,
    }


@pytest.mark.parametrize("name", ["README.md", "docs/configuration.md", "docs/migrating.md"])
def test_documented_configurations_can_be_read(name: str) -> None:
    """Each TOML block on the page is a configuration that the proxy takes."""
    examples = blocks(page(name), "toml")
    assert examples
    for example in examples:
        assert parse_config(example).strategies


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Each link to a file of the repository leads to one that is there."""
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page(name)):
        assert (folder / target).exists(), target


def test_modules_named_on_the_page_exist() -> None:
    """Each path that docs/how-it-works.md names is there."""
    named = re.findall(r"`((?:ibproxy|server|compat|tests)/[\w/.]*)`", page("docs/how-it-works.md"))
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_module_of_the_core_has_its_place() -> None:
    """docs/how-it-works.md names each module of the core but the shared context and status."""
    text = page("docs/how-it-works.md")
    modules = {path.name for path in (ROOT / "server/ibproxy_server/core").glob("*.py")}
    for module in modules - {"__init__.py", "context.py", "status.py"}:
        assert f"/{module}`" in text or f"`{module}`" in text, module


ROOMS = [
    ibproxy_server.core.requests,
    ibproxy_server.core.orders,
    ibproxy_server.core.accounts,
]


@pytest.mark.parametrize("room", ROOMS)
def test_the_map_of_a_room_is_whole(room: ModuleType) -> None:
    """The `__init__` of a room of the core names each of its modules."""
    text = f"\n{inspect.getdoc(room)}"
    for module in Path(str(room.__file__)).parent.glob("[a-z]*.py"):
        assert f"\n{module.stem} " in text, module


@pytest.mark.parametrize("carry", [Carry.REFUSED, Carry.SERIAL])
def test_limits_name_every_message_that_is_carried_otherwise(carry: Carry) -> None:
    """docs/limits.md names each request that is refused, or that is one of a kind at a time."""
    text = page("docs/limits.md")
    for row in REQUESTS:
        if row.carry is carry:
            assert f"`{row.name}`" in text, row.name


def test_limits_name_every_code_that_is_kept_back() -> None:
    """The row in docs/limits.md lists exactly the codes that stay between proxy and gateway."""
    (listed,) = re.findall(
        r"^\| ([\d, and]+) without a request id \| Not passed on",
        page("docs/limits.md"),
        re.MULTILINE,
    )
    assert {int(code) for code in re.findall(r"\d+", listed)} == codes.PROXY_ONLY
