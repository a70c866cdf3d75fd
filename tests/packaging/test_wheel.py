"""What is installed, and that it works without the checkout."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

PACKAGES = ("ibproxy", "ibproxy_compat", "ibproxy_server", "ibproxy_sim")
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_wheel_holds_the_four_packages_and_nothing_else(names: list[str]) -> None:
    """Top-level names are those of the four import packages, beside the metadata."""
    top = {name.split("/")[0] for name in names}
    metadata = {name for name in top if name.endswith(".dist-info")}
    assert top - metadata == set(PACKAGES)
    assert len(metadata) == 1


def test_every_module_of_the_checkout_is_in_the_wheel(names: list[str], root: Path) -> None:
    """No module of the four packages is left out, and no other file gets in."""
    sources = [root / "ibproxy", root / "compat" / "ibproxy_compat"]
    sources += [root / "server" / name for name in ("ibproxy_server", "ibproxy_sim")]
    expected = {
        path.relative_to(source.parent).as_posix()
        for source in sources
        for path in source.rglob("*.py")
    }
    packed = {name for name in names if name.endswith(".py")}
    assert packed - expected == {
        f"ibproxy_server/demo/strategies/{path.name}"
        for path in (root / "docs" / "examples").glob("*.py")
    }
    assert expected <= packed


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_may_read_the_package(names: list[str], package: str) -> None:
    """Each package carries the marker that makes its annotations count."""
    assert f"{package}/py.typed" in names


def test_the_examples_in_the_wheel_are_the_documented_ones(wheel: Path, root: Path) -> None:
    """The demo plays the very files that stand in docs/examples."""
    with zipfile.ZipFile(wheel) as archive:
        for example in (root / "docs" / "examples").glob("*.py"):
            packed = archive.read(f"ibproxy_server/demo/strategies/{example.name}")
            assert packed == example.read_bytes()


def test_the_limits_in_the_wheel_are_the_documented_ones(
    wheel: Path, root: Path, run: Run, tmp_path: Path
) -> None:
    """`ibproxy check` shows rows of the very page that stands in docs."""
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.read("ibproxy_server/check/limits.md")
    assert packed == (root / "docs" / "limits.md").read_bytes()
    script = tmp_path / "trade.py"
    script.write_text("from ib_async import IB\nib = IB()\nib.reqGlobalCancel()\n")
    result = run("ibproxy", "check", str(script))
    assert result.returncode == 0, result.stderr
    assert "row: `reqGlobalCancel`" in result.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_an_installed_package_can_be_imported(run: Run, package: str) -> None:
    """Each package comes up from the installed wheel, not from the checkout."""
    result = run("python", "-c", f"import {package}; print({package}.__file__)")
    assert result.returncode == 0, result.stderr
    assert "site-packages" in result.stdout


@pytest.mark.parametrize("name", ["server", "compat", "tests", "docs"])
def test_folders_of_the_checkout_are_no_packages(run: Run, name: str) -> None:
    """Nothing that is merely a folder in the repository can be imported."""
    result = run("python", "-c", f"import {name}", with_dependencies=False)
    assert f"No module named '{name}'" in result.stderr


def test_the_installed_demo_finds_its_strategies(run: Run, root: Path) -> None:
    """Away from the checkout the demo plays the scripts that came with the wheel."""
    code = "from ibproxy_server.demo.stage import cast; [print(p.script) for p in cast()]"
    result = run("python", "-c", code)
    assert result.returncode == 0, result.stderr
    scripts = [Path(line) for line in result.stdout.splitlines()]
    assert len(scripts) == 2
    assert all(script.is_file() and root not in script.parents for script in scripts)


def test_the_command_is_installed(run: Run) -> None:
    """`ibproxy --version` names the version, and needs no dependency for that."""
    result = run("ibproxy", "--version", with_dependencies=False)
    assert (result.returncode, result.stdout) == (0, f"ibproxy {version('ib-async-proxy')}\n")


def test_help_needs_no_dependency(run: Run) -> None:
    """`ibproxy --help` imports nothing that is slow: it works with the wheel alone."""
    result = run("ibproxy", "--help", with_dependencies=False)
    assert result.returncode == 0
    for command in ("demo", "sim", "serve", "run", "status"):
        assert command in result.stdout


@pytest.mark.parametrize("way", [("ibproxy", "run"), ("python", "-m", "ibproxy")])
def test_the_installed_launcher_leads_through_the_proxy(run: Run, way: tuple[str, ...]) -> None:
    """Away from the checkout, what is run before a program's first line came with the wheel."""
    code = "import ibproxy_compat, ib_async; link = ib_async.IB().client.conn; "
    code += "print(type(link).__name__, ibproxy_compat.__file__)"
    result = run(*way, "-c", code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Link ")
    assert "site-packages" in result.stdout
