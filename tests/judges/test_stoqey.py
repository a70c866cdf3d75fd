"""@stoqey/ib, a port of IBKR's Java client, decodes every answer and leaves no field over.

Its decoder is the strictest: it reports each field that is missing and each that is left over.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ibproxy_sim.data.displays import GROUPS
from ibproxy_sim.feeds.articles import Archive
from ibproxy_sim.feeds.wall_street_horizon import KINDS
from ibproxy_sim.wire.session import SMART_COMPONENTS

LONGEST_S = 90
SCRIPT = Path(__file__).with_name("stoqey.cjs")
AMD, AAPL, ACCOUNT = 4391, 265598, "DU1000001"
AUTO_OPEN = 15
SECOND_WAY = "door"
"""By a door of the proxy's, which speaks the same protocol."""

CONFIRMED = {162, 202, 2152}
"""Codes that confirm a cancel, or tell of smart depth's exchanges."""

REFUSED_AT_A_DOOR = ["exerciseOptions commissionReport"]
"""The proxy refuses to exercise options."""

NOT_ALLOWED = 321

pytestmark = pytest.mark.node


def run(package: Path, bench: Any, *arguments: str) -> dict[str, Any]:
    """Let the client ask, and return what it saw.

    Once it wants to be given orders that are entered by hand, one is.
    """
    host, port = bench.address
    command = ["node", str(SCRIPT), str(package), host, str(port), *arguments]
    amd, manual, is_entered = bench.instrument(AMD), bench.sim.simulation.manual, False
    deadline_s = time.monotonic() + LONGEST_S
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as node,
    ):
        while node.poll() is None:
            if time.monotonic() > deadline_s:
                node.kill()
                pytest.fail("the client never came to an end")
            if not is_entered and bench.received()[AUTO_OPEN]:
                bench.sim.call(lambda: manual.enter(ACCOUNT, amd, "BUY", 3, 10.0))
                is_entered = True
            time.sleep(0.02)  # nothing tells when the process asks
        assert node.returncode == 0, node.stderr and node.stderr.read()
        out.seek(0)
        report: dict[str, Any] = json.loads(out.read())
    return report


@pytest.fixture(scope="module")
def seen(package: Path, bench: Any) -> dict[str, Any]:
    """What the client saw: its server version, what stayed unanswered, and every event."""
    return run(package, bench)


@pytest.fixture(scope="module")
def advised(package: Path, advisor_bench: Any) -> dict[str, Any]:
    """The same on an advisor's login."""
    return run(package, advisor_bench, "advisor")


def named(seen: dict[str, Any], name: str) -> list[list[Any]]:
    """The arguments of every event of a name."""
    return [call[1:] for call in seen["calls"] if call[0] == name]


def test_every_request_of_the_client_is_covered(
    seen: dict[str, Any], advised: dict[str, Any]
) -> None:
    """No method that sends a message is left out."""
    assert len(seen["methods"]) > 70
    assert set(seen["methods"]) == {*seen["called"], *advised["called"]}


def test_everything_is_answered_at_178(
    seen: dict[str, Any], advised: dict[str, Any], bench: Any
) -> None:
    """The text protocol's last version, no request left hanging, and none refused."""
    for report in (seen, advised):
        is_door = report is seen and bench.url
        assert report["serverVersion"] == 178
        assert report["unanswered"] == (REFUSED_AT_A_DOOR if is_door else [])
        codes = {error[1] for error in named(report, "error")}
        assert codes <= CONFIRMED | ({NOT_ALLOWED} if is_door else set())


def test_no_message_has_a_field_too_many_or_too_few(
    seen: dict[str, Any], advised: dict[str, Any]
) -> None:
    """The decoder reports nothing; the other errors are the gateway's own."""
    texts = [str(error[0]) for report in (seen, advised) for error in named(report, "error")]
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
    held = {row[1]["conId"]: row[2] for row in named(seen, "position") if row[0] == ACCOUNT}
    assert held == {c: p.quantity for c, p in books.accounts[ACCOUNT].positions.items()}
    values = {(key, unit): value for key, value, unit, _ in named(seen, "updateAccountValue")}
    assert float(values["TotalCashBalance", "USD"]) == round(books.accounts[ACCOUNT].cash["USD"], 2)
    low, high = bench.price_range(AMD)
    prices = [value for _, kind, value, *_ in named(seen, "tickPrice") if kind in {1, 2, 4}]
    assert prices
    assert all(low <= price <= high for price in prices)
    done = {row[1]["permId"] for row in named(seen, "completedOrder")}
    assert {order.perm_id for order in books.orders} == done


def test_what_it_decoded_of_contracts_is_the_truth(seen: dict[str, Any], bench: Any) -> None:
    """Details, symbols, chain and components are those that are listed."""
    for _, row in named(seen, "contractDetails"):
        listed = bench.instrument(row["contract"]["conId"])
        assert (row["longName"], row["minTick"]) == (listed.long_name, listed.min_tick)
    [[_, samples]] = named(seen, "symbolSamples")
    assert AMD in [sample["contract"]["conId"] for sample in samples]
    [chain] = [c for c in bench.sim.simulation.universe.chains if c.root.underlying == "AAPL"]
    for row in named(seen, "securityDefinitionOptionParameter"):
        assert (row[2], row[5], row[6]) == (AAPL, chain.expiries, chain.strikes)
    [[_, rows]] = named(seen, "smartComponents")
    assert [[number, [*names]] for number, names in rows] == [
        [number, [*names]] for number, *names in SMART_COMPONENTS
    ]


def test_what_it_decoded_of_news_and_events_is_the_truth(seen: dict[str, Any], bench: Any) -> None:
    """Headlines, an article, bulletins, a calendar, and what a window shows."""
    archive = Archive(bench.sim.gateway.settings.seed)
    newest = archive.before(bench.instrument(AMD), ("BRFG",), bench.sim.gateway.now_s)
    true = {article.article_id: article.headline for article in islice(newest, 8)}
    rows = named(seen, "historicalNews")
    assert [true[row[3]] for row in rows] == [row[4] for row in rows]
    [[_, _, text]] = named(seen, "newsArticle")
    assert text.startswith(rows[0][4])
    bulletins = bench.sim.simulation.bulletins.today
    assert [row[2] for row in named(seen, "updateNewsBulletin")] == [b.text for b in bulletins]
    [[_, kinds]] = named(seen, "wshMetaData")
    [[_, events]] = named(seen, "wshEventData")
    assert all(tag in kinds and name in kinds for tag, name in KINDS)
    assert {event["con_id"] for event in json.loads(events)} == {AMD}
    [[_, groups]] = named(seen, "displayGroupList")
    assert groups == "|".join(GROUPS)
    assert [row[1] for row in named(seen, "displayGroupUpdated")] == ["none", f"{AMD}@SMART"]


@pytest.mark.only_direct("the proxy refuses to exercise options")
def test_what_it_decoded_of_an_option_is_the_truth(seen: dict[str, Any]) -> None:
    """The volatility of a price is the one that it was made from; exercised, it is shares."""
    solved = seen["option"]["solved"]
    [volatility] = [row[3] for row in named(seen, "tickOptionComputation") if row[0] == solved]
    assert abs(volatility - 0.4) < 0.01
    shares = [row[2] for row in named(seen, "execDetails") if row[1]["conId"] == AAPL]
    assert [(row["shares"], row["price"]) for row in shares] == [(100, seen["option"]["strike"])]


def test_client_0_is_given_what_was_entered_by_hand(seen: dict[str, Any], bench: Any) -> None:
    """The order that the bench has entered is bound."""
    [[perm_id, client_id, order_id]] = named(seen, "orderBound")
    [true] = [o for o in bench.sim.simulation.trading.books.orders if o.perm_id == perm_id]
    assert (client_id, order_id, true.quantity) == (0, true.order_id, 3.0)


def test_what_it_decoded_of_an_advisor_is_the_truth(
    advised: dict[str, Any], advisor_bench: Any
) -> None:
    """Groups as they were, and as they were replaced."""
    (_, before), (_, after) = named(advised, "receiveFA")
    members = [node.text for node in ET.fromstring(before).iter("String")]
    assert members == list(advisor_bench.sim.gateway.settings.accounts[1:])
    assert [node.text for node in ET.fromstring(after).iter("name")] == ["mine"]
    assert list(advisor_bench.sim.simulation.advisors.groups) == ["mine"]
    [[_, tiers]] = named(advised, "softDollarTiers")
    assert len(tiers) > 1
