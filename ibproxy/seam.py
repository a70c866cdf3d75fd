"""Where ib_async and ib_insync are cut: what ibproxy takes from them, and whether it is there.

Everything above `Client.conn` stays the library's own. The cut has had the same members in
ib_insync 0.9.70 and 0.9.86 and ib_async 1.0.0 to 2.1.0, so a release that nobody here has seen
is taken if it still has them, and else refused by the names of what is not found.

::

    IB.client ──► Client ── _onSocketHasData, _onSocketDisconnected ◄──┐
                    │                                                  │ hasData, disconnected
                    └── conn ── connectAsync, sendMsg, disconnect ──► Connection    (is replaced)
"""

from __future__ import annotations

import contextlib
import dis
import functools
import importlib.metadata
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from ibproxy.errors import LocalError

LIBRARY_MEMBERS: Final = ("IB", "IBC", "Client", "ib", "ibcontroller")
"""Names of the package, its submodules among them."""

CONNECTION_METHODS: Final = {
    "connectAsync": ("host", "port"),
    "disconnect": (),
    "isConnected": (),
    "sendMsg": ("msg",),
    "reset": (),
}
"""Method of the library's connection -> what it takes: the link has the same."""

CONNECTION_EVENTS: Final = {
    "hasData": "_onSocketHasData",
    "disconnected": "_onSocketDisconnected",
}
"""Event of the connection -> the client's method that hears it."""

CONNECTION_MEMBERS: Final = (
    *CONNECTION_METHODS,
    *CONNECTION_EVENTS,
    "numBytesSent",
    "numMsgSent",
)
CLIENT_METHODS: Final = {"_onSocketHasData": ("data",), "_onSocketDisconnected": ("msg",)}
CLIENT_MEMBERS: Final = (*CLIENT_METHODS, "conn", "host", "port", "clientId")

UNFIT: Final = {
    ("ib_async", "1.0.0"): (
        "it cannot send a contract that has no conId, with or without ibproxy; "
        "install 1.0.1 or later"
    ),
}
"""Releases that are built as ibproxy needs them and do not work: why not."""


class UnknownLibraryError(LocalError, ImportError):
    """Raised by the import when the installed library is not built as ibproxy needs it."""


def name_of(library: Any) -> str:
    """Return a library's name and version."""
    return f"{library.__name__} {version_of(library)}"


@functools.cache
def version_of(library: Any) -> str:
    """Return a library's version: ib_async 1.0.1 to 1.0.3 say themselves that they are 1.0.0."""
    stated = str(getattr(library, "__version__", "of an unknown version"))
    if stated == "1.0.0":
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(library.__name__)
        return "1.0"
    return stated


def check_library(library: ModuleType) -> None:
    """Check that a library is built as ibproxy needs it.

    Raises:
        UnknownLibraryError: the text lists what is missing, or says why the release is unfit.
    """
    unfit = UNFIT.get((library.__name__, version_of(library)))
    if unfit:
        raise UnknownLibraryError(f"{name_of(library)} cannot be used: {unfit}")
    missing = [name for name in LIBRARY_MEMBERS if not hasattr(library, name)]
    if "IB" not in missing:
        missing += list(_missing_below(library.IB()))
    if missing:
        raise not_found(library, missing)


def not_found(library: ModuleType, missing: Sequence[str]) -> UnknownLibraryError:
    """Return the error that says what was not found in a library."""
    return UnknownLibraryError(
        f"{name_of(library)} is not built as ibproxy expects: {', '.join(missing)} not found; "
        "install a release that docs/running-scripts.md lists"
    )


def _missing_below(ib: Any) -> Iterator[str]:
    """Yield what a fresh `IB` object lacks of all that `attach` needs and `Link` stands in for."""
    client = getattr(ib, "client", None)
    if client is None:
        yield "IB.client"
        return
    yield from (f"Client.{name}" for name in CLIENT_MEMBERS if not hasattr(client, name))
    connection = getattr(client, "conn", None)
    if connection is None:
        return
    yield from (
        f"Connection.{name}" for name in CONNECTION_MEMBERS if not hasattr(connection, name)
    )
    yield from _other_parameters("Client", client, CLIENT_METHODS)
    yield from _other_parameters("Connection", connection, CONNECTION_METHODS)
    for name, method in CONNECTION_EVENTS.items():
        event, listener = getattr(connection, name, None), getattr(client, method, None)
        if event is not None and listener is not None and not _hears(event, listener):
            yield f"Client.{method} as a listener of Connection.{name}"
    for name in sorted(uses_of_connection(type(client)) - set(CONNECTION_MEMBERS)):
        yield f"what stands in for Connection.{name}, which Client uses,"


def _other_parameters(
    owner: str, target: Any, methods: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for name, expected in methods.items():
        method = getattr(target, name, None)
        if callable(method) and len(inspect.signature(method).parameters) != len(expected):
            yield f"{owner}.{name}({', '.join(expected)})"


def _hears(event: Any, listener: Callable[..., object]) -> bool:
    try:
        return listener in event and callable(event.connect) and callable(event.disconnect)
    except (AttributeError, TypeError):  # not an event of eventkit's
        return False


def uses_of_connection(kind: type) -> set[str]:
    """Return the members of `self.conn` that the methods of a class name."""
    found: set[str] = set()
    for base in kind.__mro__:
        for value in vars(base).values():
            function = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
            if isinstance(function, FunctionType):
                for code in _codes(function.__code__):
                    found.update(_attributes_of_conn(code))
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _attributes_of_conn(code: CodeType) -> Iterator[str]:
    if "conn" not in code.co_names:
        return
    is_conn = False
    for instruction in dis.get_instructions(code):
        if is_conn and instruction.opname.endswith(("_ATTR", "_METHOD")):
            yield str(instruction.argval)
        is_conn = instruction.opname == "LOAD_ATTR" and instruction.argval == "conn"


def attach(client: Any, connection: Any) -> None:
    """Put `connection` in the place of the library's own one under `client`."""
    client.conn.hasData.disconnect(client._onSocketHasData)  # noqa: SLF001 - the seam itself
    client.conn.disconnected.disconnect(client._onSocketDisconnected)  # noqa: SLF001
    connection.hasData.connect(client._onSocketHasData)  # noqa: SLF001
    connection.disconnected.connect(client._onSocketDisconnected)  # noqa: SLF001
    client.conn = connection
