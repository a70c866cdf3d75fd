"""Judges a script: what to do with it, and what will be otherwise behind the proxy."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from ibproxy.identity import clean_name
from ibproxy_server.check.constants import Value
from ibproxy_server.check.findings import Finding, findings, places_of
from ibproxy_server.check.script import STARTERS, Connect, Script, read_script
from ibproxy_server.check.sources import Source, UnreadableError, read_source
from ibproxy_server.check.uses import Grade
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
_RUN: Final = {"ib_async", "ib_insync"}
"""Libraries that `ibproxy run` leads through the proxy."""

_LOCAL: Final = {"127.0.0.1", "localhost", "::1", ""}
_KINDS: Final = {Kind.PAPER: "paper", Kind.LIVE: "live", None: "stands for nothing"}


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


def check_file(path: Path, ports: Ports | None = None) -> Report:
    """Return what will happen to the script in a file.

    Raises:
        LocalError: there is no such file, or it may not be read.
    """
    try:
        return check(read_source(path), ports)
    except UnreadableError as error:
        return Report(str(path), Outcome.UNREADABLE, facts=[str(error)])


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
    ports = ports or Ports()
    found = sorted(findings(script, source, ports), key=lambda each: -each.grade)
    report = Report(
        name,
        _OUTCOMES[max((each.grade for each in found), default=Grade.NOTE)],
        script.libraries,
        list(_ways(script, source)),
        [_connect(each, source, ports) for each in script.connects],
        list(_facts(script, source)),
        found,
    )
    if not script.libraries and not script.connects and not found:
        report.outcome = Outcome.OUTSIDE
    return report


def _ways(script: Script, source: Source) -> Iterator[str]:
    if not script.connecting:
        if script.libraries or script.connects:
            yield "nothing to change here: the file that makes `IB` or `EClient` is"
        return
    if "ibapi" in script.connecting:
        yield from _door(script, source)
    if "ibproxy" in script.connecting:
        yield "it is written for the proxy"
    if not _RUN & script.connecting:
        return
    yield (
        "%load_ext ibproxy in the first cell"
        if source.is_notebook
        else f"ibproxy run {source.path}, with nothing changed"
    )
    changes = [each for each in script.imports if each.package in _RUN and each.through_proxy]
    starts = any(name in script.names for name in STARTERS)
    if (
        starts
        or script.dynamic
        or not changes
        or not all(_can_replace(each.package) for each in changes)
    ):
        return
    yield "or " + "; ".join(
        f"{source.place(each.line)}: {_replacement(each.package, each.through_proxy)} "
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
    ids = {each_id for each in script.connects for each_id in each.client_ids} - {None}
    if len(ids) > 1:
        yield f"client ids {', '.join(map(str, sorted(ids, key=str)))}: all are the strategy's own"
    if script.threads and script.libraries:
        lines = ", ".join(places_of(script.threads, source))
        yield f"threads ({lines}): as without the proxy"
    if script.derives:
        yield "a class is derived from the library's: as without the proxy"


def _said(error: Exception) -> str:
    return getattr(error, "msg", "") or str(error) or type(error).__name__
