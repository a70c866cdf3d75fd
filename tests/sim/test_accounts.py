"""Account values, the one slot, positions and summaries, driven with bytes and with time."""

from __future__ import annotations

import pytest

from ibproxy.wire.framing import FrameBuffer, frame, join_fields, split_fields
from ibproxy_sim.accounts.advisors import Advisors
from ibproxy_sim.accounts.books import Books
from ibproxy_sim.accounts.requests import Accounts
from ibproxy_sim.exchange.market import Market
from ibproxy_sim.exchange.times import eastern_day
from ibproxy_sim.exchange.universe import Instrument, Universe
from ibproxy_sim.trading.requests import Trading, books_of
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import Settings

NOW_S = 1_790_000_000.0
FIRST, SECOND = "DU1000001", "DU1000002"
UNIVERSE = Universe(1, NOW_S)
MARKET = Market(1, UNIVERSE)


def listed(con_id: int) -> Instrument:
    """Return a listed instrument."""
    found = UNIVERSE.by_con_id(con_id)
    assert found
    return found


APPLE = listed(265598)
FUTURE = next(i for i in UNIVERSE.instruments if i.sec_type == "FUT")
PAIR = next(i for i in UNIVERSE.instruments if i.local_symbol == "EUR.USD")


class Office:
    """A gateway with accounts, and clients that talk to it in bytes."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Start at `NOW_S`."""
        self.gateway = Gateway(settings or Settings(), NOW_S)
        advisors = Advisors(self.gateway)
        trading = Trading(self.gateway, UNIVERSE, MARKET, advisors)
        trading.install()
        self.accounts = Accounts(self.gateway, trading.books, advisors)
        self.accounts.install()

    @property
    def books(self) -> Books:
        """The gateway's books."""
        return books_of(self.gateway)

    def connect(self, client_id: int) -> Client:
        """Connect and start a client."""
        client = self.gateway.connect()
        self.gateway.receive(client, b"API\0" + frame(b"v157..178"))
        self.ask(client, 71, 2, client_id, "")
        return client

    def ask(self, client: Client, *fields: object) -> list[list[str]]:
        """Send one message and return what came at once."""
        self.gateway.receive(client, frame(join_fields(*fields)))
        return self.read(client)

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.gateway.advance(self.gateway.now_s + seconds)

    def read(self, client: Client) -> list[list[str]]:
        """Return what a client was sent since the last time."""
        frames = FrameBuffer().feed(b"".join(client.outbox))
        client.outbox.clear()
        return [split_fields(payload) for payload in frames]

    def trade(self, account: str, instrument: Instrument, shares: float, price: float) -> None:
        """Book a fill, as the engine does."""
        day = eastern_day(self.gateway.now_s)
        self.books.accounts[account].trade(instrument, shares, price, 1.0, day)
        for tell in self.books.on_trade:
            tell(account, instrument)


@pytest.fixture(name="office")
def _office() -> Office:
    return Office()


def ids(messages: list[list[str]]) -> list[str]:
    """Return the message ids without repetitions in a row."""
    found = [m[0] for m in messages]
    return [m for m, before in zip(found, ["", *found], strict=False) if m != before]


def test_image_has_the_recorded_order(office: Office) -> None:
    """6 by key, BASE before USD; 7 and 8 for each position; 8; 54 with the account (2.6)."""
    office.trade(FIRST, APPLE, 100, 200.0)
    office.trade(FIRST, FUTURE, 1, 5000.0)
    client = office.connect(1)
    messages = office.ask(client, 6, 2, 1, FIRST)
    assert ids(messages) == ["6", "7", "8", "7", "8", "54"]
    values = [(m[2], m[4]) for m in messages if m[0] == "6"]
    assert [key for key, _ in values] == sorted(key for key, _ in values)
    cash = [currency for key, currency in values if key == "CashBalance"]
    assert cash == ["BASE", "USD"]
    assert len(values) == len(set(values)) > 80
    rows = [m for m in messages if m[0] == "7"]
    assert {len(row) for row in rows} == {20}
    price = office.books.valuation.price(APPLE, office.gateway.now_s)
    assert [float(f) for f in rows[0][13:19]] == pytest.approx(
        [100, price, 100 * price, 200, 100 * (price - 200), 0], abs=0.01
    )
    assert messages[-1] == ["54", "1", FIRST]
    assert messages[-2][:2] == ["8", "1"]
    assert messages[-2][2] == "10:13"


WORDS = {"AccountOrGroup", "Currency", "RealCurrency"}


def test_values_agree_with_the_books(office: Office) -> None:
    """What is told adds up: wealth is cash and what is held."""
    office.trade(FIRST, APPLE, 100, 200.0)
    office.trade(FIRST, PAIR, 10_000, 1.1)
    client = office.connect(1)
    messages = office.ask(client, 6, 2, 1, FIRST)
    usd = {
        m[2]: float(m[3]) for m in messages if m[0] == "6" and m[4] == "USD" and m[2] not in WORDS
    }
    euro = {m[2]: m[3] for m in messages if m[0] == "6" and m[4] == "EUR"}
    base = {m[2]: m[3] for m in messages if m[0] == "6" and m[4] == "BASE"}
    now_s = office.gateway.now_s
    assert usd["NetLiquidation"] == pytest.approx(
        office.books.net_liquidation(FIRST, now_s), abs=0.01
    )
    assert usd["NetLiquidation"] == pytest.approx(
        usd["TotalCashValue"] + usd["StockMarketValue"], abs=0.02
    )
    assert euro["CashBalance"] == "10000.00"
    assert float(base["NetLiquidationByCurrency"]) == pytest.approx(usd["NetLiquidation"], abs=0.02)
    assert usd["AvailableFunds"] == pytest.approx(
        usd["EquityWithLoanValue"] - usd["InitMarginReq"], abs=0.01
    )
    assert usd["CashBalance"] == pytest.approx(1_000_000 - 20_000 - 11_000 - 2)


def test_one_slot_for_the_gateway(office: Office) -> None:
    """Another client gets the same account or a 2101 and nothing; a free slot is free (2.3)."""
    first, second, third = (office.connect(n) for n in (1, 2, 3))
    office.ask(first, 6, 2, 1, FIRST)
    (refusal,) = office.ask(second, 6, 2, 1, SECOND)
    assert refusal[2:4] == ["-1", "2101"]
    assert office.ask(third, 6, 2, 1, FIRST)[-1] == ["54", "1", FIRST]
    office.gateway.disconnect(first)
    assert office.ask(second, 6, 2, 1, SECOND)[0][3] == "2101"
    assert [m[3] for m in office.ask(third, 6, 2, 0, FIRST)] == ["2100"]
    assert office.ask(third, 6, 2, 0, FIRST) == []
    assert office.accounts.slot == ""
    assert office.ask(second, 6, 2, 1, SECOND)[-1] == ["54", "1", SECOND]


def test_same_client_replaces_its_account_silently(office: Office) -> None:
    """A second account on one connection takes the slot without a word (fact 2.1)."""
    client = office.connect(1)
    office.ask(client, 6, 2, 1, FIRST)
    messages = office.ask(client, 6, 2, 1, SECOND)
    assert (ids(messages), messages[-1][2], office.accounts.slot) == (
        ["6", "8", "54"],
        SECOND,
        SECOND,
    )
    office.trade(FIRST, APPLE, 1, 200.0)
    office.pass_s(1)
    assert all(m[-1] == SECOND for m in office.read(client) if m[0] in {"6", "7"})


@pytest.mark.parametrize(
    ("code", "text"),
    [("", "The account code is required for this operation."), ("U9", "Invalid account code 'U9'")],
)
def test_invalid_account(office: Office, code: str, text: str) -> None:
    """321 with the request's id, or -1 where there is none (fact 2.15)."""
    client = office.connect(1)
    for request, req_id in [((6, 2, 1, code), "-1"), ((76, 1, 5, code, "", 0), "5")]:
        (message,) = office.ask(client, *request)
        assert message[2:4] == [req_id, "321"]
        assert message[4].endswith(f"cause - {text}")
    for request in [(92, 5, "U9", ""), (94, 5, "U9", "", 1), (74, 1, 5, "U9", "")]:
        assert office.ask(client, *request)[0][2:4] == ["5", "321"]


def test_single_account_whatever_the_code(office: Office) -> None:
    """With one account the code does not matter (fact 2.16)."""
    del office
    single = Office(Settings(accounts=("DU7",)))
    client = single.connect(1)
    assert single.ask(client, 6, 2, 1, "")[-1] == ["54", "1", "DU7"]


def test_changes_follow_trades_and_every_three_minutes(office: Office) -> None:
    """Only changed values come, soon after a trade or after three minutes (fact 2.9)."""
    client = office.connect(1)
    office.ask(client, 6, 2, 1, FIRST)
    office.pass_s(170)
    assert office.read(client) == []
    office.trade(FIRST, APPLE, 10, 200.0)
    office.pass_s(1)
    messages = office.read(client)
    keys = {m[2] for m in messages if m[0] == "6"}
    assert "StockMarketValue" in keys
    assert "AccountType" not in keys
    assert [m[13] for m in messages if m[0] == "7"] == ["10"]
    office.pass_s(10)
    assert ids(office.read(client))[-1] == "8"
    office.trade(FIRST, APPLE, -10, 210.0)
    office.pass_s(1)
    assert [m[13] for m in office.read(client) if m[0] == "7"] == ["0"]
    office.pass_s(400)
    assert [m for m in office.read(client) if m[0] == "7"] == []


def test_positions(office: Office) -> None:
    """All accounts' rows, 62, then each change; a future has no exchange (2.31, 2.32)."""
    office.trade(FIRST, APPLE, 10, 200.0)
    office.trade(SECOND, FUTURE, -1, 5000.0)
    client = office.connect(1)
    stock, future, end = office.ask(client, 61, 1)
    assert (stock[2], stock[10], stock[14], stock[15]) == (FIRST, "NASDAQ", "10", "200.0")
    assert (future[2], future[10], future[14]) == (SECOND, "", "-1")
    assert float(future[15]) == 5000 * float(FUTURE.multiplier)
    assert (len(stock), end) == (16, ["62", "1"])
    office.trade(FIRST, APPLE, -10, 201.0)
    assert [m[14] for m in office.read(client)] == ["0"]
    assert [m[14] for m in office.ask(client, 61, 1)[:-1]] == ["0", "-1"]  # fact 2.37
    office.pass_s(86_400)
    assert [m[14] for m in office.ask(client, 61, 1)[:-1]] == ["-1"]
    office.ask(client, 64, 1)
    office.trade(FIRST, APPLE, 1, 201.0)
    assert office.read(client) == []


def test_positions_multi(office: Office) -> None:
    """Of one account or all, under the request's id (fact 2.36)."""
    office.trade(FIRST, APPLE, 10, 200.0)
    office.trade(SECOND, APPLE, 20, 200.0)
    client = office.connect(1)
    row, end = office.ask(client, 74, 1, 9, SECOND, "")
    assert (row[2], row[3], row[15], len(row), end) == ("9", SECOND, "20", 18, ["72", "1", "9"])
    assert len(office.ask(client, 74, 1, 10, "", "")) == 3
    office.trade(FIRST, APPLE, 1, 200.0)
    assert [m[2] for m in office.read(client)] == ["10"]
    office.ask(client, 75, 1, 10)
    office.trade(FIRST, APPLE, 1, 200.0)
    assert office.read(client) == []


def test_updates_multi(office: Office) -> None:
    """All values, or the ledger alone; a live id is 322 (facts 2.19, 2.20, 2.39)."""
    client = office.connect(1)
    messages = office.ask(client, 76, 1, 5, FIRST, "", 0)
    assert (ids(messages), len(messages[0]), messages[-1]) == (["73", "74"], 8, ["74", "1", "5"])
    ledger = office.ask(client, 76, 1, 6, SECOND, "", 1)
    assert {m[5] for m in ledger[:-1]} < {m[5] for m in messages[:-1]}
    assert office.ask(client, 76, 1, 5, FIRST, "", 0)[0][2:4] == ["5", "322"]
    office.trade(FIRST, APPLE, 10, 200.0)
    office.pass_s(1)
    assert {(m[0], m[2]) for m in office.read(client)} == {("73", "5")}
    office.ask(client, 77, 1, 5)
    office.trade(FIRST, APPLE, 10, 200.0)
    office.pass_s(1)
    assert office.read(client) == []


def test_summary_with_ledger_comes_twice(office: Office) -> None:
    """The tags twice, the ledger under All, 64, the ledger again, a second 64 (fact 2.26)."""
    client = office.connect(1)
    messages = office.ask(client, 62, 1, 7, "All", "NetLiquidation,BuyingPower,$LEDGER:ALL")
    head = [(m[3], m[4]) for m in messages[:8]]
    once = [(FIRST, "BuyingPower"), (FIRST, "NetLiquidation")]
    once += [(SECOND, "BuyingPower"), (SECOND, "NetLiquidation")]
    assert head == once * 2
    ends = [n for n, m in enumerate(messages) if m[0] == "64"]
    assert (len(ends), ends[-1]) == (2, len(messages) - 1)
    block, again = messages[8 : ends[0]], messages[ends[0] + 1 : -1]
    assert block == again
    assert {m[3] for m in block} == {"All"}
    assert list(dict.fromkeys(m[6] for m in block)) == ["USD", "BASE"]
    assert {m[4]: m[5] for m in block}["CashBalance"] == "2000000.00"


def test_summary_limits(office: Office) -> None:
    """Two for each connection; a reused id replaces, a cancel frees (facts 2.21 to 2.25)."""
    client, other = office.connect(1), office.connect(2)
    for req_id in (1, 2, 2):
        assert office.ask(client, 62, 1, req_id, "All", "NetLiquidation")[-1][0] == "64"
    (refusal,) = office.ask(client, 62, 1, 3, "All", "NetLiquidation")
    assert refusal[2:4] == ["3", "322"]
    assert office.ask(other, 62, 1, 3, "All", "NetLiquidation")[-1][0] == "64"
    office.ask(client, 63, 1, 1)
    assert office.ask(client, 62, 1, 3, "All", "NetLiquidation")[-1][0] == "64"
    office.read(other)
    office.trade(FIRST, APPLE, 100, 300.0)
    office.pass_s(181)
    assert {(m[0], m[3], m[4]) for m in office.read(other)} == {("63", FIRST, "NetLiquidation")}


@pytest.mark.parametrize(
    ("group", "tags", "cause"),
    [
        ("", "NetLiquidation", "Group name cannot be null"),
        ("Mine", "NetLiquidation", "Group name is invalid"),
        ("All", "", "Tags cannot be null"),
    ],
)
def test_summary_refused(office: Office, group: str, tags: str, cause: str) -> None:
    """Missing or unknown group, and missing tags, are 321 (fact 2.25)."""
    (message,) = office.ask(office.connect(1), 62, 1, 4, group, tags)
    assert message[2:4] == ["4", "321"]
    assert message[4].endswith(cause)


def test_leaving_ends_everything(office: Office) -> None:
    """Nothing is sent to a client that is gone, and its places are free."""
    client = office.connect(1)
    for request in [
        (6, 2, 1, FIRST), (61, 1), (74, 1, 1, "", ""), (76, 1, 2, FIRST, "", 0),
        (62, 1, 3, "All", "NetLiquidation"), (92, 4, FIRST, ""),
    ]:  # fmt: skip
        office.ask(client, *request)
    office.gateway.disconnect(client)
    office.trade(FIRST, APPLE, 10, 200.0)
    office.pass_s(400)
    assert office.read(client) == []
    assert office.gateway.next_deadline_s() is None
