"""Compares what each strategy was told with what really happened.

Everything here is computed; that nothing went wrong is a result, never an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ibproxy_server.demo.report import Report


@dataclass(frozen=True)
class Books:
    """What the stand-in's books hold of one account.

    Attributes:
        perm_ids: permanent ids of its orders.
        executions: execution ids of its fills.
        settled_perm_ids: those of the orders that the strategy must have heard of, for they
            are older than the moment at which it was told to stop.
        settled_executions: the same for its fills.
    """

    perm_ids: frozenset[int] = frozenset()
    executions: frozenset[str] = frozenset()
    settled_perm_ids: frozenset[int] = frozenset()
    settled_executions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """One strategy: what happened in its account, and what it was told."""

    strategy: str
    account: str
    books: Books
    report: Report | None

    @property
    def misdirected(self) -> int:
        """How many messages reached this strategy that were not for it."""
        report = self.report
        if report is None:
            return 0
        foreign_accounts = sum(
            count for account, count in report.account_messages.items() if account != self.account
        )
        foreign_orders = report.perm_ids - self.books.perm_ids - {0}
        foreign_fills = report.executions.keys() - self.books.executions
        return foreign_accounts + len(foreign_orders) + len(foreign_fills) + len(report.unasked)

    def complaints(self) -> Iterator[str]:
        """Say what is wrong, one sentence each."""
        report, name = self.report, self.strategy
        if report is None:
            yield f"{name} left no report: it ended by force, or needs more time (--seconds)"
            return
        if not self.books.perm_ids:
            yield f"{name} placed no order: give it more time with --seconds"
        elif not self.books.executions:
            yield f"{name} had no fill: give it more time with --seconds"
        if self.misdirected:
            yield f"{name} received {self.misdirected} messages that were not for it"
        missed = self.books.settled_executions - report.executions.keys()
        if missed:
            yield f"{name} was not told of {len(missed)} of its fills"
        untold = self.books.settled_perm_ids - report.perm_ids
        if untold:
            yield f"{name} was not told of {len(untold)} of its orders"
        if report.unreadable:
            yield f"{name} received {len(report.unreadable)} messages that cannot be read"


@dataclass(frozen=True)
class Summary:
    """The whole demo.

    Attributes:
        connections: API connections that the stand-in has seen in all.
        most_connections: the most that were open at one time.
        outcomes: one for each strategy.
        proxy_timeouts: requests that timed out at the proxy.
        accidents: what went wrong around the strategies, such as one that ended early.
    """

    connections: int
    most_connections: int
    outcomes: tuple[Outcome, ...]
    proxy_timeouts: int = 0
    accidents: tuple[str, ...] = field(default=())

    @property
    def timeouts(self) -> int:
        """How many requests timed out, at the proxy or in a strategy."""
        reports = (outcome.report for outcome in self.outcomes)
        return self.proxy_timeouts + sum(len(report.timeouts) for report in reports if report)

    @property
    def misdirected(self) -> int:
        """How many messages reached the wrong strategy."""
        return sum(outcome.misdirected for outcome in self.outcomes)

    @property
    def messages(self) -> int:
        """How many messages the strategies received."""
        return sum(outcome.report.messages for outcome in self.outcomes if outcome.report)

    def complaints(self) -> list[str]:
        """Return what is wrong, one sentence each; empty when all is well."""
        found = list(self.accidents)
        if (self.connections, self.most_connections) != (1, 1):
            found.append(
                f"the gateway saw {self.connections} connections, "
                f"{self.most_connections} at a time, where one was promised"
            )
        for outcome in self.outcomes:
            found.extend(outcome.complaints())
        if self.timeouts:
            found.append(f"{self.timeouts} requests timed out")
        return found

    def rows(self) -> list[tuple[str, str]]:
        """Return the summary as labels and values."""
        rows = [
            ("connections upstream", str(self.connections)),
            ("strategies", str(len(self.outcomes))),
        ]
        for outcome in self.outcomes:
            books, report = outcome.books, outcome.report
            orders, fills = len(books.perm_ids), len(books.executions)
            told = "left no report"
            if report:
                told = f"was told of {len(report.perm_ids - {0})} and {len(report.executions)}"
            rows.append(
                (
                    f"{outcome.strategy} in {outcome.account}",
                    f"{_count(orders, 'order')}, {_count(fills, 'fill')}; {told}",
                )
            )
        rows.append(("timeouts", str(self.timeouts)))
        rows.append(
            ("messages that reached the wrong strategy", f"{self.misdirected} of {self.messages}")
        )
        return rows


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
