"""Programs that speak TWS's own protocol come in by a port that stands for a strategy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ib_async
import pytest
from ib_async import LimitOrder, MarketOrder, Stock

from ibproxy.config import Config, DoorConfig, StrategyConfig
from ibproxy.wire.framing import GREETING, frame, join_fields
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

pytestmark = pytest.mark.only_proxied("a gateway has one port, which stands for nobody")

ACCOUNTS = {"legacy": "DU1000001", "other": "DU1000002"}
ANY_PORT = "127.0.0.1:0"


@pytest.fixture
def sim(start_sim: Callable[[Settings], ThreadedSim]) -> ThreadedSim:
    """A stand-in gateway with an account for each strategy."""
    return start_sim(Settings(accounts=tuple(ACCOUNTS.values()), speed=4))


@pytest.fixture
def proxy(sim: ThreadedSim, tmp_path: Path) -> Iterator[ThreadedProxy]:
    """A proxy with two doors."""
    proxy = ThreadedProxy(
        Config(
            gateway=f"127.0.0.1:{sim.port}",
            listen=(f"ipc://{tmp_path}/p.sock",),
            doors=tuple(DoorConfig(ANY_PORT, name) for name in ACCOUNTS),
            strategies={name: StrategyConfig((code,)) for name, code in ACCOUNTS.items()},
        )
    )
    proxy.wait_until_ready()
    yield proxy
    proxy.stop()


@pytest.fixture
def ibs(proxy: ThreadedProxy) -> Iterator[dict[str, Any]]:
    """A plain ib_async client behind each door."""
    found = {}
    for name, (host, port) in zip(ACCOUNTS, proxy.doors, strict=True):
        found[name] = ib_async.IB()
        found[name].connect(host, port, clientId=1)
    yield found
    for ib in found.values():
        ib.disconnect()


def test_each_door_is_a_gateway_with_one_account(
    ibs: dict[str, Any], until: Callable[..., None]
) -> None:
    """Plain ib_async trades through it, and sees its own account alone."""
    trades, tickers = {}, []
    for name, ib in ibs.items():
        assert ib.managedAccounts() == [ACCOUNTS[name]]
        [spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
        tickers.append(ib.reqMktData(spy))
        trades[name] = [
            ib.placeOrder(spy, MarketOrder("BUY", 5)),
            ib.placeOrder(spy, LimitOrder("BUY", 1, 1.0)),
        ]
    first = ibs["legacy"]
    until(lambda: all(filled.isDone() for filled, _ in trades.values()), first)
    until(lambda: all(ticker.bid > 0 for ticker in tickers), first)
    for name, ib in ibs.items():
        assert {each.account for each in ib.positions()} == {ACCOUNTS[name]}
        resting = trades[name][1]
        ib.cancelOrder(resting.order)
        until(resting.isDone, ib)
        assert resting.orderStatus.status == "Cancelled"
        assert ib.reqHistoricalData(spy, "", "1800 S", "1 min", "TRADES", useRTH=True)


def test_a_second_client_with_an_id_in_use_is_turned_away(
    ibs: dict[str, Any], proxy: ThreadedProxy
) -> None:
    """326, as at a gateway; behind another door the id is free."""
    assert len(ibs) == 2
    second = ib_async.IB()
    host, port = proxy.doors[0]
    with pytest.raises((TimeoutError, asyncio.TimeoutError, ConnectionError)):
        second.connect(host, port, clientId=1, timeout=2)
    second.disconnect()
    second.connect(host, port, clientId=2)
    assert second.isConnected()
    second.disconnect()


def test_who_comes_before_the_gateway_is_there_is_hung_up_on(tmp_path: Path) -> None:
    """As when nothing listened on the gateway's port."""
    proxy = ThreadedProxy(
        Config(
            gateway="127.0.0.1:9",
            listen=(f"ipc://{tmp_path}/p.sock",),
            doors=(DoorConfig(ANY_PORT, "legacy"),),
        )
    )
    try:
        with socket.create_connection(proxy.doors[0], timeout=10) as caller:
            caller.sendall(GREETING + frame(b"v157..178"))
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                heard = caller.recv(100)
            assert heard == b""
    finally:
        proxy.stop()


def test_what_is_said_before_it_is_let_in_is_heard(
    sim: ThreadedSim, tmp_path: Path, until: Callable[..., None]
) -> None:
    """A client that connects while the proxy is just connecting waits, and loses nothing."""
    sim.control.fault("freeze")
    proxy = ThreadedProxy(
        Config(
            gateway=f"127.0.0.1:{sim.port}",
            listen=(f"ipc://{tmp_path}/p.sock",),
            doors=(DoorConfig(ANY_PORT, "legacy"),),
        )
    )
    try:
        until(lambda: proxy.status()["upstream"]["state"] == "greeting")
        with socket.create_connection(proxy.doors[0], timeout=10) as caller:
            caller.sendall(GREETING + frame(b"v157..178") + frame(join_fields(71, 2, 5, "")))
            sim.control.mend("freeze")
            heard = b""
            while b"\x0015\x00" not in heard and b"15\x001\x00DU" not in heard:
                piece = caller.recv(4096)
                assert piece
                heard += piece
    finally:
        proxy.stop()


def test_a_program_that_never_reads_is_hung_up_on(
    sim: ThreadedSim, proxy: ThreadedProxy, until: Callable[..., None]
) -> None:
    """It is counted as any client is; nobody else is held up."""
    with socket.create_connection(proxy.doors[0], timeout=10) as caller:
        caller.sendall(GREETING + frame(b"v157..178") + frame(join_fields(71, 2, 5, "")))
        until(lambda: [each["client_id"] for each in proxy.status()["sessions"]] == [5])
        other = ib_async.IB()
        other.connect(*proxy.doors[1], clientId=1)
        assert other.reqCurrentTime()
        other.disconnect()
    until(lambda: proxy.status()["sessions"] == [])
    assert sim.port


def test_two_threads_may_use_two_doors(proxy: ThreadedProxy) -> None:
    """Each with a loop of its own."""

    async def accounts(address: tuple[str, int]) -> list[str]:
        ib: Any = ib_async.IB()
        await ib.connectAsync(*address, clientId=3)
        found: list[str] = ib.managedAccounts()
        ib.disconnect()
        return found

    async def both() -> list[list[str]]:
        threads = [asyncio.to_thread(asyncio.run, accounts(each)) for each in proxy.doors]
        return await asyncio.gather(*threads)

    assert asyncio.run(both()) == [[code] for code in ACCOUNTS.values()]


def test_old_and_new_programs_share_what_they_ask_for(
    sim: ThreadedSim,
    proxy: ThreadedProxy,
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One stream and one answer at the gateway serve a client at 157 and one at the proxy's 176."""
    found: list[Any] = []
    for highest, address in zip((157, 178), proxy.doors, strict=True):
        monkeypatch.setattr(ib_async.Client, "MaxClientVersion", highest)
        found.append(ib_async.IB())
        found[-1].connect(*address, clientId=1)
    assert [ib.client.serverVersion() for ib in found] == [157, 176]
    assert [each["server_version"] for each in proxy.status()["sessions"]] == [157, 176]
    details = [ib.reqContractDetails(Stock("SPY", "SMART", "USD")) for ib in found]
    [[first], [second]] = details
    assert (first.minSize, second.minSize > 0) == (0, True)
    assert first.contract == second.contract
    assert first.stockType == second.stockType
    tickers = [ib.reqMktData(first.contract) for ib in found]
    until(lambda: all(each.bid > 0 and each.bidSize > 0 for each in tickers), found[0])
    asked = sim.call(lambda: dict(sim.gateway.statistics.requests))
    assert (asked["9"], asked["1"]) == (1, 1)
    for ib in found:
        ib.disconnect()
