"""Judges a script: what to do with it, and what will be otherwise behind the proxy."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ibproxy.identity import clean_name
from ibproxy.seam import CONNECTION_MEMBERS
from ibproxy_server.check import uses
from ibproxy_server.check.constants import Value
from ibproxy_server.check.limits import Limit, limits
from ibproxy_server.check.script import Connect, Script, read_script
from ibproxy_server.check.sources import Source
from ibproxy_server.check.uses import Grade, Use, rows_for
from ibproxy_server.core.kinds import Kind, Ports


class Outcome(Enum):
    """What will happen to a script."""

    WORKS = "works unchanged"
    DIFFERS = "differs"
    CHANGE = "needs a change"
    OUTSIDE = "does not connect"
    UNREADABLE = "cannot be read"


_OUTCOMES: Final = {
    Grade.NOTE: Outcome.WORKS,
    Grade.DIFFERS: Outcome.DIFFERS,
    Grade.CHANGE: Outcome.CHANGE,
}
_LOCAL: Final = {"127.0.0.1", "localhost", "::1", ""}
_KINDS: Final = {Kind.PAPER: "paper", Kind.LIVE: "live", None: "stands for nothing"}
_RUNNING: Final = "docs/running-scripts.md"
_STARTERS: Final = ("IBC", "IBController")
_LIMITS: Final = "docs/limits.md"


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
    page: str = _LIMITS


@dataclass
class Report:
    """What is said about a script.

    Attributes:
        file: its path, as given.
        outcome: the verdict.
        libraries: which it uses.
        ways: how it gets in, the first being the shortest.
        connects: where it connects to, in words.
        facts: what was seen and makes no difference.
        findings: what does, the worst first.
    """

    file: str
    outcome: Outcome
    libraries: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)
    connects: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check(source: Source, ports: Ports | None = None) -> Report:
    """Return what will happen to a script; nothing of it is run.

    Args:
        source: its text.
        ports: what ports stand for, as configured.
    """
    name = str(source.path)
    try:
        script = read_script(source.text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return Report(name, Outcome.UNREADABLE, facts=[f"{source.place(line)}: {_said(error)}"])
    findings = sorted(_findings(script, source), key=lambda each: -each.grade)
    report = Report(
        name,
        _OUTCOMES[max((each.grade for each in findings), default=Grade.NOTE)],
        script.libraries,
        list(_ways(script, source)),
        [_connect(each, source, ports or Ports()) for each in script.connects],
        list(_facts(script, source)),
        findings,
    )
    if not script.libraries and not script.connects and not findings:
        report.outcome = Outcome.OUTSIDE
    return report


def _findings(script: Script, source: Source) -> Iterator[Finding]:
    for limit, (grade, names) in _named(script).items():
        lines = sorted({line for name in names for line in script.members[name]})
        yield _finding(limit, grade, ", ".join(f"`{name}`" for name in names), lines, source)
    zeros = [each.line for each in script.connects if 0 in each.client_ids]
    if zeros:
        for use in uses.CLIENT_ZERO:
            yield _row(use, "client id 0", zeros, source)
    if len(_known(each.ports for each in script.connects)) > 1 or (
        len(_known(each.hosts for each in script.connects)) > 1
    ):
        lines = [each.line for each in script.connects]
        yield _row(uses.SEVERAL_GATEWAYS, "more than one host or port", lines, source)
    if script.processes and script.libraries:
        yield _row(uses.PROCESSES, "processes", script.processes, source)
    for member, lines in script.connection.items():
        if member not in CONNECTION_MEMBERS:
            what = f"`client.conn.{member}`" if member else "`client.conn` itself"
            yield _row(uses.CONNECTION, what, lines, source)
    if "ibapi" in script.libraries:
        lines = [each.line for each in script.imports if each.library == "ibapi"]
        yield _row(uses.IBAPI, "ibapi", lines, source)
    yield from _beside(script, source)


def _beside(script: Script, source: Source) -> Iterator[Finding]:
    """What no row of the page is about: starting gateways, and sockets of its own."""
    if lines := [line for name in _STARTERS for line in script.names.get(name, [])]:
        yield Finding(
            Grade.DIFFERS,
            "`IBC`",
            _places(lines, source),
            "",
            "Under `ibproxy run` it starts no gateway. In any other way it has to be left out: a "
            "second login would end the proxy's.",
            _RUNNING,
        )
    if "socket" in script.names and (
        lines := script.lines("create_connection") + script.lines("connect_ex")
    ):
        yield Finding(
            Grade.NOTE,
            "a socket of its own",
            _places(lines, source),
            "",
            "If it looks whether the gateway's port is open, it asks the gateway itself, past "
            "the proxy.",
            _RUNNING,
        )


def _known(given: Iterable[tuple[Value, ...]]) -> set[Value]:
    return {each for values in given for each in values} - {None}


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
    return Finding(grade, what, _places(lines, source), limit.title, limit.behind)


def _places(lines: list[int], source: Source) -> tuple[str, ...]:
    return tuple(source.place(line) for line in sorted(set(lines)))


def _ways(script: Script, source: Source) -> Iterator[str]:
    if not script.libraries:
        if script.connects:
            yield "nothing to change here: the file that makes `IB` is"
        return
    if "ibapi" in script.libraries:
        yield from _door(script, source)
    if "ibproxy" in script.libraries:
        yield "it is written for the proxy"
    if not {"ib_async", "ib_insync"} & set(script.libraries):
        return
    yield (
        "%load_ext ibproxy in the first cell"
        if source.is_notebook
        else (f"ibproxy run {source.path}, with nothing changed")
    )
    changes = [
        each
        for each in script.imports
        if each.library in {"ib_async", "ib_insync"} and each.through_proxy
    ]
    starts = any(name in script.names for name in _STARTERS)
    if (
        starts
        or script.dynamic
        or not changes
        or not all(_can_replace(each.library) for each in changes)
    ):
        return
    yield "or " + "; ".join(
        f"{source.place(each.line)}: {_replacement(each.library, each.through_proxy)} "
        f"(was: {each.text})"
        for each in changes
    )


def _can_replace(library: str) -> bool:
    return library == "ib_async" or importlib.util.find_spec("ibproxy.ib_insync") is not None


def _replacement(library: str, text: str) -> str:
    """ib_insync's names are in a package of their own."""
    if library == "ib_async":
        return text
    head, space, rest = text.partition(" ")
    return head + space + rest.replace("ibproxy", "ibproxy.ib_insync", 1)


def _door(script: Script, source: Source) -> Iterator[str]:
    name = clean_name(source.path.stem) or "legacy"
    lines = ", ".join(source.place(each.line) for each in script.connects) or "where it connects"
    yield (
        f"open a door for it (ibproxy serve --tcp 127.0.0.1:4101 --tcp-strategy {name}), and "
        f"give its port 4101 to `connect`: {lines}"
    )


def _connect(connect: Connect, source: Source, ports: Ports) -> str:
    hosts = [each for each in connect.hosts if each is not None and each not in _LOCAL]
    parts = [f"host {_shown(tuple(hosts))}"] if hosts else []
    parts += [f"port {_shown(connect.ports, ports)}", f"client id {_shown(connect.client_ids)}"]
    return f"{source.place(connect.line)}: {', '.join(parts)}"


def _shown(values: tuple[Value, ...], ports: Ports | None = None) -> str:
    return " or ".join(_value(each, ports) for each in values)


def _value(value: Value, ports: Ports | None) -> str:
    if value is None:
        return "not in the script"
    if ports is None or isinstance(value, str):
        return str(value)
    return f"{value} ({_KINDS[ports.kind(value)]})"


def _facts(script: Script, source: Source) -> Iterator[str]:
    """What is as without the proxy, though one may wonder."""
    if script.private:
        names = ", ".join(f"`{name}`" for name in sorted(script.private))
        yield f"{names}: the library's own objects are there, as without the proxy"
    ids = _known(each.client_ids for each in script.connects)
    if len(ids) > 1:
        yield f"client ids {', '.join(map(str, sorted(ids, key=str)))}: all are the strategy's own"
    if script.threads and script.libraries:
        lines = ", ".join(_places(script.threads, source))
        yield f"threads ({lines}): as without the proxy"
    if script.derives:
        yield "a class is derived from the library's: as without the proxy"


def _said(error: Exception) -> str:
    return getattr(error, "msg", "") or str(error) or type(error).__name__
