"""The handshake, the start of a session, and the small requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy.wire.framing import frame, join_fields
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.settings import Settings

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]


def test_start_is_accounts_then_next_id_then_farm_notices(client: RawClient) -> None:
    """The order is the recorded one (facts 1.14 to 1.17)."""
    assert client.greeting == [["178", "20260413 15:00:00 UTC"]]
    assert client.welcome[:2] == [["15", "1", "DU1000001,DU1000002"], ["9", "1", "1"]]
    codes = [message[3] for message in client.welcome[2:]]
    assert codes == ["2104", "2104", "2104", "2106", "2158"]
    assert {message[2] for message in client.welcome[2:]} == {"-1"}


@pytest.mark.parametrize("version", range(157, 179))
def test_each_version_is_negotiated_and_errors_have_its_layout(
    sim: Simulation, version: int
) -> None:
    """The answer is the highest version both know; errors grow a field at 166."""
    client = RawClient(sim, version=version)
    assert client.greeting[0][0] == str(version)
    assert {len(message) for message in client.welcome[2:]} == {6 if version >= 166 else 5}


def test_bytes_may_come_one_at_a_time(sim: Simulation) -> None:
    """Nothing depends on how the stream was split."""
    client = RawClient(sim, client_id=None)
    for byte in frame(join_fields(71, 2, 5, "")):
        client.feed(bytes([byte]))
    assert client.read()[0][0] == "15"


def test_a_version_below_the_lowest_is_turned_away(sim: Simulation) -> None:
    """Below 157 there is no layout to speak."""
    raw = sim.gateway.connect()
    sim.gateway.receive(raw, b"API\0" + frame(b"v100..150"))
    assert raw.closing
    assert not raw.outbox


def test_a_client_id_in_use_is_refused_until_its_owner_leaves(sim: Simulation) -> None:
    """326, then the connection ends (fact 1.28)."""
    first, second = RawClient(sim, client_id=7), RawClient(sim, client_id=7)
    assert [message[3] for message in second.welcome] == ["326"]
    assert second.client.closing
    assert not first.client.closing
    first.leave()
    assert RawClient(sim, client_id=7).welcome[0][0] == "15"
    assert sim.gateway.statistics.connections == 2


def test_next_id_is_kept_for_each_client_id(sim: Simulation) -> None:
    """What was used stays used, also after the connection that used it."""
    client = RawClient(sim, client_id=3)
    sim.gateway.order_ids[3] = 42
    assert client.ask(8, 1, 5) == [["9", "1", "42"]]
    client.leave()
    assert RawClient(sim, client_id=3).welcome[1] == ["9", "1", "42"]
    assert RawClient(sim, client_id=4).welcome[1] == ["9", "1", "1"]


def test_small_requests_are_decoded_by_ib_async(client: RawClient, decode: Decode) -> None:
    """Each answer comes under its name with what it should hold."""
    for request in ([17, 1], [49, 1], [79, 5], [80], [82], [83, 6, "9c0001"], [85], [104, 7]):
        client.send(*request)
    calls = dict(decode(client.read()))
    assert calls["managedAccounts"] == ("DU1000001,DU1000002",)
    assert calls["currentTime"] == (1776092400,)
    assert calls["softDollarTiers"] == (5, [])
    assert [code.accountID for code in calls["familyCodes"][0]] == ["DU1000001", "DU1000002"]
    assert "IDEALPRO" in {row.exchange for row in calls["mktDepthExchanges"][0]}
    assert calls["smartComponents"][1][0].exchange == "AMEX"
    assert calls["newsProviders"][0][0].code == "BRFG"
    assert calls["userInfo"] == (7, "")


@pytest.mark.parametrize(("level", "codes"), [("0", ["321"]), ("1", []), ("5", []), ("6", ["321"])])
def test_a_log_level_is_checked(client: RawClient, level: str, codes: list[str]) -> None:
    """1 to 5 pass in silence; else it is 319, wrapped (facts 1.49, 8.19)."""
    assert [message[3] for message in client.ask(14, 1, level)] == codes


def test_malformed_and_unknown_messages_are_reported_and_the_connection_stays(
    client: RawClient,
) -> None:
    """320, and life goes on (facts 1.46, 1.47)."""
    assert client.ask(9, 8, 1, "no number")[0][2:4] == ["-1", "320"]
    assert client.ask(9999)[0][2:4] == ["-1", "320"]
    assert client.ask(17, 1)[0][0] == "15"


def test_what_needs_a_subscription_is_refused_under_its_id() -> None:
    """News, events and fundamentals end with an error, so that nobody waits for ever."""
    client = RawClient(make_simulation(Settings(feeds=()), 1776092400.0))
    assert client.ask(86, 11, 4391, "BRFG", "", "", 10, "")[0][2:4] == ["11", "10276"]
    assert client.ask(84, 12, "BRFG", "x", "")[0][2:4] == ["12", "10276"]
    fundamentals = (52, 2, 13, 4391, "AMD", "STK", "SMART", "", "USD", "", "ReportSnapshot", 0, "")
    assert client.ask(*fundamentals)[0][2:4] == ["13", "430"]
    assert client.ask(100, 14)[0][2:4] == ["14", "10276"]
    assert client.ask(85) == [["85", "0"]]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ((20, "2548181185"), 'For input string: "2548181185"'),
        ((9, 8, "All"), 'For input string: "All"'),
        ((14, 1, "x"), 'For input string: "x"'),
        ((6,), "EOFException"),
        ((4711, 1), "Unknown message id 4711"),
    ],
)
@pytest.mark.parametrize("is_kept", [True, False])
def test_what_cannot_be_read_is_320_and_may_end_the_connection(
    message: tuple[object, ...], text: str, is_kept: bool
) -> None:
    """A setting says which (facts 1.40, 1.46, 1.47); the id is -1."""
    settings = Settings(keeps_malformed=is_kept)
    client = RawClient(make_simulation(settings, 1776092400.0))
    (error,) = client.ask(*message)
    assert error[2:4] == ["-1", "320"]
    assert error[4].startswith("Error reading request. ")
    assert text in error[4]
    assert client.client.closing is not is_kept


def test_a_start_without_a_client_id_ends_the_connection(sim: Simulation) -> None:
    """There is nobody to serve."""
    client = RawClient(sim, client_id=None)
    assert client.ask(71, 2, "x", "")[0][3] == "320"
    assert client.client.closing
