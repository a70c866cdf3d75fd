"""Puts a gateway together."""

from __future__ import annotations

from dataclasses import dataclass

from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.requests import Accounts
from ibproxy_sim.data.contracts import Contracts
from ibproxy_sim.data.depth import Depth
from ibproxy_sim.data.displays import Displays
from ibproxy_sim.data.flood import Flood
from ibproxy_sim.data.heads import Heads
from ibproxy_sim.data.history import History
from ibproxy_sim.data.option_ticks import Calculations
from ibproxy_sim.data.quotes import Quotes
from ibproxy_sim.data.realtime import RealTimeBars
from ibproxy_sim.data.scanners import Scanners
from ibproxy_sim.data.ticks import Ticks
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.faults.board import Faults
from ibproxy_sim.feeds.bulletins import Bulletins
from ibproxy_sim.feeds.fundamentals import Fundamentals
from ibproxy_sim.feeds.news import News
from ibproxy_sim.feeds.wall_street_horizon import WallStreetHorizon
from ibproxy_sim.trading.exercise import Exercises
from ibproxy_sim.trading.manual import ManualOrders
from ibproxy_sim.trading.requests import Trading
from ibproxy_sim.wire.gateway import Gateway
from ibproxy_sim.wire.session import Session
from ibproxy_sim.wire.settings import Settings


@dataclass
class Simulation:
    """A gateway and what it is made of, for tests that look inside.

    Attributes:
        gateway: what a server or a test drives.
        universe: what is listed.
        market: prices.
        quotes: market data subscriptions.
        trading: orders.
        manual: orders entered by hand.
        accounts: account values.
        bulletins: news bulletins; `publish` makes one.
        advisors: an advisor's groups.
        flood: what writes without end, if the settings ask for it.
        faults: what goes wrong, and can be switched.
    """

    gateway: Gateway
    universe: Universe
    market: Market
    quotes: Quotes
    trading: Trading
    manual: ManualOrders
    accounts: Accounts
    bulletins: Bulletins
    advisors: Advisors
    flood: Flood | None

    def __post_init__(self) -> None:
        self.faults = Faults(self)


def make_simulation(settings: Settings, now_s: float, market: Market | None = None) -> Simulation:
    """A gateway with a market and everything that it answers.

    Args:
        settings: what kind of gateway it is.
        now_s: the market's time at the start, seconds since the epoch.
        market: one made from the same settings and time, to be shared; else it gets its own.
    """
    gateway = Gateway(settings, now_s)
    if market is None:
        universe = Universe(settings.seed, now_s, settings.volatility, settings.symbols)
        market = Market(settings.seed, universe)
    universe = market.universe
    Session(gateway).install()
    Contracts(gateway, universe).install()
    quotes = Quotes(gateway, universe, market)
    quotes.install()
    News(gateway, universe, quotes).install()
    bulletins, advisors = Bulletins(gateway), Advisors(gateway)
    bulletins.install()
    advisors.install()
    for board in (WallStreetHorizon, Displays):
        board(gateway, universe).install()
    for part in (Fundamentals, Calculations, Ticks, Depth, RealTimeBars, Scanners):
        part(gateway, universe, market).install()
    history = History(gateway, universe, market)
    history.install()
    Heads(gateway, universe, market, history).install()
    flood = Flood(gateway, quotes, market) if settings.flood else None
    gateway.endless = flood.chunk if flood else None
    trading = Trading(gateway, universe, market, advisors)
    trading.install()
    quotes.charge = trading.books.charge
    manual = ManualOrders(gateway, trading)
    manual.install()
    Exercises(gateway, universe, trading).install()
    accounts = Accounts(gateway, trading.books, advisors)
    accounts.install()
    parts = (quotes, trading, manual, accounts, bulletins, advisors, flood)
    return Simulation(gateway, universe, market, *parts)


def make_gateway(settings: Settings, now_s: float) -> Gateway:
    """The gateway of `make_simulation`."""
    return make_simulation(settings, now_s).gateway
