"""The example strategies: their rules, and that they trade alike with and without the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import time
import types
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ib_async import Order, Ticker

from ibproxy_server.demo.programs import Program
from ibproxy_server.demo.stage import Part, Stage, cast
from ibproxy_sim.build import make_gateway
from ibproxy_sim.server import SimServer
from ibproxy_sim.wire.gateway import Gateway
from ibproxy_sim.wire.settings import Settings

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
IMPORT, DIRECT_IMPORT = "from ibproxy import *", "from ib_async import *"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
TRADING_TIMEOUT_S = 40.0


def direct_version(name: str) -> str:
    """Return an example's source for a connection of its own: one line is another one."""
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(
        line.replace(IMPORT, DIRECT_IMPORT) if IMPORT in line else line for line in lines
    )


def module(name: str) -> types.ModuleType:
    """Return an example as a module."""
    result = types.ModuleType(name)
    exec(compile(direct_version(name), f"{name}.py", "exec"), vars(result))
    return result


def quoted(bid: float, ask: float, last: float) -> Ticker:
    """Return a ticker with these prices; its constructor would not take them."""
    ticker = Ticker()
    ticker.bid, ticker.ask, ticker.last = bid, ask, last
    ticker.bidSize = ticker.askSize = 1.0
    return ticker


@pytest.mark.parametrize("name", NAMES)
def test_one_line_is_all_that_differs(name: str) -> None:
    """The word ibproxy stands in the import line and nowhere else."""
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "ibproxy" in line] == [IMPORT]
    assert "ibproxy" not in direct_version(name)
    assert 80 <= len(lines) <= 150


def test_the_demo_plays_all_examples() -> None:
    """What stands in docs/examples is what the demo shows."""
    assert sorted(part.strategy for part in cast()) == NAMES


@pytest.mark.parametrize(
    ("value", "exposure"),
    [(100.0, 60.0), (110.0, 90.0), (120.0, 120.0), (200.0, 200.0), (80.0, 0.0), (70.0, 0.0)],
)
def test_cppi_holds_a_multiple_of_the_cushion(value: float, exposure: float) -> None:
    """Three times what lies above the floor of 80, but neither more than all nor less than none."""
    assert module("trade_cppi").wanted_exposure(value, 80.0) == pytest.approx(exposure)


@pytest.mark.parametrize(
    ("value", "held", "expected"),
    [
        (100_000.0, 0, ("BUY", "LMT", 600, 100.5)),
        (100_000.0, 700, ("SELL", "LMT", 100, 99.5)),
        (100_000.0, 600, None),
        (79_000.0, 600, ("SELL", "MKT", 600, None)),
        (79_000.0, 0, None),
    ],
)
def test_cppi_orders(
    value: float, held: int, expected: tuple[str, str, int, float | None] | None
) -> None:
    """It buys at the ask, sells at the bid, and sells all at the market below the floor."""
    ticker = quoted(99.5, 100.5, 100.0)
    order: Order | None = module("trade_cppi").next_order(ticker, value, 80_000.0, held)
    if order is None:
        assert expected is None
    else:
        price = order.lmtPrice if order.orderType == "LMT" else None
        assert (order.action, order.orderType, order.totalQuantity, price) == expected


@pytest.mark.parametrize("price", [-1.0, math.nan, 0.0])
def test_no_price_is_no_price(price: float) -> None:
    """Neither strategy trades on what IB writes when there is no quote."""
    assert module("trade_cppi").is_quoted(quoted(99.0, 100.0, 99.5))
    assert not module("trade_cppi").is_quoted(quoted(price, 100.0, 99.5))
    assert not module("trade_cppi").is_quoted(quoted(99.0, price, 99.5))
    assert not module("trade_option_wheel").is_price(price)


@dataclass(frozen=True)
class FirstOrder:
    """An account's first order that was filled."""

    security: str
    right: str
    expiry: str
    strike: float
    action: str
    order_type: str
    quantity: float
    average_price: float


def first_order(gateway: Gateway, account: str) -> FirstOrder:
    """Return it out of the stand-in's books."""
    order = next(order for order in gateway.books.orders_of(account) if order.filled)
    instrument = order.instrument
    assert instrument is not None
    return FirstOrder(
        *(instrument.symbol, instrument.right, instrument.expiry, instrument.strike),
        *(order.terms.text("action"), order.type_name, order.quantity, order.average_price),
    )


async def trading(gateway: Gateway) -> None:
    """Return when each account has had a fill."""
    waiting = set(gateway.settings.accounts)
    done = asyncio.Event()

    def note(account: str, _: object) -> None:
        waiting.discard(account)
        if not waiting:
            done.set()

    gateway.books.on_trade.append(note)
    await asyncio.wait_for(done.wait(), TRADING_TIMEOUT_S)


@contextlib.asynccontextmanager
async def direct(part: Part, folder: Path) -> AsyncIterator[Gateway]:
    """Run the direct version of a part on a gateway of its own, with only its account."""
    gateway = make_gateway(Settings(accounts=(part.account,)), time.time())
    server = SimServer(gateway)
    await server.start()
    script = folder / f"{part.strategy}.py"
    script.write_text(direct_version(part.strategy), encoding="utf-8")
    launcher = folder / "launcher.py"
    launcher.write_text(
        "import runpy, sys, ib_async\n"
        "connect = ib_async.IB.connect\n"
        "host, _, *others = connect.__defaults__\n"
        "connect.__defaults__ = (host, int(sys.argv[2]), *others)\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\n",
        encoding="utf-8",
    )
    program = Program(f"direct-{part.strategy}", folder)
    await program.start(str(launcher), str(script), str(server.port), environment={})
    try:
        yield gateway
    finally:
        await program.end()
        await server.stop()


def logs_in(folder: Path) -> dict[str, str]:
    """Return what the programs have written."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.log")}


async def compare(folder: Path) -> list[tuple[FirstOrder, FirstOrder]]:
    """Run all parts both ways at the same time; return each one's first order, both ways."""
    parts = cast()
    stage = Stage(parts)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(stage.set_up(folder))
        alone = [await stack.enter_async_context(direct(part, folder)) for part in parts]
        try:
            await asyncio.gather(*(trading(gateway) for gateway in (stage.gateway, *alone)))
        except asyncio.TimeoutError:
            raise AssertionError(f"not all have traded: {logs_in(folder)}") from None
        return [
            (first_order(stage.gateway, part.account), first_order(gateway, part.account))
            for part, gateway in zip(parts, alone, strict=True)
        ]


@pytest.mark.skipif(sys.platform == "win32", reason="strategies are ended by SIGTERM")
def test_both_versions_trade_alike(tmp_path: Path) -> None:
    """Through the proxy and directly, each strategy opens with the same order and is filled."""
    for proxied, alone in asyncio.run(compare(tmp_path)):
        # a moment later the price has moved a little, and with it quantity and strike
        for name in ("security", "right", "expiry", "action", "order_type"):
            assert getattr(proxied, name) == getattr(alone, name)
        assert proxied.strike == pytest.approx(alone.strike, rel=0.02)
        assert proxied.quantity == pytest.approx(alone.quantity, rel=0.02)
        assert proxied.average_price == pytest.approx(alone.average_price, rel=0.2)
