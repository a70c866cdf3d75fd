"""How each method of `IB` is carried, as a page of the documentation.

`python -m ibproxy_server.methods > docs/methods.md` writes it again. Which messages a method
sends is read from the source of the installed ib_async, the rest from the message table.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator

from ib_async import IB

from ibproxy.wire.messages import ANSWERS, REQUESTS, Answer, Carry, Request
from ibproxy.wire.sources import sources_of

HEAD = """\
# How each method of IB is carried

Which messages a method of ib_async's `IB` sends, and what the proxy does with them:

| word | meaning |
|---|---|
"""

WORDS = {
    "shared": "equal requests of several scripts are one at the gateway; each gets every answer",
    "cached": "the answer is kept for a while, for it stays the same",
    "own": "each script's is one of its own at the gateway; a cancel ends the script's own part",
    "serialised": "no request id: one of a kind is at the gateway at a time, later askers wait",
    "per session": "answered by the proxy from what it knows, for this script alone",
    "limited": "reaches only the script's own orders, or is only for scripts that see all accounts",
    "refused": "answered with error 321",
}

_OF_CARRY = {
    Carry.ONE_SHOT: "shared",
    Carry.SHARED: "shared",
    Carry.OWN: "own",
    Carry.CANCEL: "own",
    Carry.ORDER: "own",  # but for lists, see below
    Carry.ACCOUNT: "per session",
    Carry.SERIAL: "serialised",
    Carry.SESSION: "per session",
    Carry.FOLLOW: "own",
    Carry.REFUSED: "refused",
}
_LISTS_OF_ORDERS = {5, 16}
_GLOBAL_CANCEL = 58

_CALL = re.compile(r"self\.(client\.)?(\w+)\(")
_IN_SENTENCE = 8
"""Names of methods on one line of the page."""

METHODS = """
## Methods

A method and its `...Async` form are the same. What a script may see and trade is limited to its
accounts in every case, see [limits.md](limits.md).

| method | messages | how |
|---|---|---|
"""

LOCAL = """
These send nothing: they read what has come already, or only concern the program itself.

"""

MESSAGES = """
## Requests

Each request of the protocol, as the proxy's table has it. Places count a message's fields from 0,
its id; negative ones count from the end. Facts are those of [assumptions.md](assumptions.md);
layouts, for which no source is given, were read from ib_async and IB's own client. "Cut off" is
what becomes of it when the link to the gateway breaks.

| id | request | how | cut off | who may send it | places | answers | ends | cancel | known from |
|---|---|---|---|---|---|---|---|---|---|
"""

ANSWERS_HEAD = """
## Answers

| id | answer | goes to | places | known from |
|---|---|---|---|---|
"""

PLACES = {
    "id_at": "id",
    "account_at": "account",
    "client_at": "client id",
    "perm_at": "permId",
    "parent_at": "parent",
    "key_at": "key",
    "flag_at": "flag",
}

STATEMENTS = {
    "carry": "how",
    "ends": "end",
    "has_default_account": "account left out",
    "reuse": "a live id used again",
    "unknown": "cancel of what is not live",
    "reply": "confirmation",
    "stays_open": "open until cancelled",
    "static": "cached",
    "names_accounts": "who",
    "orders": "goes first",
    "deliver": "goes to",
    "state_at": "shown to who joins late",
    "is_tick": "worthless when a newer one comes",
    "kept": "how many",
    "continued": "end",
    "if_cut_off": "cut off",
    "gone_at": "not held any more",
}
"""What a row states -> how the page calls it."""

TAIL = """
This page is written by the program; a test compares the two.
"""


def how(row: Request) -> str:
    """Return how a request is carried, in the words of the page."""
    words = ["serialised" if row.msg_id in _LISTS_OF_ORDERS else _OF_CARRY[row.carry]]
    if row.static:
        words.append("cached")
    if row.names_accounts or row.msg_id == _GLOBAL_CANCEL:
        words.append("limited")
    return ", ".join(words)


def messages_of(method: str) -> list[Request]:
    """Return what a method of `IB` may send, the methods that it calls included."""
    rows = {row.name: row for row in REQUESTS}
    return [rows[name] for name in dict.fromkeys(_sent_by(method, set())) if name in rows]


def _sent_by(method: str, seen: set[str]) -> Iterator[str]:
    function = getattr(IB, method, None)
    if method in seen or not inspect.isfunction(function):
        return
    seen.add(method)
    for is_clients, name in _CALL.findall(inspect.getsource(function)):
        if is_clients:
            yield name
        else:
            yield from _sent_by(name, seen)


def methods() -> list[str]:
    """Return the public methods of `IB`, without the asynchronous twins."""
    names = [name for name, _ in inspect.getmembers(IB, callable) if not name.startswith("_")]
    return [name for name in names if name.removesuffix("Async") == name or name[:-5] not in names]


def page() -> str:
    """Return the page."""
    sending = {name: rows for name in methods() if (rows := messages_of(name))}
    local = [f"`{name}`" for name in methods() if name not in sending]
    lines = [", ".join(local[at : at + _IN_SENTENCE]) for at in range(0, len(local), _IN_SENTENCE)]
    parts = [
        HEAD,
        *(f"| {word} | {meaning} |\n" for word, meaning in WORDS.items()),
        METHODS,
        *(_method(name, rows) for name, rows in sending.items()),
        LOCAL,
        ",\n".join(lines) + ".\n",
        MESSAGES,
        *map(_message, REQUESTS),
        ANSWERS_HEAD,
        *map(_answer, ANSWERS),
        TAIL,
    ]
    return "".join(parts)


def _method(name: str, rows: list[Request]) -> str:
    sent = ", ".join(f"{row.name} ({row.msg_id})" for row in rows)
    main = [row for row in rows if row.carry is not Carry.CANCEL] or rows
    words = "; ".join(dict.fromkeys(map(how, main)))
    return f"| `{name}` | {sent} | {words} |\n"


def _message(row: Request) -> str:
    return _line(
        row.msg_id,
        row.name,
        how(row),
        row.after_loss.value,
        row.who,
        _places(row),
        _numbers(row.answers),
        _numbers(row.ends),
        row.cancelled_by or "",
        _known_from(row),
    )


def _answer(row: Answer) -> str:
    return _line(row.msg_id, row.name, row.deliver.value, _places(row), _known_from(row))


def _places(row: Request | Answer) -> str:
    found = []
    for name, word in PLACES.items():
        at = getattr(row, name, None)
        if at is None:
            continue
        found.append(f"{word} {at}")
        if isinstance(row, Answer) and row.until and row.until[1] == name:
            version, _, before = row.until
            found[-1] += f" (below {version}: {before})"
    return ", ".join(found)


def _numbers(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids))


def _known_from(row: Request | Answer) -> str:
    sources = {name: text for name, text in sources_of(row).items() if name != "layout"}
    return "; ".join(f"{STATEMENTS[name]}: {text}" for name, text in sources.items())


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
