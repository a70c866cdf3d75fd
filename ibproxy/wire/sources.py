"""Where each fact of the message table is known from.

Layouts (names, positions, which message answers which) were read from the two client libraries
and measured on them, and `tests/wire` compares them again. Everything else that a row says has a
line here: what it is, of which messages, and how it is known. `[api]` is the source of the
clients, `[doc]` IB's documentation, `[assumed]` nobody's word.
"""

from __future__ import annotations

from collections.abc import Iterator

from ibproxy.wire.rows import Answer, Carry, Deliver, Request, Reuse

LAYOUT = "ibapi 10.50, ib_async 2.1"

Lines = tuple[tuple[tuple[int, ...], str], ...]

REQUEST_SOURCES: dict[str, Lines] = {
    "carry": (
        ((1,), "facts 4.6, 4.7, 4.24"),
        ((3, 4), "facts 3.7, 3.18, 3.30"),
        ((5, 16), "facts 3.37, 3.38, 3.41"),
        ((6,), "facts 2.1 to 2.4"),
        ((7,), "facts 3.107, 12.4"),
        ((8,), "fact 8.14"),
        ((9, 20, 52, 54, 55, 67, 78, 79, 81), "the answer has the request's id [api]"),
        ((83, 84, 86, 87, 88, 96, 100, 102, 104), "the answer has the request's id [api]"),
        ((10,), "facts 4.51, 4.55"),
        ((12, 13), "fact 8.9"),
        ((14,), "fact 8.19"),
        ((15,), "fact 3.43"),
        ((17,), "fact 8.13"),
        ((18,), "the answer repeats the kind, and has no id [api]"),
        ((19,), "fact 8.16"),
        ((21,), "what is told of an exercise names no request [assumed]"),
        ((22,), "facts 4.63, 4.64"),
        ((24,), "one message without an id [api]"),
        ((49,), "facts 6.11, 8.12"),
        ((50,), "fact 4.57"),
        ((58,), "facts 3.87, 8.20"),
        ((59,), "facts 4.37, 8.1"),
        ((61, 64), "fact 2.31"),
        ((62,), "facts 2.21, 2.22, 2.26"),
        ((65, 66, 72, 73), "fact 8.23"),
        ((68,), "all who follow a group are told the same [assumed]"),
        ((69,), "it has the id of a subscription [api]"),
        ((71,), "fact 1.8"),
        ((74, 76), "facts 2.19, 2.31"),
        ((80, 82, 85), "fact 8.17"),
        ((91,), "fact 8.18"),
        ((92, 94), "an account's P&L is the same for all [assumed]"),
        ((97,), "facts 4.45, 4.46, 4.48"),
        ((99,), "facts 8.7, 11.33, 11.34"),
    ),
    "ends": (
        ((1,), "57 ends a snapshot [doc]"),
        ((5, 7, 9, 16, 78, 86, 99), "a message that only says so [api]"),
        ((8, 17, 18, 24, 49, 52, 54, 55, 67, 79), "one message is the answer [api]"),
        ((80, 81, 82, 83, 84, 85, 87, 88, 91, 100), "one message is the answer [api]"),
        ((102, 104), "one message is the answer [api]"),
        ((20,), "fact 5.10"),
        ((96,), "its last field says so [api]"),
    ),
    "has_default_account": (((7, 74, 76), "fact 2.16"),),
    "reuse": (
        ((1, 10, 22, 50, 52, 54, 55, 68, 87, 88, 97, 100, 102), "fact 4.8"),
        ((20,), "fact 5.11"),
        ((62,), "facts 2.23, 2.25"),
        ((74, 76, 92, 94), "fact 2.39"),
    ),
    "unknown": (
        ((2, 51, 98), "fact 4.9"),
        ((11,), "fact 4.54"),
        ((23,), "TWS API documentation, message codes"),
        ((25,), "fact 5.11"),
        ((93, 95), "fact 2.39"),
    ),
    "reply": (((25,), "fact 5.11"), ((23,), "as with history (fact 5.11) [assumed]")),
    "stays_open": (((87,), "fact 5.7"),),
    "static": (
        ((87,), "fact 5.8"),
        ((9, 24, 78, 82, 83, 84, 85, 91), "for the proxy's limit of age [assumed]"),
    ),
    "names_accounts": (((18, 80), "the answer names accounts of the login [api]"),),
    "orders": (((3, 4, 21, 58), "it can touch the market [doc]"),),
    "if_cut_off": (
        ((5, 16), "a list of the present state [doc]"),
        ((7,), "the executions of the day: fact 3.105"),
    ),
}
"""Attribute of a request's row -> message ids, and how its value is known."""

ANSWER_SOURCES: dict[str, Lines] = {
    "deliver": (
        ((3, 5, 100), "facts 3.30, 3.43"),
        ((4,), "facts 1.45, 3.18"),
        ((6, 7, 8, 54), "facts 2.4, 2.6"),
        ((9, 15), "fact 1.14"),
        ((11,), "facts 3.30, 12.4"),
        ((14,), "fact 8.9"),
        ((16,), "it repeats the kind, and has no id [api]"),
        ((19,), "one message without an id [api]"),
        ((49,), "fact 8.12"),
        ((53,), "facts 3.38, 3.41"),
        ((59,), "fact 3.35"),
        ((61, 62), "fact 2.31"),
        ((65, 66, 69, 70), "fact 8.23"),
        ((78, 80, 85), "fact 8.17"),
        ((93,), "fact 8.18"),
        ((101, 102), "facts 8.7, 11.34"),
    ),
    "state_at": (
        ((1, 2, 21, 45, 46, 47, 56, 58, 81), "facts 4.6, 4.18"),
        ((6, 7, 8), "fact 2.6"),
        ((14,), "fact 8.9"),
        ((20,), "fact 4.64"),
        ((61, 71, 73), "facts 2.19, 2.31"),
        ((63,), "fact 2.26"),
        ((68,), "a group has one contract [doc]"),
        ((84,), "fact 4.27"),
        ((90,), "facts 5.23, 5.24"),
        ((91, 92), "it is told once [doc]"),
        ((94, 95), "each message is the whole state [doc]"),
    ),
    "is_tick": (((1, 2, 21, 45, 46, 47), "after the image only changes come: fact 4.18"),),
    "kept": (
        ((84,), "as many headlines as a client can use [assumed]"),
        ((90,), "the bar that grows, and the one before [assumed]"),
    ),
    "continued": (((96, 97, 98), "the last field is called done [api]"),),
    "gone_at": (((7,), "as with positions [assumed]"), ((61, 71), "facts 2.33, 2.37")),
}
"""Attribute of an answer's row -> message ids, and how its value is known."""

_IN_THE_LAYOUT = {Carry.CANCEL, Deliver.BY_REQUEST}
"""Ways of carrying that say no more than the layout does."""


def stated(row: Request | Answer) -> Iterator[str]:
    """Yield the attributes of a row that say more than a layout does."""
    kinds = REQUEST_SOURCES if isinstance(row, Request) else ANSWER_SOURCES
    for name in kinds:
        value = getattr(row, name)
        if name == "reuse":
            assert isinstance(row, Request)  # noqa: S101 - answers have no such attribute
            lives_on = row.cancelled_by is not None and row.carry is not Carry.ACCOUNT
            if lives_on or value is not Reuse.REFUSED:
                yield name
        elif name == "state_at":
            if value is not None:
                yield name
        elif value and value not in _IN_THE_LAYOUT:
            yield name


def sources_of(row: Request | Answer) -> dict[str, str]:
    """Return attribute -> how its value is known, for all that a row states.

    Raises:
        KeyError: something is stated without a source.
    """
    kinds = REQUEST_SOURCES if isinstance(row, Request) else ANSWER_SOURCES
    found = {"layout": LAYOUT}
    for name in stated(row):
        lines = [text for ids, text in kinds[name] if row.msg_id in ids]
        if len(lines) != 1:
            raise KeyError(f"{row.name}: {name} has {len(lines)} sources")
        found[name] = lines[0]
    return found
