"""Values: what kinds of objects come, and what programs do with them."""

from __future__ import annotations

from typing import Final

VALUES: Final = {
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
    "kinds of contracts and rows": """
import dataclasses
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
eur = Forex("EURUSD")
ib.qualifyContracts(eur)
for contract in (SPY, eur):
    trade = ib.placeOrder(contract, MarketOrder("BUY", 20000 if contract is eur else 10))
    wait(lambda: trade.isDone() and trade.fills, ib)
wait(lambda: len(ib.positions()) == 2 and len(ib.portfolio()) == 2, ib)
def kinds(rows):
    return sorted({(type(row).__name__, type(row.contract).__name__) for row in rows})
print(kinds(ib.positions()), kinds(ib.portfolio()), kinds(ib.fills()))
print(all(isinstance(each, tuple) for each in ib.positions() + ib.accountValues()))
print(SPY in [each.contract for each in ib.positions()], SPY in {f.contract: 1 for f in ib.fills()})
print(type(ib.trades()[0].log[0]).__name__, sorted(vars(SPY)) == sorted(SPY.dict()))
rows = ib.reqScannerData(ScannerSubscription(instrument="STK", locationCode="STK.US.MAJOR",
                                             scanCode="TOP_PERC_GAIN"))
print({type(row.contractDetails.contract).__name__ for row in rows}, type(rows[0]).__name__)
details = [row.contract for row in ib.reqContractDetails(SPY)]
print([type(each).__name__ for each in details], details[0] == SPY, hash(details[0]) == hash(SPY))
chains = ib.reqSecDefOptParams("SPY", "", "STK", SPY.conId)
chain = next(each for each in chains if each.exchange == "SMART")
expiry, strike = sorted(chain.expirations)[1], sorted(chain.strikes)[len(chain.strikes) // 2]
option = Option("SPY", expiry, strike, "C", "SMART")
[option] = ib.qualifyContracts(option)
print(isinstance(option, Option), type(ib.reqContractDetails(option)[0].contract).__name__)
frame = util.df(ib.positions())
bars = ib.reqHistoricalData(SPY, "", "2 D", "1 day", "TRADES", True)
print(list(frame.columns), len(util.df(bars)))
print(len(util.tree(ib.positions())), ib.positions()[0]._asdict()["avgCost"] > 0)
print(dataclasses.asdict(ib.fills()[0].execution)["side"])
for contract in (SPY, eur):
    ib.placeOrder(contract, MarketOrder("SELL", 20000 if contract is eur else 10))
wait(lambda: not ib.positions(), ib)
ib.disconnect()
""",
    "contracts without a number": """
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
try:
    ticker = ib.reqMktData(SPY)
    wait(ticker.hasBidAsk, ib)
    print("asked", SPY.conId)
except ValueError as error:
    print("refused", error)
print(len(ib.reqContractDetails(Contract(conId=756733))), ib.reqContractDetails(Stock("NONE", "X")))
print(ib.qualifyContracts(Stock("NOSUCH", "SMART", "USD"), SPY)[-1] is SPY, SPY.conId)
ib.disconnect()
""",
    "lists that grow": """
ib = IB()
ib.connect("127.0.0.1", PORT, clientId=3)
ib.qualifyContracts(SPY)
live = ib.reqHistoricalData(SPY, "", "600 S", "5 secs", "TRADES", False, keepUpToDate=True)
bars = ib.reqRealTimeBars(SPY, 5, "TRADES", False)
heard = []
live.updateEvent += lambda each, new: heard.append(("live", each is live, type(new).__name__))
bars.updateEvent += lambda each, new: heard.append(("bars", each is bars, type(new).__name__))
ib.barUpdateEvent += lambda each, new: heard.append(("any", each is live or each is bars, "bool"))
before = len(live)
wait(lambda: len(bars) > 1 and len(live) > before and len({each[0] for each in heard}) == 3, ib)
print(sorted(set(heard)), type(live).__name__, type(bars).__name__)
print(live.reqId != bars.reqId, all(a.date < b.date for a, b in zip(live, live[1:])))
ib.cancelHistoricalData(live)
ib.cancelRealTimeBars(bars)
ib.disconnect()
""",
}
