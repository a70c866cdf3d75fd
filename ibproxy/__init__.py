"""Strategies that share one connection to IB Gateway: write ibproxy where ib_async stood.

::

    from ibproxy import *

    ib = IB()
    ib.connect("127.0.0.1", 4002, clientId=1)

Every name of ib_async is here and is ib_async's own object, its submodules too. Only two are
others: `IB` is `RemoteIB`, which connects through a proxy that `ibproxy serve` runs, and `IBC`
starts no gateway, since the proxy has one.
"""

import sys
from typing import Any

import ib_async
from ib_async import *  # noqa: F403 - the names are ib_async's to choose

from ibproxy.names import public_names, share_submodules
from ibproxy.seam import check_library

check_library(ib_async)

from ibproxy import ib as ib  # noqa: E402 - they need what has been checked
from ibproxy import ibcontroller as ibcontroller  # noqa: E402
from ibproxy.ibcontroller import IBC as IBC  # noqa: E402
from ibproxy.remote import IB as IB  # noqa: E402
from ibproxy.remote import RemoteIB as RemoteIB  # noqa: E402

__all__ = list(public_names(ib_async))


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext ibproxy` calls: programs of ib_async go through the proxy, unchanged."""
    from ibproxy_compat.notebook import load  # noqa: PLC0415 - seldom needed

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext ibproxy` calls."""
    from ibproxy_compat.notebook import unload  # noqa: PLC0415 - seldom needed

    unload(shell)


share_submodules(sys.modules[__name__], ib_async)
