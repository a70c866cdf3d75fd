"""What a script should know: each with its lines, and with the words of a page."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ibproxy.seam import CONNECTION_MEMBERS
from ibproxy_server.check import uses
from ibproxy_server.check.limits import Limit, limits
from ibproxy_server.check.script import STARTERS, Script
from ibproxy_server.check.sources import Source
from ibproxy_server.check.uses import LIMITS_PAGE, Grade, Own, Use, rows_for
from ibproxy_server.core.kinds import Ports


@dataclass(frozen=True)
class Finding:
    """Something that a script should know.

    Attributes:
        grade: how much it matters.
        what: what the script does, or uses.
        places: where.
        title: title of the row of the page; empty if `text` is not from a table.
        text: how it is behind the proxy, and what to do.
        page: the page that says more.
    """

    grade: Grade
    what: str
    places: tuple[str, ...]
    title: str
    text: str
    page: str = LIMITS_PAGE


def findings(script: Script, source: Source, ports: Ports) -> Iterator[Finding]:
    """Yield what a script should know, in no order."""
    for limit, (grade, names) in _named(script).items():
        lines = sorted({line for name in names for line in script.members[name]})
        yield _finding(limit, grade, ", ".join(f"`{name}`" for name in names), lines, source)
    zeros = [each.line for each in script.connects if 0 in each.client_ids]
    if zeros:
        for use in uses.CLIENT_ZERO:
            yield _row(use, "client id 0", zeros, source)
    hosts = {host for each in script.connects for host in each.hosts} - {None}
    if len(known_ports(script)) > 1 or len(hosts) > 1:
        lines = [each.line for each in script.connects]
        yield _row(uses.SEVERAL_GATEWAYS, "more than one host or port", lines, source)
    if script.processes and script.libraries:
        yield _row(uses.PROCESSES, "processes", script.processes, source)
    for member, lines in script.connection.items():
        if member not in CONNECTION_MEMBERS:
            what = f"`client.conn.{member}`" if member else "`client.conn` itself"
            yield _row(uses.CONNECTION, what, lines, source)
    if "ibapi" in script.connecting:
        lines = [each.line for each in script.imports if each.package == "ibapi" and each.brings]
        yield _row(uses.IBAPI, "ibapi", lines, source)
    yield from _beside(script, source, ports)


def _beside(script: Script, source: Source, ports: Ports) -> Iterator[Finding]:
    """What no row of the page is about."""

    def found(use: Own, what: str, lines: Iterable[int]) -> Iterator[Finding]:
        if places := places_of(lines, source):
            yield Finding(use.grade, what, places, "", use.text, use.page)

    starts = [line for name in STARTERS for line in script.names.get(name, [])]
    yield from found(uses.STARTS_GATEWAY, "`IBC`", starts)
    if "socket" in script.names:
        sockets = script.lines("create_connection") + script.lines("connect_ex")
        yield from found(uses.SOCKETS, "a socket of its own", sockets)
    if script.connecting == {"ibapi"}:
        lines = [each.line for each in script.connects]
        yield from found(uses.PORT_OF_A_DOOR, "the port that it asks for", lines)
        return
    for port in sorted(each for each in known_ports(script) if ports.kind(each) is None):
        lines = [each.line for each in script.connects if port in each.ports]
        yield from found(uses.OTHER_PORT, f"port {port}", lines)


def known_ports(script: Script) -> set[int]:
    """Return the ports that stand in a script."""
    return {port for each in script.connects for port in each.ports if isinstance(port, int)}


def _named(script: Script) -> dict[Limit, tuple[Grade, list[str]]]:
    """Return the rows that names lead to, with the names of each."""
    found: dict[Limit, tuple[Grade, list[str]]] = {}
    for name in script.members:
        for limit, grade in _rows_for(name):
            before = found.get(limit, (grade, []))
            found[limit] = max(grade, before[0]), [*before[1], name]
    return found


_rows_for = functools.cache(rows_for)


def _row(use: Use, what: str, lines: list[int], source: Source) -> Finding:
    return _finding(limits()[use.title], use.grade, what, lines, source)


def _finding(limit: Limit, grade: Grade, what: str, lines: list[int], source: Source) -> Finding:
    return Finding(grade, what, places_of(lines, source), limit.title, limit.behind)


def places_of(lines: Iterable[int], source: Source) -> tuple[str, ...]:
    """Return where lines stand, each once."""
    return tuple(source.place(line) for line in sorted(set(lines)))
