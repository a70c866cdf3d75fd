"""One end of a stream: numbered, acknowledged, and whole across any number of links."""

from __future__ import annotations

import contextlib
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire.channel import (
    ACK_EVERY_BYTES,
    LATE_S,
    WINDOW_BYTES,
    Channel,
)


def test_data_is_numbered_and_acknowledged() -> None:
    """Each message is taken once and in order; what is acknowledged is forgotten."""
    here, there = Channel(), Channel()
    first, second = here.pack(b"one"), here.pack(b"two")
    assert here.unacked_bytes == 6
    assert there.unpack(*first) == b"one"
    assert there.unpack(*first) is None
    assert there.unpack(*second) == b"two"
    here.acknowledge(there.ack())
    assert here.unacked_bytes == 0


def test_an_answer_acknowledges_as_well() -> None:
    """Data carries the highest number taken from the other side."""
    here, there = Channel(), Channel()
    there.unpack(*here.pack(b"question"))
    assert here.unpack(*there.pack(b"answer")) == b"answer"
    assert here.unacked_bytes == 0


def test_a_gap_is_an_error() -> None:
    """A missing number is never passed over in silence."""
    here, there = Channel(), Channel()
    here.pack(b"lost")
    with pytest.raises(RemoteProtocolError, match="came where 1 was due"):
        there.unpack(*here.pack(b"found"))


def test_false_acknowledgement_is_an_error() -> None:
    """Nobody can have taken what was never sent, nor what has not left again."""
    here = Channel()
    with pytest.raises(RemoteProtocolError):
        here.acknowledge(1)
    here.pack(b"one")
    here.rewind(0)
    with pytest.raises(RemoteProtocolError):
        here.acknowledge(1)


@given(st.binary(max_size=30))
def test_rubbish_is_only_ever_a_protocol_error(header: bytes) -> None:
    """A header from outside never raises anything else."""
    with contextlib.suppress(RemoteProtocolError):
        assert Channel().unpack(header, b"") in (None, b"")


def test_the_window_closes_and_opens() -> None:
    """A sender stops at the window's size, and a receiver owes an acknowledgement before that."""
    here, there = Channel(), Channel()
    body = b"x" * ACK_EVERY_BYTES
    while here.may_put:
        there.unpack(*here.pack(body))
        assert there.owes_ack
    assert here.unacked_bytes >= WINDOW_BYTES
    here.acknowledge(there.ack())
    assert here.may_put
    assert not there.owes_ack


def test_after_a_break_what_is_missing_leaves_again() -> None:
    """Of three messages one had come: the other two are repeated, under their own numbers."""
    here, there = Channel(), Channel()
    there.unpack(*here.pack(b"one"))
    for lost in (b"two", b"three"):
        here.pack(lost)
    here.rewind(there.received)
    taken = []
    while here.has_waiting:
        taken.append(there.unpack(*here.next_parts()))
        here.has_left()
    assert taken == [b"two", b"three"]


def test_who_has_forgotten_what_it_took_is_turned_out() -> None:
    """What was acknowledged is not kept, so it cannot be repeated."""
    here, there = Channel(), Channel()
    there.unpack(*here.pack(b"one"))
    here.acknowledge(there.ack())
    with pytest.raises(RemoteProtocolError, match="has acknowledged 1"):
        here.rewind(0)


def test_who_claims_what_was_never_sent_is_turned_out() -> None:
    """Nor can it have got more than there was."""
    with pytest.raises(RemoteProtocolError, match="only 0 were sent"):
        Channel().rewind(1)


def test_what_was_held_up_says_how_old_it_is() -> None:
    """Ten minutes without a link are ten minutes; what leaves at once says nothing."""
    here, there = Channel(), Channel()
    here.put(b"an order", now_s=100.0)
    there.unpack(*here.next_parts(100.0 + LATE_S / 2))
    assert there.age_s == 0.0
    here.has_left()
    here.put(b"another", now_s=200.0)
    assert there.unpack(*here.next_parts(now_s=800.25)) == b"another"
    assert there.age_s == 600.25
    here.has_left()
    there.unpack(*here.pack(b"a third"))
    assert there.age_s == 0.0


class Links(RuleBasedStateMachine):
    """Two ends, and links between them that lose what is on the way when they break.

    What comes out of one end is what was put into the other, in order and once, whenever looked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ends = Channel(), Channel()
        self.put: tuple[list[bytes], list[bytes]] = [], []
        self.taken: tuple[list[bytes], list[bytes]] = [], []
        self.link: tuple[deque[list[bytes]], deque[list[bytes]]] = deque(), deque()
        self.acks: tuple[deque[int], deque[int]] = deque(), deque()
        self.is_up = True
        self.serial = 0

    @rule(end=st.integers(0, 1), count=st.integers(1, 5))
    def say(self, end: int, count: int) -> None:
        """One end says something new, whether there is a link or not."""
        for _ in range(count):
            self.serial += 1
            body = b"%d" % self.serial
            self.put[end].append(body)
            self.ends[end].put(body)

    @rule(end=st.integers(0, 1), most=st.integers(1, 5))
    def leave(self, end: int, most: int) -> None:
        """Some of what waits leaves by the link."""
        channel = self.ends[end]
        for _ in range(most if self.is_up else 0):
            if channel.has_waiting:
                self.link[end].append(channel.next_parts())
                channel.has_left()

    @rule(end=st.integers(0, 1))
    def not_taken(self, end: int) -> None:
        """A message that the link does not take now is not lost by that."""
        if self.ends[end].has_waiting:
            self.ends[end].next_parts()

    @rule(end=st.integers(0, 1), most=st.integers(1, 5))
    def arrive(self, end: int, most: int) -> None:
        """Some of what is on the way to the other end arrives."""
        for _ in range(min(most, len(self.link[end]))):
            body = self.ends[1 - end].unpack(*self.link[end].popleft())
            assert body is not None, "nothing comes twice by one link"
            self.taken[1 - end].append(body)

    @rule(end=st.integers(0, 1))
    def acknowledge(self, end: int) -> None:
        """An end says what it has; that arrives some time, or never."""
        if self.is_up:
            self.acks[end].append(self.ends[end].ack())

    @rule(end=st.integers(0, 1))
    def hear_of_it(self, end: int) -> None:
        """An acknowledgement arrives."""
        if self.acks[end]:
            self.ends[1 - end].acknowledge(self.acks[end].popleft())

    @rule()
    def cut(self) -> None:
        """The link breaks: what was on the way is lost."""
        self.is_up = False
        for way in (*self.link, *self.acks):
            way.clear()

    @rule()
    def take_up(self) -> None:
        """A new link: each end is told what the other has."""
        self.cut()
        one, two = self.ends
        one_has, two_has = one.received, two.received
        one.rewind(two_has)
        two.rewind(one_has)
        self.is_up = True

    @invariant()
    def once_and_in_order(self) -> None:
        """Nothing is missing in between, and nothing comes twice."""
        for end in (0, 1):
            taken, put = self.taken[1 - end], self.put[end]
            assert taken == put[: len(taken)]

    @invariant()
    def kept_is_counted(self) -> None:
        """What counts against the window is what is kept."""
        for channel in self.ends:
            kept = [*channel._on_the_way, *channel._waiting]
            assert channel.unacked_bytes == sum(len(body) for _, body, _ in kept)

    def teardown(self) -> None:
        """With a link that holds, all of it arrives."""
        self.take_up()
        for end in (0, 1):
            total = len(self.put[end])
            self.leave(end, most=total)
            self.arrive(end, most=total)
            assert self.taken[1 - end] == self.put[end]
            self.ends[end].acknowledge(self.ends[1 - end].ack())
            assert self.ends[end].unacked_bytes == 0


TestLinks = Links.TestCase
