"""What Python runs before a program that `ibproxy run` started, and before its Python children.

It installs ibproxy, takes its own folder out of `sys.path`, and runs the `sitecustomize` that
stands behind it, if there is one: of all this the program sees the first entry of PYTHONPATH.

Where ibproxy cannot be had, the program itself does not begin, for it would connect past the
proxy. A child of another Python, which does not have ibproxy, is left alone.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

LAUNCHED = "IBPROXY_LAUNCHED"
"""Environment variable: set for the program itself, not for its children; as in launch.py."""


def _begin() -> None:
    here = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - pathlib is slow to come
    sys.path[:] = [each for each in sys.path if os.path.realpath(each) != here]
    is_launched = os.environ.pop(LAUNCHED, None) is not None
    try:
        import ibproxy_compat  # noqa: PLC0415 - what if it is not there

        ibproxy_compat.install()
    except ImportError as error:
        if is_launched:
            sys.stderr.write(f"ibproxy: cannot be imported by {sys.executable}: {error}\n")
            sys.stderr.flush()
            os._exit(2)  # an exception would be reported, and the program run all the same


def _run_the_next() -> None:
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


_begin()
_run_the_next()
