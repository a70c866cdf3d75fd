"""The cut under ib_async: releases that nobody has seen are taken or refused by what they have.

The newer releases are copies of the installed one, changed as a later one might be: they work as
well as ever by themselves.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ib_async
import pytest

import ibproxy
from ibproxy.link import Link
from ibproxy.seam import (
    CLIENT_MEMBERS,
    CLIENT_METHODS,
    CONNECTION_EVENTS,
    CONNECTION_MEMBERS,
    CONNECTION_METHODS,
    UnknownLibraryError,
    check_library,
    name_of,
    uses_of_connection,
    version_of,
)

USED = uses_of_connection(ib_async.Client) | set(CONNECTION_EVENTS)
VERSION = '__version_info__ = (9, 0, 0)\n__version__ = "9.0.0"\n'


class Newer:
    """A copy of the installed ib_async, as version 9.0.0.

    Args:
        folder: where to put the package.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "ib_async"
        shutil.copytree(Path(ib_async.__file__).parent, self.package)
        (self.package / "version.py").write_text(VERSION, encoding="utf-8")

    def change(self, pattern: str, replacement: str, *modules: str) -> None:
        """Replace a regular expression in modules, or in all; it has to be found."""
        if pattern in ("ib", "ibcontroller"):
            (self.package / f"{pattern}.py").rename(self.package / f"{replacement}.py")
            return
        found = 0
        for path in self.package.glob("*.py"):
            if not modules or path.stem in modules:
                text, times = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
                path.write_text(text, encoding="utf-8")
                found += times
        assert found, f"{pattern} is not in {modules}"

    def run(self, code: str) -> tuple[str, str]:
        """Run a program that has it; return its output, and the last line of its errors."""
        path = os.pathsep.join([str(self.folder), *sys.path])
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.stdout.strip(), (ended.stderr.strip().splitlines() or [""])[-1]


@pytest.fixture
def newer(tmp_path: Path) -> Newer:
    """A newer ib_async."""
    return Newer(tmp_path)


# what is changed -> the changes (pattern, replacement, modules), and what is not found
CHANGES: dict[str, tuple[Sequence[tuple[str, ...]], str]] = {
    "the class IB": ([(r"\bIB\b", "Gateway")], "IB"),
    "the class IBC": ([(r"\bIBC\b", "Controller")], "IBC"),
    "the class Client": ([(r"\bClient\b", "Talker")], "Client"),
    "the module ib": ([(r"\.ib import", ".core import"), ("ib", "core")], "ib"),
    "the module ibcontroller": (
        [(r"\.ibcontroller import", ".gates import"), ("ibcontroller", "gates")],
        "ibcontroller",
    ),
    "the attribute client": ([(r"\bself\.client\b", "self._client", "ib")], "IB.client"),
    "how the client is set": (
        [(r"self\.client = (.*)", r'object.__setattr__(self, "client", \1)', "ib")],
        "the assignment to IB.client",
    ),
    "the attribute conn": ([(r"\bself\.conn\b", "self._conn", "client")], "Client.conn"),
    **{
        f"the client's {name}": (
            [(rf"\b(self\.|def ){name}\b", rf"\1{name}2", "client")],
            f"Client.{name}",
        )
        for name in CLIENT_MEMBERS
        if name != "conn"
    },
    **{
        f"the connection's {name}": (
            [(rf"\b{name}\b", f"{name}2", "connection")]
            + [(rf"\bconn\.{name}\b", f"conn.{name}2", "client")] * (name in USED),
            f"Connection.{name}",
        )
        for name in CONNECTION_MEMBERS
    },
    **{
        f"what {name} takes": (
            [(rf"(def {name}\(self[^)]*)", r"\1, more=None", "connection")],
            f"Connection.{name}({', '.join(parameters)})",
        )
        for name, parameters in CONNECTION_METHODS.items()
    },
    **{
        f"what {name} is given": (
            [(rf"(def {name}\(self[^)]*)", r"\1, more=None", "client")],
            f"Client.{name}({', '.join(parameters)})",
        )
        for name, parameters in CLIENT_METHODS.items()
    },
    **{
        f"who hears {name}": (
            [(rf"(self\.conn\.{name} \+= )(self\.\w+)", r"\1lambda *a: \2(*a)", "client")],
            f"Client.{method} as a listener of Connection.{name}",
        )
        for name, method in CONNECTION_EVENTS.items()
    },
    "what the client uses": (
        [
            (r"( +)(self\.conn\.sendMsg\(msg\))", r"\1\2\n\1self.conn.flush()", "client"),
            (r"def reset", "def flush(self):\n        pass\n\n    def reset", "connection"),
        ],
        "what stands in for Connection.flush, which Client uses,",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_not_found_is_named(newer: Newer, what: str) -> None:
    """A release that is cut otherwise still works, and `import ibproxy` says what it misses."""
    changes, missing = CHANGES[what]
    for change in changes:
        newer.change(*change)
    kind = "Gateway" if what == "the class IB" else "IB"
    output, error = newer.run(f"import ib_async as i; print(i.{kind}()); import ibproxy")
    assert output == f"<{kind} not connected>"
    start = "ibproxy.seam.UnknownLibraryError: ib_async 9.0.0 is not built as ibproxy expects: "
    found, _, cure = error.partition("; ")
    assert found.startswith(start)
    assert found.endswith(" not found")
    assert missing in found
    assert cure == "install a release that docs/running-scripts.md lists"


SHOWS = """
from ibproxy import *
import ibproxy, ib_async
print(ib_async.__version__, type(IB().client.conn).__name__, ibproxy.NewThing is NewThing)
"""


def test_a_newer_release_with_the_same_seam_is_taken(newer: Newer) -> None:
    """Whatever else is new in it: names, members, methods, arguments."""
    newer.change(r'("IB",)', r'\1 "NewThing",', "__init__")
    newer.change(r"\Z", "\nclass NewThing:\n    pass\n", "__init__")
    newer.change(r"def reset", "def flush(self):\n        pass\n\n    def reset", "connection")
    newer.change(r"self\.transport\b", "self._transport", "connection")
    newer.change(r"MaxClientVersion = \d+", "MaxClientVersion = 222", "client")
    newer.change(r"def reqCurrentTime\(self", "def reqCurrentTime(self, more=None", "client")
    assert newer.run(SHOWS) == ("9.0.0 Link True", "")


def test_the_other_door_says_the_same(newer: Newer) -> None:
    """With `ibproxy_compat` the library's own import fails with the same words."""
    newer.change(r"\bhasData\b", "dataCame", "connection", "client")
    _, error = newer.run("import ibproxy_compat as c; c.install(); import ib_async")
    assert "ib_async 9.0.0 is not built as ibproxy expects: Connection.hasData" in error


def test_a_release_that_cannot_work_is_refused_with_the_reason(newer: Newer) -> None:
    """ib_async 1.0.0 is built as it must be, and cannot send most contracts."""
    (newer.package / "version.py").write_text(VERSION.replace("9", "1"), encoding="utf-8")
    metadata = newer.folder / "ib_async-1.0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ib_async\nVersion: 1.0.0\n")
    _, error = newer.run("import ibproxy")
    assert "ib_async 1.0.0 cannot be used: it cannot send a contract that has no conId" in error
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ib_async\nVersion: 1.0.3\n")
    code = "import ibproxy, ib_async; from ibproxy.seam import name_of; print(name_of(ib_async))"
    assert newer.run(code) == ("ib_async 1.0.3", "")


def test_the_installed_one_uses_what_the_link_has() -> None:
    """What the client's methods name is what the seam lists, so that a new use is noticed."""
    used = uses_of_connection(ib_async.Client)
    assert used == {"connectAsync", "disconnect", "sendMsg", "numBytesSent", "numMsgSent"}
    assert used <= set(CONNECTION_MEMBERS)
    check_library(ib_async)
    assert name_of(ib_async) == f"ib_async {version_of(ib_async)}"


def test_the_link_is_in_the_connections_place() -> None:
    """It has every member that the client uses, takes the same, and the old one is cut off."""
    ib = ibproxy.IB()
    link: Any = ib.client.conn
    assert isinstance(link, Link)
    assert all(hasattr(link, name) for name in CONNECTION_MEMBERS)
    assert all(hasattr(ib.client, name) for name in CLIENT_MEMBERS)
    for name, parameters in CONNECTION_METHODS.items():
        assert tuple(inspect.signature(getattr(link, name)).parameters) == parameters
    assert len(link.hasData) == 1
    assert len(link.disconnected) == 1


def test_what_is_no_library_at_all() -> None:
    """A module by that name, with nothing in it."""
    module: Any = type(sys)("ib_async")
    with pytest.raises(UnknownLibraryError, match=r"of an unknown version.*IB, IBC, Client, ib, "):
        check_library(module)
    assert issubclass(UnknownLibraryError, ImportError)
