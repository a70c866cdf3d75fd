"""The lane's control messages: believed only when well-formed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire import lane


@pytest.mark.parametrize(
    "message",
    [
        lane.Hello("s", "h", 1, "p", 2, "lib", "machine"),
        lane.Resume("run", 1, "token", 5),
        lane.Ack(3),
        lane.Goodbye("x"),
        lane.StatusRequest(),
    ],
)
def test_client_messages_survive_the_way(message: lane.FromClient) -> None:
    """What a client encodes is what the proxy decodes."""
    kind, body = lane.encode_control(message)
    assert kind == lane.CONTROL
    assert lane.decode_from_client(body) == message


@pytest.mark.parametrize(
    "message",
    [
        lane.Welcome("run", 1, "0.1", "token", 600.0, 2, "machine"),
        lane.Resumed(5),
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


@pytest.mark.parametrize("name", ["", "a b", "[red]", "x" * 65, "a\n"])
def test_odd_names_are_refused(name: str) -> None:
    """A strategy's name goes into logs, tables and order marks: it is letters and digits."""
    with pytest.raises(RemoteProtocolError):
        lane.decode_from_client(lane.encode_control(lane.Hello(name))[1])
