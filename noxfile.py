"""Every client library that ibproxy works with, on every Python: `nox`, or one of `nox --list`.

Each session installs ibproxy and one release of one library into an environment of its own. It
compares names and signatures with the library's, looks at the seam, and runs programs straight
on the stand-in gateway and through the proxy. A Python that this machine lacks is skipped by its
name. `nox -- long` runs every program, and every protocol version.
"""

from __future__ import annotations

import nox

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LIBRARIES = {  # the first and the last of each line of releases -> whose tests they run
    "ib_async==1.0.1": "ib_async",
    "ib_async==1.0.3": "ib_async",
    "ib_async==2.0.1": "ib_async",
    "ib_async==2.1.0": "ib_async",
    "ib_insync==0.9.86": "ib_insync",
}
TESTS = {
    "ib_async": (
        "tests/client/test_names.py",
        "tests/client/test_seam.py",
        "tests/compat/test_imports.py",
        "tests/compat/test_awkward.py",
        "tests/e2e/test_versions.py",
    ),
    "ib_insync": ("tests/compat/test_insync.py", "tests/compat/test_awkward.py"),
}
OF_EACH = {"ib_async": "not insync", "ib_insync": "insync"}
"""Which of the tests are of a library; `pytest -k` reads it."""

SHORT = "test_names or test_seam or test_imports or test_insync or test_versions and 176"
SHORT += " or subclass or twenty or startLoop or numbers or travel or pool"
"""What is run of them without `-- long`."""

NEEDED = ("filelock>=3.16", "pandas>=2", "pytest>=8.3", "pytest-timeout>=2.3", "pytest-xdist>=3.6")

QUIET = "ignore:There is no current event loop:DeprecationWarning"
"""From Python 3.12 on, the `eventkit` of ib_insync and ib_async 1.0 is warned of at its import."""

nox.options.sessions = ["client"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
@nox.parametrize("library", [nox.param(each, id=each.replace("==", "-")) for each in LIBRARIES])
def client(session: nox.Session, library: str) -> None:
    """Names, signatures, the seam, and programs end to end; `-- long` for all programs."""
    session.install("-e", ".", library, *NEEDED)
    kind = LIBRARIES[library]
    which = OF_EACH[kind] if "long" in session.posargs else f"{OF_EACH[kind]} and ({SHORT})"
    session.env["IBPROXY_LONG"] = "1"  # `which` chooses
    session.run("pytest", "-q", "-W", QUIET, "-k", which, *TESTS[kind])
