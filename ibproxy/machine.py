"""This machine, and whether a process on it lives.

A link that breaks may come back; a process that has ended does not. Client and proxy tell each
other their machine and process id, so that one on the same machine knows the difference.
"""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

_GONE = frozenset({"Z", "X"})
"""States of a process that has ended and whose parent has not asked for its exit status [Linux]."""


@functools.cache
def machine_id() -> str:
    """Return a text that two processes share if each can find the other by its process id.

    On Linux that is this start of the machine and the namespace of process ids, since containers
    count their own; elsewhere the machine's name.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def is_running(machine: str, pid: int) -> bool | None:
    """Return whether a process lives, or None if that cannot be known from here.

    Args:
        machine: its `machine_id`.
        pid: its process id there.
    """
    if machine != machine_id() or pid <= 0 or os.name != "posix":
        return None  # on Windows, signal 0 would be a Ctrl+C
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    except OverflowError:
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return status.rpartition(") ")[2][:1] not in _GONE
