"""Programs of ib_insync 0.9.86: straight on the stand-in, by one changed line, by `ibproxy run`.

What ib_insync decodes of every answer, both ways, is judged in `tests/judges`.
"""

from __future__ import annotations

import pytest

from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.compat.conftest import LAUNCHED, PLAIN, Ended, Stage

SHOW = "\nprint(type(ib).__mro__[-2].__module__, type(ib.client.conn).__name__)\n"

IMPORTS = {
    "star": "from ib_insync import *\nib = IB()",
    "package": "import ib_insync\nib = ib_insync.IB()",
    "short name": "import ib_insync as ibi\nib = ibi.IB()",
    "one name": "from ib_insync import IB as Client\nib = Client()",
    "submodule": "from ib_insync.ib import IB\nib = IB()",
    "in a function": "def make():\n    from ib_insync import IB\n    return IB()\nib = make()",
    "subclass": "from ib_insync import IB\nclass Mine(IB):\n    pass\nib = Mine()",
    "after ib_async": "import ib_async\nfrom ib_insync import *\nib = IB()",
    "before ib_async": "from ib_insync import *\nimport ib_async\nib = IB()",
    "after ibproxy": "from ibproxy import *\nfrom ib_insync import *\nib = IB()",
    "our name": "from ibproxy.ib_insync import *\nib = IB()",
    "our submodule": "from ibproxy.ib_insync.ib import IB\nib = IB()",
}

NAMES = """
import importlib, inspect, pkgutil
import ib_insync, ib_insync.ib
import ibproxy.ib_insync

def star(module):
    names = {}
    exec(f"from {module} import *", names)
    del names["__builtins__"]
    return names

ours, theirs = star("ibproxy.ib_insync"), star("ib_insync")
assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
assert {name for name in ours if ours[name] is not theirs[name]} == {"IB", "IBC"}
IB, former = ours["IB"], theirs["IB"]
assert IB is ibproxy.ib_insync.RemoteIB is importlib.import_module("ibproxy.ib_insync.ib").IB
ours, theirs = star("ibproxy.ib_insync.ib"), star("ib_insync.ib")
assert {name for name in theirs if ours[name] is not theirs[name]} == {"IB"}
for module in pkgutil.iter_modules(ib_insync.__path__):
    if module.name not in ("ib", "ibcontroller"):
        same = importlib.import_module(f"ibproxy.ib_insync.{module.name}")
        assert same is importlib.import_module(f"ib_insync.{module.name}")
assert inspect.signature(IB) == inspect.signature(former)
own = {name for name in vars(IB) if name in vars(former)}
assert own - {"__module__", "__doc__", "__annotations__", "__firstlineno__",
              "__static_attributes__"} == set(), own
assert isinstance(IB(), former) and issubclass(IB, former)
assert IB.__mro__[1] is former and not hasattr(IB(), "reqPosition")
print("same")
"""

PROGRAM = """
import sys
LINE
ib = IB()
print(ib.connect("127.0.0.1", int(sys.argv[1]), clientId=3) is ib, ib.isConnected())
print(ib.managedAccounts(), ib.client.serverVersion(), ib.client.MaxClientVersion)
spy = Stock("SPY", "SMART", "USD")
ticker = ib.reqMktData(spy)  # without a conId: ib_async refuses that, ib_insync asks
while not ticker.hasBidAsk():
    ib.waitOnUpdate(5)
ib.cancelMktData(spy)
print(ib.qualifyContracts(spy) == [spy], spy.conId)
bars = ib.reqHistoricalData(spy, "", "2 D", "1 day", "TRADES", useRTH=True)
print(len(bars), type(bars).__name__)
trade = ib.placeOrder(spy, MarketOrder("BUY", 10))
heard = []
trade.filledEvent += lambda trade: heard.append(trade.orderStatus.status)
while not (trade.isDone() and trade.fills and trade.fills[0].commissionReport.execId):
    ib.waitOnUpdate(5)
print(heard, trade.filled(), trade in ib.trades(), [p.position for p in ib.positions()])
far = ib.placeOrder(spy, LimitOrder("BUY", 1, 1.0))
while far.orderStatus.status not in ("Submitted", "PreSubmitted"):
    ib.waitOnUpdate(5)
ib.cancelOrder(far.order)
while not far.isDone():
    ib.waitOnUpdate(5)
print(far.orderStatus.status, [entry.status for entry in far.log][-1])
print(ib.reqContractDetails(Stock("NOSUCH", "SMART", "USD")))
ib.placeOrder(spy, MarketOrder("SELL", 10))
while ib.positions():
    ib.waitOnUpdate(5)
for _ in range(20):
    print(ib.disconnect(), ib.isConnected(), end=" ")
    ib.connect("127.0.0.1", int(sys.argv[1]), clientId=3)
print()
with ib:
    print(ib.reqCurrentTime() is not None)
print(ib.isConnected())
"""


def test_names(insync: Stage) -> None:
    """`ibproxy.ib_insync` has ib_insync's names, all its own objects but for IB."""
    assert insync.run(PLAIN, insync.write(NAMES)) == Ended(0, "same\n", "")


@pytest.mark.parametrize("way", IMPORTS)
def test_every_way_of_importing(insync: Stage, way: str) -> None:
    """The class stays ib_insync's, and its objects have a link to the proxy."""
    ended = insync.run(LAUNCHED, insync.write(IMPORTS[way] + SHOW))
    assert ended == Ended(0, "ib_insync.ib Link\n", "")


def test_a_program(insync: Stage, proxy: ThreadedProxy, sim: ThreadedSim) -> None:
    """It does the same straight, unchanged through the proxy, and with one line changed."""
    script = insync.write(PROGRAM.replace("LINE", "from ib_insync import *"))
    changed = insync.write(PROGRAM.replace("LINE", "from ibproxy.ib_insync import *"), "one.py")
    plain = insync.run(PLAIN, script, str(sim.port))
    assert (plain.status, plain.output.splitlines()[-1]) == (0, "False"), plain.errors
    assert "['DU1000001'] 176 176" in plain.output
    assert insync.run(LAUNCHED, script, "4002") == plain
    assert insync.run(PLAIN, changed, "4002") == plain
    assert proxy.status()["sessions"] == []


def test_it_is_not_installed(stage: Stage) -> None:
    """The import says what to install."""
    text = "import sys\nsys.modules['ib_insync'] = None\nimport ibproxy.ib_insync"
    ended = stage.run(PLAIN, stage.write(text))
    assert ended.errors.splitlines()[-1] == (
        "ModuleNotFoundError: ib_insync is not installed: pip install 'ib-async-proxy[insync]'"
    )
