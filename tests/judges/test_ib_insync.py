"""ib_insync, and the oldest ib_async, sit on ib_async's bench, each in a process of its own.

The environment of the tests has the newest ib_async that pip finds; `test_ib_async.py` judges it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import requires, version
from pathlib import Path

from tests.judges.apart import HERE, serve

REQUIREMENTS = ("ib_insync==0.9.86", "eventkit==1.0.3", "nest_asyncio")  # as tests/compat has it

ROOT = HERE.parents[1]


def oldest_ib_async() -> str:
    """The oldest version that the distribution asks for, e.g. `2.1`."""
    wanted = requires("ib-async-proxy") or ()
    found = [re.search(r"ib[-_]async\s*>=\s*([\d.]+)", text) for text in wanted]
    [oldest] = [match[1] for match in found if match]
    return oldest


def test_ib_insync_is_served_like_ib_async(install_apart: Callable[..., Path]) -> None:
    """All that ib_async can ask ib_insync 0.9.86 asks too, straight and through the proxy."""
    folder = install_apart("ib_insync", *REQUIREMENTS)
    serve(folder, HERE / "test_ib_async.py", library="ib_insync")


def test_nobody_can_tell_with_ib_insync(install_apart: Callable[..., Path]) -> None:
    """The differential test holds for what ib_insync writes, and for what it reads."""
    bench = ROOT / "tests" / "differential" / "test_differential.py"
    folder = install_apart("ib_insync", *REQUIREMENTS)
    serve(folder, bench, "-p", "in_its_name", library="ib_insync")


def test_the_oldest_ib_async_is_served_like_the_newest(install_apart: Callable[..., Path]) -> None:
    """It is the one in the environment as long as nothing newer is out; else it is tried too."""
    oldest = oldest_ib_async()
    installed = version("ib_async").split(".")
    if installed[: oldest.count(".") + 1] == oldest.split("."):
        assert [*map(int, installed)] >= [*map(int, oldest.split("."))]
        return  # judged by test_ib_async.py
    serve(install_apart("ib_async", f"ib_async=={oldest}"), HERE / "test_ib_async.py")
