"""The command `ibproxy`: what can be asked for, and how it ends.

One module for each command; it is imported when its command is asked for, so that help comes
at once. Exit status: 0 done, 1 what was checked does not hold, 2 a mistake of the user's, told
in one line on standard error, 130 ended by Ctrl-C.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ibproxy_compat.launch import add_arguments

MISTAKE = 2
INTERRUPTED = 130
DISTRIBUTION = "ib-async-proxy"
CONTROLS = (
    "fault",
    "mend",
    "faults",
    "advance",
    "speed",
    "time",
    "enter",
    "cancel",
    "orders",
    "executions",
    "positions",
    "accounts",
    "statistics",
)
"""What `ibproxy sim-control` can be asked; here, so that help comes without imports."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command line behind the program's name; None takes this process's own.

    Returns:
        The exit status.
    """
    try:
        options = _parser().parse_args(arguments)
        command = importlib.import_module(f"{__name__}.{options.command.replace('-', '_')}")
        status: int = command.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has left; Python would complain once more at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from ibproxy.errors import IbproxyError  # noqa: PLC0415 - it is slow, and seldom needed

        if not isinstance(error, IbproxyError):
            raise
        text = " ".join(str(error).split())
        sys.stderr.write(f"ibproxy: {text}\n")
        return MISTAKE
    return status


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISTAKE, f"{self.prog}: {message}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom needed

        sys.stdout.write(f"ibproxy {version(DISTRIBUTION)}\n")
        parser.exit()


def _parser() -> _Parser:
    parser = _Parser(
        prog="ibproxy",
        description="One Interactive Brokers connection, shared by many trading scripts.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser(
        "demo",
        help="watch two strategies share one connection; needs no account",
        allow_abbrev=False,
    )
    demo.add_argument(
        "--seconds", type=_positive, default=20.0, metavar="N", help="how long it runs (20)"
    )

    sim = commands.add_parser("sim", help="run the stand-in gateway", allow_abbrev=False)
    sim.add_argument("--host", default="127.0.0.1", metavar="H", help="address (127.0.0.1)")
    sim.add_argument("--port", type=_port, default=4002, metavar="P", help="0 takes any (4002)")
    sim.add_argument(
        "--scenario", metavar="NAME", help="what it plays, or a file that ends in .toml (calm)"
    )
    sim.add_argument("--list-scenarios", action="store_true", help="say which there are, and end")
    sim.add_argument("--control", metavar="URL", help="where sim-control reaches it (nowhere)")
    sim.add_argument(
        "--accounts",
        type=_accounts,
        metavar="CODES",
        help="account codes with commas between (DU1000001,DU1000002)",
    )
    sim.add_argument("--seed", type=int, metavar="N", help="chooses the market (1)")
    sim.add_argument(
        "--speed",
        type=_speed,
        metavar="X",
        help="market seconds a second (1); max: ticks as fast as they are read, for load tests",
    )
    sim.add_argument(
        "--server-version",
        type=_server_version,
        metavar="V",
        help="highest version it speaks, 157 to 178 (178)",
    )

    control = commands.add_parser(
        "sim-control", help="change or ask a running stand-in gateway", allow_abbrev=False
    )
    control.add_argument("url", metavar="URL", help="what its --control says")
    control.add_argument(
        "what",
        metavar="WHAT",
        choices=CONTROLS,
        help=f"one of {', '.join(CONTROLS)}",
    )
    control.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="fault NAME [key=value ...], mend [NAME], advance SECONDS, speed X, positions [CODE], "
        "enter ACCOUNT BUY|SELL QUANTITY SYMBOL [LIMIT], cancel PERM_ID",
    )

    serve = commands.add_parser("serve", help="run the proxy", allow_abbrev=False)
    serve.add_argument("--config", metavar="FILE", help="configuration file (TOML)")
    serve.add_argument("--gateway", metavar="HOST:PORT", help="IB Gateway or TWS")
    serve.add_argument("--client-id", type=_client_id, metavar="N", help="the proxy's own API id")
    serve.add_argument(
        "--listen",
        action="append",
        metavar="URL",
        help="where strategies connect; may be repeated",
    )
    serve.add_argument("--journal", metavar="FILE", help="where orders are recorded; off: nowhere")
    serve.add_argument(
        "--on-duplicate",
        choices=("refuse", "take-over"),
        help="what happens to a second live copy of a strategy with one client id (refuse)",
    )
    serve.add_argument(
        "--tcp",
        action="append",
        metavar="HOST:PORT",
        help="where a program that speaks TWS's protocol connects; may be repeated",
    )
    serve.add_argument(
        "--tcp-strategy",
        action="append",
        metavar="NAME",
        help="which strategy it is; one for each --tcp, in their order",
    )

    run = commands.add_parser(
        "run", help="run a script that knows nothing of ibproxy", allow_abbrev=False
    )
    add_arguments(run)

    check = commands.add_parser(
        "check",
        help="say what will happen to a script behind the proxy, without running it",
        allow_abbrev=False,
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="a script, or a notebook")
    check.add_argument("--json", action="store_true", help="for programs")

    status = commands.add_parser("status", help="show what a proxy is doing", allow_abbrev=False)
    status.add_argument("--url", metavar="URL", help="the proxy's address")
    status.add_argument("--json", action="store_true", help="for programs")

    orders = commands.add_parser(
        "orders", help="list the orders in the journal", allow_abbrev=False
    )
    orders.add_argument("--strategy", metavar="NAME", help="only this one's")
    orders.add_argument("--json", action="store_true", help="for programs")
    orders.add_argument("--config", metavar="FILE", help="configuration file (TOML)")
    orders.add_argument("--journal", metavar="FILE", help="this journal, not the configured one")

    verify = commands.add_parser(
        "verify", help="check what the proxy takes for granted of a gateway", allow_abbrev=False
    )
    verify.add_argument("--gateway", required=True, metavar="HOST:PORT", help="IB Gateway or TWS")
    verify.add_argument(
        "--client-id",
        type=_client_id,
        default=917,
        metavar="N",
        help="API client id, others follow it (917)",
    )
    verify.add_argument(
        "--server-version",
        type=_server_version,
        default=176,
        metavar="N",
        help="highest version that is asked for, 157 to 178 (176, as the proxy asks)",
    )
    verify.add_argument("--json", action="store_true", help="for programs")
    verify.add_argument(
        "--allow-orders",
        action="store_true",
        help="place orders too: paper accounts only, far from the market, cancelled at once",
    )
    return parser


def _positive(text: str) -> float:
    number = _number(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _speed(text: str) -> float:
    return float("inf") if text == "max" else _positive(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _whole(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
    return int(text)


def _port(text: str) -> int:
    return _whole(text, 0, 65535)


def _server_version(text: str) -> int:
    return _whole(text, 157, 178)


def _client_id(text: str) -> int:
    return _whole(text, 0, 2**31 - 1)


def _accounts(text: str) -> tuple[str, ...]:
    codes = tuple(text.split(","))
    for code in codes:
        letters = code.rstrip("0123456789")
        if not (letters.isascii() and letters.isalpha() and letters.isupper() and letters != code):
            raise argparse.ArgumentTypeError(
                f"{code!r} is no account code; write them like DU1000001,DU1000002"
            )
    if len(set(codes)) < len(codes):
        raise argparse.ArgumentTypeError("an account is named twice")
    return codes
