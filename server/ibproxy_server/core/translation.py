r"""Speaks to a client in the layouts of its own, lower version.

::

    client at 157 ──request──► up() ──► desks ──► gateway at 176
    client at 157 ◄── down() ◄── answers ◄─────── gateway at 176

The desks know the gateway's version alone. What differs stands in `ibproxy/wire/layouts.py`; here
it is only carried out, and a message that does not differ is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from ibproxy.wire.framing import FrameBuffer, frame
from ibproxy.wire.layouts import (
    ANSWER_FIELDS,
    ANSWERS_SINCE,
    FIRST_WITH_FRACTIONS,
    REQUEST_FIELDS,
    REQUESTS_SINCE,
    SIZES,
    Field,
    Groups,
    Rows,
    Sizes,
    When,
    tail_at,
)

Edit = Callable[[list[bytes]], None]
"""Changes a message's fields in place; raises IndexError or ValueError if it is malformed."""


class Translation:
    """Between a client's version and the gateway's higher one.

    Attributes:
        unknown_requests: ids of messages, as on the wire, that the client's version does not know.
    """

    def __init__(self, client_version: int, upstream_version: int) -> None:
        self.unknown_requests = _newer(REQUESTS_SINCE, client_version)
        self._unknown_answers = _newer(ANSWERS_SINCE, client_version)
        self._up = {
            _wire_id(msg_id): edits
            for msg_id, fields in REQUEST_FIELDS.items()
            if (edits := _up_edits(fields, client_version, upstream_version))
        }
        self._down = {
            _wire_id(msg_id): edits
            for msg_id in {**ANSWER_FIELDS, **SIZES}
            if (edits := _down_edits(msg_id, client_version, upstream_version))
        }

    def up(self, fields: list[bytes]) -> None:
        """Make a request of the client's one of the gateway's version, in place.

        Raises:
            IndexError, ValueError: it is malformed.
        """
        for edit in self._up.get(fields[0], ()):
            edit(fields)

    def down(self, data: bytes, unreadable: Callable[[bytes, Exception], None]) -> bytes:
        """Return answers as the client's version has them.

        Args:
            data: whole frames.
            unreadable: told of each payload that is malformed, and so left out, and why.
        """
        out = []
        for payload in FrameBuffer().feed(data):
            msg_id = payload[: payload.find(b"\0")]
            edits = self._down.get(msg_id)
            if edits is None:
                if msg_id not in self._unknown_answers:
                    out.append(frame(payload))
                continue
            fields = payload.split(b"\0")
            end = fields.pop()
            try:
                for edit in edits:
                    edit(fields)
            except (IndexError, ValueError, OverflowError) as error:
                unreadable(payload, error)
            else:
                out.append(frame(b"\0".join((*fields, end))))
        return b"".join(out)


@cache
def translation(client_version: int, upstream_version: int) -> Translation | None:
    """Return what is between two versions; None if they are the same."""
    if client_version == upstream_version:
        return None
    return Translation(client_version, upstream_version)


def _wire_id(msg_id: int) -> bytes:
    return b"%d" % msg_id


def _newer(since: Mapping[int, int], version: int) -> frozenset[bytes]:
    return frozenset(_wire_id(msg_id) for msg_id, first in since.items() if version < first)


def _up_edits(fields: tuple[Field, ...], low: int, high: int) -> tuple[Edit, ...]:
    gone = [each for each in fields if each.is_at(low) and not each.is_at(high)]
    new = [each for each in tail_at(fields, high) if not each.is_at(low)]
    return (*(partial(_drop, each) for each in gone), *(partial(_add, e) for e in new))


def _down_edits(msg_id: int, low: int, high: int) -> tuple[Edit, ...]:
    fields = ANSWER_FIELDS.get(msg_id, ())
    new = [each for each in fields if each.is_at(high) and not each.is_at(low)]
    gone = [each for each in fields if each.is_at(low) and not each.is_at(high)]
    in_rows = [each for each in new if each.within]
    edits: list[Edit] = []
    if low < FIRST_WITH_FRACTIONS <= high:
        edits += [partial(_make_whole, sizes) for sizes in SIZES.get(msg_id, ())]
    if any(each.is_tail for each in new):
        is_kept = [each.is_at(low) for each in tail_at(fields, high)]
        edits.append(partial(_cut_tail, is_kept))
    if in_rows and in_rows[0].within:
        edits.append(partial(_cut_rows, in_rows[0].within, len(in_rows)))
    edits += [partial(_insert, each) for each in gone]
    return tuple(edits)


def _holds(when: When | None, fields: list[bytes]) -> bool:
    return when is None or fields[when.at] in when.values


def _count(fields: list[bytes], at: int) -> int:
    """Read how many rows follow; empty is none."""
    count = int(fields[at] or 0)
    if not 0 <= count <= len(fields):
        raise ValueError(f"a count of {count}")
    return count


def _shift(groups: Groups | None, fields: list[bytes]) -> int:
    """By how many fields groups move what stands behind them."""
    if groups is None or not _holds(groups.when, fields):
        return 0
    at = groups.at
    for width in groups.widths:
        at += 1 + width * _count(fields, at)
    return at - groups.at


def _add(field: Field, fields: list[bytes]) -> None:
    if _holds(field.when, fields):
        fields.append(field.default)


def _drop(field: Field, fields: list[bytes]) -> None:
    assert field.at is not None  # noqa: S101 - the table test holds this
    shift = _shift(field.behind, fields)
    said = fields.pop(field.at + shift)
    if field.into is not None and said and not fields[field.into + shift]:
        fields[field.into + shift] = said


def _insert(field: Field, fields: list[bytes]) -> None:
    assert field.at is not None  # noqa: S101 - the table test holds this
    if len(fields) < field.at:
        raise IndexError(f"no place for {field.name}")
    fields.insert(field.at, field.default)


def _cut_tail(is_kept: list[bool], fields: list[bytes]) -> None:
    tail = fields[-len(is_kept) :]
    if len(tail) < len(is_kept):
        raise IndexError("the message ends too early")
    fields[-len(is_kept) :] = [each for each, kept in zip(tail, is_kept, strict=True) if kept]


def _row_ends(rows: Rows, extra: int, fields: list[bytes]) -> Iterator[int]:
    """Yield where each row's plain fields and its list end; `extra` fields follow there."""
    end = rows.count_at + 1
    for _ in range(_count(fields, rows.count_at)):
        end += rows.width
        if rows.has_list:
            end += 1 + _count(fields, end)
        yield end
        end += extra


def _cut_rows(rows: Rows, extra: int, fields: list[bytes]) -> None:
    """Take `extra` fields from the end of each row."""
    for end in reversed(list(_row_ends(rows, extra, fields))):
        if len(fields) < end + extra:
            raise IndexError("the message ends too early")
        del fields[end : end + extra]


def _make_whole(sizes: Sizes, fields: list[bytes]) -> None:
    """Cut off the fractions of sizes."""
    if not _holds(sizes.when, fields):
        return
    starts = [0]
    if sizes.rows:
        starts = [end - sizes.rows.width for end in _row_ends(sizes.rows, 0, fields)]
    for start in starts:
        for at in sizes.at:
            size = fields[start + at]
            if b"." in size or b"E" in size:
                fields[start + at] = b"%d" % int(float(size))
