"""What a gateway says of a message that it cannot read: error 320, under no id.

The connection stays unless a setting ends it (facts 1.46, 1.47). The texts are those of the
gateway's own runtime, as far as they were seen.
"""

from __future__ import annotations

import re

MAX_ID = 2147483647
"""Ids are read as 32-bit numbers (facts 1.40, 11.7)."""

REQUEST_ID_AT = {
    **dict.fromkeys(
        ("1", "2", "4", "7", "9", "10", "11", "21", "23", "25", "50", "51", "52", "53", "54", "55"),
        2,
    ),
    **dict.fromkeys(
        ("56", "57", "62", "63", "67", "68", "69", "70", "74", "75", "76", "77"),
        2,
    ),
    **dict.fromkeys(
        ("3", "20", "22", "78", "79", "81", "83", "84", "86", "87", "88", "89", "90", "92"), 1
    ),
    **dict.fromkeys(
        ("93", "94", "95", "96", "97", "98", "100", "101", "102", "103", "104"),
        1,
    ),
    "19": 4,
}
"""Index of the request's or order's id, by message id [api]."""

_QUOTED = re.compile(r"'([^']*)'$")


def unknown_text(message_id: str) -> str:
    """What is said of a message id that means nothing [assumed wording]."""
    return f"Error reading request. Unknown message id {message_id}"


def bad_id_text(fields: list[str]) -> str | None:
    """What is said of a request's id that is no 32-bit number; None if it is one."""
    at = REQUEST_ID_AT.get(fields[0])
    if at is None or at >= len(fields):
        return None
    text = fields[at]
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and abs(int(text)) <= MAX_ID:
        return None
    return number_text(text)


def number_text(text: str) -> str:
    """What is said of a text where a number was expected (fact 1.47)."""
    cause = f'java.lang.NumberFormatException: For input string: "{text}"'
    return f"Error reading request. Unable to parse data. {cause}"


def text_of(error: Exception) -> str:
    """What is said of a message whose reading failed."""
    found = _QUOTED.search(str(error))
    if isinstance(error, ValueError) and found:
        return number_text(found[1])
    # a message that ends too early [assumed]
    return "Error reading request. Unable to parse data. java.io.EOFException"
