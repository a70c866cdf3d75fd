"""Lets `IB` of ib_async and ib_insync connect through the proxy, in this process.

What is changed in each library, when it is imported or at once if it has been:

* `Client.__init__` puts a `Link` under the client that it makes.
* `IBC.startAsync` starts nothing: the gateway is the proxy's, and a second login would end it.

And multiprocessing's children are told: see `children.py`.

Nothing heavy is imported before a library is: see `startup/sitecustomize.py`.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from ibproxy_compat import children

LIBRARIES: Final = ("ib_async", "ib_insync")

_undo: Final[dict[str, list[Callable[[], None]]]] = {}
"""Library -> what takes its changes back."""


class _State:
    """Whether to change what is imported, and whether imports are watched."""

    is_installed = False
    is_watching = False


def install() -> None:
    """Let every `IB` that connects from now on do so through the proxy.

    It does not matter whether the libraries are imported before or after, nor how. An object
    that exists and is not connected is included. A second call does nothing.
    multiprocessing's children that are made from now on inherit it, however they are started.

    Raises:
        ibproxy.errors.LocalError: an `IB` is connected to a gateway directly; nothing is changed.
        ibproxy.seam.UnknownLibraryError: a library is not built as ibproxy needs it. One that
            is imported later raises it then.
    """
    if _State.is_installed:
        return
    imported = [sys.modules[name] for name in LIBRARIES if name in sys.modules]
    for library in imported:
        _check(library)
        _refuse_connected(library)
    _State.is_installed = True
    try:
        children.tell()
        for library in imported:
            _change(library)
            for client in _clients_outside(library):
                _lead_through_proxy(client, library)
        _watch_imports()
    except BaseException:
        uninstall()
        raise


def uninstall() -> None:
    """Take back what `install` changed; objects that were made meanwhile stay as they are."""
    _State.is_installed = False
    children.tell_no_more()
    for name in LIBRARIES:
        for undo in reversed(_undo.pop(name, [])):
            undo()


def is_installed() -> bool:
    """Whether `IB` connects through the proxy."""
    return _State.is_installed


@contextlib.contextmanager
def proxied() -> Iterator[None]:
    """Have it installed inside a `with` block; afterwards it is as before.

    Raises:
        The same as `install`.
    """
    was_installed = _State.is_installed
    install()
    try:
        yield
    finally:
        if not was_installed:
            uninstall()


def _watch_imports() -> None:
    """Change the libraries when they are imported; wrapt's hooks stay for good."""
    import wrapt  # noqa: PLC0415 - `ibproxy --help` needs no dependency

    if _State.is_watching:
        return
    _State.is_watching = True
    for name in LIBRARIES:
        wrapt.register_post_import_hook(_on_import, name)


def _on_import(library: ModuleType) -> None:
    if _State.is_installed:
        _check(library)
        _change(library)


def _check(library: ModuleType) -> None:
    from ibproxy.seam import check_library  # noqa: PLC0415 - see above

    check_library(library)


def _change(library: ModuleType) -> None:
    """Make the changes in a library; once."""
    if library.__name__ in _undo:
        return
    controller: Any = sys.modules.get(f"{library.__name__}.ibcontroller")
    changes = [_wrap(library.Client, "__init__", _make_client(library))]
    if controller is not None:
        changes.append(_wrap(controller.IBC, "startAsync", _start_nothing))
    _undo[library.__name__] = changes


def _wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> Callable[[], None]:
    """Wrap a method; return what puts the former one back, unless others have wrapped ours."""
    import wrapt  # noqa: PLC0415 - see above

    former = vars(owner)[name]
    ours = wrapt.FunctionWrapper(former, wrapper, enabled=is_installed)
    setattr(owner, name, ours)

    def undo() -> None:
        if vars(owner)[name] is ours:
            setattr(owner, name, former)

    return undo


def _make_client(library: ModuleType) -> Callable[..., Any]:
    def make(wrapped: Any, client: Any, arguments: Any, keywords: Any) -> None:
        wrapped(*arguments, **keywords)
        _lead_through_proxy(client, library)

    return make


async def _start_nothing(_wrapped: Any, _ibc: Any, _arguments: Any, _keywords: Any) -> None:
    from ibproxy.controller import start_nothing  # noqa: PLC0415 - see above

    start_nothing()


def _lead_through_proxy(client: Any, library: ModuleType) -> None:
    from ibproxy.identity import strategy_name  # noqa: PLC0415 - see above
    from ibproxy.link import Link  # noqa: PLC0415
    from ibproxy.seam import attach, name_of  # noqa: PLC0415

    attach(client, Link(strategy_name, name_of(library)))


def _refuse_connected(library: ModuleType) -> None:
    connected = [each for each in _clients_outside(library) if each.conn.isConnected()]
    if connected:
        from ibproxy.errors import LocalError  # noqa: PLC0415 - see above

        where = ", ".join(
            sorted({f"{each.host}:{each.port} clientId={each.clientId}" for each in connected})
        )
        raise LocalError(
            f"an IB of {library.__name__} is connected to a gateway directly already ({where}): "
            "disconnect it first, or begin with ibproxy before anything connects"
        )


def _clients_outside(library: ModuleType) -> list[Any]:
    """Return the library's clients that do not lead to the proxy."""
    kind = library.Client
    link = sys.modules.get("ibproxy.link")
    ours = (link.Link,) if link else ()
    # type() and not isinstance: some objects do things when they are asked for their class
    found = [each for each in gc.get_objects() if issubclass(type(each), kind)]
    return [each for each in found if not isinstance(getattr(each, "conn", None), ours)]
