"""Lets children of multiprocessing connect through the proxy as their parent does.

A forked child has what its parent has. One by spawn or forkserver begins anew, and is handed a
pickle of its `Process` object; in that lies what installs ibproxy when it is unpickled, before
any of the child's own work. Programs that are started otherwise are not concerned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

KEY: Final = "ibproxy"
"""Its place in a process's `_config`, of which each child gets a copy [CPython 3.10 to 3.13]."""


class _State:
    """Whether to tell children, and whether it is known when multiprocessing is imported."""

    is_telling = False
    is_watching = False


class Inheritance:
    """What installs ibproxy where it is unpickled, and is there again for that one's children."""

    def __reduce__(self) -> tuple[Callable[[], Inheritance], tuple[()]]:
        return _inherit, ()


def tell() -> None:
    """Let children that are made from now on install ibproxy; multiprocessing is not imported."""
    import wrapt  # noqa: PLC0415 - `ibproxy --help` needs no dependency

    _State.is_telling = True
    if not _State.is_watching:
        _State.is_watching = True
        wrapt.register_post_import_hook(_put, "multiprocessing.process")
    elif "multiprocessing.process" in sys.modules:
        _put(sys.modules["multiprocessing.process"])


def tell_no_more() -> None:
    """Take it back; children that have been made keep it."""
    _State.is_telling = False
    module = sys.modules.get("multiprocessing.process")
    if module is not None:
        _config(module).pop(KEY, None)


def _put(module: ModuleType) -> None:
    if _State.is_telling:
        _config(module)[KEY] = Inheritance()


def _config(module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = module.current_process()._config  # noqa: SLF001 - there is no other way
    return found


def _inherit() -> Inheritance:
    from ibproxy_compat.patches import install  # noqa: PLC0415 - it imports this module

    install()
    return Inheritance()
