"""@stoqey/ib's own command-line tools print the same by a door as straight on the stand-in."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.judges.conftest import Bench

ACCOUNT, AAPL = "DU1000001", 265598
LONGEST_S, SHORT_S = 30.0, 4.0
AT_ONCE = 3

pytestmark = pytest.mark.node


class Tool(NamedTuple):
    """A tool, and what it is asked.

    Attributes:
        name: its file, without the ending.
        options: as on its command line.
        is_exact: whether it prints the same characters, not only the same kinds of things.
        goes_on: whether it prints until it is stopped.
    """

    name: str
    options: str = ""
    is_exact: bool = False
    goes_on: bool = False


CON_ID = "-conid=265598 -exchange=SMART"
CONTRACT = f"{CON_ID} -sectype=STK -symbol=AAPL -currency=USD"
PAST = f"{CON_ID} -start=20260410-19:00:00 -count=20"

IN_TURN = (
    Tool("place-order", f"{CONTRACT} -price=10 -quantity=2 -clientId=3"),
    Tool("place-new-order", "-symbol=AAPL -price=11 -quantity=2 -clientId=4"),
    Tool("next-valid-order-id", "-clientId=3", is_exact=True),
    Tool("open-orders", "-clientId=3", goes_on=True),
    Tool("open-orders-all", "-clientId=7"),
    Tool("open-orders-auto", "-clientId=0", goes_on=True),
)
"""One behind the other: each needs what the one before has done."""

TOOLS = (
    Tool("account-summary", "-group=All -tags=NetLiquidation"),
    Tool("commission-reports", "-clientId=3"),
    Tool("contract-details", CONTRACT, is_exact=True),
    Tool("current-time"),
    Tool("execution-details", "-clientId=3"),
    Tool("get-head-timestamp", CONTRACT, is_exact=True),
    Tool("histogram-data", f"{CON_ID} -period=3 -periodUnit=DAY"),
    Tool("historical-data", f"{CON_ID} -duration=5_D -barSize=1_day"),
    Tool("historical-data-updates", f"{CON_ID} -barSize=15_mins", goes_on=True),
    Tool("historical-ticks-bid-ask", PAST, is_exact=True),
    Tool("historical-ticks-last", PAST, is_exact=True),
    Tool("historical-ticks-mid", PAST, is_exact=True),
    Tool("managed-accts", is_exact=True),
    Tool("market-data", CONTRACT, goes_on=True),
    Tool("market-data-snapshot", CONTRACT),
    Tool("market-depth", f"{CON_ID} -rows=5 -smart=0", goes_on=True),
    Tool("market-depth-exchanges", is_exact=True),
    Tool("market-scanner"),
    Tool("pnl", f"-account={ACCOUNT}"),
    Tool("pnl-single", f"-account={ACCOUNT} -conid={AAPL}"),
    Tool("positions"),
    Tool("search-contracts", "-pattern=AAPL", is_exact=True),
    Tool("sec-def-opt-params", "-conid=265598 -symbol=AAPL -sectype=STK", is_exact=True),
    Tool("user-info", is_exact=True),
)

NOT_RUN = {"modify-order": "its options leave no way to say which order"}

Printed = tuple[int | None, str, str]
"""Exit status (None: it was stopped), and what was printed, also as errors."""


def run(package: Path, bench: Bench, tool: Tool) -> Printed:
    """Let a tool print."""
    host, port = bench.address
    script = package / "node_modules" / "@stoqey" / "ib" / "dist" / "tools" / f"{tool.name}.js"
    options = [each.replace("_", " ") for each in tool.options.split()]
    command = ["node", str(script), f"-host={host}", f"-port={port}", *options]
    environment = {**os.environ, "IB_TEST_ACCOUNT": ACCOUNT}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as node:
        try:
            out, err = node.communicate(timeout=SHORT_S if tool.goes_on else LONGEST_S)
        except subprocess.TimeoutExpired:
            node.kill()
            out, err = node.communicate()
            return None, out, err
    return node.returncode, out, err


def run_all(package: Path, way: str) -> dict[str, Printed]:
    """Let all tools print, on a gateway whose account holds something."""
    bench = Bench(accounts=(ACCOUNT,), way=way)
    try:
        apple, manual = bench.instrument(AAPL), bench.sim.simulation.manual
        bench.sim.call(lambda: manual.enter(ACCOUNT, apple, "BUY", 3))
        printed = {tool.name: run(package, bench, tool) for tool in IN_TURN}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            later = {tool.name: pool.submit(run, package, bench, tool) for tool in TOOLS}
        return printed | {name: each.result() for name, each in later.items()}
    finally:
        bench.stop()


@pytest.fixture(scope="module")
def both(package: Path) -> dict[str, tuple[Printed, Printed]]:
    """What each tool prints, straight and by a door."""
    with ThreadPoolExecutor(2) as pool:
        straight, by_door = pool.map(lambda way: run_all(package, way), ("direct", "door"))
    return {name: (straight[name], by_door[name]) for name in straight}


def documents(text: str) -> Iterator[Any]:
    """The JSON that was printed, one document after the other, or else the text itself."""
    decoder, at = json.JSONDecoder(), 0
    try:
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            document, at = decoder.raw_decode(text, at)
            yield document
    except ValueError:
        yield re.sub(r"\d+", "#", text[at:])


def kinds(value: Any) -> Any:
    """What kinds of things a value holds: keys and names of ticks stay, the rest is its type."""
    if isinstance(value, dict):
        return {key: kinds(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and value[0].isupper():
            return [value[0], kinds(value[1])]
        return sorted({json.dumps(kinds(inner), sort_keys=True) for inner in value})
    return "number" if isinstance(value, int | float) else type(value).__name__


def all_kinds(text: str) -> set[str]:
    """The kinds of all that was printed."""
    return {json.dumps(kinds(each), sort_keys=True) for each in documents(text)}


@pytest.mark.parametrize("tool", [*IN_TURN, *TOOLS], ids=lambda tool: tool.name)
def test_a_tool_prints_the_same(tool: Tool, both: dict[str, tuple[Printed, Printed]]) -> None:
    """With the same exit status, and without an error."""
    (status, straight, errors), (status_by_door, by_door, errors_by_door) = both[tool.name]
    assert (status, errors) == (None if tool.goes_on else 0, "")
    assert (status_by_door, errors_by_door) == (status, errors)
    assert straight.strip() or tool.name == "open-orders-auto"  # nothing is bound
    if tool.is_exact:
        assert by_door == straight
    assert all_kinds(by_door) == all_kinds(straight)


def test_every_tool_is_run(package: Path) -> None:
    """Or it stands in the list with the reason."""
    folder = package / "node_modules" / "@stoqey" / "ib" / "dist" / "tools"
    names = {path.stem for path in folder.glob("*.js")}
    assert names == {tool.name for tool in (*IN_TURN, *TOOLS)} | NOT_RUN.keys()
