"""What an account may have of market data: lines, books, permissions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

COMPETING = "No market data during competing live session"


def _change_settings(site: Site, **changes: Any) -> None:
    """Have other settings until the fault ends."""
    gateway = site.gateway
    before = {name: getattr(gateway.settings, name) for name in changes}

    def restore() -> None:
        gateway.settings = replace(gateway.settings, **before)

    gateway.settings = replace(gateway.settings, **changes)
    site.at_end(restore)


class Lines(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have other limits of market data: 101 above the lines, 309 above the books, 10190."""

    NAME: ClassVar[str] = "lines"
    FACTS: ClassVar[str] = "4.1-4.7, 4.45, 4.51"

    lines: Annotated[int, Meta(ge=0, description="contracts with market data")] = 3
    books: Annotated[int, Meta(ge=0, description="contracts with market depth")] = 1
    tick_by_tick: Annotated[int, Meta(ge=0, description="tick-by-tick requests")] = 1

    def start(self, site: Site) -> None:
        """Set them; what runs goes on."""
        _change_settings(
            site,
            max_lines=self.lines,
            max_books=self.books,
            max_tick_by_tick=self.tick_by_tick,
        )


class NoPermission(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have no live data of some symbols: refused, or with delayed data and 10167 if asked so."""

    NAME: ClassVar[str] = "no_permission"
    FACTS: ClassVar[str] = "4.38, 4.39, 4.41"

    symbols: Annotated[tuple[str, ...], Meta(min_length=1, description="of which contracts")]
    code: Annotated[
        Literal[354, 10089, 10168], Meta(description="what a request for live data gets")
    ] = 354

    def start(self, site: Site) -> None:
        """Refuse new requests; what runs goes on [assumed]."""
        _change_settings(site, not_permitted=self.symbols, not_permitted_code=self.code)


class CompetingSession(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lose the data to another login of the same user: 10197 for each stream, and no ticks."""

    NAME: ClassVar[str] = "competing_session"
    FACTS: ClassVar[str] = "4.40, 11.41"

    def start(self, site: Site) -> None:
        """Tell each stream; ticks go on when it ends [assumed]."""
        streams = site.gateway.streams["quotes"]
        for stream in streams:
            site.gateway.error(stream.client, stream.req_id, 10197, COMPETING)
        streams.is_paused = True
        site.at_end(lambda: setattr(streams, "is_paused", False))

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] != ["1"]:
                return False
            site.gateway.error(client, fields[2], 10197, COMPETING)
            return True

        site.take_requests(take)
