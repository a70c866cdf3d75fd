"""ib_insync 0.9.86 through the proxy: write `ibproxy.ib_insync` where ib_insync stood.

::

    from ibproxy.ib_insync import *

    ib = IB()
    ib.connect("127.0.0.1", 4002, clientId=1)

Every name of ib_insync is here and is ib_insync's own object, its submodules too; only `IB`
and `IBC` are others, as in `ibproxy`. ib_insync is not a dependency of ibproxy.
"""

import importlib
import sys
from typing import Any

from ibproxy.names import public_names, share_submodules
from ibproxy.remote import check_led, lead_through_proxy
from ibproxy.seam import check_library

try:
    ib_insync: Any = importlib.import_module("ib_insync")
except ModuleNotFoundError as error:
    if error.name != "ib_insync":
        raise
    raise ModuleNotFoundError(
        "ib_insync is not installed: pip install 'ib-async-proxy[insync]'", name="ib_insync"
    ) from None

check_library(ib_insync)


class RemoteIB(ib_insync.IB):  # type: ignore[misc] # it has no types
    """ib_insync's `IB`, connected through the proxy; as `ibproxy.RemoteIB` in all else."""

    strategy: str = ""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "client":
            lead_through_proxy(self, value, ib_insync)
        super().__setattr__(name, value)


__all__ = list(public_names(ib_insync))
globals().update({name: getattr(ib_insync, name) for name in __all__})
check_led(RemoteIB, ib_insync)
IB = RemoteIB

from ibproxy.ib_insync import ib as ib  # noqa: E402 - it needs all of the above
from ibproxy.ib_insync import ibcontroller as ibcontroller  # noqa: E402
from ibproxy.ib_insync.ibcontroller import IBC as IBC  # noqa: E402

share_submodules(sys.modules[__name__], ib_insync)
