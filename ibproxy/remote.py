"""`RemoteIB`: ib_async's own `IB`, on a connection that leads to the proxy.

No method of `IB` is written again. What a program sees, its objects and their identity, its
events, errors and log lines, is ib_async's own work on the bytes of a gateway.
"""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any

import ib_async

from ibproxy.identity import strategy_name
from ibproxy.link import Link
from ibproxy.seam import attach, check_seam


def lead_through_proxy(ib: Any, library: str) -> None:
    """Put a link under a fresh `IB` that has an attribute `strategy`.

    Args:
        ib: an object of a class like `RemoteIB`.
        library: name and version of the library that it comes from, for the proxy's records.
    """
    # Weak, so that an IB nobody holds is collected, which disconnects it.
    this = weakref.ref(ib)
    attach(ib.client, Link(lambda: strategy_name(getattr(this(), "strategy", "")), library))


LIBRARY = f"ib_async {ib_async.__version__}"
check_seam(ib_async.IB(), LIBRARY)


class RemoteIB(ib_async.IB):
    """ib_async's `IB`, connected through the proxy.

    `connect` and `connectAsync` keep their arguments: host and port say which gateway the program
    wants. Where the proxy is comes from IBPROXY_URL, a configuration file, or the default.

    Attributes:
        strategy: this program's name at the proxy, on the class or on an object, before it
            connects. When empty: IBPROXY_STRATEGY, the script's or the notebook's name.
    """

    strategy: str = ""

    if not TYPE_CHECKING:  # for a type checker the arguments are those of IB, inherited

        @functools.wraps(ib_async.IB.__init__)
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            lead_through_proxy(self, LIBRARY)


IB = RemoteIB
