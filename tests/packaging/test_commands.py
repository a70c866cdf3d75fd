"""The README's two commands are what is tested, letter by letter."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_checks_run_the_commands_of_the_readme(root: Path) -> None:
    """`.ci/run` runs the commands in the README's first two blocks, each in an environment."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    documented = re.findall(r"^```\w*\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)[:2]
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    tested = re.findall(r"^fresh_environment \w+\nrun '(.*)'$", script, re.MULTILINE)
    assert documented == tested
    assert documented == ["pip install . && ibproxy demo", 'pip install -e ".[dev]" && pytest']


def test_a_failure_of_the_first_half_of_a_command_ends_the_checks(root: Path) -> None:
    """Each command runs in a shell of its own whose status counts, and no pipe hides it."""
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert 'bash -euo pipefail -c "$1"' in script
