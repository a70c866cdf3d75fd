"""Account data gone wrong: stale values, ends that come first, summaries that stay."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.accounts.summary import SummaryRules
from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

IMAGE = frozenset({"6", "7", "8"})
"""What comes before the end of an account's image."""


class AccountReset(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reset the account server: AccountReady says false, and values are those of before."""

    NAME: ClassVar[str] = "account_reset"
    FACTS: ClassVar[str] = "2.10, 11.15"

    def start(self, site: Site) -> None:
        """Stop the prices that accounts are valued by; who watches is told, now and at the end."""
        books, accounts = site.sim.trading.books, site.sim.accounts

        def ready() -> None:
            books.stale_since_s = None
            accounts.update()

        books.stale_since_s = site.gateway.now_s
        accounts.update()
        site.at_end(ready)


class AccountEndFirst(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End an account's image at once: 54 comes first, values and positions later."""

    NAME: ClassVar[str] = "account_end_first"
    FACTS: ClassVar[str] = "2.12"

    late_s: Annotated[float, Meta(gt=0, description="how much later")] = 2.5

    def start(self, site: Site) -> None:
        """Hold the rows back, and not their end."""

        def take(client: Client, fields: list[str]) -> bool:
            if fields[0] not in IMAGE:
                return False
            site.gateway.call_later(self.late_s, lambda: site.answer(client, fields))
            return True

        site.take_answers(take)


class AccountSummaries(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Count account summaries as gateways are reported to: some never end."""

    NAME: ClassVar[str] = "account_summaries"
    FACTS: ClassVar[str] = "2.22-2.24, 2.28, 2.29, 11.13"

    limit: Annotated[
        Literal["client", "gateway"], Meta(description="whether each has two, or all have two")
    ] = "gateway"
    cancelled: Annotated[
        Literal["free", "taken"], Meta(description="what becomes of a cancelled one's place")
    ] = "taken"
    left: Annotated[
        Literal["ended", "alive"],
        Meta(
            description="what becomes of those of a client that left without a cancel; alive, "
            "they count, and after each 1102 everybody gets 322 with their ids"
        ),
    ] = "alive"

    def start(self, site: Site) -> None:
        """Choose; at the end it is as before, and what was left over is gone."""
        summary = site.sim.accounts.summary
        before = summary.rules
        summary.rules = SummaryRules(
            is_shared=self.limit == "gateway",
            is_freed=self.cancelled == "free",
            is_ended=self.left == "ended",
        )

        def mend() -> None:
            summary.rules = before
            summary.clear_left()

        site.at_end(mend)
