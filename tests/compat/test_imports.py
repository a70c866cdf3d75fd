"""Under `ibproxy run` every way of importing gives an `IB` that connects through the proxy."""

from __future__ import annotations

import pytest

from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.compat.conftest import LAUNCHED, PLAIN, Ended, Stage

IMPORTS = {
    "star": "from ib_async import *\nib = IB()",
    "package": "import ib_async\nib = ib_async.IB()",
    "short name": "import ib_async as iba\nib = iba.IB()",
    "one name": "from ib_async import IB as Client\nib = Client()",
    "submodule": "from ib_async.ib import IB\nib = IB()",
    "submodule star": "from ib_async.ib import *\nib = IB()",
    "submodule by path": "import ib_async.ib as module\nib = module.IB()",
    "util first": "from ib_async.util import df\nimport ib_async.contract\n"
    "from ib_async.ib import IB\nib = IB()",
    "importlib": "import importlib\nib = importlib.import_module('ib_async.ib').IB()",
    "in a function": "def make():\n    from ib_async import IB\n    return IB()\nib = make()",
    "in a thread": "import threading\nfound = []\ndef run():\n    import ib_async\n"
    "    found.append(ib_async.IB())\nthread = threading.Thread(target=run)\nthread.start()\n"
    "thread.join()\n[ib] = found",
    "in another module": "from helper import make\nib = make()",
    "if it is there": "try:\n    import ib_async as lib\nexcept ImportError:\n    lib = None\n"
    "ib = lib.IB()",
    "subclass": "from ib_async import IB\nclass Mine(IB):\n    def __init__(self):\n"
    "        super().__init__()\nib = Mine()",
    "subclass of the old style": "from ib_async.ib import IB\nclass Mine(IB):\n"
    "    def __init__(self):\n        IB.__init__(self)\nib = Mine()",
    "subclass with two bases": "import ib_async\nclass Other:\n    pass\n"
    "class Mine(Other, ib_async.IB):\n    pass\nib = Mine()",
    "a client of one's own": "from ib_async import IB, Client\nclass Mine(Client):\n    pass\n"
    "ib = IB()\nib.client = Mine(ib.wrapper)",
    "defaults": "from ib_async import *\nib = IB(defaults=IBDefaults(emptyPrice=0, unset=None))",
    "a closed book": "from ib_async import IB\nimport copy, pickle\n"
    "ib = pickle.loads(pickle.dumps(IB))()",
    "ibproxy after it": "from ib_async import IB\nimport ibproxy\nib = IB()",
    "ibproxy before it": "import ibproxy\nfrom ib_async import IB\nib = IB()",
    "ibproxy's own": "from ibproxy import *\nib = IB()",
}
SHOW = "\nprint(type(ib).__mro__[-2].__module__, type(ib.client.conn).__name__)\n"
HELPER = "def make():\n    from ib_async import IB\n    return IB()\n"


@pytest.mark.parametrize("way", IMPORTS)
def test_every_way_of_importing(stage: Stage, way: str) -> None:
    """The class stays the library's, and its objects have a link to the proxy."""
    stage.write(HELPER, "helper.py")
    script = stage.write(IMPORTS[way] + SHOW)
    stage.skip_if_the_library_cannot(script)
    ended = stage.run(LAUNCHED, script)
    assert ended == Ended(0, "ib_async.ib Link\n", "")


def test_without_it(stage: Stage) -> None:
    """Plain Python leads past the proxy: what these tests see is the launcher's work."""
    ended = stage.run(PLAIN, stage.write(IMPORTS["star"] + SHOW))
    assert ended == Ended(0, "ib_async.ib Connection\n", "")


TRADES = """
from ib_async import *

ib = IB()
ib.connect("127.0.0.1", int(__import__("sys").argv[1]), clientId=3)
print(ib.managedAccounts(), ib.client.clientId, flush=True)
[spy] = ib.qualifyContracts(Stock("SPY", "SMART", "USD"))
trade = ib.placeOrder(spy, MarketOrder("BUY", 10))
while not trade.isDone():
    ib.waitOnUpdate(5)
print(trade.orderStatus.status, trade.filled(), [p.position for p in ib.positions()])
far = ib.placeOrder(spy, LimitOrder("SELL", 10, 9999))
ib.cancelOrder(far.order)
ib.placeOrder(spy, MarketOrder("SELL", 10))
while ib.positions():
    ib.waitOnUpdate(5)
ib.disconnect()
print(ib.isConnected())
raise SystemExit(5)
"""


def test_a_program_trades(stage: Stage, proxy: ThreadedProxy, sim: ThreadedSim) -> None:
    """The same program does the same straight on the gateway and through the proxy."""
    script = stage.write(TRADES)
    plain = stage.run(PLAIN, script, str(sim.port))
    assert (plain.status, plain.output.count("Filled 10.0 [10.0]")) == (5, 1), plain.errors
    process = stage.start(LAUNCHED, script, "4002")
    assert process.stdout
    first = process.stdout.readline()
    sessions = [(each["strategy"], each["client_id"]) for each in proxy.status()["sessions"]]
    ended = stage.end(process)
    assert sessions == [("script", 3)]
    assert (ended.status, ended.errors) == (plain.status, plain.errors)
    assert first + ended.output == plain.output
