"""Who a program is: the name of its strategy, and what people call the program."""

from __future__ import annotations

import os
import re
import sys
from pathlib import PurePath
from typing import Final

STRATEGY_VARIABLE: Final = "IBPROXY_STRATEGY"
MAX_NAME_CHARACTERS: Final = 64

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def clean_name(text: str) -> str:
    """Return `text` as a strategy name: letters, digits, `_`, `-`, `.`, at most 64; maybe empty."""
    name = _NOT_IN_NAMES.sub("_", text.strip())[:MAX_NAME_CHARACTERS]
    return name if name.strip("_.-") else ""


def strategy_name(given: str = "") -> str:
    """Return the name of this program's strategy.

    The first of these that gives a name: `given`, the environment variable IBPROXY_STRATEGY,
    the script's file name, the notebook's name, `python`.
    """
    environment = os.environ.get(STRATEGY_VARIABLE, "")
    program = program_path()
    stem = PurePath(program).stem if program else ""
    return clean_name(given) or clean_name(environment) or clean_name(stem) or "python"


def program_path() -> str:
    """Return the script's path or the notebook's, `notebook` if it tells none, else nothing."""
    main = sys.modules.get("__main__")
    if _is_in_notebook():
        return (
            str(getattr(main, "__vsc_ipynb_file__", ""))
            or os.environ.get("JPY_SESSION_NAME", "")
            or "notebook"
        )
    path = str(getattr(main, "__file__", None) or "")
    if PurePath(path).stem == "__main__":  # python -m package, python folder
        return str(PurePath(path).parent)
    return path


def _is_in_notebook() -> bool:
    # A kernel is a script too (ipykernel_launcher), so its own word comes first.
    kernel = sys.modules.get("ipykernel.kernelapp")
    application = getattr(kernel, "IPKernelApp", None)
    return bool(application is not None and application.initialized())
