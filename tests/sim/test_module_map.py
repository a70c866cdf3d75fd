"""The map of the stand-in's modules."""

from __future__ import annotations

from pathlib import Path

import ibproxy_sim


def test_the_map_names_every_module() -> None:
    """One that is added or taken away has its place in the docstring."""
    folder = Path(ibproxy_sim.__file__).parent
    words = set((ibproxy_sim.__doc__ or "").split())
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in folder.glob("*/*") if path.suffix != ".pyc"}
    assert modules | (folders - {"__pycache__/"}) <= words
    assert {word for word in words if word.endswith(".py")} == modules
