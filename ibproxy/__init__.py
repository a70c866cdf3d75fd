"""Strategies that share one connection to IB Gateway: write ibproxy where ib_async stood.

::

    from ibproxy import *

    ib = IB()
    ib.connect("127.0.0.1", 4002, clientId=1)

Every name of ib_async is here and is ib_async's own object, its submodules too. Only `IB` is
another one: `RemoteIB`, which connects through a proxy that `ibproxy serve` runs.
"""

import importlib
import pkgutil
import sys
from typing import Any

import ib_async
from ib_async import *  # noqa: F403 - the names are ib_async's to choose

import ibproxy.ib
from ibproxy.remote import IB as IB
from ibproxy.remote import RemoteIB as RemoteIB

__all__ = list(
    getattr(ib_async, "__all__", None)
    # A release without a list gives its public names, as `import *` does.
    or (name for name in vars(ib_async) if not name.startswith("_"))
)


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext ibproxy` calls: programs of ib_async go through the proxy, unchanged."""
    from ibproxy_compat.notebook import load  # noqa: PLC0415 - seldom needed

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext ibproxy` calls."""
    from ibproxy_compat.notebook import unload  # noqa: PLC0415 - seldom needed

    unload(shell)


def _share_submodules() -> None:
    """Make `ibproxy.contract` and the others be ib_async's own modules."""
    own = {module.name for module in pkgutil.iter_modules(ibproxy.__path__)}
    for module in pkgutil.iter_modules(ib_async.__path__):
        if module.name not in own:
            theirs = importlib.import_module(f"ib_async.{module.name}")
            sys.modules[f"{__name__}.{module.name}"] = theirs
            globals()[module.name] = theirs


_share_submodules()
