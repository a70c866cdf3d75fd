"""`ibproxy run`: starts Python anew with a program, and ibproxy in it.

The program is run by Python itself and not from inside ours, so that tracebacks, `__main__`,
`sys.argv`, `sys.path`, exit status, signals and multiprocessing are what they always are. On
POSIX the process stays the same. `startup/sitecustomize.py` does the rest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

STARTUP: Final = Path(__file__).parent / "startup"
LAUNCHED: Final = "IBPROXY_LAUNCHED"
MISTAKE: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `ibproxy run` and `python -m ibproxy` can be asked."""
    rest = argparse.REMAINDER
    parser.add_argument("--strategy", metavar="S", help="its name at the proxy (the script's name)")
    parser.add_argument("--url", metavar="URL", help="the proxy's address")
    parser.add_argument("-m", dest="module", nargs=rest, metavar="MODULE ...", help="run a module")
    parser.add_argument("-c", dest="code", nargs=rest, metavar="CODE ...", help="run this text")
    parser.add_argument(
        "script", nargs=rest, metavar="script.py ...", help="the script, and its arguments"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m ibproxy`."""
    parser = argparse.ArgumentParser(
        prog="python -m ibproxy",
        description="Run a script of ib_async or ib_insync through the proxy, unchanged.",
        allow_abbrev=False,
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    from ibproxy.errors import IbproxyError  # noqa: PLC0415 - `ibproxy --help` imports this module

    try:
        return launch(options)
    except IbproxyError as error:
        parser.exit(MISTAKE, f"ibproxy: {error}\n")


def launch(options: argparse.Namespace) -> int:
    """Run the program that `options` name; on POSIX in this process, without coming back.

    Returns:
        The program's exit status, where it is another process.

    Raises:
        ibproxy.errors.ConfigError: the options cannot be used.
    """
    command = [sys.executable, *subprocess._args_from_interpreter_flags(), *_target(options)]  # type: ignore[attr-defined] # noqa: SLF001 - as multiprocessing does
    environment = _environment(options)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        _replace_this_process(command, environment)
    return _wait_for(command, environment)


def _target(options: argparse.Namespace) -> list[str]:
    """Return what of the command line Python itself is to read."""
    if options.module:
        return ["-m", *options.module]
    if options.code:
        return ["-c", *options.code]
    if not options.script or options.script[0].startswith("-"):
        _refuse("say what to run: ibproxy run script.py, or -m module, or -c code")
    return list(options.script)


def _environment(options: argparse.Namespace) -> dict[str, str]:
    if sys.flags.ignore_environment or sys.flags.no_site:
        _refuse("Python runs with -I, -E or -S, which keep ibproxy out: leave them away")
    former = os.environ.get("PYTHONPATH")
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([str(STARTUP), *([former] if former else [])])
    environment[LAUNCHED] = "1"
    if options.strategy is not None:
        environment["IBPROXY_STRATEGY"] = _checked_strategy(options.strategy)
    if options.url is not None:
        environment["IBPROXY_URL"] = _checked_url(options.url)
    return environment


def _checked_strategy(name: str) -> str:
    from ibproxy.identity import clean_name  # noqa: PLC0415 - slow, and seldom needed

    if clean_name(name) != name:
        _refuse(f"--strategy {name!r} cannot be a name: write {clean_name(name) or 'a name'}")
    return name


def _checked_url(url: str) -> str:
    from ibproxy.address import parse_url  # noqa: PLC0415 - as above

    parse_url(url)
    return url


def _refuse(text: str) -> NoReturn:
    from ibproxy.errors import ConfigError  # noqa: PLC0415 - as above

    raise ConfigError(text)


def _replace_this_process(command: list[str], environment: dict[str, str]) -> NoReturn:
    os.execve(command[0], command, environment)  # noqa: S606 - what the user asked for


def _wait_for(command: list[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - as above
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # it has got the same Ctrl-C, and decides
                continue
