r"""Notices a gateway that is silent although its port is open.

::

    HEARD ──half the time without a word──► ASKED ──the other half──► overdue
      ▲                                       │
      └────────────── any bytes ──────────────┘

What is asked for is the list of accounts, which the gateway has at hand [assumed; what settles it
is the check `managed_accounts_again`]. While it says that its own link to IB is broken (1100) it
is not judged: then requests may hang without end (fact 7.11).
"""

from __future__ import annotations


class Heartbeat:
    """Counts the gateway's silence.

    Args:
        silence_s: how long it may be silent; 0: for ever.
    """

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._heard_at_s = 0.0
        self._has_asked = False
        self._is_excused = False

    def heard(self, now_s: float) -> None:
        """Something came, or the connection is new."""
        self._heard_at_s = now_s
        self._has_asked = False

    def excuse(self, *, is_excused: bool) -> None:
        """Do not judge it while its own link is broken."""
        self._is_excused = is_excused

    def is_to_be_asked(self, now_s: float) -> bool:
        """Whether it is time to ask something; says so once."""
        if self._has_asked or not self._silence_s or now_s < self._ask_at_s:
            return False
        self._has_asked = True
        return True

    def is_overdue(self, now_s: float) -> bool:
        """Whether it must be taken for dead."""
        is_late = now_s >= self._heard_at_s + self._silence_s
        return bool(self._silence_s) and self._has_asked and is_late and not self._is_excused

    def next_deadline_s(self) -> float | None:
        """Return when there is something to do."""
        if not self._silence_s or (self._has_asked and self._is_excused):
            return None
        return self._heard_at_s + self._silence_s if self._has_asked else self._ask_at_s

    @property
    def _ask_at_s(self) -> float:
        return self._heard_at_s + self._silence_s / 2
