"""What is listed."""

from __future__ import annotations

from datetime import date

import pytest

from ibproxy_sim.build import Simulation
from ibproxy_sim.exchange.hours import third_friday
from ibproxy_sim.exchange.universe import ContractQuery, Universe
from ibproxy_sim.testing import contract


def query(*args: object, **kwargs: object) -> ContractQuery:
    """A query from what a client would write."""
    row = contract(*args, **kwargs)  # type: ignore[arg-type]
    return ContractQuery.from_fields([str(field) for field in row])


def test_every_instrument_is_found_by_what_it_says_of_itself(sim: Simulation) -> None:
    """By conId, and by symbol, type, exchange and currency."""
    for instrument in sim.universe.instruments:
        assert sim.universe.by_con_id(instrument.con_id) is instrument
        row = query(
            instrument.symbol, instrument.sec_type, instrument.exchange, instrument.currency,
            expiry=instrument.expiry,
        )  # fmt: skip
        assert sim.universe.resolve(row) == instrument


def test_every_option_has_a_number_of_its_own(sim: Simulation) -> None:
    """Numbers of all chains are apart, and lead back to the option."""
    seen: set[int] = set()
    for chain in sim.universe.chains:
        options = list(chain.select("", 0.0, "", ""))
        assert len(options) == chain.count
        for option in options:
            assert sim.universe.by_con_id(option.con_id) is option
        seen |= {option.con_id for option in options}
    assert len(seen) == sum(chain.count for chain in sim.universe.chains)


def test_options_expire_on_weekdays_ahead_around_the_price(sim: Simulation) -> None:
    """Nothing that is listed is past, and the price lies within the strikes."""
    for chain in sim.universe.chains:
        days = [date(int(e[:4]), int(e[4:6]), int(e[6:])) for e in chain.expiries]
        assert all(day > date(2026, 4, 13) and day.weekday() < 5 for day in days)
        price = sim.market.quote(chain.underlying, sim.gateway.now_s).last
        assert chain.strikes[10] < price < chain.strikes[-10]
    spx = next(c for c in sim.universe.chains if c.root.trading_class == "SPX")
    assert spx.expiries[0] == "20260416"  # settles on the 17th, the third Friday
    assert third_friday(2026, 4) == date(2026, 4, 17)


def test_an_option_is_found_by_its_local_symbol(sim: Simulation) -> None:
    """As it is printed."""
    found = sim.universe.find(query(sec_type="OPT", local_symbol="SPX   260417C06200000"))
    assert [(o.expiry, o.strike, o.right) for o in found] == [("20260416", 6200.0, "C")]


def test_a_con_id_overrides_and_an_exchange_is_needed_without_one(sim: Simulation) -> None:
    """An order's contract has to be unambiguous."""
    resolve = sim.universe.resolve
    found = resolve(query("nonsense", "", "ARCA", "", con_id=4391))
    assert found
    assert (found.symbol, found.exchange) == ("AMD", "ARCA")
    assert resolve(query("AMD", exchange="")) is None
    assert resolve(query("AMD", currency="")) is None


def test_the_same_seed_lists_the_same(sim: Simulation) -> None:
    """Another universe of that seed and moment has equal instruments and chains."""
    other = Universe(1, sim.gateway.now_s)
    assert other.instruments == sim.universe.instruments
    assert [c.strikes for c in other.chains] == [c.strikes for c in sim.universe.chains]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (["x", *[""] * 11], "invalid literal"),
        (["1", "2"], "not enough values"),
        (["", "", "", "", "y", *[""] * 7], "could not convert"),
    ],
)
def test_fields_that_are_no_contract_are_refused(bad: list[str], reason: str) -> None:
    """A ValueError, which the gateway reports as 320."""
    with pytest.raises(ValueError, match=reason):
        ContractQuery.from_fields(bad)
