"""`ibproxy run` runs a program as plain Python does: both are run, and compared."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.compat.conftest import AS_MODULE, LAUNCHED, PLAIN, Stage

WAYS = {"module": AS_MODULE, "command": LAUNCHED}

FACTS = """
import inspect, re, sys
print(sys.argv, sys.orig_argv[1:], sys.path[0], sys.flags)
main = sys.modules["__main__"]
for name in sorted(vars(main)):
    if name not in ("inspect", "re", "sys", "main", "__loader__", "__builtins__"):
        print(name, re.sub("0x[0-9a-f]+", "", repr(vars(main)[name])))
print(type(__loader__), type(__builtins__), main.__dict__ is globals())
print(inspect.stack()[-1].function, sys.excepthook is sys.__excepthook__)
"""

ENDINGS = {
    "nothing": "print('done')",
    "an exception": "def f():\n    raise ValueError('no')\nf()",
    "a chained exception": "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError(1) from e",
    "a syntax error": "print(1\nx = = 2\n",
    "exit 3": "import sys; sys.exit(3)",
    "exit text": "import sys; sys.exit('sorry')",
    "os._exit": "import os; os._exit(7)",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "a hook": "import sys\nsys.excepthook = lambda *a: print('mine', a[0])\n1/0",
    "a warning": "import warnings; warnings.warn('careful')",
    "atexit": "import atexit, sys\natexit.register(print, 'left', __name__)\nsys.exit(4)",
    "a thread": (
        "import threading, pickle, time\nclass A: pass\n"
        "def later():\n    threading.main_thread().join()\n"
        "    print(type(pickle.loads(pickle.dumps(A()))))\n"
        "threading.Thread(target=later).start()\n"
    ),
    "pickled": (
        "import pickle\nclass A: pass\ntext = pickle.dumps(A(), 0)\n"
        "print(text, type(pickle.loads(text)))"
    ),
    "a thread's end": (
        "import threading\ndef f(): 1 / 0\nthreading.Thread(target=f, name='T').start()"
    ),
    "loggers": (
        "import asyncio, logging\n"
        "print(logging.root.handlers, list(logging.Logger.manager.loggerDict))"
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize(
    "what",
    [
        ("script.py",),
        ("script.py", "--strategy", "x", "-m", "--", "-c", "a b"),
        ("./folder/other.py", "1"),
        ("folder",),
        ("-m", "script", "-m", "x"),
        ("-m", "folder.other", "--url", "x"),
        ("-m", "folder"),
        ("-c", FACTS, "-c", "1", "-h"),
    ],
    ids=lambda what: " ".join(what[:2]).split("\n")[0],
)
def test_what_a_program_knows_of_itself(
    stage: Stage, way: tuple[str, ...], what: tuple[str, ...]
) -> None:
    """Arguments, path, the names of `__main__` and the stack are the same."""
    for name in ("script.py", "folder/other.py", "folder/__main__.py"):
        stage.write(FACTS, name)
    plain = stage.run(PLAIN, *what)
    assert plain.status == 0, plain
    assert stage.run(way, *what) == plain


@pytest.mark.parametrize("ending", ENDINGS)
def test_how_a_program_ends(stage: Stage, ending: str) -> None:
    """Output, traceback and exit status are the same, to the letter."""
    script = stage.write(ENDINGS[ending])
    plain = stage.run(PLAIN, script)
    assert stage.run(LAUNCHED, script) == plain


@pytest.mark.parametrize("what", [("no.py",), ("-m", "no_such"), ("-c", "1 +")])
def test_programs_that_are_not_there(stage: Stage, what: tuple[str, ...]) -> None:
    """Python's own words, and status."""
    plain = stage.run(PLAIN, *what)
    assert plain.status != 0
    assert stage.run(LAUNCHED, *what) == plain


INTERRUPTED = {
    "left alone": "import time\nprint('up', flush=True)\ntime.sleep(60)",
    "caught": (
        "import time\ntry:\n    print('up', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('caught')\n    raise"
    ),
    "handled": (
        "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(9))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    ),
}


@pytest.mark.parametrize("text", INTERRUPTED.values(), ids=INTERRUPTED.keys())
def test_control_c(stage: Stage, text: str) -> None:
    """It reaches the program, and ends it as always: by the signal, if nobody catches it."""
    script = stage.write(text)
    plain = stage.interrupt(PLAIN, script)
    assert plain.status in (-signal.SIGINT, 9)
    ended = stage.interrupt(LAUNCHED, script)
    assert (ended.status, ended.output) == (plain.status, plain.output)
    # which line it was in is chance
    assert ended.errors.splitlines()[::99] == plain.errors.splitlines()[::99]
    assert ended.errors.splitlines()[-1:] == plain.errors.splitlines()[-1:]
    assert "ibproxy" not in ended.errors


def test_flags_of_the_interpreter(stage: Stage) -> None:
    """What Python is told in front of `-m ibproxy` holds for the program."""
    script = stage.write("import sys; print(sys.flags, sys.warnoptions, sys._xoptions)")
    flags = ("-B", "-O", "-W", "error", "-X", "dev")
    plain = stage.run(flags, script)
    assert "optimize=1" in plain.output
    assert stage.run((*flags, *AS_MODULE), script) == plain


CHILDREN = """
import multiprocessing, sys
from LIBRARY import IB

class Thing:
    pass

def work(thing):
    return type(thing).__qualname__, __name__, type(IB().client.conn).__name__, sys.argv

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(1) as pool:
        print(pool.map(work, [Thing()]))
"""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
@pytest.mark.parametrize("what", [("script.py",), ("-m", "script")], ids=["script", "module"])
@pytest.mark.parametrize("library", ["ib_async", "ib_insync"])
def test_children_of_multiprocessing(
    stage: Stage,
    library: str,
    method: str,
    what: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> None:
    """They begin and pickle as always, and what they connect goes through the proxy, too."""
    if library == "ib_insync":
        request.getfixturevalue("insync")
    stage.write(CHILDREN.replace("LIBRARY", library))
    plain = stage.run(PLAIN, *what, method)
    assert plain.output.count("Connection") == 1, plain
    launched = stage.run(LAUNCHED, *what, method)
    assert launched.output == plain.output.replace("Connection", "Link")
    assert (launched.status, launched.errors) == (plain.status, plain.errors)


def test_children_that_are_programs(stage: Stage) -> None:
    """A Python program that the program starts goes through the proxy as well."""
    stage.write("from ib_async import IB; print(type(IB().client.conn).__name__)", "child.py")
    script = stage.write("import subprocess, sys; subprocess.run([sys.executable, 'child.py'])")
    assert stage.run(PLAIN, script).output == "Connection\n"
    assert stage.run(LAUNCHED, script).output == "Link\n"


def test_the_users_sitecustomize_is_run(stage: Stage) -> None:
    """The one that stands behind ours on the path is run, and is what can be imported."""
    stage.write("print('customized')\nvalue = 1\n", "site/sitecustomize.py")
    former = stage.environment.get("PYTHONPATH", "")
    stage.environment["PYTHONPATH"] = f"{stage.folder}/site{os.pathsep}{former}"
    script = stage.write(
        "import sitecustomize, sys\nprint(sitecustomize.value, sitecustomize.__file__)\n"
        "print([each for each in sys.path if 'startup' in each])"
    )
    plain = stage.run(PLAIN, script)
    assert plain.output.startswith("customized\n1 ")
    launched = stage.run(LAUNCHED, script)  # once for `ibproxy run` itself
    assert (launched.output, launched.errors) == (f"customized\n{plain.output}", plain.errors)


def test_the_program_does_not_begin_without_ibproxy(stage: Stage, tmp_path: Path) -> None:
    """If the Python that is started does not have ibproxy, nothing goes past the proxy."""
    stage.write("raise ImportError('gone')", "broken/wrapt.py")
    former = stage.environment.get("PYTHONPATH", "")
    stage.environment["PYTHONPATH"] = f"{tmp_path}/broken{os.pathsep}{former}"
    ended = stage.run(LAUNCHED, stage.write("print('begun')"))
    assert (ended.status, ended.output) == (2, "")
    assert ended.errors == f"ibproxy: cannot be imported by {sys.executable}: gone\n"


@pytest.mark.parametrize(
    ("arguments", "explanation"),
    [
        ((), "say what to run"),
        (("--strategy", "a b", "script.py"), "write a_b"),
        (("--url", "localhost", "script.py"), "localhost"),
        (("--wrong", "script.py"), "--wrong"),
    ],
)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_mistakes(
    stage: Stage, way: tuple[str, ...], arguments: tuple[str, ...], explanation: str
) -> None:
    """Told in a line, with exit status 2, and nothing is run."""
    stage.write("print('begun')")
    ended = stage.run(way, *arguments)
    assert (ended.status, ended.output) == (2, "")
    assert explanation in ended.errors


def test_a_python_that_reads_no_environment(stage: Stage) -> None:
    """With -E the program would connect past the proxy: refused."""
    text = "import runpy, sys; sys.argv = ['x', 'script.py']; sys.path[:0] = {path!r}\n"
    text += "runpy.run_module('ibproxy', run_name='__main__')"
    stage.write("print('begun')")
    path = stage.environment.get("PYTHONPATH", "").split(os.pathsep)
    ended = stage.run(("-E",), "-c", text.format(path=path))
    assert (ended.status, ended.output) == (2, "")
    assert "which keep ibproxy out" in ended.errors


def test_settings_on_the_command_line(stage: Stage) -> None:
    """They are what the environment variables say, for the program and its children."""
    text = "import os; print(os.environ['IBPROXY_URL'], os.environ['IBPROXY_STRATEGY'])"
    text += "; print('IBPROXY_LAUNCHED' in os.environ)"
    options = ("--url", "ipc:///tmp/none.sock", "--strategy", "alpha")
    ended = stage.run(LAUNCHED, *options, stage.write(text))
    assert ended.output == "ipc:///tmp/none.sock alpha\nFalse\n"
