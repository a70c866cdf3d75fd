"""What the wheel brings for testing strategies."""

from __future__ import annotations

import zipfile
from pathlib import Path


def test_the_plugins_are_registered(wheel: Path) -> None:
    """Both are found by the wheel's entry points."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("entry_points.txt"))
        lines = archive.read(name).decode().splitlines()
    section = lines[lines.index("[pytest11]") + 1 :]
    assert "ibproxy = ibproxy_sim.pytest_plugin" in section
    assert "ibproxy_proxy = ibproxy_server.pytest_plugin" in section


def test_the_scenarios_are_in_the_wheel(names: list[str], root: Path) -> None:
    """Each file of the checkout is packed."""
    folder = root / "server" / "ibproxy_sim" / "scenarios"
    shipped = {f"ibproxy_sim/scenarios/{path.name}" for path in folder.glob("*.toml")}
    assert len(shipped) >= 9
    assert shipped <= set(names)
