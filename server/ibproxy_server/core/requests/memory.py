"""What a stream has told so far, as far as who joins late must be shown it (fact 4.18).

Three shapes of state: the last value of each kind, in the order of the last changes; a book, which
is told as changes and must be rebuilt (fact 4.55); and the last bars of live history.
"""

from __future__ import annotations

from collections.abc import Iterator

from ibproxy.wire.messages import Answer

Part = tuple[bytes, bytes]
"""A message around its request id: what stands before, what behind."""

LIVE_BAR = b"90"
"""Message id of an update of live history (fact 5.23)."""

_INSERT, _UPDATE, _DELETE = b"0", b"1", b"2"


class Book:
    """The rows of a market depth subscription.

    A row is the message that would insert it, its position left out.
    """

    def __init__(self) -> None:
        self._sides: dict[bytes, list[tuple[bytes, list[bytes]]]] = {}

    def take(self, head: bytes, tail: bytes, operation_at: int) -> None:
        """Take 12 or 13: row `position` of a side is inserted, changed or deleted.

        Args:
            head: what stands before the request id.
            tail: what stands behind it, from the position on.
            operation_at: index of the operation in `tail`; the side stands behind it.
        """
        fields = tail.split(b"\0")
        position, operation = int(fields[0]), fields[operation_at]
        rows = self._sides.setdefault(fields[operation_at + 1], [])
        if operation == _DELETE:
            del rows[position : position + 1]
            return
        fields[operation_at] = _INSERT
        row = head, fields[1:]
        if operation == _UPDATE and position < len(rows):
            rows[position] = row
        else:
            rows.insert(position, row)

    def parts(self) -> Iterator[Part]:
        """Return inserts from row 0 on, side by side, bids and asks in the order first seen."""
        for rows in self._sides.values():
            for position, (head, fields) in enumerate(rows):
                yield head, b"\0".join((b"%d" % position, *fields))


class Memory:
    """State of one stream.

    Attributes:
        rows: message id -> its row in the message table, for what is kept.
        values: kind of message and what it is about -> its last one; in the order of changes.
        book: the book, once it has rows.
        ended: end marker of the stream's first part, once it has come.
        last_bar: time of the last bar of the past that live history began with.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[bytes, ...], Part] = {}
        self.rows: dict[bytes, Answer] = {}
        self.book: Book | None = None
        self.ended: Part | None = None
        self.last_bar = b""

    def take(self, row: Answer, msg_id: bytes, head: bytes, tail: bytes) -> None:
        """Take a message of the stream."""
        self.rows[msg_id] = row
        if row.state_at is not None:
            self._keep(row, msg_id, head, tail)
        elif row.operation_at is not None:
            if self.book is None:
                self.book = Book()
            assert row.id_at is not None  # noqa: S101 - the table test holds this
            self.book.take(head, tail, row.operation_at - row.id_at - 1)
        elif row.end:
            self.ended = head, tail

    def note(self, code: bytes, tail: bytes) -> None:
        """Keep a notice about the stream, such as that its data are delayed (fact 4.39)."""
        self.values[b"4", code] = b"4\x002\0", tail

    @property
    def told_until(self) -> bytes:
        """Time of the last bar that live history has told; empty if it has told none."""
        live = [key[1] for key in self.values if key[0] == LIVE_BAR]
        return live[-1] if live else self.last_bar

    def parts(self) -> Iterator[tuple[bytes, Part]]:
        """Return (message id, message) in the order in which a late joiner is shown them."""
        for key, part in self.values.items():
            yield key[0], part
        for part in self.book.parts() if self.book else ():
            yield part[0][: part[0].index(b"\0")], part
        if self.ended:
            yield b"", self.ended

    def key_of(self, row: Answer, msg_id: bytes, tail: bytes) -> tuple[bytes, ...]:
        """Return which piece of state a message replaces."""
        at, state_at = row.id_at, row.state_at
        assert at is not None  # noqa: S101 - the table test holds this
        assert state_at is not None  # noqa: S101
        if not state_at:
            return (msg_id,)
        if state_at[-1] == at + 1:
            return msg_id, tail[: tail.index(b"\0")]
        behind = tail.split(b"\0", state_at[-1] - at)
        return (msg_id, *(behind[each - at - 1] for each in state_at))

    def clear(self) -> None:
        """Forget everything."""
        self.values.clear()
        self.book = self.ended = None
        self.last_bar = b""

    def _keep(self, row: Answer, msg_id: bytes, head: bytes, tail: bytes) -> None:
        key = self.key_of(row, msg_id, tail)
        values = self.values
        values.pop(key, None)
        values[key] = head, tail
        if row.kept:
            same = [each for each in values if each[0] == msg_id]
            for old in same[: -row.kept]:
                del values[old]
