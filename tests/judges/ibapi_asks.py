"""What IBKR's own client is made to ask, and what the answer has to be, row by row.

Each truth is looked up in the stand-in, behind the protocol: in its listings, books and prices.
"""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ibapi.client import EClient
from ibapi.execution import ExecutionFilter
from ibapi.scanner import ScannerSubscription

from ibproxy_sim.data.displays import GROUPS
from ibproxy_sim.feeds.articles import PROVIDERS, Archive
from ibproxy_sim.feeds.wall_street_horizon import KINDS
from ibproxy_sim.wire.session import DEPTH_EXCHANGES, SMART_COMPONENTS
from tests.judges.ibapi_client import ACCOUNT, IS_OLD, Recorder, contract

AMD, AAPL = 4391, 265598
FRIDAY = "20260410 15:00:00 US/Eastern"
FRIDAY_S = 1775847600
AMD_STOCK = contract("AMD")
SCAN = ScannerSubscription()
SCAN.instrument, SCAN.locationCode, SCAN.scanCode = "STK", "STK.US.MAJOR", "MOST_ACTIVE"
SCAN.numberOfRows = 3

Truth = Callable[[Recorder, Any, int], None]
"""Gets the client, the bench and the request's id; asserts."""


class Ask(NamedTuple):
    """A request with an id: method, arguments behind the id, callback that ends it, truth."""

    method: str
    arguments: tuple[Any, ...]
    end: str
    truth: Truth


class Stream(NamedTuple):
    """A request that runs: as above, the method that ends it, and its further arguments."""

    method: str
    arguments: tuple[Any, ...]
    callback: str
    truth: Truth
    cancel: str
    rest: tuple[Any, ...] = ()


def details(*symbols: str) -> Truth:
    """Contract details are those of the listing."""

    def check(client: Recorder, bench: Any, req_id: int) -> None:
        rows = [row[1] for row in client.named("contractDetails", req_id)]
        assert {row.contract.symbol for row in rows} == set(symbols)
        for row in rows:
            listed = bench.instrument(row.contract.conId)
            assert (row.longName, row.minTick) == (listed.long_name, listed.min_tick)
            assert row.contract.localSymbol == listed.local_symbol
            assert set(row.validExchanges.split(",")) == set(listed.exchanges)

    return check


def symbols(client: Recorder, _bench: Any, req_id: int) -> None:
    """The symbol that was asked for is among those that are proposed."""
    [[_, samples]] = client.named("symbolSamples", req_id)
    assert AMD in [sample.contract.conId for sample in samples]


def chain(client: Recorder, bench: Any, req_id: int) -> None:
    """Expirations and strikes are the chain's, exchange by exchange."""
    rows = client.named("securityDefinitionOptionParameter", req_id)
    [true] = [c for c in bench.sim.simulation.universe.chains if c.root.underlying == "AAPL"]
    assert [row[1] for row in rows] == list(true.exchanges)
    for row in rows:
        assert (row[2], row[3], row[4]) == (AAPL, true.root.trading_class, "100")
        assert (row[5], row[6]) == (set(true.expiries), set(true.strikes))


def components(client: Recorder, _bench: Any, req_id: int) -> None:
    """Each exchange with its letter."""
    [[_, rows]] = client.named("smartComponents", req_id)
    assert {(row.exchange, row.exchangeLetter) for row in rows} == {
        tuple(row[1:3]) for row in SMART_COMPONENTS
    }


def tiers(client: Recorder, _bench: Any, req_id: int) -> None:
    """Each tier has a name, a value and a text."""
    [[_, rows]] = client.named("softDollarTiers", req_id)
    assert all(row.name and row.val and row.displayName for row in rows)


def user(client: Recorder, _bench: Any, req_id: int) -> None:
    """A plain user has no brand."""
    assert client.named("userInfo", req_id) == [(req_id, "")]


def head(client: Recorder, bench: Any, req_id: int) -> None:
    """The first trade was long before the present."""
    [[_, text]] = client.named("headTimestamp", req_id)
    first = datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=timezone.utc)
    assert 1980 < first.year < datetime.fromtimestamp(bench.sim.gateway.now_s, timezone.utc).year


def histogram(client: Recorder, bench: Any, req_id: int) -> None:
    """Volumes at prices of the last days."""
    [[_, rows]] = client.named("histogramData", req_id)
    low, high = bench.price_range(AMD)
    assert any(low <= row.price <= high for row in rows)
    assert all(getattr(row, "count" if IS_OLD else "size") > 0 for row in rows)


def hours(client: Recorder, bench: Any, req_id: int) -> None:
    """The last hour ends where the market is, and every bar holds together."""
    bars = [row[1] for row in client.named("historicalData", req_id)]
    assert bars[0].date.startswith("2026041")
    assert all(b.low <= min(b.open, b.close) <= max(b.open, b.close) <= b.high for b in bars)
    low, high = bench.price_range(AMD)
    assert low <= bars[-1].close <= high
    assert all(float(bar.volume) > 0 for bar in bars)


def yesterday(client: Recorder, bench: Any, req_id: int) -> None:
    """The close of the session before is the one that quotes state."""
    bars = [row[1] for row in client.named("historicalData", req_id)]
    assert [bar.date for bar in bars] == ["20260409", "20260410", "20260413"]
    assert bars[-2].close == bench.quote(AMD).close


def schedule(client: Recorder, _bench: Any, req_id: int) -> None:
    """One session for each day of the calendar."""
    [[_, _, _, zone, sessions]] = client.named("historicalSchedule", req_id)
    days = ["20260407", "20260408", "20260409", "20260410", "20260413"]
    assert (zone, [session.refDate for session in sessions]) == ("US/Eastern", days)


def past_ticks(callback: str, price: Callable[[Any], float]) -> Truth:
    """Ticks from the asked moment on, close to each other."""

    def check(client: Recorder, _bench: Any, req_id: int) -> None:
        [[_, ticks, is_done]] = client.named(callback, req_id)
        assert is_done
        assert len(ticks) >= 20
        assert FRIDAY_S <= ticks[0].time <= ticks[-1].time < FRIDAY_S + 3600
        prices = [price(tick) for tick in ticks]
        assert 0 < max(prices) < 1.02 * min(prices)

    return check


def executions(client: Recorder, bench: Any, req_id: int) -> None:
    """All executions of the day, as they are booked."""
    shown = {row[2].execId: row[2] for row in client.named("execDetails", req_id)}
    booked = bench.sim.simulation.trading.books.executions
    assert list(shown) == [execution.exec_id for execution in booked]
    for true in booked:
        row = shown[true.exec_id]
        assert (row.acctNumber, float(row.shares), row.side) == (
            true.account,
            true.shares,
            true.side,
        )
        assert math.isclose(row.price, true.price)


def past_news(client: Recorder, bench: Any, req_id: int) -> None:
    """The newest headlines of the archive; each article's text begins with its headline."""
    rows = client.named("historicalNews", req_id)
    archive = Archive(bench.sim.gateway.settings.seed)
    found = archive.before(bench.instrument(AMD), ("BRFG",), bench.sim.gateway.now_s)
    true = list(islice(found, 5))
    shown = [(row[2], row[3], row[4]) for row in rows]
    assert shown == [(a.provider, a.article_id, a.headline) for a in true]
    client.reqNewsArticle(req_id + 5000, "BRFG", true[0].article_id, [])
    [[_, kind, text]] = client.until("newsArticle", req_id + 5000)
    assert kind == 0
    assert text.startswith(true[0].headline)


def kinds(client: Recorder, _bench: Any, req_id: int) -> None:
    """The kinds of events by their tags."""
    [[_, text]] = client.named("wshMetaData", req_id)
    json.loads(text)
    assert all(tag in text and name in text for tag, name in KINDS)


def groups(client: Recorder, _bench: Any, req_id: int) -> None:
    """The groups that there are."""
    assert client.named("displayGroupList", req_id) == [(req_id, "|".join(GROUPS))]


def report(client: Recorder, _bench: Any, req_id: int) -> None:
    """A document about the company."""
    [[_, text]] = client.named("fundamentalData", req_id)
    assert ET.fromstring(text).tag == "ReportSnapshot"


_ASKS = (
    Ask("reqContractDetails", (AMD_STOCK,), "contractDetailsEnd", details("AMD")),
    Ask(
        "reqContractDetails",
        (contract("ES", "FUT", "CME"),),
        "contractDetailsEnd",
        details("ES"),
    ),
    Ask(
        "reqContractDetails",
        (contract("EUR", "CASH", "IDEALPRO"),),
        "contractDetailsEnd",
        details("EUR"),
    ),
    Ask("reqMatchingSymbols", ("AMD",), "symbolSamples", symbols),
    Ask(
        "reqSecDefOptParams",
        ("AAPL", "", "STK", AAPL),
        "securityDefinitionOptionParameterEnd",
        chain,
    ),
    Ask("reqSmartComponents", ("9c0001",), "smartComponents", components),
    Ask("reqSoftDollarTiers", (), "softDollarTiers", tiers),
    Ask("reqUserInfo", (), "userInfo", user),
    Ask("reqHeadTimeStamp", (AMD_STOCK, "TRADES", 1, 1), "headTimestamp", head),
    Ask("reqHistogramData", (AMD_STOCK, True, "3 days"), "histogramData", histogram),
    Ask(
        "reqHistoricalData",
        (AMD_STOCK, "", "2 D", "1 hour", "TRADES", 1, 1, False, []),
        "historicalDataEnd",
        hours,
    ),
    Ask(
        "reqHistoricalData",
        (AMD_STOCK, "", "3 D", "1 day", "TRADES", 1, 1, False, []),
        "historicalDataEnd",
        yesterday,
    ),
    Ask(
        "reqHistoricalData",
        (AMD_STOCK, "", "5 D", "1 day", "SCHEDULE", 1, 1, False, []),
        "historicalSchedule",
        schedule,
    ),
    *(
        Ask(
            "reqHistoricalTicks",
            (AMD_STOCK, FRIDAY, "", 20, what, 1, True, []),
            callback,
            past_ticks(callback, price),
        )
        for what, callback, price in (
            ("TRADES", "historicalTicksLast", lambda tick: tick.price),
            ("BID_ASK", "historicalTicksBidAsk", lambda tick: tick.priceBid),
            ("MIDPOINT", "historicalTicks", lambda tick: tick.price),
        )
    ),
    Ask("reqExecutions", (ExecutionFilter(),), "execDetailsEnd", executions),
    Ask("reqHistoricalNews", (AMD, "BRFG", "", "", 5, []), "historicalNewsEnd", past_news),
    Ask("reqWshMetaData", (), "wshMetaData", kinds),
    Ask("queryDisplayGroups", (), "displayGroupList", groups),
    Ask("reqFundamentalData", (AMD_STOCK, "ReportSnapshot", []), "fundamentalData", report),
)
ASKS = tuple(
    ask
    for ask in _ASKS
    if hasattr(EClient, ask.method) and not (IS_OLD and ask.end == "historicalSchedule")
)
"""Those that the client can ask; its lists of methods are compared with them elsewhere."""


def now(client: Recorder, bench: Any, _mark: int) -> None:
    """The market's time."""
    assert abs(client.named("currentTime")[-1][0] - bench.sim.gateway.now_s) < 60


def next_id(client: Recorder, bench: Any, _mark: int) -> None:
    """What the gateway would take next; behind a door each strategy's ids begin at 1."""
    [*_, [told]] = client.named("nextValidId")
    if bench.url:
        assert told == 1 + max(row[0] for row in client.named("orderStatus"))
    else:
        assert told == bench.sim.gateway.order_ids[client.clientId]


def logins(client: Recorder, bench: Any, _mark: int) -> None:
    """All accounts."""
    shown = client.named("managedAccounts")[-1][0].rstrip(",").split(",")
    assert shown == list(bench.sim.gateway.settings.accounts)


def families(client: Recorder, bench: Any, mark: int) -> None:
    """One row for each account."""
    [[rows]] = client.since(mark, "familyCodes")
    accounts = [row.accountID for row in rows]
    assert accounts == list(bench.sim.gateway.settings.accounts)


def places(client: Recorder, _bench: Any, mark: int) -> None:
    """Exchanges with depth."""
    [[rows]] = client.since(mark, "mktDepthExchanges")
    assert [(row.exchange, row.secType) for row in rows] == [row[:2] for row in DEPTH_EXCHANGES]


def providers(client: Recorder, _bench: Any, mark: int) -> None:
    """Providers of news."""
    [[rows]] = client.since(mark, "newsProviders")
    assert [(row.code, row.name) for row in rows] == list(PROVIDERS)


def scan_parameters(client: Recorder, _bench: Any, mark: int) -> None:
    """A document that names the scan which is used below."""
    [[text]] = client.since(mark, "scannerParameters")
    assert SCAN.scanCode in [node.text for node in ET.fromstring(text).iter("scanCode")]


def rule(client: Recorder, _bench: Any, _mark: int) -> None:
    """A cent, from 0 on."""
    number, steps = client.named("marketRule")[-1]
    assert (number, [(row.lowEdge, row.increment) for row in steps]) == (26, [(0.0, 0.01)])


def open_orders(client: Recorder, bench: Any, mark: int) -> None:
    """What works."""
    working = bench.sim.simulation.trading.engine.working
    assert {row[2].permId for row in client.since(mark, "openOrder")} == set(working)


def done_orders(client: Recorder, bench: Any, mark: int) -> None:
    """What is done."""
    orders = bench.sim.simulation.trading.books.orders
    shown = {row[1].permId for row in client.since(mark, "completedOrder")}
    assert shown == {one.perm_id for one in orders if one.is_done}


def positions(client: Recorder, bench: Any, mark: int) -> None:
    """What each account holds."""
    shown = {(row[0], row[1].conId): float(row[2]) for row in client.since(mark, "position")}
    accounts = bench.sim.gateway.settings.accounts
    assert shown == {
        (code, con_id): held.quantity
        for code in accounts
        for con_id, held in bench.account(code).positions.items()
    }


def values(client: Recorder, bench: Any, mark: int) -> None:
    """Cash and what is held, of the one account."""
    rows = client.since(mark, "updateAccountValue")
    assert {row[3] for row in rows} == {ACCOUNT}
    shown = {(key, unit): value for key, value, unit, _ in rows}
    books = bench.account(ACCOUNT)
    assert float(shown["TotalCashBalance", "USD"]) == round(books.cash["USD"], 2)
    held = {row[0].conId: float(row[1]) for row in client.since(mark, "updatePortfolio")}
    assert held == {con_id: p.quantity for con_id, p in books.positions.items()}


WITHOUT_ID: tuple[Ask, ...] = (
    Ask("reqCurrentTime", (), "currentTime", now),
    Ask("reqIds", (1,), "nextValidId", next_id),
    Ask("reqManagedAccts", (), "managedAccounts", logins),
    Ask("reqFamilyCodes", (), "familyCodes", families),
    Ask("reqMktDepthExchanges", (), "mktDepthExchanges", places),
    Ask("reqNewsProviders", (), "newsProviders", providers),
    Ask("reqScannerParameters", (), "scannerParameters", scan_parameters),
    Ask("reqMarketRule", (26,), "marketRule", rule),
    Ask("reqOpenOrders", (), "openOrderEnd", open_orders),
    Ask("reqAllOpenOrders", (), "openOrderEnd", open_orders),
    Ask("reqCompletedOrders", (False,), "completedOrdersEnd", done_orders),
    Ask("reqPositions", (), "positionEnd", positions),
    Ask("reqAccountUpdates", (True, ACCOUNT), "accountDownloadEnd", values),
)
"""Their truths get how many calls there were before, instead of a request's id."""


def priced(callback: str, price: Callable[[tuple[Any, ...]], float], con_id: int = AMD) -> Truth:
    """Every price that is shown lies between the day's lowest and highest."""

    def check(client: Recorder, bench: Any, req_id: int) -> None:
        low, high = bench.price_range(con_id)
        prices = [price(row) for row in client.named(callback, req_id)]
        assert prices
        assert all(low <= shown <= high for shown in prices)

    return check


def ticker(client: Recorder, bench: Any, req_id: int) -> None:
    """Prices of the day, and the contract's own step."""
    now_kinds = {1, 2, 4}
    low, high = bench.price_range(AMD)
    shown = [row[2] for row in client.named("tickPrice", req_id) if row[1] in now_kinds]
    assert shown
    assert all(low <= price <= high for price in shown)
    [[_, step, place, permissions]] = client.named("tickReqParams", req_id)
    assert (step, place, permissions) == (bench.instrument(AMD).min_tick, "9c0001", 3)


def summary(client: Recorder, bench: Any, req_id: int) -> None:
    """The ledger of all accounts together."""
    rows = {(r[1], r[2], r[4]): r[3] for r in client.named("accountSummary", req_id)}
    codes = bench.sim.gateway.settings.accounts
    cash = sum(bench.account(code).cash["USD"] for code in codes)
    assert abs(float(rows["All", "CashBalance", "USD"]) - cash) < 0.02


def held_multi(client: Recorder, bench: Any, req_id: int) -> None:
    """What the account holds."""
    rows = client.named("positionMulti", req_id)
    assert {row[1] for row in rows} == {ACCOUNT}
    held = bench.account(ACCOUNT).positions
    assert {r[3].conId: float(r[4]) for r in rows} == {c: p.quantity for c, p in held.items()}


def values_multi(client: Recorder, bench: Any, req_id: int) -> None:
    """What the account is worth."""
    rows = {(r[3], r[5]): r[4] for r in client.named("accountUpdateMulti", req_id)}
    assert float(rows["CashBalance", "USD"]) == round(bench.account(ACCOUNT).cash["USD"], 2)


def single(client: Recorder, bench: Any, req_id: int) -> None:
    """The position, at a price of the day."""
    _, held, _, _, _, worth = client.named("pnlSingle", req_id)[-1]
    assert float(held) == bench.account(ACCOUNT).positions[AMD].quantity
    low, high = bench.price_range(AMD)
    assert low <= worth / float(held) <= high


def profit(client: Recorder, _bench: Any, req_id: int) -> None:
    """What was made is not more than was paid and what moved."""
    _, daily, unrealized, realized = client.named("pnl", req_id)[-1]
    assert all(abs(amount) < 1000 for amount in (daily, unrealized, realized))


def scan(client: Recorder, bench: Any, req_id: int) -> None:
    """As many rows as were asked for, of what is listed."""
    rows = client.named("scannerData", req_id)[:3]
    assert [row[1] for row in rows] == [0, 1, 2]
    for row in rows:
        assert bench.instrument(row[2].contract.conId).symbol == row[2].contract.symbol


STREAMS: tuple[Stream, ...] = (
    Stream("reqMktData", (AMD_STOCK, "233,236", False, False, []), "tickPrice", ticker,
           "cancelMktData"),
    Stream("reqMktDepth", (AMD_STOCK, 5, False, []), "updateMktDepth",
           priced("updateMktDepth", lambda row: row[4]), "cancelMktDepth", (False,)),
    Stream("reqMktDepth", (AMD_STOCK, 5, True, []), "updateMktDepthL2",
           priced("updateMktDepthL2", lambda row: row[5]), "cancelMktDepth", (True,)),
    Stream("reqRealTimeBars", (AMD_STOCK, 5, "TRADES", False, []), "realtimeBar",
           priced("realtimeBar", lambda row: row[5]), "cancelRealTimeBars"),
    *(
        Stream("reqTickByTickData", (contract(symbol), kind, 0, False), callback,
               priced(callback, price, con_id), "cancelTickByTickData")
        for symbol, con_id, kind, callback, price in (
            ("AMD", AMD, "Last", "tickByTickAllLast", lambda row: row[3]),
            ("AAPL", AAPL, "AllLast", "tickByTickAllLast", lambda row: row[3]),
            ("SPY", 756733, "BidAsk", "tickByTickBidAsk", lambda row: row[2]),
            ("MSFT", 272093, "MidPoint", "tickByTickMidPoint", lambda row: row[2]),
        )
    ),
    Stream("reqHistoricalData", (AMD_STOCK, "", "600 S", "5 secs", "TRADES", 0, 1, True, []),
           "historicalDataUpdate", priced("historicalDataUpdate", lambda row: row[1].close),
           "cancelHistoricalData"),
    Stream("reqScannerSubscription", (SCAN, [], []), "scannerDataEnd", scan,
           "cancelScannerSubscription"),
    Stream("reqAccountSummary", ("All", "$LEDGER:ALL"), "accountSummaryEnd", summary,
           "cancelAccountSummary"),
    Stream("reqPositionsMulti", (ACCOUNT, ""), "positionMultiEnd", held_multi,
           "cancelPositionsMulti"),
    Stream("reqAccountUpdatesMulti", (ACCOUNT, "", False), "accountUpdateMultiEnd", values_multi,
           "cancelAccountUpdatesMulti"),
    Stream("reqPnL", (ACCOUNT, ""), "pnl", profit, "cancelPnL"),
    Stream("reqPnLSingle", (ACCOUNT, "", AMD), "pnlSingle", single, "cancelPnLSingle"),
)  # fmt: skip

EASTERN = ZoneInfo("US/Eastern")
