"""What programs do that is hard on a drop-in: each does the same straight and through the proxy.

Every program is run three times: by plain Python on the stand-in, by `ibproxy run` through the
proxy, and with its one line changed. What it prints is compared.
"""

from __future__ import annotations

import re
import time

import pytest

from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.compat.conftest import LAUNCHED, PATIENCE_S, PLAIN, Ended, Stage

HEAD = """
import asyncio, sys
from ib_async import *
PORT = int(sys.argv[1])
SPY = Stock("SPY", "SMART", "USD")
QUICK = {"fetchFields": StartupFetchNONE}
def wait(condition, ib):
    while not condition():
        ib.waitOnUpdate(1)
"""

PROGRAMS = {
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
    "threads with loops of their own": """
import threading
found = []
made = IB()  # here, and connected elsewhere
def run(number):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    ib = made if number == 3 else IB()
    ib.connect("127.0.0.1", PORT, clientId=number, **QUICK)
    [row] = ib.reqContractDetails(SPY)
    found.append((number, row.contract.symbol))
    ib.disconnect()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
threads = [threading.Thread(target=run, args=(number,)) for number in range(3, 7)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(found))
""",
    "a loop in the background": """
import threading
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
def call(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)
async def begin():
    ib = IB()
    await ib.connectAsync("127.0.0.1", PORT, clientId=3, **QUICK)
    return ib
ib = call(begin())
async def ask():
    return await ib.reqContractDetailsAsync(SPY)
print([row.contract.symbol for row in call(ask())])
async def end():
    ib.disconnect()
    await asyncio.sleep(0)
call(end())
print(ib.isConnected())
""",
    "blocking calls inside a running loop": """
util.patchAsyncio()
async def main():
    ib = IB()
    ib.connect("127.0.0.1", PORT, clientId=3, **QUICK)
    print([row.contract.symbol for row in ib.reqContractDetails(SPY)])
    def again():
        ib.connect("127.0.0.1", PORT, clientId=3, **QUICK)
    ib.disconnectedEvent += again
    ib.disconnect()
    await asyncio.sleep(0.3)
    print(ib.isConnected(), [row.contract.symbol for row in ib.reqContractDetails(SPY)])
    ib.disconnectedEvent -= again
    ib.disconnect()
asyncio.run(main())
""",
    "startLoop": """
util.startLoop()
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3, **QUICK)
async def handler():
    return [row.contract.symbol for row in ib.reqContractDetails(SPY)]
print(util.run(handler()), ib.sleep(0.01))
ib.disconnect()
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
    "with": """
with IB() as ib:
    ib.connect("127.0.0.1", PORT, clientId=3)
    print(ib.isConnected())
print(ib.isConnected())
with IB().connect("127.0.0.1", PORT, clientId=3) as ib:
    print(ib.isConnected())
print(ib.isConnected())
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
    "the client itself": """
ib = IB()
ib.client.apiStart += lambda: print("start")
ib.client.apiEnd += lambda: print("end")
ib.connect("127.0.0.1", PORT, clientId=3)
first, second = ib.client.getReqId(), ib.client.getReqId()
ib.client.reqIds(1)
ib.client.reqAllOpenOrders()
ib.client.reqAccountUpdates(True, ib.client.getAccounts()[0])
ib.client.send(49, 1)
ib.sleep(0.2)
stats = ib.client.connectionStats()
print(second - first, ib.client.serverVersion(), ib.client.host, ib.client.port == PORT)
print(ib.client.conn.numMsgSent == stats.numMsgSent > 5, stats.numBytesSent > 60)
print(stats.numMsgRecv > 5, ib.client.conn.isConnected(), ib.client.isReady())
print(ib.wrapper.accounts, ib.wrapper.clientId, list(ib.wrapper.trades), first > 0)
ib.disconnect()
ib.sleep(0.05)
print(ib.client.conn.isConnected())
""",
    "a client of one's own": """
from ib_async import Client, Wrapper
class Loud(Client):
    def placeOrder(self, *args, **kwargs):
        print("placing")
        super().placeOrder(*args, **kwargs)
class Heard(Wrapper):
    def nextValidId(self, number):
        print("next id", number > 0)
        super().nextValidId(number)
ib = IB()
ib.wrapper = Heard(ib)
ib.client = Loud(ib.wrapper)
ib.client.apiEnd += ib.disconnectedEvent
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
trade = ib.placeOrder(SPY, LimitOrder("BUY", 1, 1.0))
wait(lambda: trade.orderStatus.permId, ib)
ib.cancelOrder(trade.order)
wait(trade.isDone, ib)
print(trade.orderStatus.status)
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
    "values that travel": """
import copy, dataclasses, pickle
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
trade = ib.placeOrder(SPY, MarketOrder("BUY", 10))
wait(lambda: trade.isDone() and trade.fills and ib.positions(), ib)
[position] = ib.positions()
print(type(position.contract).__name__, position.contract in {SPY}, position._asdict()["position"])
print(pickle.loads(pickle.dumps([SPY])) == [SPY], copy.deepcopy(SPY) == SPY)
print(pickle.loads(pickle.dumps(trade.fills[0].execution)) == trade.fills[0].execution)
print(len(ib.accountValues()) > 9, trade in ib.trades(), trade is ib.trades()[-1])
print(dataclasses.asdict(SPY)["symbol"], SPY.dict()["exchange"], len(util.tree(trade)) > 0)
ib.placeOrder(SPY, MarketOrder("SELL", 10))
wait(lambda: not ib.positions(), ib)
ib.disconnect()
""",
    "fork with a connection": """
import os
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3, **QUICK)
child = os.fork()
if not child:
    asyncio.set_event_loop(asyncio.new_event_loop())
    own = IB()
    own.connect("127.0.0.1", PORT, clientId=4, **QUICK)
    print([row.contract.symbol for row in own.reqContractDetails(SPY)], flush=True)
    own.disconnect()
    own.sleep(0.05)
    os._exit(0)
print(os.waitpid(child, 0)[1], ib.isConnected(), flush=True)
print([row.contract.symbol for row in ib.reqContractDetails(SPY)])
ib.disconnect()
""",
    "a pool of processes": """
import multiprocessing
def work(number):
    ib = IB()
    ib.connect("127.0.0.1", PORT, clientId=number, **QUICK)
    [row] = ib.reqContractDetails(SPY)
    ib.disconnect()
    return row.contract
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print([contract.symbol for contract in pool.map(work, [10, 11, 12, 13])])
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


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(stage: Stage, proxy: ThreadedProxy, sim: ThreadedSim, name: str) -> None:
    """Output, errors and exit status are the same, and no session is left."""
    text = HEAD + PROGRAMS[name]
    script = stage.write(text)
    changed = stage.write(text.replace("from ib_async import", "from ibproxy import"), "one.py")
    plain = neutral(stage.run(PLAIN, script, str(sim.port)))
    stage.skip_if_the_library_cannot(ended=plain)
    assert plain.status == 0, plain.errors
    assert plain.output
    assert neutral(stage.run(LAUNCHED, script, "4002")) == plain
    assert neutral(stage.run(PLAIN, changed, "4002")) == plain
    deadline_s = time.monotonic() + PATIENCE_S
    while proxy.status()["sessions"]:  # who was killed has not said goodbye
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def neutral(ended: Ended) -> Ended:
    """Return it without numbers of requests, and with the class named as the library does.

    From Python 3.12 on a fork beside ZeroMQ's threads is warned of.
    """
    output = ended.output.replace("<RemoteIB ", "<IB ")
    errors = re.sub(r"reqId \d+", "reqId n", ended.errors)
    errors = re.sub(r".*multi-threaded, use of fork.*\n.*\n", "", errors)
    return Ended(ended.status, output, errors)
