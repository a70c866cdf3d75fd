"""How often something may be asked of the gateway, for all clients together.

Each rule counts what falls into a window of time; a request is due when every rule that it falls
under has room. The counters are taken to be the login's (fact 5.6 is unclear), and time is the
proxy's, so a window is kept a little longer than the gateway's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

MARGIN_S = 0.5
"""What a window is kept longer: messages do not all take the same time to the gateway."""

SMALL_BARS = frozenset(
    {b"1 secs", b"1 sec", b"5 secs", b"10 secs", b"15 secs", b"30 secs"}
)  # fmt: skip
"""Bars of 30 seconds or less, to which the hard limits apply (facts 5.1, 5.2)."""

_CONTRACT = slice(2, 14)
_BAR_SIZE_AT, _BARS_SHOW_AT, _HEAD_SHOW_AT, _REGULATORY_AT = 16, 19, 16, -2


class Charge(NamedTuple):
    """What a request costs under one rule.

    Attributes:
        of: what is counted together.
        cost: how many requests it counts as.
        most: how many the rule allows within its window.
        window_s: the window.
        why: the rule, for people.
    """

    of: tuple[bytes, ...]
    cost: int
    most: int
    window_s: float
    why: str


class Windows:
    """What has been spent under each rule, and when there is room again."""

    def __init__(self) -> None:
        self._spent: dict[tuple[bytes, ...], deque[tuple[float, int]]] = {}

    def due(self, charges: tuple[Charge, ...], now_s: float) -> tuple[float, str]:
        """Return when a request is due, and the rule that it waits for longest."""
        due_s, why = now_s, ""
        for charge in charges:
            free_s = self._free_s(charge, now_s)
            if free_s > due_s:
                due_s, why = free_s, charge.why
        return due_s, why

    def spend(self, charges: tuple[Charge, ...], now_s: float) -> None:
        """Count a request that is sent now."""
        for charge in charges:
            self._spent.setdefault(charge.of, deque()).append((now_s, charge.cost))

    def take_back(self, charges: tuple[Charge, ...], spent_at_s: float) -> None:
        """Forget what was counted for a request at that time: it was not sent then."""
        for charge in charges:
            spent = self._spent.get(charge.of)
            if spent and (spent_at_s, charge.cost) in spent:
                spent.remove((spent_at_s, charge.cost))

    def forget_old(self, now_s: float) -> None:
        """Drop what no rule counts any more."""
        for of, spent in list(self._spent.items()):
            while spent and spent[0][0] <= now_s - _LONGEST_S - MARGIN_S:
                spent.popleft()
            if not spent:
                del self._spent[of]

    def clear(self) -> None:
        """Begin anew."""
        self._spent.clear()

    def __len__(self) -> int:
        """How many kinds are being counted."""
        return len(self._spent)

    def _free_s(self, charge: Charge, now_s: float) -> float:
        spent = self._spent.get(charge.of, ())
        window_s = charge.window_s + MARGIN_S
        live = [each for each in spent if each[0] > now_s - window_s]
        total = charge.cost + sum(cost for _, cost in live)
        free_s = now_s
        for at_s, cost in live:
            if total <= charge.most:
                break
            total -= cost
            free_s = at_s + window_s
        return free_s


_LONGEST_S = 600.0


def charges(fields: list[bytes]) -> tuple[Charge, ...]:
    """Return what a request costs; nothing, for most.

    Args:
        fields: the request as sent upstream.
    """
    count = _CHARGES.get(fields[0])
    return count(fields) if count else ()


def _history(fields: list[bytes]) -> tuple[Charge, ...]:
    if fields[_BAR_SIZE_AT].lower() not in SMALL_BARS:
        return ()
    return _small_bars(fields, fields[_BARS_SHOW_AT])


def _small_bars(fields: list[bytes], show: bytes) -> tuple[Charge, ...]:
    """Fact 5.1; head time stamps fall under it whatever they are of (fact 5.7)."""
    cost = 2 if show.upper() == b"BID_ASK" else 1
    return (
        Charge((b"same", fields[0], *fields[2:]), 1, 1, 15.0, "no identical request in 15 s"),
        Charge(
            (b"contract", *fields[_CONTRACT], show), cost, 5, 2.0, "5 requests a contract in 2 s"
        ),
        _in_ten_minutes(cost),
    )


def _in_ten_minutes(cost: int) -> Charge:
    why = "60 requests for bars of 30 s or less in 10 min"
    return Charge((b"small bars",), cost, 60, _LONGEST_S, why)


_CHARGES: Mapping[bytes, Callable[[list[bytes]], tuple[Charge, ...]]] = {
    b"1": lambda fields: (
        (Charge((b"regulatory",), 1, 1, 1.0, "one regulatory snapshot a second"),)  # fact 4.32
        if fields[_REGULATORY_AT] == b"1"
        else ()
    ),
    b"20": _history,
    b"50": lambda _: (_in_ten_minutes(1),),  # fact 4.57
    b"81": lambda _: (
        Charge((b"symbols",), 1, 1, 1.0, "one reqMatchingSymbols a second"),  # fact 4.66
    ),
    b"87": lambda fields: _small_bars(fields, fields[_HEAD_SHOW_AT]),
    b"97": lambda fields: (  # fact 4.46, for what has just been cancelled
        Charge(
            (b"ticks", *fields[_CONTRACT], fields[-3]), 1, 1, 15.0, "no identical ticks in 15 s"
        ),
    ),
}
