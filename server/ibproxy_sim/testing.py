"""Drives a gateway without a socket: with bytes, and with time that is passed in."""

from __future__ import annotations

from ibproxy.wire.framing import FrameBuffer, frame, join_fields, split_fields
from ibproxy_sim.build import Simulation
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import MAX_VERSION


class RawClient:
    """One API connection to a pure gateway; messages are lists of fields."""

    def __init__(
        self, sim: Simulation, client_id: int | None = 1, version: int = MAX_VERSION
    ) -> None:
        self.sim = sim
        self.client: Client = sim.gateway.connect()
        self.version = version
        self._buffer = FrameBuffer()
        self.feed(b"API\0" + frame(f"v157..{version}".encode()))
        self.greeting = self.read()
        if client_id is not None:
            self.send(71, 2, client_id, "")
            self.welcome = self.read()

    def feed(self, data: bytes) -> None:
        """Give bytes to the gateway."""
        self.sim.gateway.receive(self.client, data)

    def send(self, *fields: object) -> None:
        """Send a message."""
        self.feed(frame(join_fields(*fields)))

    def read(self) -> list[list[str]]:
        """The messages that have come since the last time."""
        data = b"".join(self.client.outbox)
        self.client.outbox.clear()
        return [split_fields(payload) for payload in self._buffer.feed(data)]

    def ask(self, *fields: object) -> list[list[str]]:
        """Send a message and read what comes at once."""
        self.send(*fields)
        return self.read()

    def wait(self, seconds: float) -> list[list[str]]:
        """Let time go by and read what came."""
        self.sim.gateway.advance(self.sim.gateway.now_s + seconds)
        return self.read()

    def leave(self) -> None:
        """Close the connection."""
        self.sim.gateway.disconnect(self.client)


def contract(
    symbol: str = "",
    sec_type: str = "STK",
    exchange: str = "SMART",
    currency: str = "USD",
    *,
    con_id: int = 0,
    expiry: str = "",
    strike: float = 0.0,
    right: str = "",
    trading_class: str = "",
    local_symbol: str = "",
) -> list[object]:
    """The twelve contract fields of a request."""
    return [
        con_id, symbol, sec_type, expiry, strike, right, "", exchange, "", currency,
        local_symbol, trading_class,
    ]  # fmt: skip


AMD = contract("AMD")
EURUSD = contract("EUR", "CASH", "IDEALPRO")
SPX = contract("SPX", "IND", "CBOE")
