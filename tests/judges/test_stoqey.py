"""@stoqey/ib, a port of IBKR's Java client, decodes every answer and leaves no field over.

Its decoder is the strictest: it reports each field that is missing and each that is left over.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "@stoqey/ib@1.6.10"
INSTALL_S, LONGEST_S = 100, 90
SCRIPT = Path(__file__).with_name("stoqey.cjs")
AMD, ACCOUNT = 4391, "DU1000001"
pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def package(pytestconfig: pytest.Config) -> Path:
    """Where the package is installed; it is fetched once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("Node.js is not installed")
    cache = pytestconfig.cache
    assert cache
    folder = Path(str(cache.mkdir("judge-stoqey")))
    if not (folder / "installed").exists():
        command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", PACKAGE]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm cannot install {PACKAGE}: {error}")
        (folder / "installed").touch()
    return folder


@pytest.fixture(scope="module")
def seen(package: Path, bench: Any) -> dict[str, Any]:
    """What the client saw: its server version, what stayed unanswered, and every event."""
    finished = subprocess.run(
        ["node", str(SCRIPT), str(package), bench.sim.host, str(bench.sim.port)],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def named(seen: dict[str, Any], name: str) -> list[list[Any]]:
    """The arguments of every event of a name."""
    return [call[1:] for call in seen["calls"] if call[0] == name]


def test_everything_is_answered_at_178(seen: dict[str, Any]) -> None:
    """The text protocol's last version, and no request left hanging."""
    assert seen["serverVersion"] == 178
    assert seen["unanswered"] == []


def test_no_message_has_a_field_too_many_or_too_few(seen: dict[str, Any]) -> None:
    """The decoder reports nothing; the other errors are the gateway's own."""
    texts = [str(error[0]) for error in named(seen, "error")]
    words = ("underrun", "unprocessed", "no parser", "decoding")
    assert [text for text in texts if any(word in text.lower() for word in words)] == []


def test_what_it_decoded_is_the_truth(seen: dict[str, Any], bench: Any) -> None:
    """Executions, positions and values are the simulation's."""
    books = bench.sim.simulation.trading.books
    true = books.executions[0]
    shown = named(seen, "execDetails")[0][2]
    assert (shown["execId"], shown["shares"], shown["price"]) == (
        true.exec_id,
        true.shares,
        pytest.approx(true.price),
    )
    [position] = [row for row in named(seen, "position") if row[0] == ACCOUNT]
    assert (position[1]["conId"], position[2]) == (
        AMD,
        books.accounts[ACCOUNT].positions[AMD].quantity,
    )
    values = {(key, unit): value for key, value, unit, _ in named(seen, "updateAccountValue")}
    assert float(values["TotalCashBalance", "USD"]) == round(books.accounts[ACCOUNT].cash["USD"], 2)
    low, high = bench.price_range(AMD)
    prices = [value for _, kind, value, *_ in named(seen, "tickPrice") if kind in {1, 2, 4}]
    assert prices
    assert all(low <= price <= high for price in prices)
    done = {row[1]["permId"] for row in named(seen, "completedOrder")}
    assert {order.perm_id for order in books.orders} == done
