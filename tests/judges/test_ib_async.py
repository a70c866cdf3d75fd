"""ib_async, or ib_insync, uses everything it has; what it decodes is the stand-in's truth.

Both libraries have one API, so one bench serves: see `test_ib_insync.py`.
"""

from __future__ import annotations

import inspect
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from ibproxy_sim.feeds.articles import Archive
from ibproxy_sim.feeds.wall_street_horizon import KINDS

AMD, AAPL = 4391, 265598
FAR_BELOW = 10.0
NEVER_FOR_CLIENTS = {65, 66, 72, 73}
"""IBKR's own: verification of other programs (fact 8.23)."""

SECOND_WAY = "proxied"
"""Each test runs straight on the stand-in, and through a proxy in front of it."""

Test = TypeVar("Test", bound=Callable[..., None])
COVERED: set[int] = {71}


def covers(*message_ids: int) -> Callable[[Test], Test]:
    """Say which messages a test makes its client send; they are looked for at the gateway."""

    def mark(test: Test) -> Test:
        COVERED.update(message_ids)
        test.covers = message_ids  # type: ignore[attr-defined] # read by the fixture `covered`
        return test

    return mark


def test_every_request_of_the_client_is_covered(judge: Any) -> None:
    """No method of the client that sends a message is left out."""
    sent = {}
    for name, method in inspect.getmembers(judge.lib.client.Client, inspect.isfunction):
        text = inspect.getsource(method)
        found = re.search(r"self\.send\(\s*(\d+)", text) or re.search(r"fields = \[\s*(\d+)", text)
        if found:
            sent[int(found[1])] = name
    assert len(sent) > 75
    assert {i: n for i, n in sent.items() if i not in COVERED | NEVER_FOR_CLIENTS} == {}


@covers(3, 5, 6, 7, 15, 61, 76, 99)
def test_what_it_fetches_at_connect(connect_judge: Callable[..., Any]) -> None:
    """Each part of the start ends with its marker; the values are the books'."""
    first = connect_judge(0, account="DU1000001")
    amd = first.stock()
    trade = first.ib.placeOrder(amd, first.lib.MarketOrder("BUY", 100, account="DU1000001"))
    first.until(trade.isDone)
    judge = connect_judge(10, account="DU1000001")
    assert judge.ib.managedAccounts() == ["DU1000001", "DU1000002"]
    values = {(v.tag, v.currency): v.value for v in judge.ib.accountValues("DU1000001")}
    books = judge.bench.account("DU1000001")
    assert float(values["TotalCashBalance", "USD"]) == round(books.cash["USD"], 2)
    [row] = judge.ib.positions("DU1000001")
    true = books.positions[AMD]
    assert (row.contract.conId, row.position) == (AMD, true.quantity)
    assert abs(row.avgCost - true.average_cost) < 1e-6
    [item] = judge.ib.portfolio()
    assert item.position == true.quantity
    low, high = judge.bench.price_range(AMD)
    assert low <= item.marketPrice <= high
    assert [fill.execution.shares for fill in judge.ib.fills()] == [
        execution.shares for execution in judge.bench.sim.simulation.trading.books.executions
    ]


@covers(8, 14, 17, 49, 79, 80, 82, 83, 85, 91, 104)
def test_small_requests(judge: Any) -> None:
    """Requests that need no contract."""
    ib, client = judge.ib, judge.ib.client
    now = datetime.fromtimestamp(judge.bench.sim.gateway.now_s, timezone.utc)
    assert abs(ib.reqCurrentTime() - now) < timedelta(seconds=60)
    next_ids, accounts = judge.hear("nextValidId"), judge.hear("managedAccounts")
    families, tiers = judge.hear("familyCodes"), judge.hear("softDollarTiers")
    client.setServerLogLevel(2)
    client.reqIds(1)
    client.reqManagedAccts()
    client.reqFamilyCodes()
    client.reqSoftDollarTiers(client.getReqId())
    judge.until(lambda: tiers)
    judge.until(lambda: families)
    assert families[0][0]
    assert isinstance(tiers[0][1], list)
    assert not accounts or accounts[0][0].rstrip(",") == "DU1000001,DU1000002"
    assert not next_ids or int(next_ids[0][0]) >= 1
    assert [p.code for p in ib.reqNewsProviders()]
    assert {d.exchange for d in ib.reqMktDepthExchanges()} > {"IDEALPRO", "NYSE"}
    assert {c.exchange for c in ib.reqSmartComponents("9c0001")} > {"NYSE", "NASDAQ"}
    rule = ib.reqMarketRule(26)
    assert [(row.lowEdge, row.increment) for row in rule] == [(0.0, 0.01)]
    assert ib.reqUserInfo() is not None


@covers(67, 68, 69, 70)
def test_display_groups(judge: Any) -> None:
    """Groups are listed, followed and changed."""
    ib, client = judge.ib, judge.ib.client
    groups, updates = judge.hear("displayGroupList"), judge.hear("displayGroupUpdated")
    asked, followed = client.getReqId(), client.getReqId()
    client.queryDisplayGroups(asked)
    client.subscribeToGroupEvents(followed, 1)
    client.updateDisplayGroup(followed, f"{AMD}@SMART")
    judge.until(lambda: groups and len(updates) >= 2)
    client.unsubscribeFromGroupEvents(followed)
    assert ib.reqCurrentTime()
    assert [row[0] for row in groups] == [asked]
    assert updates[-1] == (followed, f"{AMD}@SMART")


@covers(9, 78, 81)
def test_contracts(judge: Any) -> None:
    """Details, symbols and option parameters are those of the universe."""
    ib, lib = judge.ib, judge.lib
    [details] = ib.reqContractDetails(lib.Stock("AMD", "SMART", "USD"))
    listed = judge.bench.instrument(AMD)
    assert details.contract.conId == AMD
    assert (details.longName, details.minTick) == (listed.long_name, listed.min_tick)
    assert set(details.validExchanges.split(",")) == set(listed.exchanges)
    assert details.timeZoneId
    assert ";" in details.tradingHours
    assert details.secIdList is not None
    for contract in (
        lib.Forex("EURUSD"),
        lib.Index("SPX", "CBOE"),
        lib.ContFuture("ES", "CME"),
        lib.Future("ES", exchange="CME"),
    ):
        found = ib.reqContractDetails(contract)
        assert found
        assert all(judge.bench.instrument(d.contract.conId).symbol for d in found)
    samples = ib.reqMatchingSymbols("AMD")
    assert AMD in [sample.contract.conId for sample in samples]
    option = judge.option(2)
    [option_details] = ib.reqContractDetails(option)
    assert option_details.contract.strike == option.strike
    assert option_details.underConId == AAPL
    judge.expect(200)
    assert ib.reqContractDetails(lib.Stock("NOSUCHTHING", "SMART", "USD")) == []
    assert [code for _, code, _ in judge.errors if code < 2100] == [200]


@covers(1, 2, 59)
def test_market_data(judge: Any) -> None:
    """Ticks of every family; what is shown is between the day's lowest and highest price."""
    ib, lib = judge.ib, judge.lib
    amd = judge.stock()
    low, high = judge.bench.price_range(AMD)
    legal = "100,101,104,105,106,165,221,225,232,233,236,258,293,294,295,318,375,411,456,595"
    ticker = ib.reqMktData(amd, legal)
    judge.until(lambda: ticker.bid > 0 and ticker.ask > 0 and ticker.last > 0)
    judge.until(lambda: ticker.bidSize > 0 and ticker.markPrice == ticker.markPrice)
    judge.until(lambda: ticker.rtVolume == ticker.rtVolume or ticker.rtTime)
    assert low <= ticker.bid < ticker.ask <= high
    assert (ticker.minTick, ticker.bboExchange, ticker.snapshotPermissions) == (0.01, "9c0001", 3)
    assert ticker.marketDataType == 1
    ib.cancelMktData(amd)
    for kind in (2, 3, 4, 1):
        ib.reqMarketDataType(kind)
    euro = lib.Forex("EURUSD")
    ib.qualifyContracts(euro)
    snapshots = ib.reqTickers(amd, euro)
    assert [t.contract.conId for t in snapshots] == [AMD, euro.conId]
    assert all(t.bid < t.ask for t in snapshots)
    option = judge.option(3)
    low, high = judge.bench.price_range(AAPL)
    greeks = ib.reqMktData(option, "106")
    judge.until(lambda: greeks.modelGreeks and greeks.bidGreeks and greeks.askGreeks)
    assert 0.2 < greeks.modelGreeks.delta < 0.8
    assert low <= greeks.modelGreeks.undPrice <= high
    ib.cancelMktData(option)


@covers(54, 55, 56, 57)
def test_option_calculations(judge: Any) -> None:
    """A volatility gives a price that gives the volatility back."""
    ib, option = judge.ib, judge.option(4)
    last = option.strike
    priced = ib.calculateOptionPrice(option, 0.4, last)
    solved = ib.calculateImpliedVolatility(option, priced.optPrice, last)
    assert abs(solved.impliedVol - 0.4) < 0.01
    # both are ended by the library itself once they are answered or late; say it once more
    ib.client.cancelCalculateImpliedVolatility(ib.client.getReqId())
    ib.client.cancelCalculateOptionPrice(ib.client.getReqId())
    judge.expect(300)


@covers(10, 11, 50, 51, 97, 98)
def test_other_streams(judge: Any) -> None:
    """Depth of both layouts, five-second bars, and the four kinds of tick-by-tick data."""
    ib = judge.ib
    amd = judge.stock()
    low, high = judge.bench.price_range(AMD)
    for is_smart in (False, True):
        book = ib.reqMktDepth(amd, 5, is_smart)
        judge.until(lambda book=book: len(book.domBids) == len(book.domAsks) == 5)
        assert book.domBids[0].price < book.domAsks[0].price
        prices = [level.price for level in book.domBids]
        assert prices == sorted(prices, reverse=True)
        with judge.bench.standstill():  # a row on its way would find its request gone
            assert ib.reqCurrentTime()
            ib.cancelMktDepth(amd, is_smart)
            assert ib.reqCurrentTime()
    bars = ib.reqRealTimeBars(amd, 5, "TRADES", useRTH=False)
    judge.until(lambda: len(bars) >= 2)
    assert bars[0].time.timestamp() % 5 == 0
    assert all(low <= bar.low <= bar.high <= high for bar in bars)
    ib.cancelRealTimeBars(bars)
    kinds = {"Last": "price", "AllLast": "price", "BidAsk": "bidPrice", "MidPoint": "midPoint"}
    for number, (kind, price) in enumerate(kinds.items()):
        symbol = ("AMD", "AAPL", "SPY", "MSFT")[number]  # one of a contract at a time (4.46)
        contract = judge.stock(symbol)
        ticker = ib.reqTickByTickData(contract, kind)
        judge.until(lambda ticker=ticker: ticker.tickByTicks)
        shown = getattr(ticker.tickByTicks[-1], price)
        low, high = judge.bench.price_range(contract.conId)
        assert low <= shown <= high
        ib.cancelTickByTickData(contract, kind)
    opened = ib.reqTickByTickData(judge.stock("TSLA"), "Last", 10)
    judge.expect(10186, 10189, 10190)
    judge.until(lambda: opened.tickByTicks or judge.errors)


@covers(20, 25, 87, 88, 89, 90, 96)
def test_history(judge: Any) -> None:
    """Bars in both date formats, their continuation, schedule, ticks, head and histogram."""
    ib = judge.ib
    amd = judge.stock()
    days = ib.reqHistoricalData(amd, "", "10 D", "1 day", "TRADES", useRTH=True)
    assert len(days) == 10
    assert all(bar.low <= min(bar.open, bar.close) <= bar.high for bar in days)
    quote = judge.bench.sim.call(
        lambda: judge.bench.sim.simulation.market.quote(
            judge.bench.instrument(AMD), judge.bench.sim.gateway.now_s
        )
    )
    assert days[-2].close == quote.close
    texts = ib.reqHistoricalData(
        amd, "20260410 15:00:00 US/Eastern", "1800 S", "5 mins", "TRADES", useRTH=True, formatDate=1
    )
    epochs = ib.reqHistoricalData(
        amd, "20260410-19:00:00", "1800 S", "5 mins", "TRADES", useRTH=True, formatDate=2
    )
    assert [bar.close for bar in texts] == [bar.close for bar in epochs]
    first = texts[0].date
    eastern = first if first.tzinfo else first.replace(tzinfo=ZoneInfo("US/Eastern"))
    assert eastern == epochs[0].date == datetime(2026, 4, 10, 18, 30, tzinfo=timezone.utc)
    for what in ("MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST", "HISTORICAL_VOLATILITY"):
        size = "1 day" if what in {"ADJUSTED_LAST", "HISTORICAL_VOLATILITY"} else "1 hour"
        assert ib.reqHistoricalData(amd, "", "2 D", size, what, useRTH=True), what
    kept = ib.reqHistoricalData(
        amd, "", "600 S", "5 secs", "TRADES", useRTH=False, keepUpToDate=True
    )
    count = len(kept)
    judge.until(lambda: len(kept) > count + 1)
    judge.expect(162)
    ib.cancelHistoricalData(kept)
    schedule = ib.reqHistoricalSchedule(amd, 3)
    assert [s.refDate for s in schedule.sessions] == ["20260409", "20260410", "20260413"]
    for what in ("TRADES", "BID_ASK", "MIDPOINT"):
        ticks = ib.reqHistoricalTicks(amd, "20260410 15:00:00 US/Eastern", "", 20, what, True)
        assert len(ticks) >= 20
        assert ticks[0].time >= datetime(2026, 4, 10, 19, 0, tzinfo=timezone.utc)
    assert ib.reqHeadTimeStamp(amd, "TRADES", useRTH=True)
    ib.client.cancelHeadTimeStamp(ib.client.getReqId())
    histogram = ib.reqHistogramData(amd, useRTH=True, period="3 days")
    low, high = (
        min(b.low for b in days[-4:]),
        max(*(b.high for b in days[-4:]), quote.high * 1.01),
    )
    assert all(low * 0.99 <= row.price <= high for row in histogram)
    ib.client.cancelHistogramData(ib.client.getReqId())
    judge.expect(300)


@covers(22, 23, 24)
def test_scanners(judge: Any) -> None:
    """Parameters, one answer, and a subscription; its cancel is confirmed with 162."""
    judge.expect(162)
    ib, lib = judge.ib, judge.lib
    assert ib.reqScannerParameters().lstrip().startswith("<?xml")
    wanted = lib.ScannerSubscription(
        instrument="STK", locationCode="STK.US.MAJOR", scanCode="TOP_PERC_GAIN", numberOfRows=5
    )
    rows = ib.reqScannerData(wanted)
    assert [row.rank for row in rows] == list(range(5))
    assert all(judge.bench.instrument(r.contractDetails.contract.conId) for r in rows)
    kept = ib.reqScannerSubscription(wanted)
    judge.until(lambda: len(kept) == 5)
    ib.cancelScannerSubscription(kept)


@covers(12, 13, 52, 53, 84, 86, 100, 101, 102, 103)
def test_news_fundamentals_and_calendar(judge: Any) -> None:
    """What a paid feed brings is decoded; an article is the one that was announced."""
    ib, lib = judge.ib, judge.lib
    ib.reqNewsBulletins(allMessages=True)
    found = ib.reqHistoricalNews(AMD, "BRFG+DJNL", "", "", 10)
    first = found[0] if isinstance(found, list) else found  # one library gives the last alone
    assert first.headline
    article = ib.reqNewsArticle(first.providerCode, first.articleId)
    assert article.articleText.startswith(first.headline)
    archive = Archive(judge.bench.sim.gateway.settings.seed)
    providers = ("BRFG", "DJNL")
    newest = archive.before(judge.bench.instrument(AMD), providers, judge.bench.sim.gateway.now_s)
    true = {article.article_id: article.headline for article in islice(newest, 10)}
    assert true[first.articleId] == first.headline
    assert "<" in ib.reqFundamentalData(judge.stock(), "ReportSnapshot")
    ib.client.cancelFundamentalData(ib.client.getReqId())
    kinds = ib.getWshMetaData()
    assert json.loads(kinds)
    assert all(tag in kinds and name in kinds for tag, name in KINDS)
    events = json.loads(ib.getWshEventData(lib.WshEventData(conId=AMD)))
    assert {event["con_id"] for event in events} == {AMD}
    assert {event["event_type"] for event in events} == {tag for tag, _ in KINDS}
    ib.cancelWshMetaData()
    ib.cancelNewsBulletins()
    assert ib.reqCurrentTime()


@covers(62, 63, 64, 74, 75, 77, 92, 93, 94, 95)
def test_accounts(judge: Any) -> None:
    """Every account stream shows the books' truth."""
    ib, lib = judge.ib, judge.lib
    amd = judge.stock()
    bought = ib.placeOrder(amd, lib.MarketOrder("BUY", 10, account="DU1000002"))
    judge.until(lambda: bought.fills and bought.fills[0].commissionReport.execId)
    books = judge.bench.account("DU1000002")
    summary = {(v.account, v.tag): v.value for v in ib.accountSummary()}
    assert float(summary["DU1000002", "TotalCashValue"]) == round(books.cash["USD"], 2)
    multi, ends = judge.hear("positionMulti"), judge.hear("positionMultiEnd")
    first, second = ib.client.getReqId(), ib.client.getReqId()
    ib.client.reqPositionsMulti(first, "DU1000002", "")
    judge.until(lambda: ends)
    assert [(row[1], row[4]) for row in multi] == [("DU1000002", books.positions[AMD].quantity)]
    ib.client.cancelPositionsMulti(first)
    values, done = judge.hear("accountUpdateMulti"), judge.hear("accountUpdateMultiEnd")
    ib.client.reqAccountUpdatesMulti(second, "DU1000002", "", False)
    judge.until(lambda: second in [row[0] for row in done])
    # streams of other accounts, from the connect, go on meanwhile
    assert {row[1] for row in values if row[0] == second} == {"DU1000002"}
    ib.client.cancelAccountUpdatesMulti(second)
    pnl = ib.reqPnL("DU1000002")
    single = ib.reqPnLSingle("DU1000002", "", AMD)
    judge.until(lambda: pnl.unrealizedPnL == pnl.unrealizedPnL and single.position)
    assert single.position == books.positions[AMD].quantity
    low, high = judge.bench.price_range(AMD)
    assert low <= single.value / single.position <= high
    ib.cancelPnL("DU1000002")
    ib.cancelPnLSingle("DU1000002", "", AMD)
    ib.client.cancelAccountSummary(1)
    ib.client.cancelPositions()


@covers(3, 4, 5, 7, 16, 58, 99)
def test_orders(judge: Any) -> None:
    """A life of orders: resting, changed, cancelled, filled, in families, asked about."""
    ib, lib = judge.ib, judge.lib
    amd = judge.stock()
    account = "DU1000001"
    judge.expect(202, 399, 2109, 10147, 10148)
    order = lib.LimitOrder("BUY", 7, FAR_BELOW, account=account, orderRef="judge")
    trade = ib.placeOrder(amd, order)
    judge.until(lambda: trade.orderStatus.status in {"Submitted", "PreSubmitted"})
    books = judge.bench.sim.simulation.trading.books
    true = next(o for o in books.orders if o.perm_id == trade.orderStatus.permId)
    assert (true.quantity, true.account) == (7, account)
    assert true.order_id == order.orderId or judge.bench.url  # a proxy gives ids of its own
    order.lmtPrice = FAR_BELOW + 1
    ib.placeOrder(amd, order)
    judge.until(lambda: true.limit_price == FAR_BELOW + 1)
    assert {t.order.permId for t in ib.reqOpenOrders()} == {true.perm_id}
    assert true.perm_id in [t.order.permId for t in ib.reqAllOpenOrders()]
    ib.cancelOrder(order)
    judge.until(lambda: trade.orderStatus.status == "Cancelled")
    filled = ib.placeOrder(amd, lib.MarketOrder("BUY", 5, account=account))
    judge.until(
        lambda: filled.isDone() and filled.fills and filled.fills[0].commissionReport.execId
    )
    assert filled.filled() == 5
    low, high = judge.bench.price_range(AMD)
    assert low <= filled.orderStatus.avgFillPrice <= high
    assert filled.fills[0].execution.execId in [f.execution.execId for f in ib.reqExecutions()]
    state = ib.whatIfOrder(amd, lib.MarketOrder("BUY", 100, account=account))
    assert float(state.initMarginChange) > 0
    bracket = ib.bracketOrder("BUY", 3, FAR_BELOW, 9999.0, 1.0, account=account)
    opened = judge.hear("openOrder")
    trades = [ib.placeOrder(amd, one) for one in bracket]
    judge.until(lambda: all(t.orderStatus.permId for t in trades))
    groups = {order.orderId: order.ocaGroup for _, _, order, _ in opened}
    family = str(trades[0].order.permId)
    assert [groups[t.order.orderId] for t in trades] == ["", family, family]  # fact 3.94
    ib.reqGlobalCancel()
    judge.until(lambda: all(t.orderStatus.status == "Cancelled" for t in trades))
    done = {t.order.permId for t in ib.reqCompletedOrders(apiOnly=False)}
    assert {true.perm_id, filled.order.permId, *(t.order.permId for t in trades)} <= done


@pytest.mark.only_direct("the proxy refuses to exercise options")
@covers(21)
def test_exercise(judge: Any) -> None:
    """An option turns into shares at its strike; without a position it is refused (3.117)."""
    ib, lib, account = judge.ib, judge.lib, "DU1000001"
    option = judge.option(1)
    bought = ib.placeOrder(option, lib.MarketOrder("BUY", 1, account=account))
    judge.until(bought.isDone)
    held = judge.bench.account(account).positions
    before = held[AAPL].quantity if AAPL in held else 0.0
    ib.exerciseOptions(option, 1, 1, account, 1)
    judge.until(lambda: AAPL in [f.contract.conId for f in ib.fills()])
    [fill] = [f for f in ib.fills() if f.contract.conId == AAPL]
    assert (fill.execution.shares, fill.execution.price) == (100.0, option.strike)
    assert held[AAPL].quantity == before + 100
    ib.exerciseOptions(option, 1, 1, account, 0)
    judge.heard(322)


@covers(3)
def test_orders_of_every_kind(judge: Any) -> None:
    """Types with fields of their own are decoded as they were sent."""
    ib, lib = judge.ib, judge.lib
    amd = judge.stock()
    judge.expect(202, 399)
    common = {"action": "BUY", "totalQuantity": 2, "account": "DU1000001", "orderRef": "kinds"}
    later = "20260413 15:55:00 US/Eastern"
    condition = lib.PriceCondition(
        conId=AMD, exch="SMART", isMore=False, price=1.0, triggerMethod=0
    )
    kinds = {
        "stop": lib.Order(orderType="STP", auxPrice=9000.0, **common),
        "stop limit": lib.Order(orderType="STP LMT", auxPrice=9000.0, lmtPrice=9001.0, **common),
        "trail": lib.Order(orderType="TRAIL", trailingPercent=50.0, **common),
        "touched": lib.Order(orderType="MIT", auxPrice=FAR_BELOW, **common),
        "on condition": lib.Order(orderType="MKT", conditions=[condition], **common),
        "later": lib.Order(orderType="LMT", lmtPrice=FAR_BELOW, goodAfterTime=later, **common),
        "until cancelled": lib.Order(orderType="LMT", lmtPrice=FAR_BELOW, tif="GTC", **common),
        "algo": lib.Order(
            orderType="LMT",
            lmtPrice=FAR_BELOW,
            algoStrategy="Adaptive",
            algoParams=[lib.TagValue("adaptivePriority", "Normal")],
            **common,
        ),
        "iceberg": lib.Order(orderType="LMT", lmtPrice=FAR_BELOW, displaySize=1, **common),
    }
    trades = {name: ib.placeOrder(amd, order) for name, order in kinds.items()}
    for name, trade in trades.items():
        judge.until(lambda trade=trade: trade.orderStatus.permId, f"{name}: {judge.errors}")
    seen = {t.order.permId: t.order for t in ib.reqAllOpenOrders()}
    for name, trade in trades.items():
        shown = seen[trade.orderStatus.permId]
        assert (shown.orderType, shown.totalQuantity) == (kinds[name].orderType, 2), name
    assert seen[trades["on condition"].orderStatus.permId].conditions[0].price == 1.0
    assert seen[trades["algo"].orderStatus.permId].algoStrategy == "Adaptive"
    ib.reqGlobalCancel()
    judge.until(lambda: all(t.isDone() for t in trades.values()))


@pytest.mark.only_direct("the proxy refuses to replace an advisor's data")
@covers(18, 19)
def test_advisor_requests(connect_judge: Callable[..., Any], advisor_bench: Any) -> None:
    """An advisor's groups are shown, replaced, and shown as they were replaced."""
    judge = connect_judge(1, advisor_bench)
    ib, client = judge.ib, judge.ib.client
    shown, replaced = judge.hear("receiveFA"), judge.hear("replaceFAEnd")
    client.requestFA(1)
    judge.until(lambda: shown)
    kind, text = shown[0]
    [group] = ET.fromstring(text).iter("Group")
    members = [node.text for node in group.iter("String")]
    assert (int(kind), members) == (1, list(advisor_bench.sim.gateway.settings.accounts[1:]))
    mine = text.replace(str(group.findtext("name")), "mine")
    client.replaceFA(asked := client.getReqId(), 1, mine)
    judge.until(lambda: replaced)
    assert int(replaced[0][0]) == asked
    client.requestFA(1)
    judge.until(lambda: len(shown) == 2)
    assert [node.text for node in ET.fromstring(shown[1][1]).iter("name")] == ["mine"]
    assert list(advisor_bench.sim.simulation.advisors.groups) == ["mine"]
    assert ib.reqCurrentTime()
