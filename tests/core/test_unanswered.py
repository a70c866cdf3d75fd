"""What a gateway refuses without an id, or never answers to its end, hangs nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from ibproxy_server.core.requests.silence import ANSWER_TIMEOUT_S

READ_ONLY = (
    "Error validating request.-'bF' : cause - The API interface is currently in Read-Only mode."
)


def read_only(code: int = 321, for_id: int = -1) -> tuple[object, ...]:
    """Return a read-only gateway's refusal, which has no request's id (facts 1.43, 1.45)."""
    return (4, 2, for_id, code, READ_ONLY, "")


# refusals without a request id


@pytest.mark.parametrize("code", [321, 10119])
@pytest.mark.parametrize("for_id", [-1, 2**31 - 1])
def test_a_refusal_of_completed_orders_reaches_who_waits_for_them(
    world: Any, code: int, for_id: int
) -> None:
    """It has no id, but there is one question at a time, so it is known whose it is."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(99, 0)
    beta.say(104, 5)
    world.say(*read_only(code, for_id))
    assert [each[3] for each in alpha.take()] == [str(code)]
    assert beta.take() == []


def test_a_refusal_without_an_id_lets_the_next_who_waits_ask(world: Any) -> None:
    """Who asked later is not left waiting for an answer that never comes."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(99, 0)
    beta.say(99, 0)
    assert len(world.asked(99)) == 1
    world.say(*read_only())
    assert len(world.asked(99)) == 1
    world.say(*read_only())
    assert [each[3] for each in beta.take()] == ["321"]
    assert len(alpha.take()) == 1
    alpha.say(99, 0)
    assert len(world.asked(99)) == 1


@pytest.mark.parametrize("code", [321, 10119, 10132])
def test_a_refusal_without_an_id_reaches_nobody_else(world: Any, code: int) -> None:
    """A script that placed no order is not told that orders are refused."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    beta.say(79, 5)
    alpha.say(3, 1, *([""] * 113))
    world.say(*read_only(code))
    assert [each[3] for each in alpha.take()] == [str(code)]
    assert beta.take() == []


# answers whose end never comes


def test_executions_whose_end_never_comes_are_forgotten(world: Any) -> None:
    """55 can fail to come when there are none (fact 3.113): nothing is left of the question."""
    alpha = world.client("alpha").start()
    alpha.say(7, 3, 1, 0, "", "", "", "", "", "")
    assert len(world.asked(7)) == 1
    world.pass_time(2 * ANSWER_TIMEOUT_S + 1)
    assert world.hub.requests.open_requests == 0
    assert alpha.take() == []
    assert any("reqExecutions" in each for each in world.notices())
    alpha.say(7, 3, 1, 0, "", "", "", "", "", "")
    [[_, _, asked, *_]] = world.asked(7)
    world.say(55, 1, asked)
    assert alpha.take() == [["55", "1", "1"]]


def test_who_asks_later_does_not_share_a_question_that_is_never_answered(world: Any) -> None:
    """A fresh question shares one in flight; after half a minute of silence it asks anew."""
    first, second, third = (world.client("alpha").start(client_id=each) for each in (1, 2, 3))
    question = (7, 3, 1, 0, "", "", "", "", "", "")
    first.say(*question)
    second.say(*question)
    assert len(world.asked(7)) == 1
    world.pass_time(31.0)
    third.say(*question)
    [[_, _, asked, *_]] = world.asked(7)
    world.say(55, 1, asked)
    assert third.take() == [["55", "1", "1"]]
    assert first.take() == second.take() == []


def test_executions_whose_end_never_comes_end_with_their_client(world: Any) -> None:
    """A client that gives up and connects again asks anew, and what it left is no burden."""
    alpha = world.client("alpha").start()
    alpha.say(7, 3, 1, 0, "", "", "", "", "", "")
    [[_, _, first, *_]] = world.asked(7)
    alpha.leave()
    again = world.client("alpha").start()
    again.say(7, 3, 1, 0, "", "", "", "", "", "")
    [[_, _, second, *_]] = world.asked(7)
    assert first != second
    world.say(55, 1, second)
    assert again.take() == [["55", "1", "1"]]
    assert world.hub.requests.open_requests == 0


def test_an_account_image_whose_end_never_comes_holds_up_no_other_account(world: Any) -> None:
    """54 can be missing (fact 2.11): the account slot moves on to who waits."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    world.say(54, 1, "DU1")
    world.pass_time(30.0)
    world.asked()
    alpha.say(6, 2, 1, "DU1")
    beta.say(6, 2, 1, "DU2")
    asked = world.asked(6)
    waited_s = 0
    while ["6", "2", "1", "DU2"] not in asked and waited_s < 60:
        world.pass_time(1.0)  # nothing is ever heard of DU1
        waited_s += 1
        asked += world.asked(6)
    world.say(6, 2, "NetLiquidation", 1000, "USD", "DU2")
    world.say(54, 1, "DU2")
    assert [each[0] for each in beta.take()] == ["6", "54"]


def test_a_list_of_orders_whose_end_never_comes_keeps_live_reports_coming(world: Any) -> None:
    """While a list's end is waited for, its owner still hears of an order that changes."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(3, 1, *([""] * 113))
    [placed] = world.asked(3)
    beta.say(16, 1)
    world.say(3, placed[1], "Filled", 1, 0, 1, 77, 0, 1, 100, "", 0)
    assert [each[2] for each in alpha.take(3)] == ["Filled"]


# account summaries


def test_a_summary_that_no_method_cancels_ends_with_its_client(world: Any) -> None:
    """ib_async never cancels one (fact 2.29), and two may run (fact 2.21): the proxy does it."""
    alpha = world.client("alpha").start()
    alpha.say(62, 1, 1, "All", "NetLiquidation")
    [asked] = world.asked(62)
    world.pass_time(5.0)
    alpha.leave()
    world.pass_time(5.0)
    assert world.asked(63) == [["63", "1", asked[2]]]


def test_twenty_scripts_with_summaries_of_their_own_are_never_refused(world: Any) -> None:
    """At most two run at the gateway at any time, however the scripts come and go."""
    running: set[str] = set()
    clients = [world.client("alpha").start(client_id=number) for number in range(20)]
    lists = ("NetLiquidation", "SMA,Cushion", "BuyingPower,$LEDGER:ALL", "AccountType,$LEDGER:USD")
    for number, client in enumerate(clients):
        client.say(62, 1, 1, "All", lists[number % len(lists)])
        if number % 3 == 0:
            clients[number // 2].say(63, 1, 1)
        world.pass_time(3.0)
        for kind, _, req_id, *_ in [*world.asked(62), *world.asked(63)]:
            (running.add if kind == "62" else running.discard)(req_id)
        assert len(running) <= 2
    assert not [each for client in clients for each in client.take(4)]
