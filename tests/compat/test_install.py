"""`ibproxy_compat.install` in a program that has ib_async already, and what it takes back."""

from __future__ import annotations

import contextlib
import gc
import inspect
import pickle  # noqa: TID251 - programs do
from collections.abc import Callable, Iterator
from typing import Any

import ib_async
import pytest
from ib_async import StartupFetch, util
from ib_async.connection import Connection

import ibproxy
from ibproxy import RemoteIB
from ibproxy.controller import _Said
from ibproxy.errors import LocalError
from ibproxy.link import Link
from ibproxy_compat import install, is_installed, proxied, uninstall
from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.compat.conftest import Ended, Stage

IB: Any = ib_async.IB
IBC: Any = ib_async.IBC
QUICK: dict[str, Any] = {"fetchFields": StartupFetch(0)}


def kind(ib: Any) -> type:
    """Return what its client talks to."""
    return type(ib.client.conn)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Nothing is left of one test in the next one."""
    gc.collect()
    yield
    uninstall()
    assert kind(IB()) is Connection


def test_before_and_after() -> None:
    """It holds for objects made meanwhile, for good; those from before are included."""
    early = IB()
    assert kind(early) is Connection
    install()
    assert is_installed()
    made = IB()
    assert kind(early) is Link
    assert kind(made) is Link
    uninstall()
    assert not is_installed()
    assert kind(IB()) is Connection
    assert kind(early) is Link
    assert kind(made) is Link


def test_twice_is_once() -> None:
    """Installing and uninstalling again change nothing more, and leave nothing behind."""
    former = vars(ib_async.Client)["__init__"]
    starts = vars(IBC)["startAsync"]
    uninstall()
    for _ in range(3):
        install()
        ours = vars(ib_async.Client)["__init__"]
        assert ours is not former
        install()
        assert vars(ib_async.Client)["__init__"] is ours
        uninstall()
        assert vars(ib_async.Client)["__init__"] is former
        assert vars(IBC)["startAsync"] is starts
    uninstall()


def test_the_library_stays_what_it_is() -> None:
    """Class, signature, documentation and pickling of IB and its client are the library's."""
    before = [inspect.signature(each) for each in (IB, ib_async.Client)]
    with proxied():
        assert [inspect.signature(each) for each in (IB, ib_async.Client)] == before
        assert ib_async.IB is ib_async.ib.IB is IB
        assert pickle.loads(pickle.dumps(IB)) is IB
        assert inspect.getsource(ib_async.Client.__init__).startswith("    def __init__(self, w")
        assert kind(RemoteIB()) is Link


def test_for_a_while() -> None:
    """The context manager takes back what it did, and nothing that was there before."""
    with contextlib.suppress(ZeroDivisionError), proxied():
        assert kind(IB()) is Link
        raise ZeroDivisionError
    assert not is_installed()
    install()
    with proxied():
        pass
    assert is_installed()


def test_somebody_elses_patch_on_top_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays, and ours in it does nothing any more."""
    install()
    ours = vars(ib_async.Client)["__init__"]
    made: list[Any] = []

    def theirs(client: Any, wrapper: Any) -> None:
        made.append(client)
        ours.__get__(client)(wrapper)

    with monkeypatch.context() as patched:
        patched.setattr(ib_async.Client, "__init__", theirs)
        uninstall()
        assert kind(IB()) is Connection
        assert len(made) == 1
    former = ours.__wrapped__
    ib_async.Client.__init__ = former  # type: ignore[method-assign] # as uninstall would have


def test_a_connected_object_is_refused(sim: ThreadedSim) -> None:
    """It would go on past the proxy: the error names it, and nothing is changed."""
    ib = IB()
    ib.connect(sim.host, sim.port, clientId=8, **QUICK)
    with pytest.raises(LocalError, match=f"{sim.host}:{sim.port} clientId=8.*disconnect it first"):
        install()
    assert not is_installed()
    assert kind(IB()) is Connection
    ib.disconnect()
    ib.sleep(0)
    install()
    assert kind(ib) is Link


def test_a_connected_object_that_leads_to_the_proxy(
    proxy: ThreadedProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`from ibproxy import *` and installing go together."""
    monkeypatch.setenv("IBPROXY_URL", proxy.urls[0])
    ib: Any = RemoteIB()
    ib.connect(clientId=1, **QUICK)
    link = ib.client.conn
    install()
    assert ib.client.conn is link
    ib.disconnect()


def test_a_library_that_is_built_differently(stage: Stage) -> None:
    """Its import says what is not found, and who asked for it."""
    text = "class Client: pass\nclass IB:\n    client = Client()\n__version__ = '9.1'\n"
    stage.write(text, "ib_insync/__init__.py")
    text = "import ibproxy_compat\nibproxy_compat.install()\nimport ib_insync"
    ended = stage.run((), stage.write(text))
    assert ended.status == 1
    assert "ib_insync 9.1 is not built as ibproxy expects: IBC, ib, " in ended.errors
    ended = stage.run((), "-c", "import ib_insync, ibproxy_compat as c\nc.install()")
    assert "ibproxy.seam.UnknownLibraryError: ib_insync 9.1" in ended.errors


ORDERS_OF_IMPORT = {
    "before": "import ibproxy_compat\nibproxy_compat.install()\nfrom ib_async import IB\n",
    "after": "from ib_async import IB\nimport ibproxy_compat\nibproxy_compat.install()\n",
    "between": "from ib_async import IB\nmade = IB()\nimport ibproxy_compat\n"
    "ibproxy_compat.install()\nIB = lambda: made\n",
    "with": "import ibproxy_compat\nwith ibproxy_compat.proxied():\n"
    "    from ib_async import IB\n    made = IB()\nassert type(IB().client.conn) is not "
    "type(made.client.conn)\nIB = lambda: made\n",
    "off and on": "import ibproxy_compat as c\nc.install()\nc.uninstall()\n"
    "from ib_async import IB\nmade = IB()\nc.install()\nassert made.client.conn.__class__ is "
    "IB().client.conn.__class__\n",
}


@pytest.mark.parametrize("order", ORDERS_OF_IMPORT)
def test_the_order_of_imports_does_not_matter(stage: Stage, order: str) -> None:
    """In a fresh process, whichever comes first."""
    text = ORDERS_OF_IMPORT[order] + "print(type(IB().client.conn).__name__)"
    ended = stage.run(("-W", "error"), stage.write(text))
    assert (ended.output, ended.errors) == ("Link\n", "")


def test_nothing_is_imported_for_nothing(stage: Stage) -> None:
    """Installing alone imports no library, and no ZeroMQ."""
    text = "import sys, ibproxy_compat\nibproxy_compat.install()\n"
    text += "print({'zmq', 'ib_async', 'ib_insync', 'ibproxy', 'eventkit'} & set(sys.modules))"
    assert stage.run((), stage.write(text)).output == "set()\n"


FAMILY = """
import multiprocessing, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
from ib_async import IB

def kind(_=None):
    return type(IB().client.conn).__name__

def grandchild(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        return kind(), pool.map(kind, [1])[0]

if __name__ == "__main__":
    import ibproxy_compat
    context = multiprocessing.get_context(sys.argv[1])
    with ibproxy_compat.proxied():
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            print(pool.submit(kind).result(), pool.submit(grandchild, sys.argv[1]).result())
        text = "from ib_async import IB; print(type(IB().client.conn).__name__)"
        print(subprocess.run([sys.executable, "-c", text], capture_output=True).stdout)
    with context.Pool(1) as pool:
        print(pool.map(kind, [1]))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_inherit_it(stage: Stage, method: str) -> None:
    """Children and theirs, however they are started; not other programs, and not afterwards."""
    ended = stage.run((), stage.write(FAMILY), method)
    assert ended == Ended(0, "Link ('Link', 'Link')\nb'Connection\\n'\n['Connection']\n", ""), (
        ended.errors
    )


LATER = """
import sys
import ibproxy_compat

if __name__ == "__main__":
    ibproxy_compat.install()
    print("multiprocessing" in sys.modules)

def kind(_):
    from ib_async import IB
    return type(IB().client.conn).__name__

if __name__ == "__main__":
    import multiprocessing
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(kind, [1]))
"""


def test_children_of_a_program_that_imports_multiprocessing_later(stage: Stage) -> None:
    """The order does not matter, and installing does not import it."""
    ended = stage.run((), stage.write(LATER))
    assert ended == Ended(0, "False\n['Link']\n", ""), ended.errors


@pytest.mark.parametrize("way", ["installed", "imported"])
def test_watchdog_and_ibc_do_no_harm(
    way: str,
    proxy: ThreadedProxy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    until: Callable[..., None],
) -> None:
    """IBC starts no second gateway and says so once; the watchdog connects, and ends."""
    monkeypatch.setenv("IBPROXY_URL", proxy.urls[0])
    kinds: Any = ib_async if way == "installed" else ibproxy
    monkeypatch.setattr(_Said, "is_said", False)
    if way == "installed":
        install()
    controller = kinds.IBC(1030, gateway=True, tradingMode="paper", ibcPath="/nowhere")
    controller.start()
    ib = kinds.IB()
    watchdog = kinds.Watchdog(controller, ib, port=4002, clientId=6, appStartupTime=0)
    watchdog.start()
    until(ib.isConnected, ib)
    watchdog.stop()
    until(lambda: not ib.isConnected(), ib)
    controller.terminate()
    assert util.run(controller.startAsync()) is None
    said = [each.getMessage() for each in caplog.records if each.name == "ibproxy"]
    assert said == ["IBC starts no gateway here: the proxy is connected to one already"]
