"""Prices: pure, consistent, and cheap to look back at."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from ibproxy_sim.build import Simulation
from ibproxy_sim.exchange.market import ABSENT, Market
from ibproxy_sim.exchange.path import PricePath, step_at
from ibproxy_sim.exchange.times import day_start_s, eastern_day
from ibproxy_sim.exchange.universe import Instrument, Universe

AMD, EURUSD, SPX, SPY = 4391, 12087792, 416904, 756733


def get(sim: Simulation, con_id: int) -> Instrument:
    """An instrument that exists."""
    found = sim.universe.by_con_id(con_id)
    assert found
    return found


def test_a_quote_depends_on_seed_instrument_and_time_alone(sim: Simulation) -> None:
    """Whatever was asked before, in whatever order, by whichever market of that seed."""
    now_s = sim.gateway.now_s
    moments = [now_s + n * 900 for n in range(-200, 200, 7)]
    other = Market(1, Universe(1, now_s))
    for instrument in (*sim.universe.instruments, *sim.universe.chains[2].select("", 600, "", "")):
        expected = {moment: sim.market.quote(instrument, moment) for moment in moments[::20]}
        shuffled = random.Random(3).sample(list(expected), len(expected))
        assert {m: other.quote(instrument, m) for m in shuffled} == expected


def test_another_seed_is_another_market(sim: Simulation) -> None:
    """Only the starting point is shared."""
    now_s = sim.gateway.now_s
    other = Market(2, Universe(2, now_s))
    amd = get(sim, AMD)
    assert other.quote(amd, now_s) != sim.market.quote(amd, now_s)


def test_prices_change_only_at_steps(sim: Simulation) -> None:
    """Within a step everything stays, across steps something moves."""
    amd, now_s = get(sim, AMD), sim.gateway.now_s
    quotes = [sim.market.quote(amd, now_s + n * 0.05) for n in range(20)]
    assert [quotes.index(quote) for quote in quotes] == [n // 5 * 5 for n in range(20)]


def test_every_quote_makes_sense(sim: Simulation) -> None:
    """Bid below ask, last at or between them, all within the day's range, on the grid."""
    options = [o for c in sim.universe.chains for o in c.select(c.expiries[-1], 0, "", "")][::7]
    for instrument in (*sim.universe.instruments, *options):
        quote = sim.market.quote(instrument, sim.gateway.now_s + 77)
        if instrument.has_quotes:
            assert quote.bid < quote.ask
            assert quote.ask_size > 0
            assert (quote.bid == ABSENT) == (quote.bid_size == 0)
            ticks = quote.ask / instrument.min_tick
            assert abs(ticks - round(ticks)) < 1e-6
        else:
            assert (quote.bid, quote.ask) == (ABSENT, ABSENT)
        if instrument.has_trades:
            assert quote.low <= quote.last <= quote.high
            assert quote.low <= quote.open <= quote.high
        else:
            assert quote.last == ABSENT
        if instrument.has_quotes and instrument.has_trades:
            assert quote.bid <= quote.last <= quote.ask


def test_extremes_are_those_of_every_step() -> None:
    """The search over branches gives what looking at each step gives."""
    path, rng = PricePath(12345, 100.0, 0.4), random.Random(1)
    for length in (1, 2, 3, 255, 4096, 4097, 9000, 30000):
        first = rng.randrange(7 * 10**9)
        prices = [path.price(step) for step in range(first, first + length)]
        assert path.extremes(first, first + length - 1) == (min(prices), max(prices))


def test_the_days_figures_agree_with_each_quote_of_the_day(sim: Simulation) -> None:
    """High, low and volume are what a watcher since midnight would have seen."""
    amd = get(sim, AMD)
    start_s = day_start_s(eastern_day(sim.gateway.now_s))
    seen = [sim.market.quote(amd, start_s + n * 0.25) for n in range(4000)]
    last = seen[-1]
    assert last.high == max(quote.last for quote in seen)
    assert last.low == min(quote.last for quote in seen)
    assert last.volume == sum(quote.last_size for quote in seen)
    assert all(a.volume < b.volume for a, b in pairwise(seen))


def test_funds_and_futures_move_with_their_index(sim: Simulation) -> None:
    """SPY is a tenth of SPX, to the cent."""
    for n in range(5):
        moment = sim.gateway.now_s + n * 5000
        spx = sim.market.quote(get(sim, SPX), moment).last
        assert sim.market.quote(get(sim, SPY), moment).last == pytest.approx(spx / 10, abs=0.011)


def test_calls_and_puts_keep_parity(sim: Simulation) -> None:
    """Call - put = underlying - discounted strike, within the spread."""
    chain = next(c for c in sim.universe.chains if c.root.trading_class == "SPY")
    now_s = sim.gateway.now_s
    for strike in chain.strikes[40:80:10]:
        call, put = chain.select(chain.expiries[-1], strike, "", "")
        middle = [sim.market.midpoint(o, sim.market.price(o, step_at(now_s))) for o in (call, put)]
        spot = sim.market.quote(chain.underlying, now_s).last
        discount = 2.718281828459045 ** (-0.04 * sim.market.years_left(call, now_s))
        assert middle[0] - middle[1] == pytest.approx(spot - strike * discount, abs=0.03)
