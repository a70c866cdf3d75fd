"""How orders are reported: twice, in the wrong order, without their number."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.exchange.path import mix
from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

OPEN_ORDER, STATUS, EXECUTION, COMMISSION = "5", "3", "11", "59"
PERM_ID_AT = {OPEN_ORDER: 25, STATUS: 6}
"""Message -> where its permId stands (fact 3.20)."""

LATE = {
    "fills_first": frozenset({OPEN_ORDER, STATUS}),
    "status_first": frozenset({EXECUTION, COMMISSION}),
    "shuffled": frozenset({OPEN_ORDER, STATUS}),
}
"""Which messages are late, for each disorder."""


class PermIdLate(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State permId 0 in the first reports of an order."""

    NAME: ClassVar[str] = "perm_id_late"
    FACTS: ClassVar[str] = "3.19, 11.19"

    reports: Annotated[int, Meta(ge=1, description="openOrder and orderStatus, counted each")] = 2

    def start(self, site: Site) -> None:
        """Count the reports of each order."""
        seen: dict[tuple[int, str], int] = {}

        def take(client: Client, fields: list[str]) -> bool:
            place = PERM_ID_AT.get(fields[0])
            if place is None:
                return False
            key = client.client_id or 0, fields[1]
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= self.reports:
                fields[place] = "0"
            return False

        site.take_answers(take)


class Duplicates(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send order reports several times."""

    NAME: ClassVar[str] = "duplicates"
    FACTS: ClassVar[str] = "3.56, 3.65, 11.16"

    times: Annotated[int, Meta(ge=2, description="how often each is sent")] = 3
    messages: Annotated[tuple[int, ...], Meta(description="message ids")] = (3, 5)

    def start(self, site: Site) -> None:
        """Repeat what passes."""
        repeated = {str(number) for number in self.messages}

        def take(client: Client, fields: list[str]) -> bool:
            if fields[0] not in repeated:
                return False
            for _ in range(self.times):
                site.answer(client, list(fields))
            return True

        site.take_answers(take)


class OutOfOrder(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Report fills before statuses, statuses before fills, or statuses in any order."""

    NAME: ClassVar[str] = "out_of_order"
    FACTS: ClassVar[str] = "3.52-3.55"

    what: Annotated[
        Literal["fills_first", "status_first", "shuffled"], Meta(description="what comes when")
    ] = "fills_first"
    late_s: Annotated[float, Meta(gt=0, description="by how much, at most if shuffled")] = 0.3

    def start(self, site: Site) -> None:
        """Delay what is to be late; how much, if shuffled, depends on the seed."""
        late, counts = LATE[self.what], [0]
        seed = site.gateway.settings.seed

        def take(client: Client, fields: list[str]) -> bool:
            if fields[0] not in late:
                return False
            counts[0] += 1
            share = mix(seed << 32 | counts[0]) / 2**64 if self.what == "shuffled" else 1.0
            site.gateway.call_later(self.late_s * share, lambda: site.answer(client, fields))
            return True

        site.take_answers(take)
