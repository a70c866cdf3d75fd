"""Some scripts go through the proxy, others still to the gateway: what docs/migrating.md says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ib_async
import pytest
from ib_async import LimitOrder, MarketOrder, Stock

from ibproxy import RemoteIB
from ibproxy.config import Config, DoorConfig, StrategyConfig
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

pytestmark = pytest.mark.only_proxied("one test has programs that go either way")

ONE, OTHER = ACCOUNTS = ("DU1000001", "DU1000002")
PROXY_ID = 700


@dataclass
class Office:
    """A gateway, scripts that use it directly, and scripts that go through a proxy."""

    sim: ThreadedSim
    config: Config
    until: Callable[..., None]
    proxy: ThreadedProxy | None = None
    ibs: list[Any] = field(default_factory=list)

    def start_proxy(self) -> ThreadedProxy:
        """Start it, and wait until it has its gateway."""
        self.proxy = proxy = ThreadedProxy(self.config)
        proxy.wait_until_ready()
        return proxy

    def direct(self, client_id: int = 1, **arguments: Any) -> Any:
        """Return a client of the gateway itself."""
        ib = ib_async.IB()
        self.ibs.append(ib)
        ib.connect(self.sim.host, self.sim.port, clientId=client_id, **arguments)
        return ib

    def proxied(self, strategy: str, client_id: int = 1) -> Any:
        """Return a client of the proxy."""
        ib = RemoteIB()
        ib.strategy = strategy
        self.ibs.append(ib)
        ib.connect(clientId=client_id)
        return ib

    def stop(self) -> None:
        """End all."""
        for ib in self.ibs:
            ib.disconnect()
        if self.proxy:
            self.proxy.stop()


@pytest.fixture(name="make_office")
def _make_office(
    start_sim: Callable[[Settings], ThreadedSim],
    until: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Office]]:
    """Returns a maker; the arguments are the login's accounts."""
    offices = []

    def make(*accounts: str) -> Office:
        sim = start_sim(Settings(accounts=accounts, speed=4))
        url = f"ipc://{tmp_path}/p.sock"
        monkeypatch.setenv("IBPROXY_URL", url)
        names = dict(zip(("alpha", "beta"), accounts, strict=False))
        config = Config(
            gateway=f"127.0.0.1:{sim.port}",
            client_id=PROXY_ID,
            listen=(url,),
            journal="off",
            doors=(DoorConfig("127.0.0.1:0", "alpha"),),
            strategies={name: StrategyConfig((code,)) for name, code in names.items()},
        )
        offices.append(Office(sim, config, until))
        return offices[-1]

    yield make
    for office in offices:
        office.stop()


@pytest.fixture(name="office")
def _office(make_office: Callable[..., Office]) -> Office:
    """A login with two accounts, and a proxy that is connected."""
    office = make_office(*ACCOUNTS)
    office.start_proxy()
    return office


def spy(ib: Any) -> Any:
    """Return a contract."""
    return ib.qualifyContracts(Stock("SPY", "SMART", "USD"))[0]


def seen(ib: Any) -> dict[int, tuple[int, int]]:
    """Return order id and client id of each open order that a client is shown, by its permId."""
    orders = [trade.order for trade in ib.reqAllOpenOrders()]
    return {order.permId: (order.orderId, order.clientId) for order in orders}


def placed(office: Office, ib: Any, account: str = "", price: float = 1.0) -> Any:
    """Return an order that rests."""
    trade = ib.placeOrder(spy(ib), LimitOrder("BUY", 1, price, account=account))
    office.until(lambda: trade.orderStatus.status == "Submitted" and trade.order.permId, ib)
    return trade


def test_what_each_sees_of_the_others_orders(office: Office) -> None:
    """All open orders, on request; those of the other kind under ids that are nobody's own."""
    proxied, direct = office.proxied("alpha"), office.direct()
    through = placed(office, proxied)
    past, elsewhere = placed(office, direct, ONE), placed(office, direct, OTHER)
    assert proxied.openTrades() == [through]
    assert {id(each) for each in direct.openTrades()} == {id(past), id(elsewhere)}
    own = through.order.permId, past.order.permId, elsewhere.order.permId
    shown = seen(proxied)
    assert set(shown) == {own[0], own[1]}, "the direct script's order for another account"
    assert shown[own[1]][0] == 0
    shown = seen(direct)
    assert set(shown) == set(own)
    assert shown[own[0]][1] == PROXY_ID


def test_nobody_can_cancel_or_change_orders_of_the_other_kind(office: Office) -> None:
    """As between two client ids of a gateway."""
    proxied, direct = office.proxied("alpha"), office.direct()
    through, past = placed(office, proxied), placed(office, direct, ONE)
    for ib, own in ((proxied, through), (direct, past)):
        errors: list[int] = []
        ib.errorEvent += lambda _id, code, *_, errors=errors: errors.append(code)
        (foreign,) = (
            each for each in ib.reqAllOpenOrders() if each.order.permId != own.order.permId
        )
        ib.cancelOrder(foreign.order)
        office.until(lambda errors=errors: 10147 in errors, ib)
    assert set(seen(direct)) == {through.order.permId, past.order.permId}


def test_global_cancels(office: Office) -> None:
    """Through the proxy it reaches the script's own orders; a direct one reaches everybody's."""
    proxied, other, direct = office.proxied("alpha"), office.proxied("beta"), office.direct()
    through, beside, past = (
        placed(office, proxied),
        placed(office, other),
        placed(office, direct, ONE),
    )
    proxied.reqGlobalCancel()
    office.until(through.isDone, proxied)
    assert set(seen(direct)) == {beside.order.permId, past.order.permId}
    direct.reqGlobalCancel()
    office.until(past.isDone, direct)
    office.until(beside.isDone, other)
    assert beside.orderStatus.status == "Cancelled"


def test_positions_are_common_and_executions_are_listed(office: Office) -> None:
    """A trade of either shows in the positions of both; live reports go to its owner alone."""
    proxied, direct = office.proxied("alpha"), office.direct()
    trades = {
        direct: direct.placeOrder(spy(direct), MarketOrder("BUY", 4, account=ONE)),
        proxied: proxied.placeOrder(spy(proxied), MarketOrder("BUY", 5)),
    }
    for ib, trade in trades.items():
        office.until(trade.isDone, ib)
        office.until(lambda ib=ib: [each.position for each in ib.positions(ONE)] == [9.0], ib)
        assert {each.execution.permId for each in ib.fills()} == {trade.order.permId}
    both = {trade.order.permId for trade in trades.values()}
    for ib in trades:
        assert {each.execution.permId for each in ib.reqExecutions()} == both


def test_client_ids_of_the_two_kinds_have_nothing_to_do_with_each_other(office: Office) -> None:
    """A strategy may use a direct script's id; only the proxy's own is taken at the gateway."""
    assert office.proxied("alpha", 7).isConnected()
    assert office.direct(7).isConnected()
    assert office.proxied("alpha", PROXY_ID).isConnected()
    with pytest.raises((TimeoutError, asyncio.TimeoutError, ConnectionError)):
        office.direct(PROXY_ID, timeout=2)


def test_a_direct_script_that_has_the_proxys_id(make_office: Callable[..., Office]) -> None:
    """The proxy says so in its status, waits, and is there when the id is free."""
    office = make_office(*ACCOUNTS)
    squatter = office.direct(PROXY_ID)
    office.proxy = proxy = ThreadedProxy(office.config)
    office.until(lambda: "700 is in use" in proxy.status()["upstream"]["note"], squatter)
    squatter.disconnect()
    proxy.wait_until_ready()


@pytest.mark.parametrize("is_direct_first", [False, True])
def test_one_account_is_no_matter_of_dispute(
    make_office: Callable[..., Office], is_direct_first: bool
) -> None:
    """On a login with one account all have its updates, whoever came first."""
    office = make_office(ONE)
    if is_direct_first:
        direct = office.direct()
        office.start_proxy()
        proxied = office.proxied("alpha")
    else:
        office.start_proxy()
        proxied = office.proxied("alpha")
        direct = office.direct()
    for ib in (proxied, direct):
        trade = ib.placeOrder(spy(ib), MarketOrder("BUY", 1))
        office.until(trade.isDone, ib)
    for ib in (proxied, direct):
        office.until(lambda ib=ib: [each.position for each in ib.portfolio()] == [2.0], ib)


def test_a_direct_script_without_an_account_leaves_the_subscription_alone(office: Office) -> None:
    """It has all values by request id, and the proxy's scripts have what they always have."""
    direct = office.direct()
    strategies = [office.proxied(name) for name in ("alpha", "beta")]
    for ib, account in zip(strategies, ACCOUNTS, strict=True):
        assert net_liquidation(direct, account)
        assert net_liquidation(ib, account)
    assert office.proxy
    assert set(office.proxy.status()["account_slot"]["ages_s"]) == set(ACCOUNTS)


def net_liquidation(ib: Any, account: str) -> list[str]:
    """Return the account's worth, as the client was told."""
    return [each.value for each in ib.accountValues(account) if each.tag == "NetLiquidation"]


def test_a_direct_script_with_another_account_blocks_the_proxys(
    make_office: Callable[..., Office], caplog: pytest.LogCaptureFixture
) -> None:
    """Its portfolio rows fail to come until the direct script has left; all else works."""
    caplog.set_level(logging.INFO)
    office = make_office(*ACCOUNTS)
    direct = office.direct(account=OTHER)
    proxy = office.start_proxy()
    assert proxy.status()["account_slot"]["ages_s"] == {}
    proxied = office.proxied("alpha")
    assert net_liquidation(proxied, ONE)
    filled = proxied.placeOrder(spy(proxied), MarketOrder("BUY", 3))
    office.until(filled.isDone, proxied)
    office.until(lambda: [each.position for each in proxied.positions()] == [3.0], proxied)
    assert proxied.portfolio() == []
    assert any("2101" in each.getMessage() for each in caplog.records)
    direct.disconnect()
    office.until(lambda: [each.position for each in proxied.portfolio()] == [3.0], proxied)


def test_the_proxy_blocks_a_direct_script_with_another_account(office: Office) -> None:
    """It gets 2101 and no picture of the account, but all that has a request id."""
    office.proxied("alpha")
    assert office.proxy
    holder = office.proxy.status()["account_slot"]["account"]
    (wanted,) = set(ACCOUNTS) - {holder}
    errors: list[int] = []
    direct = ib_async.IB()
    office.ibs.append(direct)
    direct.errorEvent += lambda _id, code, *_: errors.append(code)
    direct.connect(office.sim.host, office.sim.port, clientId=1, account=wanted, timeout=2)
    assert 2101 in errors
    assert direct.portfolio() == []
    assert net_liquidation(direct, wanted)


def test_a_door_is_the_proxy_with_nothing_changed_but_the_port(office: Office) -> None:
    """Plain ib_async, by a door: it is the strategy, with its account alone."""
    assert office.proxy
    ib = ib_async.IB()
    office.ibs.append(ib)
    ib.connect(*office.proxy.doors[0], clientId=1)
    assert ib.managedAccounts() == [ONE]
    trade = placed(office, ib)
    assert seen(office.direct())[trade.order.permId][1] == PROXY_ID
