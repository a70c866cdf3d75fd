"""Scenario files, and that the same scenario and requests give the same bytes."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Order, Stock
from ib_async.client import Client as IbClient

from ibproxy.errors import ConfigError
from ibproxy.wire.framing import frame, join_fields
from ibproxy_sim.build import Simulation
from ibproxy_sim.scenario import load_scenario, parse_scenario, shipped_scenarios
from ibproxy_sim.testing import AMD, EURUSD, RawClient
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import Settings

MONDAY_S = 1776092400.0
NAMES = list(shipped_scenarios())
ADVISOR = 'about = "x"\naccounts = ["DF1", "DU1"]\n'


def test_what_is_shipped() -> None:
    """Each has a sentence, and calm, the default, has no faults."""
    assert {
        "calm", "strict", "nightly_restart", "outage", "freeze", "eight_accounts", "slow",
        "hostile", "read_only", "advisor", "account_trouble", "unwelcome",
    } <= set(NAMES)  # fmt: skip
    assert all(about.endswith(".") for about in shipped_scenarios().values())
    assert load_scenario("calm").faults == ()


def test_a_whole_file(tmp_path: Path) -> None:
    """Everything that a file may say is taken over."""
    path = tmp_path / "mine.toml"
    path.write_text(
        """
        about = "Mine."
        accounts = ["DU1", "DU2"]
        symbols = ["AMD"]
        [cash]
        DU1 = 5000
        [market]
        seed = 7
        speed = 0
        volatility = 2.0
        start = 2026-04-13T11:00:00-04:00
        [gateway]
        server_version = 170
        max_lines = 5
        [[positions]]
        account = "DU2"
        symbol = "AMD"
        quantity = -10
        price = 100.0
        [[faults]]
        at_s = 2.0
        for_s = 3.0
        fault = "freeze"
        [[faults]]
        fault = "no_permission"
        symbols = ["SPY"]
        """
    )
    sim = load_scenario(str(path)).build(0.0)
    settings = sim.gateway.settings
    assert (settings.seed, settings.speed, settings.server_version) == (7, 0.0, 170)
    assert (settings.max_lines, settings.volatility, sim.gateway.now_s) == (5, 2.0, MONDAY_S)
    accounts = sim.trading.books.accounts
    assert [account.cash for account in accounts.values()] == [{"USD": 5000.0}, {"USD": 0.0}]
    client = RawClient(sim)
    positions = client.ask(61, 1)
    assert [(m[2], m[4], m[14], m[15]) for m in positions[:-1]] == [("DU2", "AMD", "-10", "100.0")]
    spy = Stock("SPY", "SMART", "USD")
    asked = [9, 8, 3, 0, spy.symbol, "STK", "", 0.0, "", "", "SMART", "", "USD", "", ""]
    assert client.ask(*asked, 0, "", "", "")[0][3] == "200"  # not among the symbols
    assert list(sim.faults.active) == ["no_permission"]
    client.wait(2.1)
    assert list(sim.faults.active) == ["no_permission", "freeze"]
    client.wait(3.0)
    assert list(sim.faults.active) == ["no_permission"]


EVERY_SETTING = """
    about = "Nothing as usual."
    accounts = ["DU7"]
    cash = 7
    symbols = ["AMD"]
    [market]
    seed = 7
    speed = 7
    volatility = 7
    keeps_hours = true
    flood = true
    hard_to_borrow = ["AMD"]
    algo_s = 7
    [gateway]
    server_version = 170
    max_clients = 7
    master_client_id = 7
    cancels_others = true
    download_open_orders = true
    time_zone_name = "Central European Standard Time"
    ends_accounts_with_comma = true
    max_lines = 7
    max_books = 7
    max_tick_by_tick = 7
    not_permitted = ["AMD"]
    not_permitted_code = 10089
    feeds = ["news"]
    keeps_malformed = false
"""


def test_every_setting_can_be_said() -> None:
    """A field of Settings that no key reaches, or that is not taken over, is found here."""
    settings = asdict(parse_scenario(EVERY_SETTING).settings())
    usual = asdict(Settings())
    assert [name for name in usual if settings[name] == usual[name]] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "`about`"),
        ('about = "x"\ncolour = 1', "`colour`"),
        ('about = "x"\n[market]\nspeeed = 2', "`speeed`"),
        ('about = "x"\n[market]\nspeed = "fast"', "`$.market.speed`"),
        ('about = "x"\n[[faults]]\nfault = "frost"', "number 1: there is no fault 'frost'"),
        ('about = "x"\n[[faults]]\nfault = "freeze"\nfor = 3', "`for`"),
        ('about = "x"\n[[faults]]\nat_s = 3', "`fault`"),
        ('about = "x"\n[[faults]]\nfault = "freeze"\nat_s = -3', "`$.at_s`"),
        ('about = "x"\naccounts = ["DU1", "DU1"]', "named twice"),
        ('about = "x"\n[cash]\nDU7 = 1', "DU7 is not among the accounts"),
        ('about = "x"\n[[groups]]\nname = "g"\naccounts = ["DU1000001"]', "only an advisor"),
        (
            ADVISOR + '[[groups]]\nname = "g"\nmethod = "Ratio"\naccounts = ["DU1"]',
            "Ratio takes 1 amounts",
        ),
        ("about =", "Invalid value"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    """One line that says where."""
    with pytest.raises(ConfigError) as caught:
        parse_scenario(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    """The names that there are are told."""
    with pytest.raises(ConfigError, match=r"calm, .* or a file"):
        load_scenario("quiet")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_scenario(str(tmp_path / "quiet.toml"))
    unknown = 'about = "x"\n[[positions]]\naccount = "DU1000001"\nsymbol = "NIX"\nquantity = 1'
    with pytest.raises(ConfigError, match="NIX STK is unknown"):
        parse_scenario(unknown).build(MONDAY_S)


# the same again


class Script:
    """Plays a fixed conversation, and keeps every byte that clients are sent, and when."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.heard: list[tuple[float, int, bytes]] = []
        self.clients: dict[int, Client] = {}

    def connect(self, client_id: int) -> None:
        """Connect a client, if it can."""
        self.clients[client_id] = client = self.sim.gateway.connect()
        self.sim.gateway.receive(client, b"API\0" + frame(b"v157..178"))
        self.send(client_id, 71, 2, client_id, "")

    def send(self, client_id: int, *fields: object) -> None:
        """Send a message."""
        self.sim.gateway.receive(self.clients[client_id], frame(join_fields(*fields)))

    def place(self, client_id: int, order_id: int, symbol: str, order: Order) -> None:
        """Send placeOrder as ib_async writes it."""
        written: list[str] = []
        pen: Any = IbClient(wrapper=None)  # type: ignore[no-untyped-call]
        pen._serverVersion, pen.connState = 178, IbClient.CONNECTED
        pen.sendMsg = written.append
        order.account = self.sim.gateway.settings.accounts[0]
        pen.placeOrder(order_id, Stock(symbol, "SMART", "USD"), order)
        self.sim.gateway.receive(self.clients[client_id], frame(written[0].encode()))

    def wait(self, seconds: float) -> None:
        """Let time go by in small steps, and collect."""
        end_s = self.sim.gateway.now_s + seconds
        while self.sim.gateway.now_s < end_s:
            self.sim.gateway.advance(min(end_s, self.sim.gateway.now_s + 0.3))
            for client_id, client in self.clients.items():
                if client.outbox:
                    self.heard.append((self.sim.gateway.now_s, client_id, b"".join(client.outbox)))
                    client.outbox.clear()

    def play(self) -> list[tuple[float, int, bytes]]:
        """Play it all: three minutes of the market."""
        for client_id in (1, 2):
            self.connect(client_id)
        self.wait(1)
        for client_id in (1, 2):
            self.send(client_id, 1, 11, 1, *AMD, 0, "233", 0, 0, "")
            self.send(client_id, 1, 11, 2, *EURUSD, 0, "", 0, 0, "")
            self.send(client_id, 20, 3, *AMD, 0, "", "1 min", "1 D", 0, "TRADES", 1, 1, "")
            self.send(client_id, 61, 1)
            self.place(client_id, 1, "AMD", MarketOrder("BUY", 100))
            self.place(client_id, 2, "SPY", LimitOrder("SELL", 10, 1.0))
            self.place(client_id, 3, "AMD", LimitOrder("BUY", 10, 1.0))
        self.wait(10)
        for client_id in (1, 2):
            self.send(client_id, 4, 1, 3, "")
            self.send(client_id, 99, 0)
        self.wait(115)
        for client_id in (3, 4):
            self.connect(client_id)
            self.send(client_id, 7, 3, 5, 0, "", "", "", "", "", "")
        self.wait(20)
        return self.heard


@cache
def calm() -> list[tuple[float, int, bytes]]:
    """What is heard when nothing goes wrong."""
    return Script(load_scenario("calm").build(MONDAY_S)).play()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_scenario_gives_the_same_bytes(name: str) -> None:
    """Ticks, bars, fills, and everything that goes wrong; and it is not what calm gives."""
    first, second = (Script(load_scenario(name).build(MONDAY_S)).play() for _ in range(2))
    assert first == second
    assert sum(len(data) for _, _, data in first) > 1_000
    assert (first == calm()) == (name == "calm")


def test_another_seed_gives_another_market() -> None:
    """The comparison above would notice."""
    other = parse_scenario('about = "x"\n[market]\nseed = 2')
    assert Script(other.build(MONDAY_S)).play() != calm()
