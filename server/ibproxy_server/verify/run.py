"""Runs the table against a gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ibproxy.errors import IbproxyError
from ibproxy_server.verify.assumption import (
    Assumption,
    CannotCheck,
    Check,
    Differs,
    Finding,
    Result,
)
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.probe import Silence

Ended = tuple[Result, str]


def run(lab: Lab, assumptions: Iterable[Assumption]) -> Iterator[Finding]:
    """Run each check once and give a finding for each assumption."""
    known: dict[Check, Ended] = {}
    for assumption in assumptions:
        check = assumption.check
        if check is None:
            yield Finding(assumption, Result.UNKNOWN, assumption.why_not)
            continue
        if check not in known:
            lab.checking = check.__name__
            known[check] = _ended(check, lab)
            lab.tidy()
        yield Finding(assumption, *known[check])


def _ended(check: Callable[[Lab], str], lab: Lab) -> Ended:
    if lab.main.is_closed:
        return Result.UNKNOWN, "the gateway has ended the connection"
    try:
        ended = Result.HOLDS, check(lab)
    except CannotCheck as reason:
        ended = Result.UNKNOWN, str(reason)
    except Differs as seen:
        ended = Result.DIFFERS, str(seen)
    except Silence as silence:
        ended = Result.DIFFERS, f"an answer that was waited for did not come, but {silence}"
    except (ValueError, IndexError) as error:
        ended = Result.DIFFERS, f"a message was not laid out as expected: {error}"
    except (IbproxyError, OSError) as error:
        ended = Result.UNKNOWN, f"the connection broke: {error}"
    return ended
