"""Faults of account data: stale values, ends that come first, summaries that never end."""

from __future__ import annotations

from collections.abc import Callable

from ib_async import MarketOrder

from ibproxy_sim.build import Simulation
from ibproxy_sim.testing import RawClient
from tests.sim.conftest import Trader

Fault = Callable[..., None]
Start = Callable[..., Trader]
A, B = "DU1000001", "DU1000002"
TOO_MANY = "322"


def values(messages: list[list[str]]) -> dict[str, str]:
    """Account values in USD, and those without a currency."""
    return {m[2]: m[3] for m in messages if m[0] == "6" and m[4] in {"USD", ""}}


def test_values_are_stale_in_a_reset(sim: Simulation, start_trader: Start, fault: Fault) -> None:
    """AccountReady says so at once; prices stand still until it is over (facts 2.10, 11.15)."""
    trader = start_trader()
    trader.place(1, MarketOrder("BUY", 100))
    trader.wait(1)
    assert values(trader.ask(6, 2, 1, A))["AccountReady"] == "true"
    fault("account_reset")
    assert values(trader.read())["AccountReady"] == "false"
    trader.wait(180 * 3)
    again = values(trader.ask(6, 2, 1, A))
    frozen = sim.trading.books.net_liquidation(A, sim.gateway.now_s - 180 * 3)
    assert abs(float(again["NetLiquidation"]) - frozen) < 0.01
    sim.faults.end("account_reset")
    told = values(trader.read())
    assert told["AccountReady"] == "true"
    assert told["NetLiquidation"] != again["NetLiquidation"]


def test_an_image_ends_before_it_comes(client: RawClient, fault: Fault) -> None:
    """54 at once, all rows later, in their order (fact 2.12)."""
    fault("account_end_first", late_s=2.5)
    assert [m[0] for m in client.ask(6, 2, 1, A)] == ["54"]
    assert client.wait(2.4) == []
    rows = client.wait(0.2)
    assert (rows[0][2], rows[-1][0]) == ("AccountCode", "8")


def ask(client: RawClient, req_id: int) -> str:
    """Ask for a summary: how the answer begins."""
    first = client.ask(62, 1, req_id, "All", "NetLiquidation")[0]
    return first[3] if first[0] == "4" else first[0]


def test_summaries_of_the_dead_are_asked_for_again(
    sim: Simulation, client: RawClient, fault: Fault
) -> None:
    """They count, and after each 1102 come back as refusals with their ids (fact 2.28)."""
    fault("account_summaries")
    other = RawClient(sim, client_id=7)
    assert [ask(other, 901), ask(other, 902)] == ["63", "63"]
    assert ask(client, 5) == TOO_MANY  # the limit is the gateway's (2.24)
    other.leave()
    assert ask(client, 5) == TOO_MANY
    fault("outage", data="kept", down_s=3)
    refused = [m[2] for m in client.wait(4) if m[0] == "4" and m[3] == TOO_MANY]
    assert refused == ["901", "902"]
    sim.faults.end("account_summaries")
    assert ask(client, 5) == "63"
    fault("outage", data="kept", down_s=3)
    assert not [m for m in client.wait(4) if m[0] == "4" and m[3] == TOO_MANY]


def test_a_cancelled_summary_keeps_its_place(
    sim: Simulation, client: RawClient, fault: Fault
) -> None:
    """Its id can be used again, another one not (fact 2.23); or each client has places (2.25)."""
    fault("account_summaries", limit="client", left="ended")
    other = RawClient(sim, client_id=7)
    assert [ask(client, 5), ask(client, 6)] == ["63", "63"]
    client.send(63, 1, 5)
    assert ask(client, 7) == TOO_MANY
    assert ask(client, 5) == "63"
    assert ask(other, 5) == "63"
    other.leave()
    fault("account_summaries", limit="client", left="ended", cancelled="free")
    client.send(63, 1, 5)
    assert ask(client, 7) == "63"
