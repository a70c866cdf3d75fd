"""Scenarios: a market, accounts, what they hold, and what goes wrong when, as a TOML file.

The sections below are its keys; what stands in their types is what the documentation says. Each
field of `Settings` is a key of the top, of `[market]` or of `[gateway]`, by the same name.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, structs

from ibproxy.errors import ConfigError
from ibproxy_sim.accounts.advisors import BY_AMOUNT, Group
from ibproxy_sim.accounts.books import Position
from ibproxy_sim.accounts.valuation import BASE_CURRENCY
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.exchange.universe import ContractQuery
from ibproxy_sim.faults.board import make_fault
from ibproxy_sim.faults.fault import Fault
from ibproxy_sim.wire.settings import MAX_VERSION, MIN_VERSION, Settings, is_advisor

DEFAULT = "calm"
SUFFIX = ".toml"

AccountCode = Annotated[str, Meta(pattern="^[A-Z]+[0-9]+$")]


class MarketSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part `[market]`."""

    seed: Annotated[int, Meta(description="the same seed gives the same market")] = 1
    speed: Annotated[
        float, Meta(ge=0, description="market seconds a second; 0: only control moves time")
    ] = 1.0
    volatility: Annotated[
        float, Meta(gt=0, le=100, description="how much more than usual prices move")
    ] = 1.0
    start: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="market's time at the start; now if missing"),
    ] = None
    keeps_hours: Annotated[
        bool, Meta(description="trade in regular hours only; else around the clock")
    ] = False
    flood: Annotated[bool, Meta(description="send market data as fast as each client reads it")] = (
        False
    )
    algo_s: Annotated[
        float, Meta(gt=0, description="how long an algo takes that names no times of its own")
    ] = 20.0
    hard_to_borrow: Annotated[
        tuple[str, ...], Meta(description="stocks to be located before they are sold short")
    ] = ()


class GatewaySection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part `[gateway]`."""

    server_version: Annotated[
        int, Meta(ge=MIN_VERSION, le=MAX_VERSION, description="highest version that it knows")
    ] = MAX_VERSION
    max_lines: Annotated[int, Meta(ge=1, description="contracts with market data at one time")] = (
        100
    )
    max_books: Annotated[int, Meta(ge=0, description="contracts with market depth at one time")] = 3
    max_tick_by_tick: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="tick-by-tick requests at one time; else a twentieth of the lines"),
    ] = None
    not_permitted: Annotated[
        tuple[str, ...], Meta(description="symbols without a subscription to live data")
    ] = ()
    not_permitted_code: Annotated[
        Literal[354, 10089, 10168], Meta(description="what a request for live data of these gets")
    ] = 354
    feeds: Annotated[
        tuple[Literal["news", "fundamentals", "calendar"], ...],
        Meta(description="paid feeds of the account"),
    ] = ("news", "fundamentals", "calendar")
    max_clients: Annotated[int, Meta(ge=1, description="connections at one time")] = 32
    master_client_id: Annotated[
        int | None, Meta(description="client id that is told of everybody's orders")
    ] = None
    cancels_others: Annotated[
        bool, Meta(description="let a client cancel another one's order by its id")
    ] = False
    download_open_orders: Annotated[
        bool, Meta(description="state a client's open orders before anything else")
    ] = False
    time_zone_name: Annotated[
        str, Meta(description="what the time in the greeting ends in; it may contain blanks")
    ] = "UTC"
    ends_accounts_with_comma: Annotated[
        bool, Meta(description="end the list of accounts with a comma")
    ] = False
    keeps_malformed: Annotated[
        bool, Meta(description="keep a client that sends what cannot be read; else it is dropped")
    ] = True


class PositionSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `[[positions]]`."""

    account: Annotated[AccountCode, Meta(description="who holds it")]
    symbol: Annotated[str, Meta(description="of what")]
    quantity: Annotated[float, Meta(description="how much; below 0 it is short")]
    price: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="what was paid for one; today's price if missing"),
    ] = None
    sec_type: Annotated[str, Meta(description="security type")] = "STK"
    exchange: Annotated[str, Meta(description="where it is traded")] = "SMART"
    currency: Annotated[str, Meta(description="in which currency")] = "USD"
    expiry: Annotated[str, Meta(description="of an option or a future: YYYYMMDD or YYYYMM")] = ""
    strike: Annotated[float, Meta(description="of an option")] = 0.0
    right: Annotated[str, Meta(description="of an option: C or P")] = ""

    @property
    def query(self) -> ContractQuery:
        """What it means."""
        return ContractQuery.from_fields(
            ["0", self.symbol, self.sec_type, self.expiry, str(self.strike), self.right, "",
             self.exchange, "", self.currency, "", ""]
        )  # fmt: skip


class Moment(msgspec.Struct, frozen=True):
    """When a fault starts.

    Attributes:
        at_s: market seconds after the start.
        fault: which.
        for_s: how long at most; None: until it ends by itself or is ended.
    """

    at_s: float
    fault: Fault
    for_s: float | None = None


class GroupSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `[[groups]]`."""

    name: Annotated[str, Meta(min_length=1, description="an advisor's group, as orders name it")]
    accounts: Annotated[
        tuple[AccountCode, ...], Meta(min_length=1, description="the clients in it")
    ]
    method: Annotated[
        Literal[
            "Equal", "NetLiq", "AvailableEquity", "Ratio", "Percent", "MonetaryAmount",
            "ContractsOrShares",
        ],
        Meta(description="how an order is divided that names no method itself"),
    ] = "Equal"  # fmt: skip
    amounts: Annotated[
        tuple[Annotated[float, Meta(ge=0)], ...],
        Meta(description="one for each account, for the last four methods"),
    ] = ()


class FaultSection(msgspec.Struct, frozen=True):
    """One of `[[faults]]`, without the fault's own parameters."""

    fault: Annotated[str, Meta(description="which; the other keys are its parameters")]
    at_s: Annotated[float, Meta(ge=0, description="market seconds after the start")] = 0.0
    for_s: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="how long; else until it ends by itself or is ended"),
    ] = None


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole scenario, as its file has it."""

    about: Annotated[str, Meta(min_length=1, description="one sentence")]
    accounts: Annotated[
        tuple[AccountCode, ...],
        Meta(min_length=1, description="their codes; an advisor's is the first: F... or DF..."),
    ] = ("DU1000001", "DU1000002")
    cash: Annotated[
        float | dict[AccountCode, float],
        Meta(description="of each account, in USD; or a table of amounts by account"),
    ] = 1_000_000.0
    symbols: Annotated[
        tuple[str, ...], Meta(description="what can be traded; everything if missing")
    ] = ()
    market: MarketSection = MarketSection()
    gateway: GatewaySection = GatewaySection()
    positions: tuple[PositionSection, ...] = ()
    groups: tuple[GroupSection, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()

    def settings(self) -> Settings:
        """Return what kind of gateway it is."""
        said = {**structs.asdict(self.market), **structs.asdict(self.gateway)}
        said |= {"accounts": self.accounts, "symbols": self.symbols}
        said["cash"] = self.cash if isinstance(self.cash, float) else 0.0
        return Settings(**{field.name: said[field.name] for field in fields(Settings)})

    def timeline(self) -> list[Moment]:
        """Return what goes wrong, earliest first.

        Raises:
            ConfigError: there is no such fault, or a parameter does not fit.
        """
        moments = []
        for number, table in enumerate(self.faults, start=1):
            own = FaultSection.__struct_fields__
            try:
                when = msgspec.convert({k: v for k, v in table.items() if k in own}, FaultSection)
                fault = make_fault(when.fault, {k: v for k, v in table.items() if k not in own})
            except (msgspec.ValidationError, ConfigError) as error:
                raise ConfigError(f"[[faults]] number {number}: {error}") from None
            moments.append(Moment(when.at_s, fault, when.for_s))
        return sorted(moments, key=lambda moment: moment.at_s)

    def changed(
        self,
        *,
        accounts: tuple[str, ...] | None = None,
        seed: int | None = None,
        speed: float | None = None,
        volatility: float | None = None,
        flood: bool | None = None,
        server_version: int | None = None,
    ) -> Scenario:
        """Return the scenario with some values changed.

        Raises:
            ConfigError: it cannot be played like that.
        """
        tables = msgspec.to_builtins(self)
        for table, key, value in (
            (tables, "accounts", accounts),
            (tables["market"], "seed", seed),
            (tables["market"], "speed", speed),
            (tables["market"], "volatility", volatility),
            (tables["market"], "flood", flood),
            (tables["gateway"], "server_version", server_version),
        ):
            if value is not None:
                table[key] = value
        try:
            scenario = msgspec.convert(tables, Scenario)
        except msgspec.ValidationError as error:
            raise ConfigError(str(error)) from None
        scenario.check()
        return scenario

    def check(self) -> None:
        """Look for mistakes that the types do not show.

        Raises:
            ConfigError: there is one; the text says where.
        """
        self.timeline()
        if len(set(self.accounts)) < len(self.accounts):
            raise ConfigError("accounts: one is named twice")
        named = [position.account for position in self.positions]
        named += self.cash if isinstance(self.cash, dict) else []
        named += [code for group in self.groups for code in group.accounts]
        for code in named:
            if code not in self.accounts:
                raise ConfigError(f"{code} is not among the accounts")
        if self.groups and not is_advisor(self.settings()):
            raise ConfigError("groups: only an advisor has some; its account begins with F or DF")
        for group in self.groups:
            wanted = len(group.accounts) if group.method in BY_AMOUNT else 0
            if len(group.amounts) != wanted:
                raise ConfigError(f"group {group.name}: {group.method} takes {wanted} amounts")

    def build(self, now_s: float) -> Simulation:
        """Return a stand-in that plays it.

        Args:
            now_s: the market's time at the start, unless the scenario says its own.

        Raises:
            ConfigError: it cannot be played.
        """
        start_s = self.market.start.timestamp() if self.market.start else now_s
        sim = make_simulation(self.settings(), start_s)
        self._endow(sim)
        for moment in self.timeline():
            if moment.at_s <= 0:
                sim.faults.start(moment.fault, moment.for_s)
            else:
                _plan(sim, start_s + moment.at_s, moment)
        return sim

    def _endow(self, sim: Simulation) -> None:
        accounts = sim.trading.books.accounts
        if isinstance(self.cash, dict):
            for code, amount in self.cash.items():
                accounts[code].cash[BASE_CURRENCY] = amount
        for group in self.groups:
            sim.advisors.groups[group.name] = Group(
                group.name, group.accounts, group.method, group.amounts
            )
        now_s = sim.gateway.now_s
        for section in self.positions:
            instrument = sim.universe.resolve(section.query)
            if instrument is None:
                raise ConfigError(f"[[positions]]: {section.symbol} {section.sec_type} is unknown")
            price = section.price or sim.trading.books.valuation.price(instrument, now_s)
            held = Position(instrument, section.quantity, price)
            accounts[section.account].positions[instrument.con_id] = held


def _plan(sim: Simulation, time_s: float, moment: Moment) -> None:
    sim.gateway.call_at(time_s, lambda: sim.faults.start(moment.fault, moment.for_s))


def parse_scenario(text: str, source: str = "scenario") -> Scenario:
    """Return the scenario in the TOML text of a file.

    Args:
        text: the file's contents.
        source: what errors call it.

    Raises:
        ConfigError: something in it cannot be used; the text names the key.
    """
    try:
        scenario = msgspec.toml.decode(text, type=Scenario)
        scenario.check()
    except (msgspec.DecodeError, ConfigError) as error:
        raise ConfigError(f"{source}: {error}") from None
    return scenario


def shipped_scenarios() -> dict[str, str]:
    """Return name and one sentence of each scenario that comes with the stand-in."""
    folder = resources.files("ibproxy_sim") / "scenarios"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(SUFFIX))
    return {
        name.removesuffix(SUFFIX): load_scenario(name.removesuffix(SUFFIX)).about for name in names
    }


def load_scenario(name: str) -> Scenario:
    """Return a scenario.

    Args:
        name: of one that comes with the stand-in, or the path of a file that ends in `.toml`.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """
    if name.endswith(SUFFIX):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{name}: cannot be read: {error}") from None
        return parse_scenario(text, name)
    shipped = resources.files("ibproxy_sim") / "scenarios" / f"{name}{SUFFIX}"
    if not name.isidentifier() or not shipped.is_file():
        known = ", ".join(shipped_scenarios())
        raise ConfigError(
            f"there is no scenario {name!r}: write one of {known}, or a file that ends in .toml"
        )
    return parse_scenario(shipped.read_text(encoding="utf-8"), f"{name}{SUFFIX}")
