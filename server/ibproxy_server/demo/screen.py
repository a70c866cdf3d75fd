"""What the demo shows while it runs: a live table, or a few plain lines where there is no tty."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from ibproxy_server.demo.verdict import Summary


@dataclass(frozen=True)
class Standing:
    """How one strategy stands.

    Attributes:
        client_id: the client id that it passed to `connect`; None while it is not connected.
        subscriptions: what it receives market data for.
    """

    strategy: str
    account: str
    client_id: int | None
    subscriptions: tuple[str, ...]
    orders: int
    fills: int


@dataclass(frozen=True)
class View:
    """How everything stands.

    Attributes:
        connections: API connections that the gateway has open now.
        client_id: the proxy's own client id at the gateway, if it is known yet.
    """

    standings: tuple[Standing, ...]
    connections: int
    gateway: str
    client_id: int | None
    messages_sent: int
    messages_received: int
    left_s: float


class Screen(Protocol):
    """Where the demo is shown."""

    def show(self, view: View) -> None:
        """Show how things stand now."""

    def close(self) -> None:
        """Nothing more will be shown."""


class LiveScreen:
    """A table that changes in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, view: View) -> None:
        """Show how things stand now."""
        self._live.update(_render(view), refresh=True)

    def close(self) -> None:
        """Leave the last table where it is."""
        self._live.stop()


class PlainScreen:
    """One line for each thing that happens."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def show(self, view: View) -> None:
        """Say what is new."""
        for standing in view.standings:
            name = standing.strategy
            if standing.client_id is not None:
                self._say(f"{name} is connected as client {standing.client_id}")
            if standing.orders:
                self._say(f"{name} has placed its first order, in {standing.account}")
            if standing.fills:
                self._say(f"{name} has its first fill")
        if view.connections:
            self._say(f"connections that the gateway at {view.gateway} sees: {view.connections}")

    def close(self) -> None:
        """Nothing is left to do."""

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


class Shown:
    """Opens the screen that fits standard output, and closes it whatever happens."""

    def __init__(self) -> None:
        self._screen: Screen | None = None

    def __enter__(self) -> Screen:
        console = Console()
        self._screen = LiveScreen(console) if console.is_terminal else PlainScreen()
        return self._screen

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._screen:
            self._screen.close()


def _render(view: View) -> RenderableType:
    table = Table("strategy", "client id", "account", "subscribes to", title="ibproxy demo")
    table.add_column("orders", justify="right")
    table.add_column("fills", justify="right")
    for standing in view.standings:
        table.add_row(
            escape(standing.strategy),
            "connecting" if standing.client_id is None else str(standing.client_id),
            standing.account,
            escape(", ".join(standing.subscriptions)),
            str(standing.orders),
            str(standing.fills),
        )
    return Group(table, escape(_upstream(view)))


def _upstream(view: View) -> str:
    if not view.connections:
        return f"the proxy is connecting to the gateway at {view.gateway}"
    noun = "connection" if view.connections == 1 else "connections"
    return (
        f"{view.connections} {noun} to the gateway at {view.gateway}, client id {view.client_id}\n"
        f"{view.messages_sent} messages sent, {view.messages_received} received; "
        f"{view.left_s:.0f} s to go"
    )


def print_summary(summary: Summary) -> None:
    """Print what was measured, and whether it is as it should be."""
    rows = summary.rows()
    width = max(len(label) for label, _ in rows)
    lines = ["", *(f"{label:{width}}  {value}" for label, value in rows), ""]
    complaints = summary.complaints()
    lines += [f"not as it should be: {complaint}" for complaint in complaints]
    if not complaints:
        lines.append("All of this was measured, and is as it should be.")
    sys.stdout.write("\n".join(lines) + "\n")
