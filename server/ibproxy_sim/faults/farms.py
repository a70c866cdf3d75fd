"""Data farms that come and go: facts 7.8 to 7.10, 5.27."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site


class Notices(NamedTuple):
    """What is said of a kind of farm: a code and a text each, the farm's name comes after.

    Attributes:
        streams: what is fed by it.
    """

    broken: tuple[int, str]
    idle: tuple[int, str]
    connecting: tuple[int, str]
    fine: tuple[int, str]
    streams: tuple[str, ...]


KINDS = {
    "market": Notices(
        (2103, "Market data farm connection is broken:"),
        (2108, "Market data farm connection is inactive but should be available upon demand."),
        (2119, "Market data farm is connecting:"),
        (2104, "Market data farm connection is OK:"),
        ("quotes", "depth", "real_time_bars", "tick_by_tick"),
    ),
    "historical": Notices(
        (2105, "HMDS data farm connection is broken:"),
        (2107, "HMDS data farm connection is inactive but should be available upon demand."),
        (2120, "HMDS data farm is connecting:"),
        (2106, "HMDS data farm connection is OK:"),
        ("bars",),
    ),
    "definitions": Notices(
        (2157, "Sec-def data farm connection is broken:"),
        (2159, "Sec-def data farm connection is inactive but should be available upon demand."),
        (2160, "Sec-def data farm is connecting:"),
        (2158, "Sec-def data farm connection is OK:"),
        (),
    ),
}
"""Kind of farm -> its notices (fact 7.8)."""

FARMS = {"market": "usfarm", "historical": "ushmds", "definitions": "secdefil"}
"""Kind of farm -> the usual one's name (fact 1.17)."""

NO_UPDATES = (10182, "Failed to request live updates (disconnected).")  # fact 5.27


class Farm(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Break a data farm; at the end it connects again. Bars kept up to date die with 10182."""

    NAME: ClassVar[str] = "farm"
    FACTS: ClassVar[str] = "1.18, 5.27, 7.6, 7.8, 7.9"

    kind: Annotated[
        Literal["market", "historical", "definitions"], Meta(description="which farm")
    ] = "market"
    name: Annotated[str, Meta(description="its name; empty: the usual one")] = ""
    bars: Annotated[
        Literal["10182", "silent", "live"],
        Meta(description="what becomes of bars kept up to date when it breaks"),
    ] = "10182"

    def start(self, site: Site) -> None:
        """Tell it, and stop what the farm feeds until it is back."""
        notices, name = KINDS[self.kind], self.name or FARMS[self.kind]
        site.tell_all(notices.broken[0], notices.broken[1] + name)
        kinds = [site.gateway.streams[stream] for stream in notices.streams]
        for streams in kinds:
            streams.is_paused = True
        if self.kind != "definitions" and self.bars != "live":
            self._end_bars(site)

        def mend() -> None:
            for code, text in (notices.connecting, notices.fine):
                site.tell_all(code, text + name)
            for streams in kinds:
                streams.is_paused = False

        site.at_end(mend)

    def _end_bars(self, site: Site) -> None:
        bars = site.gateway.streams["bars"]
        if self.bars == "10182":
            for stream in bars:
                site.gateway.error(stream.client, stream.req_id, *NO_UPDATES)
        bars.clear()


class FarmIdle(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say that a farm is inactive but available upon demand; nothing stops."""

    NAME: ClassVar[str] = "farm_idle"
    FACTS: ClassVar[str] = "1.16, 7.8"

    kind: Annotated[
        Literal["market", "historical", "definitions"], Meta(description="which farm")
    ] = "historical"

    def start(self, site: Site) -> None:
        """Tell it; that is all."""
        code, text = KINDS[self.kind].idle
        site.tell_all(code, text + FARMS[self.kind])
        site.end()
