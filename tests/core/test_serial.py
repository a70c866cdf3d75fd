"""Requests without a request id: one of a kind upstream, whole answers for all who wait."""

from __future__ import annotations

from typing import Any

import pytest

from ibproxy_server.core.serial import GIVE_UP_AFTER_S


def completed(perm_id: int, account: str) -> list[object]:
    """Return a completedOrder message."""
    fields: list[object] = [101, *([""] * 100)]
    fields[19], fields[23] = account, perm_id
    return fields


def test_two_askers_both_get_whole_answers(world: Any) -> None:
    """Who asks while an answer is on its way gets the next one, not the rest of this one."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(99, 0)
    world.say(*completed(1, "DU1"))
    beta.say(99, 0)
    assert len(world.asked(99)) == 1
    world.say(*completed(2, "DU2"))
    world.say(102)
    assert [each[0] for each in alpha.take()] == ["101", "102"]
    assert beta.take() == []
    assert len(world.asked(99)) == 1
    world.say(*completed(2, "DU2"))
    world.say(102)
    assert [each[0] for each in beta.take()] == ["101", "102"]
    assert alpha.take() == []


def test_other_parameters_wait_for_their_turn(world: Any) -> None:
    """The gateway has one slot for completed orders, whatever was asked (fact 3.104)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(99, 0)
    beta.say(99, 1)
    assert world.asked(99) == [["99", "0"]]
    world.say(102)
    assert world.asked(99) == [["99", "1"]]
    assert beta.take() == []
    world.say(102)
    assert beta.take() == [["102"]]


def test_answers_nobody_waits_for_are_not_shown(world: Any) -> None:
    """A completed order outside a request is an exception in ib_async's log (fact 12.3)."""
    alpha = world.client("alpha").start()
    world.say(*completed(1, "DU1"))
    assert alpha.take() == []


def test_completed_orders_have_the_group_name_as_written(world: Any) -> None:
    """The proxy's mark on an OCA group's name is not shown."""
    alpha = world.client("alpha").start()
    mark = world.hub.orders.book.oca_name(("alpha", 1), b"exit").decode()
    alpha.say(99, 0)
    row = completed(1, "DU1")
    row[18] = mark
    world.say(*row)
    assert alpha.take()[0][18] == "exit"


@pytest.mark.parametrize("message", [(18, 1, 1), (80,)])
def test_bound_strategy_is_not_told_of_all_accounts(world: Any, message: tuple[int, ...]) -> None:
    """Requests whose answers name every account of the login are refused to it."""
    alpha, gamma = world.client("alpha").start(), world.client("gamma").start()
    alpha.say(*message)
    assert alpha.take()[0][2:4] == ["-1", "321"]
    gamma.say(*message)
    assert len(world.asked(message[0])) == 1


def test_market_rules_are_told_apart_by_their_id(world: Any) -> None:
    """Two rules may be asked at once; each answer reaches who asked for it."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(91, 26)
    beta.say(91, 110)
    assert world.asked(91) == [["91", "26"], ["91", "110"]]
    world.say(93, 110, 1, 0, 0.01)
    world.say(93, 26, 1, 0, 0.05)
    assert alpha.take() == [["93", "26", "1", "0", "0.05"]]
    assert beta.take() == [["93", "110", "1", "0", "0.01"]]


def test_rules_are_matched_by_their_own_field(world: Any) -> None:
    """A rule with one row, or a version field, is not taken for another rule's id."""
    alpha, beta, gamma = (world.client(each).start() for each in ("alpha", "beta", "gamma"))
    alpha.say(91, 1)
    beta.say(91, 26)
    world.say(93, 26, 1, 0, 0.01)
    assert alpha.take() == []
    assert len(beta.take()) == 1
    gamma.say(18, 1, 1)
    gamma.say(18, 1, 3)
    world.say(16, 1, 3, "<aliases/>")
    world.say(16, 1, 1, "<groups/>")
    assert [each[3] for each in gamma.take()] == ["<aliases/>", "<groups/>"]


def test_unknown_market_rule_is_told_to_who_asked(world: Any) -> None:
    """The error has no id; its text names the rule (fact 8.18)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(91, 999)
    text = "Error processing request.-'cd' : cause - Market rule with id = 999 is missing"
    world.say(4, 2, -1, 322, text, "")
    assert [each[3] for each in alpha.take()] == ["322"]
    assert beta.take() == []
    beta.say(91, 999)
    assert len(world.asked(91)) == 2


def test_time_is_asked_once_and_carried_on(world: Any) -> None:
    """The gateway leaves a second question within a second unanswered (fact 6.11)."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(49, 1)
    assert world.asked(49) == [["49", "1"]]
    world.say(49, 1, 1_800_000_000)
    assert alpha.take() == [["49", "1", "1800000000"]]
    world.pass_time(90.5)
    beta.say(49, 1)
    assert beta.take() == [["49", "1", "1800000090"]]
    assert world.asked(49) == []


def test_silence_does_not_block_others_for_ever(world: Any) -> None:
    """After a while without an answer the next who asks is heard, and the silence is counted."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(99, 0)
    beta.say(99, 0)
    assert len(world.asked(99)) == 1
    world.pass_time(GIVE_UP_AFTER_S + 1)
    assert len(world.asked(99)) == 1
    world.say(102)
    assert beta.take() == [["102"]]
    assert world.hub.context.counters["timeouts"] >= 1
    assert any("reqCompletedOrders" in each for each in world.notices())


def test_what_does_not_change_is_given_again(world: Any) -> None:
    """A rule is asked for once in ten minutes; another one, and completed orders, anew."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(91, 26)
    assert world.asked(91) == [["91", "26"]]
    world.say(93, 26, 1, 0, 0.01)
    beta.say(91, 26)
    assert alpha.take() == beta.take() == [["93", "26", "1", "0", "0.01"]]
    assert world.asked(91) == []
    beta.say(91, 239)
    assert world.asked(91) == [["91", "239"]]
    world.pass_time(700.0)
    beta.say(91, 26)
    assert world.asked(91) == [["91", "26"]]
    for _ in range(2):
        alpha.say(99, 1)
        assert len(world.asked(99)) == 1
        world.say(102, 1)
