"""The pacer: rate, precedence, fairness; hours of traffic in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ibproxy_server.core.pacer import BURST_S, Pacer


def drain(pacer: Pacer, now_s: float, until_s: float) -> list[tuple[float, bytes]]:
    """Take whatever is due until `until_s`, only at the times that the pacer names."""
    out = [(now_s, each) for each in pacer.take(now_s)]
    while (deadline_s := pacer.next_deadline_s()) is not None and deadline_s <= until_s:
        now_s = max(now_s, deadline_s) + 1e-6
        out += [(now_s, each) for each in pacer.take(now_s)]
    return out


def test_unlimited_lets_everything_through() -> None:
    """With rate 0 nothing waits."""
    pacer = Pacer(0)
    for number in range(500):
        pacer.push(1, b"%d" % number)
    assert len(pacer.take(0.0)) == 500
    assert pacer.next_deadline_s() is None


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.integers(5, 50))
def test_no_second_holds_more_than_the_rate(bursts: list[int], rate: int) -> None:
    """In any window of a second at most the rate and one burst leave, and nothing is lost."""
    pacer, now_s, sent = Pacer(rate), 0.0, []
    for burst in bursts:
        for _ in range(burst):
            pacer.push(burst % 3, b"x")
        sent += drain(pacer, now_s, now_s + 0.5)
        now_s += 0.5
    sent += drain(pacer, now_s, now_s + 1e6)
    assert len(sent) == sum(bursts)
    times = [time_s for time_s, _ in sent]
    for index, start_s in enumerate(times):
        within = [each for each in times[index:] if each < start_s + 1.0]
        assert len(within) <= rate * (1 + BURST_S) + 1


def test_orders_overtake_everything() -> None:
    """An order that comes last leaves first; orders keep their own order."""
    pacer = Pacer(5)
    for _ in range(50):
        pacer.push(1, b"data")
    pacer.take(0.0)
    pacer.push(1, b"order 1", first=True)
    pacer.push(2, b"order 2", first=True)
    assert [each for _, each in drain(pacer, 0.0, 0.5)][:2] == [b"order 1", b"order 2"]


def test_one_clients_queue_delays_another_by_one_place() -> None:
    """A single request is next but one, however many another client has queued."""
    pacer = Pacer(5)
    for _ in range(500):
        pacer.push(1, b"many")
    pacer.take(0.0)
    pacer.push(2, b"single")
    assert b"single" in [each for _, each in drain(pacer, 0.0, 0.5)][:2]


def test_a_pair_is_not_torn() -> None:
    """Messages pushed together leave one after the other."""
    pacer = Pacer(5)
    for number in range(10):
        pair = (b"a%d" % number, b"b%d" % number)
        pacer.push_lazily(1, lambda pair=pair: pair)  # type: ignore[misc]
        pacer.push(2, b"other")
    sent = [each for _, each in drain(pacer, 0.0, 100.0)]
    for number in range(10):
        assert sent.index(b"b%d" % number) == sent.index(b"a%d" % number) + 1


def test_clear_forgets_everything() -> None:
    """What was queued for a lost connection is not sent on the next."""
    pacer = Pacer(5)
    pacer.push(1, b"order", first=True)
    pacer.push(1, b"data")
    pacer.clear()
    assert pacer.take(10.0) == []
    assert pacer.next_deadline_s() is None


def test_what_is_no_longer_wanted_costs_nothing() -> None:
    """A group that turns out empty when its turn comes is left out, and others take its place."""
    pacer = Pacer(5)
    for _ in range(50):
        pacer.push_lazily(1, tuple)
    pacer.push(2, b"wanted")
    assert pacer.take(0.0) == [b"wanted"]
    assert pacer.sent == 1


def test_who_waits_for_long_is_named_once_a_spell() -> None:
    """A queue that has lasted a second is told of; when it has been empty, again."""
    pacer = Pacer(10.0)
    for number in range(40):
        pacer.push(1, b"%d" % number)
    told = []
    for tenth in range(80):
        pacer.take(tenth / 10)
        told += [(tenth, source) for source in pacer.waiting_long(tenth / 10)]
        if tenth == 60:
            for number in range(40):
                pacer.push(1, b"%d" % number)
    assert told == [(11, 1), (72, 1)]
