# What type checkers see, if ib_insync is there; it has no types of its own.
from typing import Any

from ib_insync import *  # pyright: ignore[reportMissingImports]

class RemoteIB(Any):  # type: ignore[misc]
    strategy: str

IB = RemoteIB
