"""What came of a soak, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.soak.findings import Findings

MAY_GROW = (
    ("hub.orders.book.", "an order is known for as long as the proxy runs: whose it is, its ids"),
    ("hub.orders.executions._known.", "executions of two days, so that each is told once"),
    ("hub.accounts.positions._rows", "a position that was closed is listed with 0"),
    ("hub.accounts.updates._pictures", "an account's rows, a row for each position"),
    ("hub.requests._static", "answers kept for ten minutes, 16 MiB of them at most"),
    ("hub.serial._static.", "answers that stay the same are kept, with a limit of age and number"),
    ("lane._ended.", "why sessions were ended, for the last thousand"),
    ("hub.context.counters", "a counter begins to exist when it first counts"),
)
"""Beginning of the path of tables that may hold more than at the start, and why."""

_GROWING = tuple(path for path, _ in MAY_GROW)

GROWTH_BLOCKS, GROWTH_BLOCKS_OF_ORDER = 3_000, 60
"""What the proxy may have allocated more at the end than after the first round."""

GROWTH_MIB = 16
"""The same, as the system sees it; the allocator gives back late and in large pieces."""

COUNTERS = ("unknown_messages", "unreadable_messages", "timeouts")
"""Counters of the proxy's status that stay at 0."""


@dataclass(frozen=True)
class Rest:
    """What was held when all had left.

    Attributes:
        gateway: report of the stand-in.
        proxy: report of the proxy.
    """

    gateway: dict[str, Any]
    proxy: dict[str, Any]

    @property
    def upstream(self) -> dict[str, int]:
        """Subscriptions at the gateway, as asked for and as the stand-in has them."""
        streams = {f"stream {name}": count for name, count in self.gateway["streams"].items()}
        asked = {f"message {kind}": count for kind, count in self.gateway["asked"].items()}
        return {name: count for name, count in {**streams, **asked}.items() if count}

    def is_at_rest_like(self, first: Rest) -> bool:
        """Whether nothing of the clients is left."""
        return not (self.held_upstream(first) or self.held_tables(first) or self.proxy["sessions"])

    def held_upstream(self, first: Rest) -> dict[str, int]:
        """Subscriptions that were not there before the first client."""
        return _more(self.upstream, first.upstream)

    def held_tables(self, first: Rest) -> dict[str, int]:
        """Tables that hold more than before the first client."""
        grown = _more(self.proxy["tables"], first.proxy["tables"])
        return {path: count for path, count in grown.items() if not path.startswith(_GROWING)}


def _more(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {
        name: count - before.get(name, 0)
        for name, count in now.items()
        if count > before.get(name, 0)
    }


@dataclass
class Verdict:
    """The figures of a soak.

    Attributes:
        findings: what the clients found.
        rests: what was held before the first client, and after each round.
        seconds: how long it took.
        clients: how many there were at one time.
        seed: where chance came from.
    """

    findings: Findings
    rests: list[Rest]
    seconds: float
    clients: int
    seed: int
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Judge."""
        self.wrongs += [*self._told_wrongly(), *self._left_behind(), *self._said_by_the_proxy()]

    def _told_wrongly(self) -> Iterator[str]:
        found = self.findings
        if found.wrong:
            yield f"{found.wrong} messages were not for the client that got them"
        if found.unanswered:
            yield f"{found.unanswered} questions were not answered"
        if not found.checked:
            yield "nothing was checked"

    def _left_behind(self) -> Iterator[str]:
        first = self.rests[0]
        for number, rest in enumerate(self.rests[1:], 1):
            if held := rest.held_upstream(first):
                yield f"round {number}: the gateway still sends {held}"
            if held := rest.held_tables(first):
                yield f"round {number}: the proxy still holds {held}"
            if rest.proxy["sessions"]:
                yield f"round {number}: {rest.proxy['sessions']} sessions are left"
        orders = self.findings.asked["3"] * GROWTH_BLOCKS_OF_ORDER
        if self.growth_blocks > GROWTH_BLOCKS + orders:
            yield f"the proxy's memory has grown by {self.growth_blocks} blocks"
        if self.growth_mib > GROWTH_MIB:
            yield f"the proxy's memory has grown by {self.growth_mib} MiB"

    def _said_by_the_proxy(self) -> Iterator[str]:
        if self.counted:
            yield f"the proxy has counted {self.counted}"
        if complaints := self.rests[-1].proxy["complaints"]:
            yield f"the proxy has logged {complaints}"

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrongs

    @property
    def counted(self) -> dict[str, int]:
        """Counters of the proxy that should be 0 and are not."""
        counters = self.rests[-1].proxy["status"]["counters"]
        return {name: counters[name] for name in COUNTERS if counters[name]}

    @property
    def growth_blocks(self) -> int:
        """Blocks allocated more than after the first round."""
        return self._growth("blocks")

    @property
    def growth_mib(self) -> int:
        """MiB of the process more than after the first round."""
        return self._growth("mib")

    def _growth(self, unit: str) -> int:
        memories = [each.proxy["memory"][unit] for each in self.rests[1:]]
        return int(memories[-1] - memories[0])

    def as_json(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        found, last = self.findings, self.rests[-1]
        return {
            "holds": self.holds,
            "wrongs": self.wrongs,
            "texts": found.texts,
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            "clients": self.clients,
            "connections": found.lives,
            "requests": dict(sorted(found.asked.items(), key=lambda each: int(each[0]))),
            "messages_to_clients": found.told,
            "messages_checked": found.checked,
            "messages_to_gateway": last.gateway["requests"],
            "messages_from_gateway": last.proxy["status"]["upstream"]["messages_received"],
            "most_lines": last.gateway["most_lines"],
            "most_subscriptions": last.gateway["most"],
            "refused_by_limits": dict(sorted(found.refused.items())),
            "late_messages": last.proxy["status"]["counters"]["late_messages"],
            "memory": [each.proxy["memory"] for each in self.rests],
        }

    def as_text(self) -> str:
        """Return a summary of a few lines for people."""
        found, shown = self.findings, self.as_json()
        requests = sum(shown["requests"].values())
        memory = ", ".join(str(each["mib"]) for each in shown["memory"])
        seconds = self.seconds
        lines = [
            f"{shown['clients']} clients, {shown['connections']} connections in {seconds:.0f} s",
            f"{requests:,} requests of {len(shown['requests'])} kinds: {requests / seconds:,.0f}/s",
            f"{shown['messages_to_gateway']:,} messages reached the gateway",
            f"{shown['messages_from_gateway']:,} messages came from it",
            f"{found.told:,} messages reached clients: {found.told / seconds:,.0f}/s",
            f"{found.checked:,} times it was looked at whose a message is",
            f"{shown['most_lines']} market data lines at one time, at most",
            f"{shown['most_subscriptions']} subscriptions of all kinds at one time, at most",
            f"refused by limits of the gateway: {shown['refused_by_limits'] or 'nothing'}",
            f"MiB of the proxy whenever all had left: {memory}",
            f"blocks that it holds more than after the first round: {self.growth_blocks:+}",
            *(f"WRONG: {each}" for each in self.wrongs),
            *(f"  {each}" for each in found.texts),
            "it holds" if self.holds else f"it does not hold (seed {self.seed})",
        ]
        return "\n".join(lines)
