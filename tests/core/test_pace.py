"""The gateway's rules for how often something may be asked, over hours of virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibproxy_server.core import effects as ef
from ibproxy_server.core.requests import Limits
from ibproxy_server.core.requests.pace import Charge, Windows, charges

SPY = (756733, "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "SPY", "SPY")
VIOLATION = "Historical Market Data Service error message:Historical data request pacing violation"


def bars(req_id: int, con_id: int = 756733, size: str = "5 secs", **what: str) -> list[object]:
    """Return a reqHistoricalData message."""
    contract = (con_id, *SPY[1:])
    end, show = what.get("end", ""), what.get("show", "TRADES")
    return [20, req_id, *contract, 0, end, size, "1800 S", 1, show, 1, 0, ""]


def serve(world: Any, seconds: float) -> list[tuple[float, list[str]]]:
    """Let time pass, and answer every request for bars; returns when each was asked."""
    asked: list[tuple[float, list[str]]] = []
    end_s = world.now_s + seconds
    while world.now_s < end_s:
        for each in world.asked(20):
            asked.append((world.now_s, each))
            world.say(17, each[1], "start", "end", 0)
        deadline_s = world.hub.next_deadline_s() or end_s
        world.pass_time(max(0.0, min(deadline_s, end_s) - world.now_s) + 0.01)
    return asked


def messages(fields: list[object]) -> list[bytes]:
    """Return the fields of a message as on the wire."""
    return [str(each).encode() for each in fields]


def test_small_bars_keep_every_rule_for_hours(world: Any) -> None:
    """Never more than 60 in ten minutes, nor 6 of a contract in 2 s (fact 5.1)."""
    clients = [world.client("alpha").start(client_id=n) for n in range(1, 4)]
    for number in range(150):
        for who, client in enumerate(clients):
            what = {"end": str(number), "show": "BID_ASK" if number % 3 else "TRADES"}
            client.say(*bars(number, con_id=number % 4 + 10 * who, **what))
    asked = serve(world, 3 * 3600.0)
    assert len(asked) == 450
    assert world.hub.requests.open_requests == 0
    for at_s, fields in asked:
        before = [(t, each) for t, each in asked if at_s - 600 < t <= at_s]
        cost = sum(2 if each[19] == "BID_ASK" else 1 for _, each in before)
        assert cost <= 60
        near = [
            2 if each[19] == "BID_ASK" else 1
            for t, each in before
            if t > at_s - 2 and (each[2:14], each[19]) == (fields[2:14], fields[19])
        ]
        assert sum(near) < 6
    span_s = asked[-1][0] - asked[0][0]
    cost = sum(2 if each[19] == "BID_ASK" else 1 for _, each in asked)
    assert span_s <= (cost / 60 + 1) * 601  # and no slower than the rules demand


def test_larger_bars_are_not_held_back(world: Any) -> None:
    """Bars of a minute and more fall under no hard limit (fact 5.2)."""
    alpha = world.client("alpha").start()
    for number in range(40):
        alpha.say(*bars(number, size="1 min", end=str(number)))
    assert len(world.asked(20)) == 40


def test_one_strategys_queue_delays_another_by_one_place(world: Any) -> None:
    """500 of alpha wait; beta's single one is next but one."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for number in range(500):
        alpha.say(*bars(number, con_id=number))
    serve(world, 5.0)
    beta.say(*bars(1, con_id=9999))
    after = [each[2] for _, each in serve(world, 1300.0)]
    assert "9999" in after[:2]


def test_fifty_are_open_and_the_rest_wait(world: Any) -> None:
    """The 51st waits until one has been answered (fact 5.3)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for number in range(50):
        alpha.say(*bars(number, con_id=number, size="1 min"))
    beta.say(*bars(1, con_id=99, size="1 min"))
    asked = world.asked(20)
    assert len(asked) == 50
    world.pass_time(2.0)
    [notice] = beta.take()
    assert notice[:4] == ["4", "2", "-1", "2199"]
    assert "waits for a place" in notice[4]
    world.say(17, asked[7][1], "start", "end", 0)
    assert [each[2] for each in world.asked(20)] == ["99"]


def test_fifty_streams_leave_no_place(world: Any) -> None:
    """No stream ends by itself, so the 51st is refused as at the gateway, and people told why."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for number in range(50):
        fields = bars(number, con_id=number, size="1 min")
        alpha.say(*fields[:-2], 1, "")
    beta.say(*bars(1, con_id=99, size="1 min"))
    [refusal] = beta.take()
    assert refusal[2:4] == ["1", "322"]
    assert "Only 50 simultaneous API historical data requests" in refusal[4]
    assert any("held by alpha 50" in text for text in world.notices())


def test_one_question_about_corporate_events_at_a_time(world: Any) -> None:
    """The gateway refuses a second one while the first is open (fact 8.21)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(102, 1, 265598, "", 0, 0, 0)
    beta.say(102, 1, 4391, "", 0, 0, 0)
    beta.say(100, 2)
    [first] = world.asked(102)
    assert len(world.asked(100)) == 1
    world.say(105, first[1], "{}")
    [second] = world.asked(102)
    assert second[2] == "4391"
    assert [each[0] for each in alpha.take()] == ["105"]


def test_a_head_time_stamp_gives_its_place_back(world: Any) -> None:
    """It stays open at the gateway until it is cancelled (fact 5.7)."""
    alpha = world.client("alpha").start()
    alpha.say(87, 4, *SPY, 0, 1, "TRADES", 1)
    [asked] = world.asked(87)
    world.say(88, asked[1], "20040123 09:30:00")
    assert alpha.take() == [["88", "4", "20040123 09:30:00"]]
    assert world.asked(90) == [["90", asked[1]]]
    alpha.say(90, 4)
    assert world.asked() == alpha.take() == []


def test_who_waits_is_told_once_and_why(world: Any) -> None:
    """A notice that client libraries show and do not take for a failure (fact 12.8)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*bars(1))
    serve(world, 0.1)
    beta.say(*bars(7))
    alpha.take()
    world.pass_time(0.5)
    assert beta.take() == []
    world.pass_time(5.0)
    [notice] = beta.take()
    assert notice[:4] == ["4", "2", "-1", "2199"]
    assert "reqHistoricalData SPY waits for 14 s" in notice[4]
    assert "no identical request in 15 s" in notice[4]
    assert alpha.take() == []
    assert any("2199" not in text and "waits for 14 s" in text for text in world.notices())
    assert len(serve(world, 20.0)) == 1
    assert [each[0] for each in beta.take()] == ["17"]


def test_a_refusal_for_the_pace_is_tried_again_out_of_sight(world: Any) -> None:
    """The client hears nothing of 162 with that text (fact 5.4), only the answer."""
    alpha = world.client("alpha").start()
    alpha.say(*bars(1, size="1 min"))
    [first] = world.asked(20)
    world.say(4, 2, first[1], 162, VIOLATION, "")
    assert alpha.take() == []
    world.pass_time(14.0)
    assert world.asked(20) == []
    world.pass_time(2.0)
    [again] = world.asked(20)
    assert again[1:] == first[1:]
    world.say(17, again[1], "start", "end", 0)
    assert [each[0] for each in alpha.take(17)] == ["17"]
    assert world.hub.context.counters["retries"] == 1


def test_the_fourth_refusal_is_the_clients(world: Any) -> None:
    """Somebody has to know at last."""
    alpha = world.client("alpha").start()
    alpha.say(*bars(1, size="1 min"))
    for _ in range(4):
        [asked] = world.asked(20)
        world.say(4, 2, asked[1], 162, VIOLATION, "")
        world.pass_time(700.0)
    assert [each[3] for each in alpha.take() if each[2] == "1"] == ["162"]
    assert world.hub.requests.open_requests == 0


def test_another_refusal_is_not_tried_again(world: Any) -> None:
    """162 has many texts (fact 5.11)."""
    alpha = world.client("alpha").start()
    alpha.say(*bars(1, size="1 min"))
    [asked] = world.asked(20)
    world.say(4, 2, asked[1], 162, "HMDS query returned no data: SPY@SMART Trades", "")
    assert [each[3] for each in alpha.take()] == ["162"]


def test_who_leaves_while_waiting_costs_nothing(world: Any) -> None:
    """A request that nobody wants any more is never sent, and forgotten."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*bars(1))
    serve(world, 0.1)
    alpha.say(*bars(2))
    beta.say(*bars(3))
    alpha.leave()
    beta.say(25, 1, 3)
    assert world.hub.requests.open_requests == 0
    assert serve(world, 60.0) == []


def test_the_gateway_counts_from_when_a_request_leaves(make_world: Callable[..., Any]) -> None:
    """A queue before it does not shorten the pause behind it."""
    world = make_world(messages_per_s=5.0).connect()
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for number in range(100):
        alpha.say(83, number, f"map {number}")
    alpha.say(*bars(7))
    at_s = [each[0] for each in serve(world, 30.0)]
    beta.say(*bars(7))
    at_s += [each[0] for each in serve(world, 30.0)]
    assert len(at_s) == 2
    assert at_s[0] > 115.0
    assert at_s[1] - at_s[0] >= 15.0


def test_what_was_let_go_and_not_sent_is_not_counted(make_world: Callable[..., Any]) -> None:
    """Who leaves while messages queue gives back what was counted."""
    world = make_world(messages_per_s=5.0).connect()
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    for number in range(100):
        alpha.say(83, number, f"map {number}")
    alpha.say(*bars(7))
    alpha.leave()
    beta.say(*bars(7))
    assert [each[0] - 105.0 < 2.0 for each in serve(world, 5.0)] == [True]


def test_a_silent_request_is_forgotten(world: Any) -> None:
    """An answer that never comes does not leak, nor keep its place (facts 2.11, 3.113)."""
    alpha = world.client("alpha").start()
    alpha.say(*bars(1, size="1 min"))
    alpha.say(104, 2)
    world.pass_time(800.0)
    assert world.hub.requests.open_requests == 2
    world.pass_time(1100.0)
    assert world.hub.requests.open_requests == 0
    assert alpha.take() == []
    assert world.hub.requests.next_deadline_s() is None
    told = [text for text in world.notices() if "has not answered" in text and "900 s" in text]
    assert len(told) == 2


def test_a_slow_answer_is_not_a_silent_one(world: Any) -> None:
    """As long as rows come it is waited for."""
    alpha = world.client("alpha").start()
    alpha.say(9, 8, 1, *SPY, 0, "", "", "")
    [asked] = world.asked(9)
    for row in range(5):
        world.pass_time(600.0)
        world.say(10, asked[2], f"row {row}")
    world.say(52, 1, asked[2])
    assert len(alpha.take()) == 6


def test_without_rules_nothing_waits(make_world: Callable[..., Any]) -> None:
    """`history = 0` leaves everything to the gateway."""
    world = make_world(limits=Limits(history=0)).connect()
    alpha = world.client("alpha").start()
    for number in range(200):
        alpha.say(*bars(number))
    assert len(world.asked(20)) == 1
    for number in range(200):
        alpha.say(*bars(1000 + number, con_id=number))
    assert len(world.asked(20)) == 200


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        (bars(1, size="30 secs"), {"same", "contract", "small bars"}),
        (bars(1, size="1 min"), set()),
        ([87, 1, *SPY, 0, 1, "TRADES", 1], {"same", "contract", "small bars"}),
        ([50, 3, 1, *SPY, 5, "MIDPOINT", 0, ""], {"small bars"}),
        ([81, 1, "AM"], {"symbols"}),
        ([97, 1, *SPY, "Last", 0, 0], {"ticks"}),
        ([1, 11, 1, *SPY, 0, "", 1, 1, ""], {"regulatory"}),
        ([1, 11, 1, *SPY, 0, "", 1, 0, ""], set()),
        ([9, 8, 1, *SPY, 0, "", "", ""], set()),
    ],
)
def test_what_counts_as_what(fields: list[object], kinds: set[str]) -> None:
    """The rules that each kind of request falls under."""
    assert {charge.of[0].decode() for charge in charges(messages(fields))} == kinds


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), max_size=40))
def test_windows_are_never_exceeded(steps: list[tuple[float, int]]) -> None:
    """Whatever is spent when it is due keeps the rule, and is due as early as that allows."""
    windows, now_s, spent = Windows(), 0.0, list[tuple[float, int]]()
    for pause_s, cost in steps:
        now_s += pause_s
        charge = (Charge((b"x",), cost, 4, 5.0, "4 in 5 s"),)
        due_s, why = windows.due(charge, now_s)
        assert bool(why) == (due_s > now_s)
        now_s = due_s
        windows.spend(charge, now_s)
        spent.append((now_s, cost))
        assert sum(each for at_s, each in spent if at_s > now_s - 5.0) <= 4
    windows.forget_old(now_s + 1000.0)
    assert len(windows) == 0


def test_turns_go_round(world: Any) -> None:
    """Three strategies with long queues are served alike."""
    clients = [world.client("alpha").start(client_id=n) for n in range(1, 4)]
    for who, client in enumerate(clients):
        for number in range(100):
            client.say(*bars(number, con_id=1000 * who + number))
    asked = serve(world, 1800.0)[60:]
    share = Counter(int(each[2]) // 1000 for _, each in asked)
    assert max(share.values()) - min(share.values()) <= 1


def test_notices_are_for_people_too(world: Any) -> None:
    """What clients are told is in the log, with the client's name."""
    alpha = world.client("alpha").start()
    alpha.say(81, 1, "A")
    alpha.say(81, 2, "B")
    world.pass_time(1.2)
    assert world.asked(81)[0][2] == "A"
    told = [each for each in world.effects if isinstance(each, ef.Notice) and "waits" in each.text]
    assert [each.level for each in told] == [ef.Level.INFO]
    assert told[0].text.startswith("alpha/1: reqMatchingSymbols B waits for")
