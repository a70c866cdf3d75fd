"""One assumption about the gateway, and how a check of it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibproxy_server.verify.lab import Lab

Check = Callable[["Lab"], str]
"""Asks a gateway and returns what was seen."""


class Differs(Exception):  # noqa: N818 - a result, not an error
    """Raised by a check that saw something else than what the proxy relies on."""


class CannotCheck(Exception):  # noqa: N818 - a result, not an error
    """Raised by a check that this gateway, at this moment, gives no answer to."""


class Confidence(Enum):
    """What kind of evidence an assumption rests on."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    CLIENT_SOURCE = "client source"
    GATEWAY_TABLE = "gateway table"
    REPORTED = "reported"
    FOLLOWS = "follows"
    UNCLEAR = "unclear"


class Result(Enum):
    """How a check ended."""

    HOLDS = "holds"
    DIFFERS = "does not hold"
    UNKNOWN = "cannot be checked here"


@dataclass(frozen=True)
class Assumption:
    """Something about the gateway that the proxy takes for granted.

    Attributes:
        fact: number of the fact; code that relies on it cites it.
        sentence: what is taken for granted.
        source: where it is known from.
        confidence: what kind of evidence that is.
        check: asks a gateway; None if it cannot be asked without harm.
        why_not: why there is no check; empty if there is one.
        orders: whether the check places orders.
    """

    fact: str
    sentence: str
    source: str
    confidence: Confidence
    check: Check | None = None
    why_not: str = ""
    orders: bool = False


@dataclass(frozen=True)
class Finding:
    """The result for one assumption.

    Attributes:
        assumption: which.
        result: how its check ended.
        detail: what was seen, or why it could not be checked.
    """

    assumption: Assumption
    result: Result
    detail: str
