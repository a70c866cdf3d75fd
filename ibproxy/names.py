"""Gives a library's names on under one of ours: what `import *` binds, and its submodules."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from types import ModuleType


def public_names(library: ModuleType) -> list[str]:
    """Return what `from library import *` binds."""
    listed = getattr(library, "__all__", None)
    # A release without a list gives its public names, as `import *` does.
    return list(listed or (name for name in vars(library) if not name.startswith("_")))


def share_submodules(ours: ModuleType, library: ModuleType) -> None:
    """Let each submodule of `library` be a submodule of `ours`, unless that has its own."""
    own = {module.name for module in pkgutil.iter_modules(ours.__path__)}
    for module in pkgutil.iter_modules(library.__path__):
        if module.name not in own:
            theirs = importlib.import_module(f"{library.__name__}.{module.name}")
            sys.modules[f"{ours.__name__}.{module.name}"] = theirs
            setattr(ours, module.name, theirs)
