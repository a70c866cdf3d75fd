"""`ibproxy sim-control`: change a running stand-in, or ask it; answers are JSON, a row a line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from ibproxy.errors import ConfigError
from ibproxy_sim.control import connect
from ibproxy_sim.control.operations import SimControl
from ibproxy_sim.control.views import OrderView

Words = list[str]


def run(options: argparse.Namespace) -> int:
    """Do what was asked, and print what came of it."""
    perform, fewest, most = COMMANDS[options.what]
    if not fewest <= len(options.words) <= most:
        raise ConfigError(f"sim-control {options.what}: see ibproxy sim-control --help")
    with connect(options.url) as control:
        result = perform(control, options.words)
    rows = result if isinstance(result, list) else [] if result is None else [result]
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
    return 0


def _fault(control: SimControl, words: Words) -> None:
    name, *pairs = words
    parameters: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise ConfigError(f"{pair!r} is not key=value")
        parameters[key] = _value(text)
    for_s = parameters.pop("for_s", None)
    control.fault(name, for_s=for_s, **parameters)


def _value(text: str) -> Any:
    """A number, a list or an object if it is one in JSON, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ConfigError(f"{word!r} is not a number") from None


def _enter(control: SimControl, words: Words) -> OrderView:
    account, action, quantity, symbol, *limit = words
    side = cast("Literal['BUY', 'SELL']", action)  # the stand-in looks whether it is one
    return control.enter(account, side, _number(quantity), symbol, *map(_number, limit))


MANY = 99
COMMANDS: dict[str, tuple[Callable[[SimControl, Words], Any], int, int]] = {
    "fault": (_fault, 1, MANY),
    "mend": (lambda control, words: control.mend(*words), 0, 1),
    "faults": (lambda control, _: control.faults, 0, 0),
    "advance": (lambda control, words: control.advance(_number(words[0])), 1, 1),
    "speed": (lambda control, words: control.set_speed(_number(words[0])), 1, 1),
    "time": (lambda control, _: control.time, 0, 0),
    "enter": (_enter, 4, 5),
    "cancel": (lambda control, words: control.cancel(int(_number(words[0]))), 1, 1),
    "orders": (lambda control, _: control.orders, 0, 0),
    "executions": (lambda control, _: control.executions, 0, 0),
    "positions": (lambda control, words: control.positions(*words), 0, 1),
    "accounts": (lambda control, _: control.accounts, 0, 0),
    "statistics": (lambda control, _: control.statistics, 0, 0),
}
"""What can be asked -> how, and with how many words at least and at most."""
