"""What is compared of two logs, and what may differ: each difference with its reason.

Tolerated differences
---------------------
* Broker's ids (permId, execution id): two gateways number differently. Replaced.
* Streams of prices: a gateway of one's own sends its first image in its own order; who joins a
  shared line is shown the same values in the order of their last changes. Compared: which kinds
  of tick came, and the last value of each.
* Account values, portfolio prices and P&L: the gateway restates them every three minutes counted
  from the subscription, and the shared subscription is not the client's own. Compared: which
  keys came, the positions, and that the end mark came.
* Completed orders: a gateway drops a second question in silence while one is under way (fact
  3.104), and the proxy answers it after the first. Compared: which rows and that the end came.
* The current time: the gateway tells whole seconds, and the proxy carries its first answer on, so
  they may differ by one. Compared: that each question is answered.
* Statements about an order that a list of open orders brings: what the list tells of a change on
  its way (fact 3.85) passes by the order's owner as well, even if another asked for the list.
  When a program asks for lists, an owner may see more statements than on its own, and a list may
  swallow one that only repeats the last; none that says something new is missing, and the last
  is the same.
* What was on the wire when its request was cancelled: it may or may not arrive.
* The interleaving of messages that have nothing to do with each other. Compared per request,
  per order, and per kind of message without an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tests.differential.twins import Fields, Normal


class Keep(Enum):
    """What is compared of messages with the same key."""

    ALL = "every message, in order"
    LAST = "the last one"
    COUNT = "how many there were"
    SEEN = "whether there was one"


@dataclass(frozen=True)
class Rule:
    """How messages of one kind are compared.

    Attributes:
        name: first part of the key.
        keep: what is compared.
        id_at: index of the request id, the key's second part.
        key_at: indexes of what else belongs to the key.
        value: where what is compared of a message begins and ends.
    """

    name: str
    keep: Keep = Keep.ALL
    id_at: int | None = None
    key_at: tuple[int, ...] = ()
    value: tuple[int, int | None] = (0, None)


def _answer(name: str, id_at: int) -> Rule:
    return Rule(name, Keep.ALL, id_at)


def _tick(id_at: int) -> Rule:
    return Rule("tick", Keep.LAST, id_at, (0, id_at + 1), (id_at + 2, None))


def _state(id_at: int | None, *key_at: int) -> Rule:
    return Rule("state", Keep.SEEN, id_at, (0, *key_at))


_ORDER = Rule("order", key_at=(1,))
_END = Rule("end", Keep.SEEN, key_at=(0,))

RULES: Mapping[str, Rule] = {
    "1": _tick(2), "2": _tick(2), "45": _tick(2), "46": _tick(2), "21": _tick(1),
    "58": Rule("data type", Keep.LAST, 2), "81": Rule("parameters", Keep.LAST, 1),
    "57": _answer("snapshot end", 2),
    "3": _ORDER, "5": _ORDER, "11": _answer("execution", 1), "55": _answer("executions end", 2),
    "4": Rule("error", Keep.ALL, 2, (3,)),
    "6": _state(None, 2, 4, 5), "63": _state(2, 3, 4, 6), "73": _state(2, 3, 5, 7),
    "101": _state(None, 4, 12, 13), "102": _END,
    "94": _state(1), "95": _state(1), "54": _END, "62": _END,
    "64": _answer("summary end", 2), "74": _answer("multi end", 2), "72": _answer("multi end", 2),
    "7": Rule("portfolio", Keep.LAST, key_at=(2,), value=(13, 14)),
    "61": Rule("position", Keep.LAST, key_at=(3,), value=(14, 16)),
    "49": Rule("time", Keep.COUNT),
    "10": _answer("details", 1), "18": _answer("details", 1), "52": _answer("details", 2),
    "17": _answer("history", 1), "106": _answer("history", 1), "90": _answer("history", 1),
    "75": _answer("chain", 1), "76": _answer("chain", 1), "79": _answer("symbols", 1),
    "88": _answer("head", 1), "89": _answer("histogram", 1), "96": _answer("past ticks", 1),
}  # fmt: skip
"""Message id -> rule; what is not named is compared whole, by its kind."""

IGNORED = {"8", "9", "15"}

View = dict[tuple[str, ...], object]


def view(log: list[Fields]) -> View:
    """Return what a client could know from its log, as far as it is compared."""
    normal, lists = Normal(), dict[tuple[str, ...], list[Fields]]()
    for raw in log:
        fields = normal.message(raw)
        if fields[0] in IGNORED:
            continue
        rule = RULES.get(fields[0]) or Rule("kind", key_at=(0,))
        request_id = fields[rule.id_at] if rule.id_at is not None else ""
        key = (rule.name, request_id, *(fields[at] for at in rule.key_at))
        lists.setdefault(key, []).append([rule.keep.name, *fields[slice(*rule.value)]])
    return {key: _kept(Keep[messages[0][0]], messages) for key, messages in lists.items()}


def _kept(keep: Keep, messages: list[Fields]) -> object:
    if keep is Keep.ALL:
        return messages
    if keep is Keep.LAST:
        return messages[-1]
    return len(messages) if keep is Keep.COUNT else True


def differences(own: View, shared: View, cut_short: set[str], *, has_lists: bool) -> list[str]:
    """Return a line for each place where the views differ."""
    return [
        f"{key}:\n  own    {own.get(key)}\n  shared {shared.get(key)}"
        for key in sorted({*own, *shared})
        if key[1] not in cut_short
        and own.get(key) != shared.get(key)
        and not (has_lists and key[0] == _ORDER.name and _is_within(own.get(key), shared.get(key)))
    ]


def _is_within(fewer: object, more: object) -> bool:
    """Whether `more` has all news of `fewer` in its order, and the same end."""
    if not isinstance(fewer, list) or not isinstance(more, list):
        return False
    rest = iter(_news(more))
    return all(each in rest for each in _news(fewer)) and fewer[-1] == more[-1]


def _news(statements: list[Fields]) -> list[Fields]:
    """Leave out statements that repeat the last of their kind."""
    news, last = [], dict[str, Fields]()
    for statement in statements:
        if last.get(statement[1]) != statement:
            news.append(statement)
        last[statement[1]] = statement
    return news
