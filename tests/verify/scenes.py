"""The gateways that checks are tried on: what one does not show, another does."""

from __future__ import annotations

from collections.abc import Callable

from ibproxy_server.verify.table import ASSUMPTIONS
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.faults.board import make_fault
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import Settings
from tests.verify.breaking import afterwards

MONDAY_S = 1776092400.0
"""2026-04-13 11:00 in New York, a Monday in regular hours."""

SATURDAY_S = MONDAY_S + 5 * 86400
IDLE = "HMDS data farm connection is inactive but should be available upon demand.ushmds"


def usual() -> Simulation:
    """Two accounts, no live data of the stock that orders are for."""
    return make_simulation(Settings(not_permitted=("AAPL",)), MONDAY_S)


def single() -> Simulation:
    """One account."""
    return make_simulation(Settings(("DU1000001",), not_permitted=("AAPL",)), MONDAY_S)


def idle() -> Simulation:
    """A farm of historical data sleeps."""
    sim = usual()

    def tell(client: Client) -> None:
        sim.gateway.error(client, -1, 2107, IDLE)

    sim.gateway.on_start.append(tell)
    return sim


def waking() -> Simulation:
    """A farm wakes at the first request for its data."""
    sim = usual()

    def tell(_sim: Simulation, client: Client, _fields: list[str]) -> None:
        sim.gateway.error(client, -1, 2119, "Market data farm is connecting:cashfarm")

    afterwards("1", tell)(sim)
    return sim


def closed() -> Simulation:
    """A market that keeps its hours, on a Saturday."""
    return make_simulation(Settings(keeps_hours=True), SATURDAY_S)


def preset() -> Simulation:
    """Presets for orders that are told with 10349."""
    return with_fault("warn", code=10349)


def traded() -> Simulation:
    """Something was bought today, by hand."""
    sim = usual()
    stock = next(i for i in sim.universe.instruments if (i.symbol, i.sec_type) == ("AMD", "STK"))
    sim.manual.enter("DU1000001", stock, "BUY", 10)
    sim.gateway.advance(MONDAY_S + 5)
    return sim


def read_only() -> Simulation:
    """Orders are not allowed."""
    return with_fault("read_only")


def with_fault(name: str, **parameters: object) -> Simulation:
    """The usual one, with one of the stand-in's own faults."""
    sim = usual()
    sim.faults.start(make_fault(name, parameters))
    return sim


Scene = Callable[[], Simulation]

NEEDS_TWO = {
    "second_account_replaces_the_first",
    "replacement_is_2100_or_silent",
    "slot_is_gateway_wide",
    "no_code_is_refused",
    "several_accounts_at_once",
    "orders_need_an_account",
}
"""What needs two accounts."""

NEEDS_ORDERS = {row.check.__name__ for row in ASSUMPTIONS if row.check and row.orders} | {
    "auto_open_is_for_client_0",
    "completed_orders_end",
}
"""What a gateway refuses that is set to read-only (facts 1.43, 1.44)."""

RARE = {
    "idle_farms_are_behind_a_dot",
    "later_farm_notices_are_alike",
    "only_account_is_taken",
    "warned_orders_live",
    "preset_orders_live",
    "commissions_name_their_execution",
    "read_only_is_known",
}
"""What the usual one does not show."""

UNKNOWN: dict[Scene, set[str]] = {
    usual: RARE,
    single: (RARE | NEEDS_TWO) - {"only_account_is_taken"},
    waking: RARE - {"later_farm_notices_are_alike"},
    idle: RARE - {"idle_farms_are_behind_a_dot"},
    closed: (RARE | {"delayed_data_goes_on", "bulletins_of_the_day"}) - {"warned_orders_live"},
    preset: RARE - {"preset_orders_live"},
    traded: RARE - {"commissions_name_their_execution"},
    read_only: (RARE | NEEDS_ORDERS) - {"read_only_is_known"},
}
"""Gateway -> the checks that cannot be made there."""
