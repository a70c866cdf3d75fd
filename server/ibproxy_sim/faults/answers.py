"""Answers that are wrong for a while: contracts that are not found, requests not yet known."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.wording import cancel_failed

MARKET_DATA, CANCEL = "1", "2"
ERROR = "4"


class UnknownContracts(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say 200 of contracts that exist, as in a reset of the servers."""

    NAME: ClassVar[str] = "unknown_contracts"
    FACTS: ClassVar[str] = "4.43, 11.40"

    symbols: Annotated[tuple[str, ...], Meta(description="which; empty: all")] = ()

    def start(self, site: Site) -> None:
        """Hide them."""
        universe = site.sim.universe
        before = universe.is_hidden

        def is_hidden(symbol: str) -> bool:
            return not self.symbols or symbol in self.symbols

        universe.is_hidden = is_hidden
        site.at_end(lambda: setattr(universe, "is_hidden", before))


class LateRegistration(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer a cancel of market data that comes too soon with 300, and let the stream run on."""

    NAME: ClassVar[str] = "late_registration"
    FACTS: ClassVar[str] = "4.10, 4.11"

    within_s: Annotated[float, Meta(gt=0, description="how soon is too soon")] = 0.05

    def start(self, site: Site) -> None:
        """Remember when what was asked for."""
        asked_s: dict[tuple[int, str], float] = {}

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] == [MARKET_DATA]:
                asked_s[client.number, fields[2]] = site.gateway.now_s
            elif fields[:1] == [CANCEL]:
                since_s = asked_s.pop((client.number, fields[2]), None)
                if since_s is not None and site.gateway.now_s - since_s < self.within_s:
                    cancel_failed(site.gateway, client, fields[2])
                    return True
            return False

        site.take_requests(take)


class Language(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write the texts of errors in the language of the login, with escapes; codes stay."""

    NAME: ClassVar[str] = "language"
    FACTS: ClassVar[str] = "1.29, 11.45"

    words: Annotated[str, Meta(description="what stands for every text; its numbers follow")] = (
        r"\u8acb\u6c42\u5931\u6557"
    )

    def start(self, site: Site) -> None:
        """Replace them."""

        def take(_client: Client, fields: list[str]) -> bool:
            if fields[0] == ERROR:
                fields[4] = " ".join([self.words, *re.findall(r"\d+", fields[4])])
            return False

        site.take_answers(take)
