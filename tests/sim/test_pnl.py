"""Profit and loss streams, driven with bytes and with time."""

from __future__ import annotations

import itertools

import pytest

from ibproxy.wire.framing import FrameBuffer, frame, join_fields, split_fields
from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.pnl import Pnl
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.trading.requests import Trading
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import Settings

NOW_S = 1_790_000_000.0
ACCOUNT = "DU1000001"
UNSET = "1.7976931348623157E308"
UNIVERSE = Universe(1, NOW_S)
MARKET = Market(1, UNIVERSE)
FOUND = UNIVERSE.by_con_id(265598)
assert FOUND
APPLE = FOUND


class Desk:
    """A gateway with P&L, one client and a way to trade."""

    def __init__(self) -> None:
        """Start at `NOW_S` and connect."""
        self.gateway = Gateway(Settings(), NOW_S)
        self.books = Trading(self.gateway, UNIVERSE, MARKET, Advisors(self.gateway)).books
        Pnl(self.gateway, self.books).install()
        self.client: Client = self.gateway.connect()
        self.gateway.receive(self.client, b"API\0" + frame(b"v157..178"))
        self.ask(71, 2, 1, "")

    def ask(self, *fields: object) -> list[list[str]]:
        """Send one message and return what came at once."""
        self.gateway.receive(self.client, frame(join_fields(*fields)))
        return self.read()

    def read(self) -> list[list[str]]:
        """Return what the client was sent since the last time."""
        frames = FrameBuffer().feed(b"".join(self.client.outbox))
        self.client.outbox.clear()
        return [split_fields(payload) for payload in frames]

    def trade(self, shares: float, price: float) -> None:
        """Book a fill."""
        day = eastern_day(self.gateway.now_s)
        self.books.accounts[ACCOUNT].trade(APPLE, shares, price, 1.0, day)

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.gateway.advance(self.gateway.now_s + seconds)


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


def test_account_stream(desk: Desk) -> None:
    """At once, then each second when something changed, in agreement with the books (2.38)."""
    desk.trade(100, 200.0)
    desk.trade(-40, 210.0)
    (first,) = desk.ask(92, 5, ACCOUNT, "")
    now_s = desk.gateway.now_s
    assert first[:2] == ["94", "5"]
    assert [float(f) for f in first[2:]] == pytest.approx(
        [
            desk.books.daily_of_account(ACCOUNT, now_s),
            desk.books.unrealized(ACCOUNT, now_s),
            400.0,
        ]
    )
    assert float(first[2]) == pytest.approx(float(first[3]) + float(first[4]))
    desk.pass_s(60)
    later = desk.read()
    assert 1 < len(later) <= 60
    assert all(a != b for a, b in itertools.pairwise(later))


def test_nothing_changes_nothing_comes(desk: Desk) -> None:
    """Without positions one answer is all."""
    assert desk.ask(92, 5, ACCOUNT, "") == [["94", "5", "0.0", "0.0", "0.0"]]
    desk.pass_s(10)
    assert desk.read() == []


def test_single_stream(desk: Desk) -> None:
    """Silence without a position (2.41); numbers once there is one; 2150 when it was closed."""
    assert desk.ask(94, 6, ACCOUNT, "", APPLE.con_id) == []
    desk.trade(10, 200.0)
    desk.pass_s(1.1)
    (row,) = desk.read()
    price = desk.books.valuation.price(APPLE, desk.gateway.now_s)
    assert (row[:3], len(row)) == (["95", "6", "10"], 7)
    assert [float(f) for f in row[4:]] == pytest.approx(
        [10 * (price - 200), 0.0, 10 * price], abs=1.0
    )
    desk.trade(-10, 201.0)
    desk.pass_s(1.1)
    assert desk.read()[-1][2:] == ["0", "10.0", UNSET, "10.0", UNSET]
    error, closed = desk.ask(94, 7, ACCOUNT, "", APPLE.con_id)
    assert (error[2:4], closed[:3]) == (["7", "2150"], ["95", "7", "0"])


def test_ids(desk: Desk) -> None:
    """A live id is 102, an unknown one cannot be cancelled (fact 2.39)."""
    desk.ask(92, 5, ACCOUNT, "")
    assert desk.ask(92, 5, ACCOUNT, "")[0][2:4] == ["5", "102"]
    assert desk.ask(93, 5) == []
    assert desk.ask(93, 5)[0][2:4] == ["5", "10185"]
    assert desk.ask(95, 5)[0][2:4] == ["5", "10186"]
    desk.pass_s(5)
    assert desk.gateway.next_deadline_s() is None
