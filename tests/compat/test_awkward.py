"""What programs do that is hard on a drop-in: each does the same straight and through the proxy.

Every program is run three times, with each library: by plain Python on the stand-in, by
`ibproxy run` through the proxy, and with its one line changed. What it prints is compared.
"""

from __future__ import annotations

import re
import time

import pytest

from ibproxy_server.shells.threaded import ThreadedProxy
from ibproxy_sim.threaded import ThreadedSim
from tests.compat.conftest import LAUNCHED, PATIENCE_S, PLAIN, Ended, Stage
from tests.compat.programs import IMPOSSIBLE, LIBRARIES, PROGRAMS, SURVIVED, text_of

OTHER = "ib_insync"
"""Runs the same programs where there is time for it."""


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    "library",
    [pytest.param(each, marks=[pytest.mark.long] if each == OTHER else []) for each in LIBRARIES],
)
def test_a_program(
    stage: Stage,
    proxy: ThreadedProxy,
    sim: ThreadedSim,
    library: str,
    name: str,
    request: pytest.FixtureRequest,
) -> None:
    """Output, errors and exit status are the same, and no session is left."""
    if (library, name) in IMPOSSIBLE:
        pytest.skip(IMPOSSIBLE[library, name])
    if library == "ib_insync":
        request.getfixturevalue("insync")
    text = text_of(name, library)
    script = stage.write(text)
    changed = stage.write(re.sub(rf"\b{library}\b", LIBRARIES[library], text), "one.py")
    plain = neutral(stage.run(PLAIN, script, str(sim.port)))
    stage.skip_if_the_library_cannot(ended=plain)
    assert plain.status == 0, plain.errors
    assert plain.output
    assert neutral(stage.run(LAUNCHED, script, "4002")) == plain
    assert neutral(stage.run(PLAIN, changed, "4002")) == plain
    deadline_s = time.monotonic() + PATIENCE_S
    while proxy.status()["sessions"]:  # who was killed has not said goodbye
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_nothing_is_left_out() -> None:
    """Every line of what is to be survived has a program, and every program has a line."""
    shown = {name for names in SURVIVED.values() for name in names}
    assert shown == set(PROGRAMS)
    assert all(SURVIVED.values())


def neutral(ended: Ended) -> Ended:
    """Return it without numbers of requests, and with the class named as the library does.

    From Python 3.12 on a fork beside ZeroMQ's threads is warned of. A gateway answers one client
    at a time with completed orders, and does not answer others that ask meanwhile; a proxy does.
    """
    output = ended.output.replace("<RemoteIB ", "<IB ")
    errors = re.sub(r"reqId \d+", "reqId n", ended.errors)
    errors = re.sub(r".*multi-threaded, use of fork.*\n.*\n", "", errors)
    errors = errors.replace("completed orders request timed out\n", "")
    return Ended(ended.status, output, errors)
