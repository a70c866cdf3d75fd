"""Paper and live: what a script expects of its gateway, and whether it may have this one.

A script says which gateway it wants by the port that it asks for, or its configuration says it.
Who wants paper never gets real money; who wants live gets paper with a warning, for nothing is
lost then. With "any" all is well. Whoever says nothing, as programs that come in by a door, gets
what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a gateway is, or what is expected of it."""

    PAPER = "paper"
    LIVE = "live"


NAME_OF_KIND = {Kind.PAPER: "a paper account", Kind.LIVE: "a live account"}


@dataclass(frozen=True)
class Ports:
    """Which ports stand for which kind of gateway; all others for none.

    Attributes:
        paper: TWS 7497 and IB Gateway 4002 by default.
        live: TWS 7496 and IB Gateway 4001 by default.
    """

    paper: tuple[int, ...] = (7497, 4002)
    live: tuple[int, ...] = (7496, 4001)

    def kind(self, port: int) -> Kind | None:
        """Return what a port stands for."""
        if port in self.paper:
            return Kind.PAPER
        return Kind.LIVE if port in self.live else None


@dataclass(frozen=True)
class Verdict:
    """Whether a script is let in.

    Attributes:
        refusal: why not, and how to allow it; empty if it is.
        warning: what people should hear although it is.
    """

    refusal: str = ""
    warning: str = ""


WELCOME = Verdict()


def kind_of(accounts: Iterable[str]) -> Kind:
    """Return what a login with these accounts is: live, if a single one of them may be.

    The codes of paper accounts begin with D: DU, and an advisor's DF [assumed].
    """
    return Kind.PAPER if all(each.startswith("D") for each in accounts) else Kind.LIVE


def judge(
    strategy: str, port: int, expects: str, ports: Ports, accounts: tuple[str, ...]
) -> Verdict:
    """Return whether a script may have the gateway.

    Args:
        strategy: its name.
        port: what it passed to `connect`; 0 if it had no way to say.
        expects: "paper", "live", "any", or "port": what the port stands for.
        ports: what ports stand for.
        accounts: all of the login's.
    """
    wanted = ports.kind(port) if expects == "port" else _EXPECTED[expects]
    found = kind_of(accounts)
    if wanted is None or wanted is found:
        return WELCOME
    wish = (
        f"asks for port {port}, which stands for {NAME_OF_KIND[wanted]}"
        if expects == "port"
        else f"expects {NAME_OF_KIND[wanted]}"
    )
    shown = ", ".join(each for each in accounts if kind_of([each]) is found)
    text = f"{strategy} {wish}, but the gateway behind this proxy holds {NAME_OF_KIND[found]}"
    if wanted is Kind.LIVE:
        return Verdict(warning=f"{text} ({shown}): it is let in, and trades no real money")
    return Verdict(
        refusal=f'{text} ({shown}). To allow it, write expects = "any" under '
        f"[strategies.{_toml_key(strategy)}] in the proxy's configuration and start the proxy again"
    )


def _toml_key(name: str) -> str:
    return f'"{name}"' if "." in name else name


_EXPECTED = {"paper": Kind.PAPER, "live": Kind.LIVE, "any": None}
