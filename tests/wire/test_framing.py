"""Frames: cut anywhere, never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire.framing import (
    MAX_PAYLOAD_BYTES,
    FrameBuffer,
    frame,
    join_fields,
    prefix,
    split_fields,
)


@given(st.lists(st.binary(max_size=50), max_size=10), st.lists(st.integers(1, 20)))
def test_payloads_come_back_however_the_stream_is_cut(
    payloads: list[bytes], sizes: list[int]
) -> None:
    """Any cutting of the stream gives the same payloads, and nothing is left over."""
    stream, buffer, seen = b"".join(map(frame, payloads)), FrameBuffer(), []
    for size in sizes:
        seen += buffer.feed(stream[:size])
        stream = stream[size:]
    seen += buffer.feed(stream)
    assert seen == payloads
    assert buffer.pending_bytes == 0


def test_oversized_frame_is_an_error() -> None:
    """A length beyond what IBKR's own readers take is refused before it is waited for."""
    with pytest.raises(RemoteProtocolError, match="claims"):
        FrameBuffer().feed(prefix(MAX_PAYLOAD_BYTES + 1))
    assert FrameBuffer().feed(prefix(MAX_PAYLOAD_BYTES)) == []


def test_fields_are_written_as_the_protocol_wants() -> None:
    """Booleans are 1 and 0, None is empty, every field is ended by NUL."""
    assert join_fields(1, True, False, None, "a", 0.5) == b"1\x001\x000\x00\x00a\x000.5\x00"
    assert split_fields(b"1\x00\x00a\x00") == ["1", "", "a"]
    assert split_fields(b"\xff\x00") == ["\\xff"]
