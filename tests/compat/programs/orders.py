"""Orders: trades as objects that live, their events, their numbers, and what is there at once."""

from __future__ import annotations

from typing import Final

ORDERS: Final = {
    "orders changed in place": """
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
trade = ib.placeOrder(SPY, LimitOrder("BUY", 5, 1.0))
heard = []
ib.orderModifyEvent += lambda each: heard.append(each is trade)
ib.orderStatusEvent += lambda each: heard.append(each is trade)
wait(lambda: trade.orderStatus.status in ("Submitted", "PreSubmitted"), ib)
for price in (1.1, 1.2, 1.3):
    trade.order.lmtPrice = price
    assert ib.placeOrder(SPY, trade.order) is trade
    wait(lambda: [each.message for each in trade.log].count("Modify") and heard[-1], ib)
ib.sleep(0.3)
same = ib.reqOpenOrders()[0]
print(trade in ib.trades(), trade is ib.openTrades()[0], ib.orders()[-1] is trade.order)
print(same.order.lmtPrice, same.order.orderId == trade.order.orderId, all(heard), trade.isActive())
trade.order.totalQuantity, trade.order.lmtPrice = 2, 5000.0
ib.placeOrder(SPY, trade.order)
wait(trade.isDone, ib)
print(trade.orderStatus.status, trade.filled(), trade.remaining(), len(ib.fills()) > 0)
ib.placeOrder(SPY, MarketOrder("SELL", 2))
wait(lambda: not ib.positions(), ib)
ib.disconnect()
""",
    "events of objects": """
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
trade = ib.placeOrder(SPY, MarketOrder("BUY", 10))
heard = {}
def hear(name):
    return lambda *values: heard.setdefault(name, []).append(values[0] is trade)
for name in ("statusEvent", "fillEvent", "commissionReportEvent", "filledEvent"):
    getattr(trade, name).connect(hear(name))
for name in ("orderStatusEvent", "execDetailsEvent", "commissionReportEvent"):
    getattr(ib, name).connect(hear("ib." + name))
wait(lambda: len(heard) == 7, ib)
print({name: all(values) for name, values in sorted(heard.items())})
ticker = ib.reqMktData(SPY)
seen = []
ticker.updateEvent += lambda each: seen.append(each is ticker)
wait(lambda: len(seen) > 2, ib)
print(all(seen), ib.ticker(SPY) is ticker, ticker in ib.tickers())
quotes = []
ticker.updateEvent.midpoints().connect(lambda *tick: quotes.append(tick))
ticker.updateEvent.trades().tickbars(1).connect(lambda *bars: None)
wait(lambda: len(quotes) > 1, ib)
async def some():
    found = []
    async for tickers in ib.pendingTickersEvent:
        found.append(ticker in tickers)
        if len(found) == 3:
            return found
print(len(quotes) > 1, ib.run(some()))
other = ib.placeOrder(SPY, MarketOrder("SELL", 10))
async def filled():
    return await other.filledEvent is other
print(ib.run(filled()))
account = ib.managedAccounts()[0]
async def profit():
    pnl = ib.reqPnL(account)
    return await ib.pnlEvent is pnl
print(ib.run(profit()))
ib.disconnect()
""",
    "numbers of orders": """
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
state = ib.whatIfOrder(SPY, LimitOrder("BUY", 100, 1.0))
print(float(state.initMarginChange) > 0, ib.openTrades())
bracket = ib.bracketOrder("BUY", 5, 1.0, 2.0, 0.5)
trades = [ib.placeOrder(SPY, order) for order in bracket]
wait(lambda: all(trade.orderStatus.permId for trade in trades), ib)
ids = [trade.order.orderId for trade in trades]
print([number - ids[0] for number in ids], {t.orderStatus.parentId - ids[0] for t in trades[1:]})
found = ib.reqAllOpenOrders()
print(sorted({t.order.orderId for t in found}) == ids, {t.order.clientId for t in found})
print(ib.placeOrder(SPY, LimitOrder("BUY", 1, 1.0)).order.orderId > ids[-1])
ib.reqGlobalCancel()
wait(lambda: not ib.openTrades(), ib)
print(sorted({trade.orderStatus.status for trade in ib.trades()}))
ib.disconnect()
""",
    "what is there at once": """
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=0)
ib.qualifyContracts(SPY)
ib.placeOrder(SPY, MarketOrder("BUY", 10))
far = ib.placeOrder(SPY, LimitOrder("BUY", 1, 1.0))
wait(lambda: ib.positions() and ib.fills() and far.orderStatus.permId, ib)
ib.disconnect()
ib = IB()
codes = []
ib.errorEvent += lambda number, code, text, contract: codes.append((number, code))
ib.connect("127.0.0.1", PORT, clientId=0)
print([row.position for row in ib.positions()], [row.position for row in ib.portfolio()])
print(len(ib.accountValues()) > 9, [row.order.lmtPrice for row in ib.openTrades()])
print(len(ib.fills()) > 0, len(ib.trades()) > 1, len(ib.executions()) > 0)
print(len(ib.accountSummary()) > 9)
print(sorted({code for number, code in codes if number == -1}))
ib.cancelOrder(ib.openTrades()[0].order)
ib.placeOrder(SPY, MarketOrder("SELL", 10))
wait(lambda: not ib.positions() and not ib.openTrades(), ib)
ib.disconnect()
""",
    "an id that is in use": """
import logging
logging.disable()  # the last words are the proxy's own
first = IB().connect("127.0.0.1", PORT, clientId=3)
second = IB()
codes = []
second.errorEvent += lambda number, code, text, contract: codes.append(code)
try:
    second.connect("127.0.0.1", PORT, clientId=3)
except Exception as error:
    print(type(error).__name__)
print(codes, second.isConnected(), first.isConnected(), len(first.reqContractDetails(SPY)))
first.disconnect()
first.sleep(0.1)
print(second.connect("127.0.0.1", PORT, clientId=3).isConnected())
second.disconnect()
""",
}
