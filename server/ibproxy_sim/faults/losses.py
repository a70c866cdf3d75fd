"""Orders and reports that are lost, or that nobody asked for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

PLACE_ORDER, EXECUTION, COMMISSION, COMPLETED = "3", "11", "59", "101"
EXEC_ID_AT = 14
LIVE = "-1"
BATCH_S = 1.0


class LostOrders(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lose some orders of a batch in one second, without a word."""

    NAME: ClassVar[str] = "lost_orders"
    FACTS: ClassVar[str] = "3.122, 11.30"

    every: Annotated[int, Meta(ge=2, description="each so many-th within a second is lost")] = 3

    def start(self, site: Site) -> None:
        """Count each client's orders of a second."""
        batches: dict[int, list[float]] = {}

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] != [PLACE_ORDER]:
                return False
            now_s = site.gateway.now_s
            recent = [t for t in batches.get(client.number, []) if now_s - t < BATCH_S]
            batches[client.number] = [*recent, now_s]
            return (len(recent) + 1) % self.every == 0

        site.take_requests(take)


class AdvisorDialog(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask about the first order in a window; until somebody answers, other orders vanish."""

    NAME: ClassVar[str] = "advisor_dialog"
    FACTS: ClassVar[str] = "2.49, 11.29"

    answered_s: Annotated[float, Meta(gt=0, description="how long nobody answers")] = 10.0

    def start(self, site: Site) -> None:
        """Hold the first order back; once it went on, orders pass."""
        asked: list[tuple[Client, list[str]]] = []
        is_answered = [False]

        def answer() -> None:
            is_answered[0] = True
            for client, fields in asked:
                site.request(client, fields)

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] != [PLACE_ORDER] or is_answered[0]:
                return False
            if not asked:
                asked.append((client, fields))
                site.later(self.answered_s, answer)
            return True

        site.take_requests(take)


class Strays(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send everybody commissions of fills, and completed orders, that belong to somebody else."""

    NAME: ClassVar[str] = "strays"
    FACTS: ClassVar[str] = "3.33, 3.35, 8.7, 11.34"

    messages: Annotated[
        tuple[Literal[59, 101], ...],
        Meta(min_length=1, description="59: commission reports; 101: rows of completed orders"),
    ] = (59, 101)

    def start(self, site: Site) -> None:
        """Copy what passes."""
        copied = {str(number) for number in self.messages}

        def take(client: Client, fields: list[str]) -> bool:
            if fields[0] in copied:
                for other in site.clients():
                    if other is not client:
                        site.answer(other, list(fields))
            return False

        site.take_answers(take)


class Corrections(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Follow each fill by a correction: again the execution, under an id that ends differently."""

    NAME: ClassVar[str] = "corrections"
    FACTS: ClassVar[str] = "3.114, 11.28"

    late_s: Annotated[float, Meta(ge=0, description="how much later")] = 0.5

    def start(self, site: Site) -> None:
        """Repeat what is told of live fills; the books know of one alone."""

        def take(client: Client, fields: list[str]) -> bool:
            if fields[0] == EXECUTION and fields[1] == LIVE:
                stem, _, number = fields[EXEC_ID_AT].rpartition(".")
                again = list(fields)
                again[EXEC_ID_AT] = f"{stem}.{int(number) + 1:02d}"
                site.later(self.late_s, lambda: site.answer(client, again))
            return False

        site.take_answers(take)


class WhatIfTwice(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer a what-if twice: first with a warning and without margins."""

    NAME: ClassVar[str] = "what_if_twice"
    FACTS: ClassVar[str] = "3.99, 11.24"

    def start(self, site: Site) -> None:
        """Have trading say it so."""
        trading = site.sim.trading
        trading.is_what_if_twice = True
        site.at_end(lambda: setattr(trading, "is_what_if_twice", False))
