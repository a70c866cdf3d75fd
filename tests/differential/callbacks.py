"""What a client sees: ib_async's own decoder makes callbacks of messages, and they are noted.

Before that the broker's ids are replaced, since two gateways number differently: an order's
permId by the reference that the test gave the order, an execution's id by that and a count. And
what a gateway's clients know of each other is put as behind the proxy (docs/limits.md, Orders):
the orders of another strategy have order id and client id 0.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

from ib_async import Wrapper
from ib_async.decoder import Decoder

from ibproxy_sim.build import Simulation
from tests.differential.messages import VERSION

Fields = list[str]

OPEN, STATUS, EXECUTION, COMMISSION, COMPLETED, ERROR = "5", "3", "11", "59", "101", "4"
PERM_ID_AT = {OPEN: 25, STATUS: 6, EXECUTION: 21, COMPLETED: 23}
"""Message id -> index of the permId [api ib_async/decoder.py]."""

CLIENT_ID_AT = {OPEN: 24, STATUS: 9, EXECUTION: 22}
ORDER_ID_AT = {OPEN: 1, STATUS: 1, EXECUTION: 2}
PARENT_ID_AT = {OPEN: 58, STATUS: 7}
EXEC_ID_AT = {EXECUTION: 14, COMMISSION: 2}
OCA_GROUP_AT = {OPEN: 19, COMPLETED: 18}
REPEATED_AT = 30
"""openOrder repeats permId, account and quantity there."""

NOBODYS = "7"
"""The permId of what has only been asked, and is no order."""

UNSET = {"", "0", "9223372036854775807"}
_LETTERS = re.compile(r"-'\w+'")
"""Two letters in an error's text that change from gateway to gateway."""


class Callback(NamedTuple):
    """One call of the wrapper.

    Attributes:
        name: of the method.
        values: its arguments by name; objects as the values of their fields.
    """

    name: str
    values: dict[str, Any]


class Names:
    """The broker's ids of one gateway, and what stands for them."""

    def __init__(self, sim: Simulation) -> None:
        orders = sim.trading.books.orders
        self._names = {str(each.perm_id): each.terms.text("order_ref") for each in orders}
        counts = Counter[str]()
        for execution in sim.trading.books.executions:
            ref = self._names[str(execution.perm_id)]
            counts[ref] += 1
            self._names[execution.exec_id] = f"{ref}.{counts[ref]}"

    def __getitem__(self, value: str) -> str:
        """Return what stands for an id; those of mere questions are nobody's."""
        return value if value in UNSET else self._names.get(value, NOBODYS)

    def known(self, value: str) -> str:
        """Return what stands for a value if it is an id: an order names its family in places."""
        return self._names.get(value, value)


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Whose eyes see the messages.

    Attributes:
        names: what stands for the broker's ids.
        first_id: what is below a strategy's client ids on its own side; 0 behind the proxy.
    """

    names: Names
    first_id: int = 0

    def see(self, raw: Fields) -> tuple[str, ...]:
        """Return a message with what may differ replaced."""
        kind, shown = raw[0], list(raw)
        if kind in PERM_ID_AT:
            shown[PERM_ID_AT[kind]] = self.names[shown[PERM_ID_AT[kind]]]
        if kind in EXEC_ID_AT:
            shown[EXEC_ID_AT[kind]] = self.names[shown[EXEC_ID_AT[kind]]]
        if kind in OCA_GROUP_AT:
            at = OCA_GROUP_AT[kind]
            shown[at] = shown[at].partition("@")[0]
            shown = [self.names.known(each) for each in shown]
        if kind == OPEN:
            shown[REPEATED_AT] = ""
        if kind == ERROR:
            shown[4] = _LETTERS.sub("", shown[4])
        if kind in CLIENT_ID_AT and self.first_id:
            self._hide_others(kind, shown)
        return tuple(shown)

    def _hide_others(self, kind: str, shown: Fields) -> None:
        at = CLIENT_ID_AT[kind]
        client_id = int(shown[at]) - self.first_id
        if 0 <= client_id < 10:
            shown[at] = str(client_id)
            return
        shown[at] = shown[ORDER_ID_AT[kind]] = "0"
        if kind in PARENT_ID_AT:
            shown[PARENT_ID_AT[kind]] = "0"


class _Recorder:
    """Takes the place of the wrapper."""

    def __init__(self) -> None:
        self.calls: list[Callback] = []
        self.defaultTimezone = None  # the decoder reads it

    def __getattr__(self, name: str) -> Any:
        names = _argument_names(name)
        return lambda *args: self.calls.append(
            Callback(name, {key: _plain(value) for key, value in zip(names, args, strict=True)})
        )


class _Strict:
    """A logger that lets nothing pass: what ib_async cannot decode fails the test."""

    def exception(self, text: str) -> None:
        """Raise what was to be logged, from what is being handled."""
        raise AssertionError(text) from sys.exc_info()[1]


@lru_cache
def _argument_names(name: str) -> tuple[str, ...]:
    return tuple(inspect.signature(getattr(Wrapper, name)).parameters)[1:]


def _plain(value: object) -> object:
    """Return objects as dicts of what differs from the default; compared, so deep."""
    if dataclasses.is_dataclass(value):
        shown = {
            each.name: getattr(value, each.name)
            for each in dataclasses.fields(value)
            if getattr(value, each.name) != each.default
        }
        return {key: _plain(each) for key, each in shown.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


@lru_cache(maxsize=100_000)
def decoded(fields: tuple[str, ...]) -> tuple[Callback, ...]:
    """Return what ib_async makes of a message."""
    recorder = _Recorder()
    decoder = Decoder(recorder, VERSION)  # type: ignore[arg-type]
    decoder.logger = _Strict()  # type: ignore[assignment]
    decoder.interpret(list(fields))  # type: ignore[no-untyped-call]
    return tuple(recorder.calls)
