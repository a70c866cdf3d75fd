"""The hub: handshake, who may come in, outages, and what nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibproxy.wire.framing import GREETING, frame
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import MAX_BACKLOG_BYTES, Hub, HubSettings


def test_handshake_looks_like_a_gateways(world: Any) -> None:
    """Greeting with version and time; silence until startApi; then 15, 9 and the farms."""
    world.say(4, 2, -1, 2104, "Market data farm connection is OK:usfarm", "")
    world.say(4, 2, -1, 2104, "Market data farm connection is OK:usfarm.nj", "")
    world.say(4, 2, -1, 2104, "Market data farm connection is OK:eufarm.nj", "")
    world.say(4, 2, -1, 2103, "Market data farm connection is broken:eufarm.nj", "")
    world.say(4, 2, -1, 2107, "HMDS data farm connection is inactive but available.ushmds", "")
    alpha = world.client("alpha")
    assert alpha.accepted
    alpha.send(GREETING)
    alpha.send(frame(b"v157..178 +PACEAPI"))
    assert alpha.take() == [["176", "20261122 10:00:00 EST"]]
    alpha.say(49, 1)  # too early: may be lost
    assert alpha.take() == []
    alpha.say(71, 2, 5, "")
    heard = alpha.take()
    assert heard[:2] == [["15", "1", "DU1"], ["9", "1", "1"]]
    assert [each[3] for each in heard[2:]] == ["2104", "2104", "2103", "2107"]


@pytest.mark.parametrize(("version", "fields"), [(165, 5), (166, 6), (176, 6)])
def test_own_errors_have_the_versions_layout(make_world: Any, version: int, fields: int) -> None:
    """An error of the proxy's own has as many fields as the gateway's at that version."""
    alpha = make_world().connect(version=version).client("alpha").start()
    alpha.say(2, 2, 44)
    assert [len(each) for each in alpha.take(4)] == [fields]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_bytes_may_be_cut_anywhere(world: Any, size: int) -> None:
    """The handshake and requests are understood however the stream is cut."""
    alpha = world.client("alpha")
    stream = GREETING + frame(b"v157..178") + frame(b"71\x002\x003\x00\x00") + frame(b"49\x001\x00")
    for start in range(0, len(stream), size):
        alpha.send(stream[start : start + size])
    assert [each[0] for each in alpha.take()] == ["176", "15", "9"]
    assert world.asked(49) == [["49", "1"]]


@pytest.mark.parametrize(
    ("offer", "version"),
    [(b"v100..157", 157), (b"v157..178", 176), (b"v100..226", 176), (b"v157..163 +PACEAPI", 163)],
)
def test_a_client_is_answered_with_the_highest_version_that_both_know(
    world: Any, offer: bytes, version: int
) -> None:
    """As by a gateway (fact 1.3); what it is told is in the layouts of that version."""
    alpha = world.client("alpha")
    alpha.send(GREETING + frame(offer))
    assert alpha.take()[0][0] == str(version)
    alpha.say(71, 2, 1, "")
    alpha.take()
    alpha.say(999, 1)
    [error] = alpha.take()
    assert (error[3], len(error)) == ("320", 6 if version >= 166 else 5)


def test_each_of_a_streams_members_is_told_in_its_own_version(world: Any) -> None:
    """One stream at the gateway, and sizes are whole numbers for the older program alone."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start(1, "v100..157")
    for client in (alpha, beta):
        client.say(1, 11, 7, 265598, *[""] * 11, 0, "", 0, 0, "")
    [[_, _, req_id, *_]] = world.asked(1)
    world.say(2, 6, req_id, 0, "12.5")
    assert alpha.take(2) == [["2", "6", "7", "0", "12.5"]]
    assert beta.take(2) == [["2", "6", "7", "0", "12"]]


def test_what_cannot_be_translated_is_left_out_and_reported(world: Any) -> None:
    """The session goes on, and people can see what the gateway said."""
    alpha = world.client("alpha").start(1, "v100..157")
    alpha.say(81, 7, "A")
    [[_, req_id, _]] = world.asked(81)
    world.say(79, req_id, 3, "x")
    assert alpha.take() == []
    assert world.hub.context.counters["unreadable_messages"] == 1
    assert any("unreadable" in each for each in world.notices())
    alpha.say(49, 1)
    assert world.asked(49)


@pytest.mark.parametrize("offer", [b"v100..156", b"v177..178"])
def test_a_client_without_a_common_version_is_refused_clearly(world: Any, offer: bytes) -> None:
    """It is told which versions there are."""
    alpha = world.client("alpha")
    alpha.send(GREETING + frame(offer))
    assert "the proxy 157 to 176" in alpha.dropped


def test_other_protocols_are_dropped(world: Any) -> None:
    """Bytes that are no TWS client's end the session, and only that one."""
    alpha, beta = world.client("alpha"), world.client("beta").start()
    alpha.send(b"GET / HTTP/1.1\r\n\r\n")
    assert alpha.dropped
    beta.say(49, 1)
    assert world.asked(49)


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans(), st.sampled_from((157, 176)))
def test_no_bytes_of_a_client_raise(pieces: list[bytes], framed: bool, version: int) -> None:
    """Whatever a client sends, the hub goes on and another client is served."""
    hub = Hub(HubSettings(messages_per_s=0))
    now_s = 0.0
    hub.handle(now_s, ev.Tick())
    hub.handle(now_s, ev.UpstreamConnected())
    for payload in (b"176\x00now\x00", b"15\x001\x00DU1\x00", b"9\x001\x001\x00"):
        hub.handle(now_s, ev.UpstreamData(frame(payload)))
    hello = GREETING + frame(b"v157..%d" % version) + frame(b"71\x002\x003\x00\x00")
    for number in (1, 2):
        hub.handle(now_s, ev.ClientArrived(number, f"s{number}"))
        hub.handle(now_s, ev.ClientData(number, hello))
    for piece in pieces:
        hub.handle(now_s, ev.ClientData(1, frame(piece) if framed else piece))
    asked = hub.handle(now_s, ev.ClientData(2, frame(b"81\x007\x00A\x00")))
    assert any(isinstance(each, ef.SendUpstream) and b"\x00A\x00" in each.data for each in asked)


@settings(max_examples=200)
@given(st.lists(st.lists(st.text("0123456789-.ab", max_size=4), max_size=8), max_size=8))
def test_no_message_of_the_gateway_raises(messages: list[list[str]]) -> None:
    """Malformed messages are counted and told, and the hub goes on."""
    hub = Hub(HubSettings(messages_per_s=0))
    hub.handle(0.0, ev.Tick())
    hub.handle(0.0, ev.UpstreamConnected())
    for payload in (b"178\x00now\x00", b"15\x001\x00DU1\x00", b"9\x001\x001\x00"):
        hub.handle(0.0, ev.UpstreamData(frame(payload)))
    hello = GREETING + frame(b"v100..157") + frame(b"71\x002\x003\x00\x00")
    hub.handle(0.0, ev.ClientArrived(1, "old"))
    hub.handle(0.0, ev.ClientData(1, hello))
    for fields in messages:
        hub.handle(1.0, ev.UpstreamData(frame("".join(f"{each}\0" for each in fields).encode())))
    assert hub.upstream.is_ready


def test_same_strategy_and_id_twice(world: Any) -> None:
    """The second copy gets 326 and is dropped; other ids and other strategies are let in."""
    world.client("alpha").start(1)
    second = world.client("alpha")
    second.send(GREETING + frame(b"v157..178"))
    second.say(71, 2, 1, "")
    assert second.take(4)[0][3] == "326"
    assert second.dropped
    world.client("alpha").start(2)
    world.client("beta").start(1)
    assert len(world.hub.context.sessions) == 3


def test_id_is_free_at_once_after_leaving(world: Any) -> None:
    """A client that has left can come back with its id."""
    world.client("alpha").start(1).leave()
    again = world.client("alpha").start(1)
    assert again.dropped is None


def test_strategy_bound_to_no_account_of_the_gateway(make_world: Any) -> None:
    """The proxy gives up with one line that names strategy, account and what there is."""
    world = make_world(accounts_of_strategy={"alpha": ("DU7",)}).connect()
    [reason] = [each.reason for each in world.effects if isinstance(each, ef.GiveUp)]
    assert "alpha" in reason
    assert "DU7" in reason
    assert "DU1, DU2" in reason


def test_unbound_strategy_sees_everything(world: Any) -> None:
    """Without a binding a session is like one of the gateway itself."""
    gamma = world.client("gamma")
    gamma.send(GREETING + frame(b"v157..178"))
    gamma.say(71, 2, 1, "")
    assert gamma.take(15) == [["15", "1", "DU1,DU2"]]
    gamma.say(17, 1)
    assert gamma.take(15) == [["15", "1", "DU1,DU2"]]


def test_no_gateway_is_told_at_once(make_world: Any) -> None:
    """While there is no gateway a client is refused, with the reason and the address."""
    world = make_world(gateway="127.0.0.1:4002")
    world.feed(ev.Tick())
    world.feed(ev.UpstreamLost("Connection refused"))
    alpha = world.client("alpha")
    assert alpha.dropped == "no gateway at 127.0.0.1:4002: Connection refused"
    assert not alpha.accepted


def test_who_comes_while_the_gateway_greets_waits(make_world: Any) -> None:
    """A client that comes between connect and ready is let in as soon as it is ready."""
    world = make_world()
    world.feed(ev.Tick())
    world.feed(ev.UpstreamConnected())
    alpha = world.client("alpha")
    assert not alpha.accepted
    world.say(176, "now")
    world.say(15, 1, "DU1")
    world.say(9, 1, 1)
    assert alpha.accepted


def test_pauses_between_attempts_grow(make_world: Any) -> None:
    """The gateway is tried again after longer and longer pauses, and told about once."""
    world, attempts = make_world(), []
    world.feed(ev.Tick())
    for _ in range(8):
        world.feed(ev.UpstreamLost("Connection refused"))
        before = len([each for each in world.effects if isinstance(each, ef.OpenUpstream)])
        start_s = world.now_s
        while len([e for e in world.effects if isinstance(e, ef.OpenUpstream)]) == before:
            world.now_s = world.hub.next_deadline_s()
            world.feed(ev.Tick())
        attempts.append(round(world.now_s - start_s, 1))
    assert attempts == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    assert len([each for each in world.notices() if "waiting for it" in each]) == 1


def test_proxys_own_client_id_in_use(make_world: Any) -> None:
    """326 for the proxy's own id closes the attempt and says which option changes the id."""
    world = make_world()
    world.feed(ev.Tick())
    world.feed(ev.UpstreamConnected())
    world.say(176, "now")
    world.say(4, 2, -1, 326, "in use", "")
    [closing] = [each for each in world.effects if isinstance(each, ef.CloseUpstream)]
    assert "--client-id" in closing.reason


def test_everything_is_asked_again_after_a_loss(world: Any) -> None:
    """Positions, account images and open orders are asked of the new connection."""
    world.feed(ev.UpstreamLost("reset by peer"))
    world.pass_time(1.0)
    world.feed(ev.UpstreamConnected())
    for message in ((176, "now"), (15, 1, "DU1,DU2"), (9, 1, 1)):
        world.say(*message)
    assert {each[0] for each in world.asked()} >= {"6", "16", "61"}


def test_slow_reader_is_disconnected_at_the_hard_limit(world: Any) -> None:
    """Up to the limit it is left alone; beyond it is told why it ends."""
    alpha = world.client("alpha").start()
    world.feed(ev.ClientBlocked(alpha.number, MAX_BACKLOG_BYTES))
    assert alpha.dropped is None
    world.feed(ev.ClientBlocked(alpha.number, MAX_BACKLOG_BYTES + 1))
    assert alpha.dropped is not None
    assert "too slowly" in alpha.dropped


def test_unknown_answer_is_counted_and_told_once(world: Any) -> None:
    """It goes to those who may see everything, is counted each time and told once."""
    alpha, gamma = world.client("alpha").start(), world.client("gamma").start()
    world.say(250, 1, "new")
    world.say(250, 1, "new")
    assert len(gamma.take(250)) == 2
    assert alpha.take() == []
    assert world.hub.context.counters["unknown_messages"] == 2
    assert len([each for each in world.notices() if "250" in each]) == 1


def test_unknown_request_is_answered(world: Any) -> None:
    """The client is told; the gateway, where it could mean anything, is not."""
    alpha = world.client("alpha").start()
    alpha.say(250, 1, "new")
    assert alpha.take()[0][2:4] == ["-1", "320"]
    assert world.asked() == []


def test_what_reaches_beyond_the_session_is_refused(world: Any) -> None:
    """ReplaceFA and IB's own messages are refused with a text that says so."""
    alpha = world.client("alpha").start()
    alpha.say(19, 1, 1, "<xml>", 7)
    alpha.say(65, 1, "a", "b")
    first, second = alpha.take()
    assert first[2:4] == ["7", "321"]
    assert "replaceFA" in first[4]
    assert second[2:4] == ["-1", "321"]
    assert world.asked() == []


def test_refusal_without_an_id_is_for_the_last_sender(world: Any) -> None:
    """Read-only refusals carry no id (fact 1.45): they go to whose message left last."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    beta.say(79, 5)
    alpha.say(104, 5)
    world.say(4, 2, -1, 321, "Error validating request.-'bF' : cause - Read-Only mode.", "")
    assert [each[3] for each in alpha.take()] == ["321"]
    assert beta.take() == []


def test_connectivity_is_everybodys(world: Any) -> None:
    """1100 and 1102 reach every session as the gateway said them."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    world.say(4, 2, -1, 1100, "Connectivity between IB and TWS has been lost.", "")
    assert alpha.take() == beta.take() != []


def test_a_recorded_run_can_be_replayed(world: Any) -> None:
    """The list of (time, event) gives the same effects on a new hub."""
    alpha = world.client("alpha").start()
    alpha.say(81, 5, "A")
    world.say(79, world.asked(81)[0][1], 0, "x")
    world.pass_time(30.0)
    replay = Hub(world.hub.settings)
    again = [effect for now_s, event in world.history for effect in replay.handle(now_s, event)]
    assert again == world.effects


def test_a_second_copy_may_take_over(make_world: Callable[..., Any]) -> None:
    """Where it is configured so, the first one ends; another strategy's id is not concerned."""
    world = make_world(takes_over=True).connect()
    first, other = world.client("alpha").start(), world.client("beta").start()
    second = world.client("alpha")
    second.start()
    assert "taken over" in str(first.dropped)
    assert second.dropped is other.dropped is None
    second.say(17, 1)
    assert [each[0] for each in second.take()] == ["15"]
    assert first.take() == []


def test_what_is_due_does_not_wait_behind_ticks(world: Any) -> None:
    """Whatever event comes when it is time will do, ticks too, which change nothing else."""
    alpha = world.client("alpha").start()
    for number, symbol in ((1, "SPY"), (2, "AMD")):
        contract = (0, symbol, "STK", "", "0.0", "", "", "SMART", "", "USD", "", "")
        alpha.say(1, 11, number, *contract, 0, "", 0, 0, "")
    spy, amd = (each[2] for each in world.asked(1))
    world.say(1, 6, spy, 1, 10.0, 5, 1)
    alpha.say(2, 2, 2)
    assert world.asked(2) == []  # it is too young (fact 4.10)
    before = world.hub.next_deadline_s()
    world.now_s += 0.5
    world.say(1, 6, spy, 1, 10.1, 5, 1)
    assert world.hub.next_deadline_s() == before
    world.now_s += 1.0
    world.say(1, 6, spy, 1, 10.2, 5, 1)
    assert [each[2] for each in world.asked(2)] == [amd]
    assert [each[4] for each in alpha.take(1)] == ["10.0", "10.1", "10.2"]
