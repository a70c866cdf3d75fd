"""A pure gateway, a client of it, and ib_async's decoder as the judge of what it sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timezone

import pytest
from ib_async import Order, Stock
from ib_async.client import Client as IbClient
from ib_async.decoder import Decoder

from ibproxy.wire.framing import frame
from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.faults.board import make_fault
from ibproxy_sim.testing import RawClient
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import Settings
from tests.recorded_texts import NEVER_BY_ITSELF, fits

MONDAY_S = 1776092400.0


@pytest.fixture(autouse=True)
def worded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every error that the stand-in sends, in whatever test, is worded as a gateway words it.

    A test that chooses a text of its own is marked with `own_texts`.
    """
    said: list[tuple[int, str]] = []
    send = Gateway.error

    def note(self: Gateway, client: Client, for_id: int | str, code: int, text: str) -> None:
        said.append((int(code), text))
        send(self, client, for_id, code, text)

    monkeypatch.setattr(Gateway, "error", note)
    yield
    if not request.node.get_closest_marker("own_texts"):
        assert [row for row in said if not fits(*row) or row[0] in NEVER_BY_ITSELF] == []


@pytest.fixture
def sim() -> Simulation:
    """A pure gateway on a Monday at 11:00 in New York."""
    return make_simulation(Settings(), MONDAY_S)


@pytest.fixture
def client(sim: Simulation) -> RawClient:
    """A client of it that has started."""
    return RawClient(sim)


class Pen(IbClient):
    """ib_async's encoder, without a connection."""

    def __init__(self, version: int) -> None:
        super().__init__(wrapper=None)  # type: ignore[no-untyped-call]
        self._serverVersion = version
        self.connState = IbClient.CONNECTED
        self.text = ""

    def sendMsg(self, msg: str) -> None:  # noqa: N802 - ib_async's name
        """Keep what would be sent."""
        self.text = msg


class Trader(RawClient):
    """A client of a pure gateway that places orders and reads in short."""

    def place(self, order_id: int, order: Order, symbol: str = "AMD") -> None:
        """Send placeOrder as ib_async writes it."""
        pen = Pen(self.version)
        order.account = order.account or self.sim.gateway.settings.accounts[0]
        pen.placeOrder(order_id, Stock(symbol, "SMART", "USD"), order)  # type: ignore[no-untyped-call]
        self.feed(frame(pen.text.encode()))

    def cancel(self, order_id: int) -> None:
        """Send cancelOrder."""
        self.send(4, 1, order_id, "")

    def brief(self, seconds: float = 0.0) -> list[str]:
        """Let time go by, and return what came: ids, with status or code where it has one."""
        return [brief(fields) for fields in self.wait(seconds)]


def brief(fields: list[str]) -> str:
    """Return a message in short."""
    if fields[0] == "3":
        return f"3:{fields[2]}"
    if fields[0] == "5":
        words = {"PreSubmitted", "Submitted", "Filled", "PendingCancel", "Cancelled", "Inactive"}
        return f"5:{next(f for f in fields if f in words)}"
    return ":".join((fields[0], fields[2], fields[3])) if fields[0] == "4" else fields[0]


@pytest.fixture
def start_trader(sim: Simulation) -> Callable[..., Trader]:
    """Connects clients that trade, given their client id."""
    return lambda client_id=1, version=178: Trader(sim, client_id, version)


@pytest.fixture
def fault(sim: Simulation) -> Callable[..., None]:
    """Switches a fault on, by its name and parameters."""
    return lambda name, **parameters: sim.faults.start(make_fault(name, parameters))


Calls = list[tuple[str, tuple[object, ...]]]


class Judge:
    """A wrapper that writes down each call that ib_async's decoder makes."""

    def __init__(self) -> None:
        self.calls: Calls = []
        self.defaultTimezone = timezone.utc

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.calls.append((name, args))


@pytest.fixture
def decode(caplog: pytest.LogCaptureFixture) -> Callable[..., Calls]:
    """Decodes messages as ib_async does; an error in its log fails the test."""

    def decode(messages: list[list[str]], version: int = 178) -> Calls:
        judge = Judge()
        decoder = Decoder(judge, version)  # type: ignore[arg-type] # all it does is call methods
        for message in messages:
            decoder.interpret(list(message))  # type: ignore[no-untyped-call]
        assert not [record for record in caplog.records if record.name.startswith("ib_async")]
        return judge.calls

    return decode
