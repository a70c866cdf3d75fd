"""How much a program holds on to: the size of every table that can be reached from an object."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

_OURS = ("ibproxy.", "ibproxy_server.", "tests.")
_TABLES = (dict, list, set, frozenset, deque, tuple)
_PAGE_BYTES = 4096


def tables(root: object) -> dict[str, int]:
    """Return path of each table under `root` -> how many things it holds.

    Tables of one kind of object share a path: `hub.context.sessions[].requests` counts the
    requests of all sessions together.
    """
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    todo: deque[tuple[str, object]] = deque([("", root)])
    while todo:
        path, thing = todo.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, _TABLES):
            if not isinstance(thing, tuple):
                sizes[path] = sizes.get(path, 0) + len(thing)
            inner = thing.values() if isinstance(thing, dict) else thing
            todo.extend((f"{path}[]", each) for each in inner if _is_looked_into(each))
        else:
            todo.extend(
                (f"{path}.{name}".lstrip("."), each)
                for name, each in _attributes(thing)
                if _is_looked_into(each)
            )
    return sizes


def _is_looked_into(thing: object) -> bool:
    return isinstance(thing, _TABLES) or type(thing).__module__.startswith(_OURS)


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    yield from vars(thing).items() if hasattr(thing, "__dict__") else ()
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(thing, name):
                yield name, getattr(thing, name)


def memory() -> dict[str, int]:
    """Return blocks that Python has allocated, and MiB that the process has, if it is known."""
    gc.collect()
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[1]) if statm.exists() else 0
    return {"blocks": sys.getallocatedblocks(), "mib": pages * _PAGE_BYTES >> 20}
