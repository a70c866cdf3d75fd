"""What is inside: programs that reach through `IB` to its client and its wrapper."""

from __future__ import annotations

from typing import Final

INSIDE: Final = {
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
from LIBRARY import Client, Wrapper
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
    "what is inside": """
ib = IB()
heard = []
for name in ("apiStart", "apiEnd", "apiError", "throttleStart", "throttleEnd"):
    getattr(ib.client, name).connect(lambda *_, name=name: heard.append(name))
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
print(ib.client._reqIdSeq == ib.client.getReqId() + 1, ib.client.clientId, ib.client.isConnected())
group = f"oca{ib.client.getReqId()}"
order = LimitOrder("BUY", 1, 1.0, orderId=ib.client.getReqId(), ocaGroup=group, ocaType=1)
trade = ib.placeOrder(SPY, order)
wait(lambda: trade.orderStatus.permId and trade.orderStatus.status != "PendingSubmit", ib)
wrapper = ib.wrapper
print(wrapper.trades[(3, order.orderId)] is trade)
print(wrapper.trades[wrapper.orderKey(3, order.orderId, order.permId)] is trade)
print(wrapper.permId2Trade[trade.orderStatus.permId] is trade, order.ocaGroup == group)
ticker = ib.reqMktData(SPY)
number = wrapper.ticker2ReqId["mktData"][ticker]
print(wrapper.reqId2Ticker[number] is ticker, wrapper._reqId2Contract[number] is SPY)
asked = ib.client.getReqId()
future = wrapper.startReq(asked, SPY)
ib.client.reqContractDetails(asked, SPY)
print(asked in wrapper._futures, asked in wrapper._results)
print([row.contract.symbol for row in ib.run(future)], asked in wrapper._futures)
account = wrapper.accounts[0]
print(len(wrapper.accountValues) > 9, wrapper.portfolio[account], wrapper.positions[account])
ib.client.cancelMktData(number)
ib.client.cancelOrder(order.orderId, *[""] * (ib.client.cancelOrder.__code__.co_argcount - 2))
wait(trade.isDone, ib)
ib.client.reqOpenOrders()
ib.disconnect()
ib.sleep(0.05)
print(heard)
""",
    "an order of one's own kind, a client that is none": """
class Mine(LimitOrder):
    def __init__(self, quantity, note):
        super().__init__("BUY", quantity, 1.0)
        self.note = note
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
trade = ib.placeOrder(SPY, Mine(3, "mine"))
wait(lambda: trade.orderStatus.permId, ib)
same = ib.reqOpenOrders()[0]
print(type(same.order).__name__, same.order.note, trade.order.action)
ib.cancelOrder(trade.order)
wait(trade.isDone, ib)
ib.disconnect()
class Simulator:
    asked = []
    def isConnected(self): return False
    def getReqId(self): return 7
    def __getattr__(self, name): return lambda *values: self.asked.append((name, len(values) > 1))
other = IB()
other.client = Simulator()
order = LimitOrder("BUY", 1, 1.0)
other.wrapper.clientId = 1
try:
    other.client.clientId = 1
    print(other.placeOrder(SPY, order).order.orderId)
finally:
    print(other.client.asked, type(other.client).__name__)
""",
}
