"""The control of a running stand-in: what can be done to it, and what can be asked.

An `Operation` says what; `perform` does it to a stand-in, in whose thread it has to run.
`SimControl` is the same for whoever stands outside: it hands operations to a function, which
calls across a thread (`threaded.py`) or writes to a socket (`link.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from ibproxy.errors import ConfigError
from ibproxy_sim.build import Simulation
from ibproxy_sim.control.views import (
    AccountView,
    ExecutionView,
    OrderView,
    PositionView,
    StatisticsView,
    order_view,
)
from ibproxy_sim.exchange.times import eastern
from ibproxy_sim.exchange.universe import ContractQuery
from ibproxy_sim.faults.board import make_fault

T = TypeVar("T")


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """Base of all operations."""

    def perform(self, sim: Simulation) -> Any:
        """Do it, and return what it gives."""
        raise NotImplementedError


class StartFault(Operation, frozen=True, tag="fault"):
    """Switch a fault on."""

    name: str
    parameters: dict[str, Any] = {}
    for_s: Annotated[float, Meta(gt=0)] | None = None

    def perform(self, sim: Simulation) -> None:
        """Do it."""
        sim.faults.start(make_fault(self.name, self.parameters), self.for_s)


class EndFault(Operation, frozen=True, tag="mend"):
    """Switch a fault off, or all of them."""

    name: str | None = None

    def perform(self, sim: Simulation) -> None:
        """Do it."""
        if self.name is None:
            sim.faults.end_all()
        else:
            sim.faults.end(self.name)


class ShowFaults(Operation, frozen=True, tag="faults"):
    """What is on."""

    def perform(self, sim: Simulation) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: msgspec.to_builtins(fault) for name, fault in sim.faults.active.items()}


class Advance(Operation, frozen=True, tag="advance"):
    """Let the market's time jump forward."""

    seconds: Annotated[float, Meta(ge=0, le=7 * 86400)]

    def perform(self, sim: Simulation) -> datetime:
        """Return what time it is then."""
        sim.gateway.advance(sim.gateway.now_s + self.seconds)
        return eastern(sim.gateway.now_s)


class SetSpeed(Operation, frozen=True, tag="speed"):
    """Choose the market's speed; at 0 only `advance` moves its time."""

    speed: Annotated[float, Meta(ge=0, le=1e6)]

    def perform(self, sim: Simulation) -> None:
        """Do it."""
        sim.gateway.settings = replace(sim.gateway.settings, speed=self.speed)


class ShowTime(Operation, frozen=True, tag="time"):
    """What time it is in the market."""

    def perform(self, sim: Simulation) -> datetime:
        """Return it, in New York's zone."""
        return eastern(sim.gateway.now_s)


class EnterOrder(Operation, frozen=True, tag="enter"):
    """Enter an order for a stock by hand, as in TWS: at a limit, or at the market."""

    account: str
    action: Literal["BUY", "SELL"]
    quantity: Annotated[float, Meta(gt=0)]
    symbol: str
    limit_price: Annotated[float, Meta(gt=0)] | None = None

    def perform(self, sim: Simulation) -> OrderView:
        """Return it."""
        query = ContractQuery(symbol=self.symbol, sec_type="STK", exchange="SMART", currency="USD")
        stock = sim.universe.resolve(query)
        if stock is None:
            raise ConfigError(f"there is no stock {self.symbol!r}")
        if self.account not in sim.trading.books.accounts:
            raise ConfigError(f"there is no account {self.account!r}")
        return order_view(
            sim.manual.enter(self.account, stock, self.action, self.quantity, self.limit_price)
        )


class CancelOrder(Operation, frozen=True, tag="cancel"):
    """Cancel an order by hand, as in TWS."""

    perm_id: int

    def perform(self, sim: Simulation) -> None:
        """Do it."""
        order = sim.trading.engine.working.get(self.perm_id)
        if order is None:
            raise ConfigError(f"no order with permId {self.perm_id} works")
        sim.trading.engine.ask_cancel(order)


class ShowOrders(Operation, frozen=True, tag="orders"):
    """All orders of the stand-in's life, oldest first."""

    def perform(self, sim: Simulation) -> list[OrderView]:
        """Return them."""
        return [order_view(order) for order in sim.trading.books.orders]


class ShowExecutions(Operation, frozen=True, tag="executions"):
    """All fills of its life, oldest first."""

    def perform(self, sim: Simulation) -> list[ExecutionView]:
        """Return them."""
        return [
            ExecutionView(
                exec_id=each.exec_id,
                client_id=each.client_id,
                order_id=each.order_id,
                perm_id=each.perm_id,
                account=each.account,
                symbol=each.instrument.symbol,
                side=each.side,
                shares=each.shares,
                price=each.price,
                commission=each.commission,
                time=eastern(each.time_s),
            )
            for each in sim.trading.books.executions
        ]


class ShowPositions(Operation, frozen=True, tag="positions"):
    """What accounts hold; all of them, or one."""

    account: str | None = None

    def perform(self, sim: Simulation) -> list[PositionView]:
        """Return what is held, without what was closed."""
        return [
            PositionView(
                account=code,
                con_id=held.instrument.con_id,
                symbol=held.instrument.symbol,
                sec_type=held.instrument.sec_type,
                quantity=held.quantity,
                average_cost=held.average_cost,
            )
            for code, account in sim.trading.books.accounts.items()
            for held in account.positions.values()
            if held.quantity and self.account in {None, code}
        ]


class ShowAccounts(Operation, frozen=True, tag="accounts"):
    """What all accounts are worth."""

    def perform(self, sim: Simulation) -> list[AccountView]:
        """Return them in the gateway's order."""
        books, now_s = sim.trading.books, sim.gateway.now_s
        return [
            AccountView(
                account=code,
                cash=round(books.cash_usd(code, now_s), 2),
                net_liquidation=round(books.net_liquidation(code, now_s), 2),
            )
            for code in books.accounts
        ]


class ShowStatistics(Operation, frozen=True, tag="statistics"):
    """Who is connected, and what was asked."""

    def perform(self, sim: Simulation) -> StatisticsView:
        """Return them."""
        gateway, seen = sim.gateway, sim.gateway.statistics
        ids = [c.client_id for c in gateway.clients.values() if c.client_id is not None]
        return StatisticsView(
            time=eastern(gateway.now_s),
            connections=seen.connections,
            open_connections=seen.open_connections,
            most_connections=seen.most_connections,
            client_ids=sorted(ids),
            lines=sim.quotes.lines,
            requests=dict(seen.requests),
        )


AnyOperation = (
    StartFault | EndFault | ShowFaults | Advance | SetSpeed | ShowTime | EnterOrder | CancelOrder
    | ShowOrders | ShowExecutions | ShowPositions | ShowAccounts | ShowStatistics
)  # fmt: skip
"""All of them; the tag in `do` tells which one a JSON object is."""


class SimControl:
    """Controls a stand-in from outside.

    Args:
        ask: hands an operation to the stand-in and returns what it gave.
    """

    def __init__(self, ask: Callable[[AnyOperation], Any]) -> None:
        self._ask = ask

    def _get(self, operation: AnyOperation, kind: type[T]) -> T:
        return msgspec.convert(self._ask(operation), kind)

    def fault(self, name: str, /, *, for_s: float | None = None, **parameters: Any) -> None:
        """Switch a fault on; one of the same name that is on ends first.

        Args:
            name: as in the table of faults.
            for_s: market seconds after which it ends by itself.
            parameters: the fault's own.

        Raises:
            ConfigError: there is no such fault, or a parameter does not fit.
        """
        self._ask(StartFault(name, parameters, for_s))

    def mend(self, name: str | None = None) -> None:
        """Switch a fault off; without a name all of them."""
        self._ask(EndFault(name))

    @property
    def faults(self) -> dict[str, dict[str, Any]]:
        """What is on: parameters by name."""
        return self._get(ShowFaults(), dict[str, dict[str, Any]])

    def advance(self, seconds: float) -> datetime:
        """Let the market's time jump forward; everything due on the way happens, in order."""
        return self._get(Advance(seconds), datetime)

    def set_speed(self, speed: float) -> None:
        """Choose market seconds a second; at 0 only `advance` moves the market's time."""
        self._ask(SetSpeed(speed))

    @property
    def time(self) -> datetime:
        """The market's time."""
        return self._get(ShowTime(), datetime)

    def enter(
        self,
        account: str,
        action: Literal["BUY", "SELL"],
        quantity: float,
        symbol: str,
        limit_price: float | None = None,
    ) -> OrderView:
        """Enter an order for a stock by hand, as in TWS: at a limit, or at the market.

        Raises:
            ConfigError: there is no such stock or account.
        """
        return self._get(EnterOrder(account, action, quantity, symbol, limit_price), OrderView)

    def cancel(self, perm_id: int) -> None:
        """Cancel an order by hand, as in TWS, whoever has placed it.

        Raises:
            ConfigError: no such order works.
        """
        self._ask(CancelOrder(perm_id))

    @property
    def orders(self) -> list[OrderView]:
        """All orders, oldest first."""
        return self._get(ShowOrders(), list[OrderView])

    @property
    def executions(self) -> list[ExecutionView]:
        """All fills, oldest first."""
        return self._get(ShowExecutions(), list[ExecutionView])

    def positions(self, account: str | None = None) -> list[PositionView]:
        """What is held, in one account or in all."""
        return self._get(ShowPositions(account), list[PositionView])

    @property
    def accounts(self) -> list[AccountView]:
        """What the accounts are worth."""
        return self._get(ShowAccounts(), list[AccountView])

    @property
    def statistics(self) -> StatisticsView:
        """Who is connected, and what was asked."""
        return self._get(ShowStatistics(), StatisticsView)
