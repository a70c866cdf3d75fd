"""The account slot: whose turn it is.

The gateway sends account updates for one account at a time, for all its clients together
(facts 2.1 to 2.4). The proxy moves its one subscription from account to account.

Invariants, each held by a test of the same name in tests/core/test_account_slot.py:

* at most one account is subscribed, and it is the one that was asked for last;
* a turn is not ended before the account's picture is whole, unless that takes too long;
* an account that nobody has a whole picture of goes first, then one whose position has just
  changed, then the one whose picture is oldest;
* with one account in demand the subscription stays where it is;
* an account whose image does not come is asked for again, after those that wait;
* an account without listeners gets no turn once its picture is whole.
"""

from __future__ import annotations

from dataclasses import dataclass

LOAD_TIMEOUT_S = 10.0
"""An image that has not come whole after so long gives up its turn (fact 2.11)."""


@dataclass(eq=False)
class Demand:
    """One account's claim to the slot.

    Attributes:
        account: account code.
        listeners: how many sessions want its updates.
        completed_at_s: when its picture was last whole; None: never.
        is_urgent: whether its position has changed while it had no turn.
        tries: turns that ended without a whole picture.
    """

    account: str
    listeners: int = 0
    completed_at_s: float | None = None
    is_urgent: bool = False
    tries: int = 0


class AccountSlot:
    """Decides which account has the slot.

    Attributes:
        demands: account -> its claim.
        current: account that is subscribed; None before the first turn.
        is_loading: whether its image has not come whole yet.
    """

    def __init__(self, turn_s: float) -> None:
        """Let an account keep the slot for `turn_s` when others want it as well."""
        self.demands: dict[str, Demand] = {}
        self.current: str | None = None
        self.is_loading = False
        self._turn_s = turn_s
        self._began_at_s = 0.0

    def demand(self, account: str) -> Demand:
        """Return the account's claim."""
        if account not in self.demands:
            self.demands[account] = Demand(account)
        return self.demands[account]

    def next_turn(self, now_s: float) -> str | None:
        """Return the account to subscribe now, or None when nothing is to be done."""
        if self.current is not None and now_s < self._ends_at_s():
            return None
        candidate = self._candidate()
        if self.is_loading and self.current is not None:
            late = self.demand(self.current)
            late.tries += 1
            candidate = candidate or late  # nobody else wants it: ask again
            self.is_loading = False
        if candidate is None:
            return None
        self.current = candidate.account
        candidate.is_urgent = False
        self.is_loading = True
        self._began_at_s = now_s
        return candidate.account

    def completed(self, account: str, now_s: float) -> None:
        """The image of `account` has come whole."""
        demand = self.demand(account)
        demand.completed_at_s = now_s
        demand.tries = 0
        if account == self.current:
            self.is_loading = False

    def position_changed(self, account: str) -> None:
        """The position of `account` has changed; the account in the slot is told by itself."""
        if account != self.current:
            self.demand(account).is_urgent = True

    def next_deadline_s(self) -> float | None:
        """Return when `next_turn` may have something to say."""
        if self.current is None:
            return 0.0 if self._candidate() else None
        return self._ends_at_s() if self.is_loading or self._candidate() else None

    def reset(self) -> None:
        """The connection to the gateway is gone, and every picture is of the past."""
        self.current = None
        self.is_loading = False
        for demand in self.demands.values():
            demand.completed_at_s = None
            demand.is_urgent = False
            demand.tries = 0

    def _ends_at_s(self) -> float:
        if self.is_loading:
            return self._began_at_s + LOAD_TIMEOUT_S
        candidate = self._candidate()
        if candidate and (candidate.completed_at_s is None or candidate.is_urgent):
            return self._began_at_s
        return self._began_at_s + self._turn_s

    def _candidate(self) -> Demand | None:
        """Return who is next, the account in the slot left out."""
        claims = [
            each
            for each in self.demands.values()
            if each.account != self.current and (each.listeners or each.completed_at_s is None)
        ]
        return min(claims, key=_rank, default=None)


def _rank(demand: Demand) -> tuple[bool, int, bool, bool, float]:
    is_whole = demand.completed_at_s is not None
    return (
        is_whole,
        demand.tries,
        not demand.listeners,
        not demand.is_urgent,
        demand.completed_at_s or 0.0,
    )
