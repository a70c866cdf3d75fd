"""Reads and writes the messages that carry an order, by the tables of their layouts.

One reader and one writer go through any of them. All values stay text as the client wrote them,
so that nothing is lost on its way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ibproxy_sim.orders.layouts import FILLED_IN, PLACE_ORDER, If, Layout, Names, Rows
from ibproxy_sim.orders.terms import CONDITION_COLUMNS, UNSET_TEXTS, UP_TO_MID, Terms


def read_place_order(fields: list[str], version: int) -> Terms:
    """Return what a placeOrder message says.

    Args:
        fields: the whole message, the message id first.
        version: the connection's server version.

    Raises:
        ValueError: a field that decides the layout makes no sense, or fields are missing.
    """
    terms = Terms()
    try:
        _read(PLACE_ORDER, iter(fields[2:]), terms, version)
    except StopIteration:
        raise ValueError("the message ends too early") from None
    if terms.text("compete_against_best_offset") in {"Infinite", "inf"}:
        terms.fields["compete_against_best_offset"] = UP_TO_MID
    return terms


def read_order(layout: Layout, fields: list[str], version: int) -> Terms:
    """Return what the fields behind the message id say, by any of the layouts."""
    terms = Terms()
    _read(layout, iter(fields), terms, version)
    return terms


def write_order(layout: Layout, terms: Terms, stated: Mapping[str, str], version: int) -> list[str]:
    """Return the fields behind the message id.

    Args:
        layout: `OPEN_ORDER` or `COMPLETED_ORDER`.
        terms: what the client asked for.
        stated: what the gateway states itself; it comes before the client's own word.
        version: the connection's server version.
    """
    asked = {name: text for name, text in terms.fields.items() if text not in UNSET_TEXTS}
    out: list[str] = []
    _write(layout, {**FILLED_IN, **asked, **stated}, terms, version, out)
    return out


def _read(layout: Layout, source: Iterator[str], terms: Terms, version: int) -> None:
    for part in layout:
        if isinstance(part, Names):
            for name in part.names:
                terms.fields[name] = next(source)
        elif isinstance(part, If):
            if part.test(terms.fields, version):
                _read(part.parts, source, terms, version)
        elif isinstance(part, Rows):
            count = int(next(source) or 0)
            terms.rows[part.group] = [
                tuple([next(source) for _ in range(part.width)]) for _ in range(count)
            ]
        else:
            _read_conditions(source, terms)


def _read_conditions(source: Iterator[str], terms: Terms) -> None:
    rows = terms.rows["conditions"] = []
    for _ in range(int(next(source) or 0)):
        kind = next(source)
        if kind not in CONDITION_COLUMNS:
            raise ValueError(f"unknown condition type {kind!r}")
        rows.append((kind, *[next(source) for _ in CONDITION_COLUMNS[kind]]))
    if rows:
        terms.fields["conditions_ignore_rth"] = next(source)
        terms.fields["conditions_cancel_order"] = next(source)


def _write(
    layout: Layout, values: Mapping[str, str], terms: Terms, version: int, out: list[str]
) -> None:
    for part in layout:
        if isinstance(part, Names):
            out += [values.get(name, "") for name in part.names]
        elif isinstance(part, If):
            if part.test(values, version):
                _write(part.parts, values, terms, version, out)
        else:
            group = part.group if isinstance(part, Rows) else "conditions"
            rows = terms.rows.get(group, [])
            out.append(str(len(rows)))
            for row in rows:
                out += row
            if rows and group == "conditions":
                out += [terms.text("conditions_ignore_rth"), terms.text("conditions_cancel_order")]
