"""The maps of the stand-in's modules."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import ibproxy_sim

ROOT = Path(ibproxy_sim.__file__).parent
PACKAGES = sorted(
    ".".join(("ibproxy_sim", *path.parent.relative_to(ROOT).parts))
    for path in ROOT.glob("**/__init__.py")
)
LONGEST_LINES = 400


@pytest.mark.parametrize("package", PACKAGES)
def test_each_map_names_every_module(package: str) -> None:
    """One that is added or taken away has its place in its package's docstring."""
    module = importlib.import_module(package)
    folder = Path(str(module.__file__)).parent
    words = set((module.__doc__ or "").split())
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in folder.glob("*/*") if path.suffix != ".pyc"}
    assert modules | (folders - {"__pycache__/"}) <= words
    named = {word.strip("`,;.:") for word in words}
    assert {word for word in named if word.endswith(".py")} == modules


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/*.py")), ids=lambda path: path.name)
def test_no_module_is_too_long_to_read(path: Path) -> None:
    """One noun a module, in at most this many lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_LINES
