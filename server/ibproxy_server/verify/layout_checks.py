"""Checks of the table of layouts: what one is told at a low version, translated from a higher one.

The same is asked by a client of the lowest version and by the main one. What comes to the main one
is translated as for an older client of the proxy, and compared.
"""

from __future__ import annotations

from collections.abc import Callable

from ibproxy.wire.framing import FrameBuffer, frame, join_fields, split_fields
from ibproxy_server.core.translation import translation
from ibproxy_server.verify.assumption import CannotCheck, Differs
from ibproxy_server.verify.data_checks import FIRST_WITH_ISSUER
from ibproxy_server.verify.lab import STOCK, UNKNOWN, Lab
from ibproxy_server.verify.probe import (
    LOWEST_VERSION,
    Message,
    Probe,
    Silence,
    is_error,
    is_kind,
    shown,
)

Question = Callable[[Lab, Probe], list[Message]]

TRIES = 3
"""An order that is listed may become another one between two questions."""


def details_are_laid_out_as_the_table_says(lab: Lab) -> str:
    """9.1: contract details, and the error about a contract that does not exist."""
    compare(lab, _details)
    return compare(lab, _error)


def _details(lab: Lab, probe: Probe) -> list[Message]:
    return [m for m in _ask(lab, probe, STOCK) if m[0] == "10"]


def _error(lab: Lab, probe: Probe) -> list[Message]:
    return [m for m in _ask(lab, probe, UNKNOWN) if m[0] == "4"]


def _ask(lab: Lab, probe: Probe, contract: tuple[object, ...]) -> list[Message]:
    req_id = lab.req_id()
    issuer = ("",) if probe.version >= FIRST_WITH_ISSUER else ()
    end, refused = is_kind(52), is_error(of=req_id)
    fields = (9, 8, req_id, *contract, 0, "", "", *issuer)
    answer = probe.ask(*fields, until=lambda m: end(m) or refused(m))
    return [["id" if each == str(req_id) else each for each in m] for m in answer]


def compare(lab: Lab, question: Question) -> str:
    """Let an older client and the main one ask the same, and compare what they are told.

    Args:
        lab: the gateway.
        question: asks, and returns what is to be compared.

    Returns:
        what was seen.

    Raises:
        Differs: the translation does not say what the gateway says at the lower version.
        CannotCheck: there is no lower version, or no answer.
    """
    between = translation(LOWEST_VERSION, lab.main.version)
    if between is None:
        raise CannotCheck(f"the gateway knows no version above {LOWEST_VERSION}")
    with lab.client(highest=LOWEST_VERSION) as older:
        try:
            for _ in range(TRIES):
                before, told, meant = (question(lab, each) for each in (lab.main, older, lab.main))
                if before == meant:
                    break
            else:
                raise CannotCheck("it changes faster than two clients can ask for it")
        except Silence as silence:
            raise CannotCheck(f"the question was answered with {silence}") from None
    data = b"".join(frame(join_fields(*message)) for message in meant)
    unreadable: list[bytes] = []
    lowered = between.down(data, lambda payload, _: unreadable.append(payload))
    expected = [split_fields(payload) for payload in FrameBuffer().feed(lowered)]
    if told != expected:
        raise Differs(f"at {LOWEST_VERSION} came {shown(told)}, expected was {shown(expected)}")
    return f"{len(told)} messages at {LOWEST_VERSION} and {lab.main.version}: {shown(told[:1])}"
