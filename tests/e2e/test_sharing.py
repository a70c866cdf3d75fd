"""Two strategies, one line: nobody can tell that it is shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ib_async import Stock

pytestmark = pytest.mark.only_proxied("nothing is shared on a gateway of one's own")


def test_one_line_for_two_strategies(desk: Any, until: Callable[..., None]) -> None:
    """The gateway counts one line and one subscription; both get every tick."""
    alpha, beta = desk.client("alpha"), desk.client("beta")
    seen: dict[str, list[Any]] = {"alpha": [], "beta": []}
    for name, ib in (("alpha", alpha), ("beta", beta)):
        [spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
        ticker = ib.reqMktData(spy)
        ticker.updateEvent += lambda t, name=name: seen[name].extend(t.ticks)
    until(lambda: min(map(len, seen.values())) > 60, alpha)
    quotes = desk.sim.simulation.quotes
    assert (quotes.lines, quotes.subscriptions) == (1, 1)
    values = {name: [(t.tickType, t.price, t.size) for t in ticks] for name, ticks in seen.items()}
    # beta joined later: it was shown the state first, and from then on the same ticks came
    common = min(map(len, values.values())) - 25
    tail = values["beta"][-common:]
    starts = [
        at for at in range(len(values["alpha"])) if values["alpha"][at : at + 20] == tail[:20]
    ]
    assert starts
    at = starts[-1]
    length = min(len(tail), len(values["alpha"]) - at)
    assert values["alpha"][at : at + length] == tail[:length]


def test_late_joiner_knows_the_quote_at_once(desk: Any, until: Callable[..., None]) -> None:
    """With the stream's first bytes a late joiner knows bid, ask and last."""
    alpha, beta = desk.client("alpha"), desk.client("beta")
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    first = alpha.reqMktData(spy)
    until(lambda: first.hasBidAsk() and first.last == first.last, alpha)
    desk.sim.call(lambda: setattr(desk.sim.gateway, "advance", lambda _now_s: None))  # time stops
    late = beta.reqMktData(spy)
    until(lambda: late.time is not None, beta)
    assert (late.bid, late.ask, late.last) == (first.bid, first.ask, first.last)
    assert (late.bidSize, late.askSize) == (first.bidSize, first.askSize)


def test_line_ends_with_the_last_client(desk: Any, until: Callable[..., None]) -> None:
    """When both have left, by cancel or by disconnecting, the gateway has no line left."""
    alpha, beta = desk.client("alpha"), desk.client("beta")
    [spy] = alpha.qualifyContracts(Stock("SPY", "SMART", "USD"))
    ticker = alpha.reqMktData(spy)
    beta.reqMktData(spy)
    until(ticker.hasBidAsk, alpha)
    alpha.cancelMktData(spy)
    alpha.sleep(0.1)
    assert desk.sim.simulation.quotes.subscriptions == 1
    beta.disconnect()
    until(lambda: desk.sim.simulation.quotes.subscriptions == 0, alpha)


def test_a_competing_session_has_the_data_for_a_while(
    connect: Callable[..., Any], until: Callable[..., None], reach: Any
) -> None:
    """10197 (fact 4.40): the line is not over, and ticks come back with the data."""
    ib = connect()
    [amd] = ib.qualifyContracts(Stock("AMD", "SMART", "USD"))
    errors: list[int] = []
    ib.errorEvent += lambda _, code, *__: errors.append(code)
    ticker = ib.reqMktData(amd)
    until(lambda: ticker.bid > 0, ib)
    reach.sim.control.fault("competing_session")
    until(lambda: 10197 in errors, ib)
    reach.sim.control.mend("competing_session")
    ticks: list[Any] = []
    ticker.updateEvent += ticks.append
    until(lambda: len(ticks) > 3, ib)
    late = connect(2)
    another = late.reqMktData(amd)
    until(lambda: another.bid > 0, late)
