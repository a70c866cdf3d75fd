"""Programs that are hard on a drop-in, for ib_async and ib_insync; `LIBRARY` is its name in them.

What programs of these libraries do, as read in some nine hundred of them, stands in `SURVIVED`:
each line is shown by the programs beside it, or by the tests that its comment names.
"""

from __future__ import annotations

from typing import Final

from tests.compat.programs.classes import CLASSES
from tests.compat.programs.inside import INSIDE
from tests.compat.programs.loops import LOOPS
from tests.compat.programs.orders import ORDERS
from tests.compat.programs.values import VALUES

LIBRARIES: Final = {"ib_async": "ibproxy", "ib_insync": "ibproxy.ib_insync"}
"""Library -> what a program imports in its place."""

PROGRAMS: Final = {**CLASSES, **LOOPS, **ORDERS, **INSIDE, **VALUES}

SURVIVED: Final = {
    "a trade stays one object, in every list and event": ["orders changed in place"],
    "orders are changed in place and placed again": ["orders changed in place"],
    "events of trades, tickers and lists of bars": ["events of objects", "lists that grow"],
    "operators on events, `async for` and `await` of them": ["events of objects"],
    "members of the client": ["the client itself", "what is inside"],
    "members of the wrapper": ["the client itself", "what is inside"],
    "statistics of the connection": ["the client itself"],
    "subclasses of IB, that connect when made, that override": ["a subclass that overrides"],
    "clients and wrappers of one's own": ["a client of one's own"],
    "a simulator in the client's place": ["an order of one's own kind, a client that is none"],
    "subclasses of Order": ["an order of one's own kind, a client that is none"],
    "use of the class: static and unbound members, settings": ["the class", "members of the class"],
    "what connect, sleep, disconnect, repr return": ["values that are returned"],
    "with, async with, chained connect": ["with", "values that are returned"],
    "dispatch on kinds: contracts, rows, named tuples": ["kinds of contracts and rows"],
    "copies, pickles, dicts, trees, tables of pandas": [
        "values that travel",
        "kinds of contracts and rows",
    ],
    "contracts in sets and dicts, and equal by conId": [
        "values that travel",
        "kinds of contracts and rows",
    ],
    "contracts that are not qualified": ["contracts without a number"],
    "blocking calls in a running loop": ["blocking calls inside a running loop", "startLoop"],
    "made here, connected in a thread": [
        "threads with loops of their own",
        "other rules of the loop",
    ],
    "a loop in the background": ["a loop in the background"],
    "connected in one loop, used in another": ["other rules of the loop"],
    "connect inside disconnectedEvent": ["blocking calls inside a running loop"],
    "time.sleep for seconds": ["pauses that serve nobody"],
    "what is there when connect returns, farm messages": ["what is there at once"],
    "unknown members are AttributeErrors": ["the class"],
    "Watchdog and IBC": ["a watchdog with a controller of its own"],  # and test_install.py
    "FlexReport, logs, helpers, submodules by name": [
        "flex reports and logs",
        "submodules and helpers",
    ],
    "several objects in one process": ["several objects"],
    "connecting again quickly, with one object": ["twenty times quickly"],
    "a client id that is in use": ["an id that is in use"],
    "order ids: brackets, what-ifs, one cancels all": ["numbers of orders", "the class"],
    "IB(defaults=...)": ["defaults"],
    "fork and multiprocessing": ["fork with a connection", "a pool of processes"],
}
"""What a drop-in must survive -> the programs that show it."""

IMPOSSIBLE: Final = {
    ("ib_insync", "defaults"): "it has no IBDefaults",
    ("ib_insync", "a loop in the background"): "it asks for a loop that is set, also in a thread",
}
"""Programs that a library does not run, with a gateway or with a proxy: why not."""


def text_of(name: str, library: str) -> str:
    """Return a program as its author wrote it."""
    return (HEAD + PROGRAMS[name]).replace("LIBRARY", library)


HEAD: Final = """
import asyncio, sys
from LIBRARY import *
PORT = int(sys.argv[1])
SPY = Stock("SPY", "SMART", "USD")
QUICK = {"fetchFields": StartupFetchNONE} if "StartupFetchNONE" in globals() else {}
def wait(condition, ib):
    while not condition():
        ib.waitOnUpdate(1)
"""
