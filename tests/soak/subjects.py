"""What each request is about, and where the stand-in writes that into the answers.

The stand-in of the soak stamps the subject of a request, its conId say, over a number that
nobody needs in every answer, so that an answer under the wrong id cannot be mistaken for a
right one. The positions are those of protocol version 176; they are written down here once more
instead of being taken from the proxy's table, so that a wrong row there cannot hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SERVER_VERSION = 176


@dataclass(frozen=True)
class Asked:
    """Where a request says what it is about.

    Attributes:
        id_at: index of its id.
        subject_at: index of its subject.
    """

    id_at: int
    subject_at: int


@dataclass(frozen=True)
class Told:
    """Where an answer shows it.

    Attributes:
        id_at: index of the request id.
        stamp_at: index of the field that is overwritten; None: it names its subject anyway.
        account_at: index of the account.
        if_at: index of a count; without rows there is nothing to stamp.
    """

    id_at: int
    stamp_at: int | None = None
    account_at: int | None = None
    if_at: int | None = None


REQUESTS = {
    "1": Asked(2, 3),  # by conId
    "9": Asked(2, 3),
    "10": Asked(2, 3),
    "20": Asked(1, 2),
    "22": Asked(1, 5),  # scan code
    "50": Asked(2, 3),
    "52": Asked(2, 3),
    "54": Asked(2, 3),
    "55": Asked(2, 3),
    "78": Asked(1, 5),
    "81": Asked(1, 2),  # pattern
    "86": Asked(1, 2),
    "87": Asked(1, 2),
    "88": Asked(1, 2),
    "92": Asked(1, 2),  # account
    "94": Asked(1, 4),
    "96": Asked(1, 2),
    "97": Asked(1, 2),
}

ANSWERS = {
    "1": Told(2, 5),
    "2": Told(2, 4),
    "45": Told(2, 4),
    "46": Told(2, 4),
    "10": Told(1, 12),
    "12": Told(2, 7),
    "13": Told(2, 8),
    "17": Told(1, 2),
    "21": Told(1, 4),
    "20": Told(2, 16, if_at=3),
    "50": Told(2, 8),
    "51": Told(2, 3),
    "63": Told(2, account_at=3),
    "71": Told(2, account_at=3),
    "73": Told(2, account_at=3),
    "75": Told(1, 3),
    "79": Told(1, 4, if_at=2),
    "86": Told(1, 5),
    "88": Told(1, 2),
    "89": Told(1, 3, if_at=2),
    "90": Told(1, 2),
    "94": Told(1, 2),
    "95": Told(1, 2),
    "96": Told(1, 3, if_at=2),
    "97": Told(1, 3, if_at=2),
    "98": Told(1, 3, if_at=2),
    "99": Told(1, 5),
}

ACCOUNTS = {"5": 20, "6": 5, "7": 19, "11": 16, "54": 2, "61": 2, "101": 19}
"""Messages without a request id that name an account -> where."""

CLIENT_IDS = {"3": 9, "5": 24}
"""Messages about an order -> where the client id of who placed it stands."""


def number_of(subject: str) -> str:
    """Return a subject as a number: what is no number as the sum of its letters' places."""
    digits = "".join(each for each in subject if each.isdigit())
    return digits or str(sum(number * ord(each) for number, each in enumerate(subject, 1)))


def stamp(fields: list[str], told: Told, subject: str) -> None:
    """Write into an answer what it is about."""
    if told.stamp_at is not None and (told.if_at is None or fields[told.if_at] != "0"):
        fields[told.stamp_at] = number_of(subject)


def shows(fields: Sequence[str], told: Told, subject: str) -> bool:
    """Whether an answer is about `subject`."""
    if told.stamp_at is None or (told.if_at is not None and fields[told.if_at] == "0"):
        return True
    return fields[told.stamp_at] == number_of(subject)
