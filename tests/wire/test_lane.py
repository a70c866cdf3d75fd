"""The lane's messages: numbered, acknowledged, believed only when well-formed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire import lane


@pytest.mark.parametrize(
    "message",
    [lane.Hello("s", "h", 1, "p", 2, "lib"), lane.Ack(3), lane.Goodbye("x"), lane.StatusRequest()],
)
def test_client_messages_survive_the_way(message: lane.FromClient) -> None:
    """What a client encodes is what the proxy decodes."""
    kind, body = lane.encode_control(message)
    assert kind == lane.CONTROL
    assert lane.decode_from_client(body) == message


@pytest.mark.parametrize(
    "message",
    [
        lane.Welcome("run", 1, "0.1"),
        lane.Refusal("no"),
        lane.Ack(3),
        lane.Goodbye(),
        lane.StatusReply({"a": 1}),
    ],
)
def test_proxy_messages_survive_the_way(message: lane.FromProxy) -> None:
    """What a proxy encodes is what the client decodes."""
    assert lane.decode_from_proxy(lane.encode_control(message)[1]) == message


@given(st.binary(max_size=100))
def test_rubbish_is_only_ever_a_protocol_error(body: bytes) -> None:
    """Bytes from outside never raise anything else."""
    for decode in (lane.decode_from_client, lane.decode_from_proxy):
        with pytest.raises(RemoteProtocolError):
            decode(body)
    with pytest.raises(RemoteProtocolError):
        lane.Channel().unpack(b"D" + body[:15], b"")


@pytest.mark.parametrize("name", ["", "a b", "[red]", "x" * 65, "a\n"])
def test_odd_names_are_refused(name: str) -> None:
    """A strategy's name goes into logs, tables and order marks: it is letters and digits."""
    with pytest.raises(RemoteProtocolError):
        lane.decode_from_client(lane.encode_control(lane.Hello(name))[1])


def test_data_is_numbered_and_acknowledged() -> None:
    """Each message is taken once and in order; what is acknowledged is forgotten."""
    here, there = lane.Channel(), lane.Channel()
    first, second = here.pack(b"one"), here.pack(b"two")
    assert here.unacked_bytes == 6
    assert there.unpack(*first) == b"one"
    assert there.unpack(*first) is None
    assert there.unpack(*second) == b"two"
    here.acknowledge(there.ack().received)
    assert here.unacked_bytes == 0


def test_an_answer_acknowledges_as_well() -> None:
    """Data carries the highest number taken from the other side."""
    here, there = lane.Channel(), lane.Channel()
    there.unpack(*here.pack(b"question"))
    assert here.unpack(*there.pack(b"answer")) == b"answer"
    assert here.unacked_bytes == 0


def test_a_gap_is_an_error() -> None:
    """A missing number is never passed over in silence."""
    here, there = lane.Channel(), lane.Channel()
    here.pack(b"lost")
    with pytest.raises(RemoteProtocolError, match="came where 1 was due"):
        there.unpack(*here.pack(b"found"))


def test_false_acknowledgement_is_an_error() -> None:
    """Nobody can have taken what was never sent."""
    with pytest.raises(RemoteProtocolError):
        lane.Channel().acknowledge(1)


def test_the_window_closes_and_opens() -> None:
    """A sender stops at the window's size, and a receiver owes an acknowledgement before that."""
    here, there = lane.Channel(), lane.Channel()
    body = b"x" * lane.ACK_EVERY_BYTES
    while here.may_send:
        there.unpack(*here.pack(body))
        assert there.owes_ack
    assert here.unacked_bytes >= lane.WINDOW_BYTES
    here.acknowledge(there.ack().received)
    assert here.may_send
    assert not there.owes_ack
