"""The account slot: each invariant of its docstring, by name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ibproxy_server.core.accounts.slot import LOAD_TIMEOUT_S, AccountSlot

TURN_S = 2.0


def slot_with(*accounts: str, listeners: int = 1) -> AccountSlot:
    """Return a slot that these accounts want."""
    slot = AccountSlot(TURN_S)
    for account in accounts:
        slot.demand(account).listeners = listeners
    return slot


@given(
    st.lists(
        st.tuples(st.sampled_from(["next", "done", "changed", "join", "leave"]), st.integers(0, 3)),
        max_size=60,
    )
)
def test_at_most_one_account_is_subscribed(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, the account that was asked for last is the one held to be subscribed."""
    slot, now_s, asked = slot_with(), 0.0, None
    for step, number in steps:
        account, now_s = f"DU{number}", now_s + 0.7
        if step == "next":
            turn = slot.next_turn(now_s)
            asked = turn or asked
        elif step == "done":
            slot.completed(account, now_s)
        elif step == "changed":
            slot.position_changed(account)
        else:
            demand = slot.demand(account)
            demand.listeners = max(0, demand.listeners + (1 if step == "join" else -1))
        assert slot.current == asked


def test_a_turn_lasts_until_the_picture_is_whole() -> None:
    """While an image is coming in nobody takes over, unless it takes too long."""
    slot = slot_with("A", "B")
    assert slot.next_turn(0.0) == "A"
    assert slot.next_turn(LOAD_TIMEOUT_S - 0.1) is None
    assert slot.next_turn(LOAD_TIMEOUT_S) == "B"
    slot.completed("B", LOAD_TIMEOUT_S + 1)
    assert slot.next_turn(LOAD_TIMEOUT_S + 1) == "A"


def test_an_image_that_does_not_come_is_asked_for_again() -> None:
    """A refused or lost subscription is repeated, after those that wait."""
    slot = slot_with("A")
    assert slot.next_turn(0.0) == "A"
    assert slot.next_turn(LOAD_TIMEOUT_S) == "A"
    slot.demand("B").listeners = 1
    assert slot.next_turn(2 * LOAD_TIMEOUT_S) == "B"
    assert slot.next_turn(3 * LOAD_TIMEOUT_S) == "A"


def test_missing_pictures_come_first_and_without_delay() -> None:
    """Accounts without a whole picture have their turns one right after the other."""
    slot = slot_with("A", "B", "C")
    for now_s, account in ((0.0, "A"), (0.1, "B"), (0.2, "C")):
        assert slot.next_turn(now_s) == account
        slot.completed(account, now_s)
    assert slot.next_turn(0.3) is None
    assert slot.next_turn(0.2 + TURN_S) == "A"


def test_a_changed_position_jumps_the_queue() -> None:
    """The account whose position has changed is next, at once; the one in the slot needs none."""
    slot = slot_with("A", "B", "C")
    for account in "ABC":
        slot.next_turn(0.0)
        slot.completed(account, 0.0)
    slot.position_changed("C")
    assert slot.next_turn(0.1) is None
    slot.position_changed("B")
    assert slot.next_turn(0.1) == "B"


def test_the_oldest_picture_is_next() -> None:
    """Turns go round, so that the age of every picture is bounded."""
    slot, now_s, seen = slot_with("A", "B", "C"), 0.0, []
    for _ in range(9):
        now_s += TURN_S
        account = slot.next_turn(now_s)
        assert account
        seen.append(account)
        slot.completed(account, now_s)
    assert seen == ["A", "B", "C"] * 3


def test_the_only_account_keeps_the_slot() -> None:
    """With one account in demand the subscription stays where it is."""
    slot = slot_with("A")
    assert slot.next_turn(0.0) == "A"
    slot.completed("A", 0.5)
    assert slot.next_turn(100.0) is None
    assert slot.next_deadline_s() is None


def test_nobody_listens_nobody_turns() -> None:
    """An account without listeners gets no further turn once its picture is whole."""
    slot = slot_with("A", "B", listeners=0)
    for account in "AB":
        assert slot.next_turn(0.0) == account
        slot.completed(account, 0.0)
    assert slot.next_turn(100.0) is None


def test_everything_is_asked_again_after_a_loss() -> None:
    """When the gateway is back, every picture is of the past."""
    slot = slot_with("A")
    slot.next_turn(0.0)
    slot.completed("A", 0.0)
    slot.reset()
    assert slot.next_turn(1.0) == "A"
