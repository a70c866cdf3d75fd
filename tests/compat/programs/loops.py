"""Event loops, threads and processes: who runs what, and who waits."""

from __future__ import annotations

from typing import Final

LOOPS: Final = {
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
    "other rules of the loop": """
import threading, time
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
ib = IB()
loop.run_until_complete(ib.connectAsync("127.0.0.1", PORT, clientId=3, **QUICK))
print(len(loop.run_until_complete(ib.reqContractDetailsAsync(SPY))))
async def in_another():
    try:
        await asyncio.wait_for(ib.reqCurrentTimeAsync(), 0.3)
        return "answered"
    except asyncio.TimeoutError:
        return "never answered"
    except RuntimeError as error:
        return "another loop"
print(ib.isConnected(), asyncio.run(in_another()))
asyncio.set_event_loop(loop)
ib.disconnect()
loop.run_until_complete(asyncio.sleep(0.05))
loop.close()
made = IB()
def elsewhere():
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    made.connect("127.0.0.1", PORT, clientId=4, **QUICK)
    print(len(made.reqContractDetails(SPY)))
    made.disconnect()
    made.sleep(0.05)
    own.close()  # what is left open is complained of at the end, or not, by chance
thread = threading.Thread(target=elsewhere)
thread.start()
thread.join()
""",
    "pauses that serve nobody": """
import time
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
ticker = ib.reqMktData(SPY)
trade = ib.placeOrder(SPY, MarketOrder("BUY", 10))
ib.sleep(0)
time.sleep(1.5)
print(trade.isDone())
ib.sleep(0.5)
print(trade.isDone(), len(ib.positions()), ticker.hasBidAsk())
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
}
