"""`ibproxy` gives what `ib_async` gives, read out of the installed ib_async."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from typing import Any

import ib_async
import ib_async.ib
import pytest

import ibproxy
import ibproxy.controller
import ibproxy.ib

SUBMODULES = sorted(module.name for module in pkgutil.iter_modules(ib_async.__path__))
METHODS = sorted(name for name, _ in inspect.getmembers(ib_async.IB, callable))


def star_names(module: str) -> dict[str, Any]:
    """Return what `from module import *` binds."""
    names: dict[str, Any] = {}
    exec(f"from {module} import *", names)
    del names["__builtins__"]
    return names


def test_star_import() -> None:
    """The same names, the same objects, only IB is RemoteIB, and IBC one that starts nothing."""
    ours, theirs = star_names("ibproxy"), star_names("ib_async")
    assert ours.keys() == theirs.keys()
    assert ours.pop("IB") is ibproxy.RemoteIB
    assert ours.pop("IBC") is ibproxy.controller.IBC
    del theirs["IB"], theirs["IBC"]
    assert all(ours[name] is theirs[name] for name in theirs)
    assert ibproxy.IB is ibproxy.RemoteIB


@pytest.mark.parametrize(
    "name", [name for name in SUBMODULES if name not in ("ib", "ibcontroller")]
)
def test_submodules(name: str) -> None:
    """Each submodule is ib_async's own, in both forms of import."""
    theirs = importlib.import_module(f"ib_async.{name}")
    assert importlib.import_module(f"ibproxy.{name}") is theirs
    namespace: dict[str, Any] = {}
    exec(f"import ibproxy.{name} as short\nfrom ibproxy import {name} as long", namespace)
    assert namespace["short"] is theirs
    assert namespace["long"] is theirs


def test_ib_module() -> None:
    """`ibproxy.ib` is ours: all names of ib_async.ib, with IB being RemoteIB."""
    for name, value in vars(ib_async.ib).items():
        if not name.startswith("_") and name != "IB":
            assert getattr(ibproxy.ib, name) is value
    assert ibproxy.ib.IB is ibproxy.RemoteIB


def test_unknown_names() -> None:
    """What ib_async does not have, ibproxy does not have either."""
    with pytest.raises(AttributeError, match="Sotck"):
        _ = ibproxy.Sotck  # type: ignore[attr-defined]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ibproxy.contracts")
    with pytest.raises(AttributeError):
        _ = ibproxy.IB().reqPosition  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    """Every method is IB's own, but for the one that sees a client being set."""
    if name == "__setattr__":
        return
    ours, theirs = getattr(ibproxy.IB, name), getattr(ib_async.IB, name)
    if name not in ("__class__", "__init_subclass__", "__subclasshook__", "__dir__"):
        assert getattr(ours, "__func__", ours) is getattr(theirs, "__func__", theirs) or (
            ours == theirs or type(ours).__name__ == "method-wrapper"
        )
    try:
        expected = inspect.signature(theirs)
    except ValueError:  # a builtin without one
        return
    assert inspect.signature(ours) == expected


def test_nothing_is_written_again() -> None:
    """RemoteIB defines its strategy and how its client is set, and no method of IB."""
    own = set(vars(ibproxy.RemoteIB)) & set(vars(ib_async.IB))
    automatic = {"__module__", "__doc__", "__dict__", "__weakref__", "__annotations__"}
    assert own - automatic - {"__firstlineno__", "__static_attributes__"} == set()
    assert inspect.signature(ibproxy.IB) == inspect.signature(ib_async.IB)
    assert isinstance(ibproxy.IB(), ib_async.IB)


LIGHT = """
import sys
import ibproxy
heavy = {"rich", "sqlite3", "ibproxy_server", "ibproxy_sim", "ibproxy_compat", "tomllib", "tomli",
         "cloudpickle", "typer", "click"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_import_is_light() -> None:
    """Importing ibproxy imports nothing that only the proxy needs, and no ZeroMQ context."""
    older_eventkit = "ignore:There is no current event loop"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-W", older_eventkit, "-c", LIGHT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
