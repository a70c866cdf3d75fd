"""`RemoteIB`: ib_async's own `IB`, on a connection that leads to the proxy.

No method of `IB` is written again. What a program sees, its objects and their identity, its
events, errors and log lines, is ib_async's own work on the bytes of a gateway.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import ib_async

from ibproxy.identity import strategy_name
from ibproxy.link import Link
from ibproxy.seam import attach, name_of, not_found


def lead_through_proxy(ib: Any, client: Any, library: ModuleType) -> None:
    """Put a link under a client of the library's that `ib` is given; leave others alone.

    Args:
        ib: an object that has an attribute `strategy`.
        client: what is about to become its client, which may be a program's own kind.
        library: where the class of `ib` comes from.
    """
    if isinstance(client, library.Client) and not client.conn.isConnected():
        # Weak, so that an IB nobody holds is collected, which disconnects it.
        this = weakref.ref(ib)
        link = Link(lambda: strategy_name(getattr(this(), "strategy", "")), name_of(library))
        attach(client, link)


def check_led(kind: Callable[[], Any], library: ModuleType) -> None:
    """Check that an object of our class of `IB` gets a link when the library gives it a client.

    Raises:
        UnknownLibraryError: it does not, since the library goes about it in another way.
    """
    if not isinstance(kind().client.conn, Link):
        raise not_found(library, ["the assignment to IB.client"])


class RemoteIB(ib_async.IB):
    """ib_async's `IB`, connected through the proxy.

    `connect` and `connectAsync` keep their arguments: host and port say which gateway the program
    wants. Where the proxy is comes from IBPROXY_URL, a configuration file, or the default.

    Attributes:
        strategy: this program's name at the proxy, on the class or on an object, before it
            connects. When empty: IBPROXY_STRATEGY, the script's or the notebook's name.
    """

    strategy: str = ""

    if not TYPE_CHECKING:  # for a type checker it would allow any attribute

        def __setattr__(self, name: str, value: Any) -> None:
            # IB's constructor gives it a client, and programs give it one of their own.
            if name == "client":
                lead_through_proxy(self, value, ib_async)
            super().__setattr__(name, value)


check_led(RemoteIB, ib_async)
IB = RemoteIB
