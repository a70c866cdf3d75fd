"""Classes: `IB` and its subclasses, what a program sets on them, and what stands beside them."""

from __future__ import annotations

from typing import Final

CLASSES: Final = {
    "a subclass that overrides": """
class Mine(IB):
    calls = []
    def __init__(self, name):
        super().__init__()
        self.name = name
        self.connect("127.0.0.1", PORT, clientId=3)
        self.errorEvent += self.on_error
    def on_error(self, number, code, text, contract):
        self.calls.append(code)
    def placeOrder(self, contract, order):
        self.calls.append("place")
        order.orderRef = self.name
        return super().placeOrder(contract, order)
    async def qualifyContractsAsync(self, *contracts):
        self.calls.append("qualify")
        return await super().qualifyContractsAsync(*contracts)
    def disconnect(self):
        self.calls.append("bye")
        return super().disconnect()
    @property
    def accounts(self):
        return self.managedAccounts()
ib = Mine("me")
ib.qualifyContracts(SPY)
trade = ib.placeOrder(SPY, LimitOrder("BUY", 1, 1.0))
wait(lambda: trade.orderStatus.permId, ib)
print(ib.accounts, ib.openOrders()[0].orderRef, isinstance(ib, IB), type(ib).__name__)
ib.cancelOrder(trade.order)
wait(trade.isDone, ib)
ib.disconnect()
print(ib.calls)
""",
    "several objects": """
ibs = [IB().connect("127.0.0.1", PORT, clientId=number) for number in range(3, 8)]
async def ask():
    found = await asyncio.gather(*(ib.reqContractDetailsAsync(SPY) for ib in ibs))
    return [row.contract.symbol for [row] in found]
print(util.run(ask()), [ib.client.clientId for ib in ibs])
ibs[0].qualifyContracts(SPY)
trade = ibs[1].placeOrder(SPY, LimitOrder("BUY", 1, 1.0))
wait(lambda: trade.orderStatus.permId, ibs[1])
print([len(ib.openTrades()) for ib in ibs])
ibs[1].cancelOrder(trade.order)
wait(trade.isDone, ibs[1])
ibs[2].disconnect()
ibs[2].sleep(0.05)
print([ib.isConnected() for ib in ibs])
for ib in ibs:
    ib.disconnect()
""",
    "with": """
with IB() as ib:
    ib.connect("127.0.0.1", PORT, clientId=3)
    print(ib.isConnected())
print(ib.isConnected())
with IB().connect("127.0.0.1", PORT, clientId=3) as ib:
    print(ib.isConnected())
print(ib.isConnected())
""",
    "twenty times quickly": """
ib = IB()
ends = []
ib.disconnectedEvent += lambda: ends.append(1)
for number in range(20):
    ib.connect("127.0.0.1", PORT, clientId=3, **QUICK)
    assert ib.reqCurrentTime() if number % 5 == 0 else ib.isConnected()
    ib.disconnect()
    assert not ib.isConnected()
ib.sleep(0.05)
print(len(ends), ib)
async def main():
    for _ in range(20):
        await ib.connectAsync("127.0.0.1", PORT, clientId=3, **QUICK)
        ib.disconnect()
asyncio.run(main())
print(ib.client.isReady())
""",
    "defaults": """
import datetime
utc = datetime.timezone.utc
ib = IB(defaults=IBDefaults(emptyPrice=None, emptySize=0, unset=None, timezone=utc))
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
ticker = ib.reqMktData(SPY)
wait(ticker.hasBidAsk, ib)
print(ticker.halted, ticker.close is not None, ib.wrapper.defaultEmptyPrice, ticker.auctionPrice)
ib.disconnect()
""",
    "the class": """
print(IB.events[:3], IB.RequestTimeout, IB.MaxSyncedSubAccounts, len(IB.events))
IB.RequestTimeout = 9
ib = IB()
ib.RaiseRequestErrors = True
ib.connect("127.0.0.1", PORT, clientId=3)
try:
    ib.reqContractDetails(Stock("NOSUCH", "SMART", "USD"))
except RequestError as error:
    print(error.code)
ids = ib.oneCancelsAll([LimitOrder("BUY", 1, 1.0), LimitOrder("BUY", 1, 2.0)], "one", 1)
print(IB.sleep(0.01), [order.ocaGroup for order in ids], IB.RequestTimeout == ib.RequestTimeout)
bracket = ib.bracketOrder("BUY", 1, 1.0, 2.0, 0.5)
numbers = [order.orderId for order in bracket]
print([number - numbers[0] for number in numbers], bracket[1].parentId == numbers[0])
try:
    ib.noSuchThing
except AttributeError as error:
    print(str(error).replace("RemoteIB", "IB"))
ib.disconnect()
""",
    "members of the class": """
print(IB.TimezoneTWS, IB.MaxSyncedSubAccounts)
IB.MaxSyncedSubAccounts = 1
IB.TimezoneTWS = "UTC"
async def five():
    return 5
print(IB.run(five()))
with IB() as ib:
    ib.connect("127.0.0.1", PORT, clientId=3)
    print(IB.qualifyContracts(ib, SPY) == [SPY], IB.isConnected(ib), IB.managedAccounts(ib))
    print(IB.sleep(0), IB.waitUntil.__name__, ib.MaxSyncedSubAccounts)
""",
    "values that are returned": """
ib = IB()
print(ib)
print(ib.connect("127.0.0.1", PORT, clientId=3) is ib, ib.isConnected())
print(str(ib).replace(str(PORT), "PORT"))
print(ib.sleep(0), ib.sleep(0.01), ib.waitOnUpdate(0.5), ib.waitOnUpdate(0.01) in (True, False))
ended = ib.disconnect()
print(type(ended).__name__, ib.isConnected(), ib)
async def main():
    with await IB().connectAsync("127.0.0.1", PORT, clientId=3, **QUICK) as ib:
        return ib.isConnected(), ib.client.clientId
print(util.run(main()))
""",
    "submodules and helpers": """
import logging
from LIBRARY.contract import Stock as Same, Option as _
from LIBRARY.order import LimitOrder as Limit
from LIBRARY.objects import AccountValue, BarDataList
from LIBRARY.ticker import Ticker
from LIBRARY.util import df, isNan, parseIBDatetime, formatIBDatetime
from LIBRARY.ib import IB as Class
from LIBRARY import util as helpers
from LIBRARY.client import Client
from LIBRARY.wrapper import Wrapper
from LIBRARY.ibcontroller import IBC as Controller, Watchdog as Dog
from LIBRARY.flexreport import FlexReport as Report
import LIBRARY.contract
print(Same is Stock, Limit is LimitOrder, Class is IB, helpers is util, Dog is Watchdog)
print(Controller is IBC, Report is FlexReport, LIBRARY.contract.Stock is Stock)
util.logToFile("log.txt", logging.INFO)
ib = Class()
ib.connect("127.0.0.1", PORT, clientId=3, **QUICK)
print(callable(util.barplot), callable(util.useQt), callable(util.startLoop))
print(util.getLoop().is_running(), isNan(float("nan")), parseIBDatetime("20260413"))
bars = ib.reqHistoricalData(SPY, "", "2 D", "1 day", "TRADES", True)
print(util.isNan(bars[0].close), list(df(bars).columns))
ib.disconnect()
text = open("log.txt").read()
print("Connected" in text, "Disconnect" in text)
""",
    "flex reports and logs": """
import tempfile
util.logToConsole(50)
with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
    file.write("<FlexQueryResponse><Trade symbol='SPY' quantity='3'/></FlexQueryResponse>")
    file.flush()
    report = FlexReport(path=file.name)
print(report.topics(), [row.symbol for row in report.extract("Trade")])
""",
    "a watchdog with a controller of its own": """
class Controller:
    async def startAsync(self): print("started")
    async def terminateAsync(self): print("ended")
ib = IB()
dog = Watchdog(Controller(), ib, port=PORT, clientId=3, appStartupTime=0, retryDelay=0)
dog.startedEvent += lambda dog: print("watching", ib.isConnected())
dog.start()
wait(ib.isConnected, ib)
ib.sleep(0.1)
dog.stop()
ib.sleep(0.2)
print(ib.isConnected())
""",
}
