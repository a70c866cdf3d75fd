"""Scanners: ranked lists that come again until they are cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.settings import Settings

MONDAY_S = 1776092400.0
Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]


def scan(
    client: RawClient, req_id: int, code: str = "TOP_PERC_GAIN", filters: str = "", above: str = ""
) -> list[list[str]]:
    """Ask for a scan of US stocks."""
    return client.ask(22, req_id, -1, "STK", "STK.US.MAJOR", code, above, *[""] * 16, filters, "")


def test_a_scan_is_ranked_and_repeats(sim: Simulation, client: RawClient, decode: Decode) -> None:
    """The first row gained most; the whole list comes every time (fact 4.64)."""
    *rows, end = decode(scan(client, 3))
    assert end == ("scannerDataEnd", (3,))
    assert [args[1] for _, args in rows] == list(range(len(rows)))
    quotes = [
        sim.market.quote(instrument, sim.gateway.now_s)
        for _, args in rows
        if (instrument := sim.universe.by_con_id(args[2].contract.conId))
    ]
    gains = [quote.last / quote.close for quote in quotes]
    assert len(gains) > 25
    assert {args[2].contract.currency for _, args in rows} == {"USD"}
    assert gains == sorted(gains, reverse=True)
    assert [message[0] for message in client.wait(60)] == ["20", "20"]


def test_filters_narrow_a_scan(sim: Simulation, client: RawClient, decode: Decode) -> None:
    """As a field and as options; if nothing is left that is said (165)."""
    for answer in (scan(client, 3, above="200"), scan(client, 4, filters="priceAbove=200;")):
        found = [args[2].contract.conId for name, args in decode(answer) if name == "scannerData"]
        assert 0 < len(found) < 30
        for con_id in found:
            instrument = sim.universe.by_con_id(con_id)
            assert instrument
            assert sim.market.quote(instrument, sim.gateway.now_s).last >= 200
    nothing = scan(client, 5, filters="priceAbove=1e9;")
    assert [message[3] for message in nothing if message[0] == "4"] == ["165"]


def test_scans_are_limited_and_cancelled(client: RawClient) -> None:
    """Ten at a time (fact 4.63); 162 for the cancel, 365 for another."""
    for req_id in range(10):
        assert scan(client, req_id)[0][0] == "20"
    assert scan(client, 10)[0][3] == "322"
    assert client.ask(23, 1, 0)[0][3] == "162"
    assert client.ask(23, 1, 0)[0][3] == "365"
    assert scan(client, 10)[0][0] == "20"


def test_the_parameters_name_what_is_understood(client: RawClient) -> None:
    """They are XML, in the places where clients look."""
    ((message_id, _, xml),) = client.ask(24, 1)
    tree = ET.fromstring(xml)
    assert message_id == "19"
    assert "TOP_PERC_GAIN" in [node.text for node in tree.findall(".//scanCode")]
    assert "priceAbove" in [node.text for node in tree.findall(".//AbstractField/code")]
    assert "STK.US.MAJOR" in [node.text for node in tree.findall(".//locationCode")]


def test_only_what_is_listed_is_shown() -> None:
    """Neither a scan nor a search finds what a scenario has not (its `symbols`)."""
    settings = Settings(symbols=("AMD", "SPY"))
    client = RawClient(make_simulation(settings, MONDAY_S))
    (found,) = scan(client, 3)
    assert {found[n] for n in range(6, len(found), 16)} == {"AMD", "SPY"}
    (matches,) = client.ask(81, 4, "A")
    assert {name for name in matches if name in {"AMD", "AAPL", "AMZN"}} == {"AMD"}
    assert client.ask(78, 5, "AAPL", "", "STK", 265598)[0][3] == "321"
    assert client.ask(78, 6, "AMD", "", "STK", 4391)[-1][0] == "76"
