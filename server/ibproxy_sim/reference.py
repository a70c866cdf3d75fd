"""The tables of faults, scenarios and their keys in the documentation, made from the code.

``python -m ibproxy_sim.reference docs/testing-strategies.md`` writes them anew between the
page's marks; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from ibproxy_sim.faults.catalogue import FAULTS
from ibproxy_sim.faults.fault import Fault
from ibproxy_sim.scenario import (
    FaultSection,
    GatewaySection,
    GroupSection,
    MarketSection,
    PositionSection,
    Scenario,
    load_scenario,
    shipped_scenarios,
)

MARKS = "<!-- {0}: made by ibproxy_sim.reference -->\n{1}<!-- end of {0} -->"


def faults_table() -> str:
    """Return a table of all faults, in Markdown."""
    lines = ["| fault | what it does | parameters | facts |", "|---|---|---|---|"]
    for name, kind in sorted(FAULTS.items()):
        about = " ".join((kind.__doc__ or "").split())
        lines.append(f"| `{name}` | {about} | {_parameters(kind)} | {kind.FACTS or 'assumed'} |")
    return "\n".join(lines) + "\n"


def scenarios_table() -> str:
    """Return a table of the scenarios that come with the stand-in, in Markdown."""
    lines = ["| scenario | what happens | faults |", "|---|---|---|"]
    for name, about in shipped_scenarios().items():
        moments = [f"`{m.fault.NAME}`{_time(m.at_s)}" for m in load_scenario(name).timeline()]
        lines.append(f"| `{name}` | {about} | {', '.join(moments)} |")
    return "\n".join(lines) + "\n"


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": Scenario,
    "[market]": MarketSection,
    "[gateway]": GatewaySection,
    "[[positions]]": PositionSection,
    "[[groups]]": GroupSection,
    "[[faults]]": FaultSection,
}
"""Part of a scenario's file -> what it is read into."""


def keys_table() -> str:
    """Return a table of all keys of a scenario's file, in Markdown."""
    lines = ["| part | key | what it is |", "|---|---|---|"]
    for part, section in SECTIONS.items():
        hints = get_type_hints(section, include_extras=True)
        for field in msgspec.structs.fields(section):
            about = _about(hints[field.name])
            if about:  # else it is a part itself
                about += _choices(hints[field.name])
                lines.append(f"| {_code(part)} | `{field.name}{_default(field)}` | {about} |")
    return "\n".join(lines) + "\n"


TABLES = {"faults": faults_table, "keys": keys_table, "scenarios": scenarios_table}


def refreshed(page: str) -> str:
    """Return a page with all tables between its marks as they are now."""
    for name, table in TABLES.items():
        start, end = MARKS.format(name, "\0").split("\0")
        before, found, rest = page.partition(start)
        if found:
            page = before + start + table() + end + rest.partition(end)[2]
    return page


def _time(at_s: float) -> str:
    return f" after {at_s:g} s" if at_s else ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _about(hint: object) -> str | None:
    metas = (meta for meta in get_args(hint) if isinstance(meta, Meta))
    return next((meta.description for meta in metas if meta.description), None)


def _parameters(kind: type[Fault]) -> str:
    hints = get_type_hints(kind, include_extras=True)
    parts = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        about = _about(hint)
        parts.append(f"`{field.name}{_default(field)}`: {about}{_choices(hint)}")
    return "<br>".join(parts)


def _default(field: msgspec.structs.FieldInfo) -> str:
    """Return ` = VALUE` as it is written in TOML; nothing if there is no default worth a word."""
    if field.default in (msgspec.NODEFAULT, None, "", ()):
        return ""
    return f" = {msgspec.json.encode(field.default).decode()}"


def _choices(hint: object) -> str:
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(inner) is not Literal:
        return ""
    return f" ({', '.join(str(choice) for choice in get_args(inner))})"


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:]):
        each.write_text(refreshed(each.read_text(encoding="utf-8")), encoding="utf-8")
