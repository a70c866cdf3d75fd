"""The journal in the core: nothing leaves before it is written, and a restart knows it all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibproxy.wire.framing import frame, join_fields
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub, HubSettings
from ibproxy_server.core.orders import book as order_book
from ibproxy_server.core.orders import journal_entries as je
from ibproxy_server.core.orders.recorder import NEWS_DELAY_S, RETRY_S
from tests.core.conftest import OWN_EXECUTIONS as OWN
from tests.core.conftest import World
from tests.core.test_orders import execution, open_order, order, status

FULL = "database or disk is full"
BOUND = {"alpha": ("DU1",), "beta": ("DU2",)}


def intents(world: World) -> list[tuple[str, int, int]]:
    """Return strategy, client's and gateway's id of each order in the journal."""
    held = je.compacted(world.recorded).values()
    return [
        (each.strategy, each.client_order_id, each.upstream_id)
        for each in held
        if isinstance(each, je.OrderIntent)
    ]


# before an order leaves


def test_an_order_leaves_when_it_is_written_and_not_before(world: World) -> None:
    """The gateway is asked nothing until the journal has the order, its mapping and its message."""
    world.is_journal_slow = True
    alpha = world.client("alpha").start(7)
    alpha.say(*order(1))
    assert world.asked(3) == []
    [record] = world.unwritten
    assert record.is_urgent
    [intent] = [each for each in record.entries if isinstance(each, je.OrderIntent)]
    assert (intent.strategy, intent.client_id, intent.client_order_id) == ("alpha", 7, 1)
    world.write_journal()
    [placed] = world.asked(3)
    assert intent.request.decode().split("\0")[:-1] == placed
    assert intent.upstream_id == int(placed[1])


def test_orders_of_one_moment_share_one_write(world: World) -> None:
    """A bracket that comes in one piece is one transaction, and leaves in its order."""
    alpha = world.client("alpha").start()
    before = len([each for each in world.effects if isinstance(each, ef.Record)])
    piece = b"".join(frame_of(*order(number, parent=number > 1)) for number in (1, 2, 3))
    alpha.send(piece)
    records = [each for each in world.effects if isinstance(each, ef.Record)][before:]
    assert len([each for each in records if each.is_urgent]) == 1
    assert [each[1] for each in world.asked(3)] == ["1", "2", "3"]


def frame_of(*fields: object) -> bytes:
    """Return a message as it is on the wire."""
    return frame(join_fields(*fields))


def test_ids_rise_in_the_order_of_sending_while_the_journal_is_slow(world: World) -> None:
    """Orders of two clients leave in the order of their ids, however long the journal takes."""
    world.is_journal_slow = True
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*order(1))
    beta.say(*order(1))
    alpha.say(*order(2))
    assert world.asked(3) == []
    world.write_journal()
    assert [each[1] for each in world.asked(3)] == ["1", "2", "3"]


def test_a_cancel_and_a_change_stay_behind_their_order(world: World) -> None:
    """Order, change and cancel leave in the order in which they came."""
    world.is_journal_slow = True
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(*order(1))
    alpha.say(4, 1, 1, "")
    world.write_journal()
    assert [each[0] for each in world.asked() if each[0] in "34"] == ["3", "3", "4"]


def test_a_cancel_of_another_order_does_not_wait(world: World) -> None:
    """Only its own order holds a cancel up."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.asked()
    world.is_journal_slow = True
    alpha.say(*order(2))
    alpha.say(4, 1, 1, "")
    assert [each[0] for each in world.asked()] == ["4"]


def test_a_global_cancel_stays_behind_the_orders_too(world: World) -> None:
    """It cancels what is about to leave, after it has left."""
    world.is_journal_slow = True
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    alpha.say(58, 1)
    assert world.asked(4) == []
    world.write_journal()
    assert [each[0] for each in world.asked() if each[0] in "34"] == ["3", "4"]


# a journal that cannot be written


def test_an_unwritable_journal_refuses_new_orders(world: World) -> None:
    """201 says why and what to do; nothing leaves, and its id can be used again afterwards."""
    alpha = world.client("alpha").start()
    world.journal_failure = FULL
    alpha.say(*order(1))
    assert world.asked(3) == []
    [refused] = alpha.take()
    assert refused[:4] == ["4", "2", "1", "201"]
    assert FULL in refused[4]
    assert "free space" in refused[4]
    world.journal_failure = ""
    alpha.say(*order(1))
    assert len(world.asked(3)) == 1
    assert [each[:2] for each in intents(world)] == [("alpha", 1)]


def test_an_unwritable_journal_lets_cancels_and_changes_through(world: World) -> None:
    """What is in the journal already can be changed and cancelled, in this order."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.asked()
    world.journal_failure = FULL
    alpha.say(*order(1))
    alpha.say(4, 1, 1, "")
    assert [each[0] for each in world.asked()] == ["3", "4"]
    assert alpha.take() == []


def test_what_follows_a_refused_order_does_not_leave_either(world: World) -> None:
    """A change of it is refused as it was, and a cancel finds nothing."""
    alpha = world.client("alpha").start()
    world.is_journal_slow = True
    alpha.say(*order(1))
    alpha.say(*order(1))
    alpha.say(4, 1, 1, "")
    world.journal_failure = FULL
    world.write_journal()
    assert [each for each in world.asked() if each[0] in "34"] == []
    assert [each[3] for each in alpha.take(4)] == ["201", "201", "10147"]


def test_people_are_told_once_that_it_fails_and_once_that_it_is_well(world: World) -> None:
    """Two refused orders make one notice, the first one written makes another."""
    alpha = world.client("alpha").start()
    world.journal_failure = FULL
    alpha.say(*order(1))
    alpha.say(*order(1))
    world.journal_failure = ""
    alpha.say(*order(1))
    told = [each for each in world.notices() if "journal" in each]
    assert [FULL in each for each in told] == [True, False]


def test_what_could_not_be_written_is_written_later(world: World) -> None:
    """News that fell into a failure are in the journal after it."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.journal_failure = FULL
    world.say(*open_order(1))
    world.say(*status(1))
    world.pass_time(NEWS_DELAY_S + 0.1)
    world.journal_failure = ""
    world.pass_time(RETRY_S + 0.1)
    state = je.compacted(world.recorded)[("state", 1)]
    assert isinstance(state, je.OrderState)
    assert (state.text, state.perm_id) == ("Submitted", b"900")


def test_news_wait_for_each_other(world: World) -> None:
    """Statuses of one moment are one write, and it need not be safe from a power cut."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.effects.clear()
    for _ in range(5):
        world.say(*status(1))
    world.pass_time(NEWS_DELAY_S + 0.1)
    [record] = [each for each in world.effects if isinstance(each, ef.Record)]
    assert not record.is_urgent


def test_the_end_of_the_proxy_waits_for_nothing(world: World) -> None:
    """What is known at the end is written."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*status(1, "Filled"))
    world.feed(ev.Stopping())
    state = je.compacted(world.recorded)[("state", 1)]
    assert isinstance(state, je.OrderState)
    assert state.is_done


def test_a_cancel_of_an_order_that_was_refused_here_finds_nothing(world: World) -> None:
    """The gateway has never heard of it, and is not asked."""
    alpha = world.client("alpha").start()
    world.journal_failure = FULL
    alpha.say(*order(1))
    alpha.say(4, 1, 1, "")
    assert world.asked(4) == []
    assert [each[3] for each in alpha.take(4)] == ["201", "10147"]


def orders_sent(world: World) -> int:
    """Return how many orders have ever left."""
    sent = [each.data for each in world.effects if isinstance(each, ef.SendUpstream)]
    return sum(data.count(b"\0SPY\0STK\0") for data in sent)


def test_an_order_that_waits_for_the_journal_when_the_gateway_goes_never_leaves(
    world: World,
) -> None:
    """A late order is another order."""
    world.is_journal_slow = True
    world.client("alpha").start().say(*order(1))
    world.feed(ev.UpstreamLost("it has gone"))
    world.write_journal()
    world.is_journal_slow = False
    world.connect(next_id=1)
    assert orders_sent(world) == 0
    assert [each.state_text for each in world.hub.orders.book.records] == ["refused"]


def test_an_order_that_waits_in_the_queue_when_the_gateway_goes_never_leaves() -> None:
    """It is known to be refused, and one that has left to be unknown; the journal knows as well."""
    world = World(HubSettings(messages_per_s=1.0, accounts_of_strategy=BOUND)).connect()
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.pass_time(5.0)
    alpha.say(*order(2))
    alpha.say(*order(3))
    assert orders_sent(world) == 1
    world.feed(ev.UpstreamLost("it has gone"))
    world.connect(next_id=1, has_lists=False)
    world.pass_time(5.0)
    assert orders_sent(world) == 1
    expected = ["unknown", "refused", "refused"]
    assert [each.state_text for each in world.hub.orders.book.records] == expected
    states = [each for each in world.recorded if isinstance(each, je.OrderState)]
    assert {each.upstream_id: each.text for each in states} == dict(enumerate(expected, 1))


# a restart


def restarted(world: World, next_id: int = 1, lists: tuple[tuple[object, ...], ...] = ()) -> World:
    """Return a connected world whose proxy begins with this one's journal.

    Args:
        world: the one that ended.
        next_id: what the gateway calls the next order id.
        lists: the gateway's open orders.
    """
    again = world.restarted()
    again.connect(next_id=next_id, has_lists=False)
    again.list_orders(lists)
    return again


def test_ids_go_on_after_a_restart(world: World) -> None:
    """Each client id goes on with its own ids; upstream no id is used twice, whatever 9 says."""
    world.client("alpha").start(7).say(*order(5))
    world.client("beta").start(7).say(*order(1))
    world.say(*open_order(6000, client_id=3, perm_id=77))
    world.client("beta").start(8).say(*order(2))
    again = restarted(world, next_id=1)
    alpha = again.client("alpha")
    alpha.start(7)
    alpha.say(8, 1, 1)
    assert alpha.take(9) == [["9", "1", "6"]]
    alpha.say(*order(6))
    beta = again.client("beta").start(9)
    beta.say(8, 1, 1)
    assert beta.take(9) == [["9", "1", "1"]]
    beta.say(*order(1))
    assert [each[1] for each in again.asked(3)] == ["6002", "6003"]
    beta.say(*order(1, what_if=1))
    alpha.say(*order(4))
    assert alpha.take(4)[0][2:4] == ["4", "103"]


def test_an_id_used_by_a_question_is_used_up_after_a_restart_too(world: World) -> None:
    """A what-if uses up an id, here and at the gateway; it is no order and leaves no order."""
    world.client("alpha").start().say(*order(1, what_if=1))
    again = restarted(world)
    alpha = again.client("alpha").start()
    alpha.say(8, 1, 1)
    assert alpha.take(9) == [["9", "1", "2"]]
    alpha.say(*order(2))
    assert again.asked(3)[0][1] == "2"
    assert intents(world) == []


def test_old_orders_reach_their_owner_after_a_restart(world: World) -> None:
    """Statuses and executions come under the owner's own ids, cancels and changes work."""
    alpha, beta = world.client("alpha").start(7), world.client("beta").start(7)
    beta.say(*order(1))
    alpha.say(*order(1))
    world.say(*open_order(2))
    world.say(*status(2))
    world.pass_time(1.0)
    of_beta = open_order(1, account="DU2", perm_id=901), status(1, perm_id=901)
    again = restarted(world, lists=(open_order(2), status(2), *of_beta))
    alpha, beta = again.client("alpha").start(7), again.client("beta").start(7)
    assert alpha.take() == []
    again.say(*execution(2, "x.1"))
    again.say(*status(2, "Filled"))
    filled, stated = alpha.take()
    assert (filled[2], filled[22]) == ("1", "7")
    assert (stated[1], stated[9]) == ("1", "7")
    again.asked()
    beta.say(*order(1))
    beta.say(4, 1, 1, "")
    assert [each[:3] for each in again.asked()] == [["3", "1", "756733"], ["4", "1", "1"]]
    assert beta.take() == []


def test_oca_groups_are_shown_as_written_after_a_restart(world: World) -> None:
    """The proxy's mark in the name does not come through, in open and completed orders."""
    world.client("alpha").start().say(*order(1, oca="mine"))
    upstream = world.asked(3)[0][22]
    assert upstream != "mine"
    again = restarted(world)
    alpha = again.client("alpha").start()
    again.say(*open_order(1, oca=upstream))
    assert alpha.take(5)[0][19] == "mine"
    assert again.hub.orders.book.oca_shown(upstream.encode()) == b"mine"


def test_a_gateway_that_lists_old_orders_without_ids_is_understood(world: World) -> None:
    """After its own restart a gateway may know an order by its permId alone."""
    world.client("alpha").start().say(*order(1))
    world.say(*open_order(1, perm_id=901))
    world.pass_time(1.0)
    again = restarted(world)
    alpha = again.client("alpha").start()
    again.say(*open_order(0, client_id=0, perm_id=901))
    assert alpha.take(5)[0][1] == "1"


def test_an_order_that_may_have_got_lost_is_told_as_such(world: World) -> None:
    """It is not sent again; its owner is told with 2198 until the gateway has spoken of it."""
    world.client("alpha").start().say(*order(1))
    again = world.restarted().connect(has_lists=False)
    assert again.asked(3) == []
    assert any("may or may not have arrived" in each for each in again.notices())
    alpha = again.client("alpha")
    alpha.start()
    assert [each.state_text for each in again.hub.orders.book.records] == ["unknown"]
    assert [each[2:4] for each in alpha.greeted if each[0] == "4"] == [["1", "2198"]]
    again.say(*open_order(1))
    assert [each[0] for each in alpha.take()] == ["5"]
    alpha.leave()
    alpha = again.client("alpha").start()
    assert [each for each in alpha.greeted if each[0] == "4"] == []


def test_a_cancel_tells_that_an_order_was_lost(world: World) -> None:
    """10147 is the gateway's word; the order is refused then, here and in the journal."""
    world.client("alpha").start().say(*order(4))
    again = restarted(world)
    alpha = again.client("alpha").start()
    alpha.say(4, 1, 4, "")
    again.say(4, 2, 1, 10147, "OrderId 1 that needs to be cancelled is not found.", "")
    assert [each[2:4] for each in alpha.take(4)] == [["4", "10147"]]
    again.pass_time(1.0)
    state = je.compacted(again.recorded)[("state", 1)]
    assert isinstance(state, je.OrderState)
    assert (state.text, state.is_done) == ("refused", True)
    alpha.say(8, 1, 1)
    assert alpha.take(9) == [["9", "1", "5"]]
    third = restarted(again).client("alpha").start()
    assert [each for each in third.greeted if each[0] in "49"] == [["9", "1", "5"]]


def lost(world: World) -> tuple[World, Any]:
    """Return a restarted world and alpha, whose order 1 may have got lost."""
    world.client("alpha").start().say(*order(1))
    again = world.restarted()
    again.connect(has_lists=False)
    return again, again.client("alpha").start()


def test_an_order_that_is_in_no_list_is_lost(world: World) -> None:
    """Neither open nor executed today: it is refused, its owner is told, its id stays used."""
    again, alpha = lost(world)
    again.list_orders()
    [told] = alpha.take(4)
    assert told[2:4] == ["1", "201"]
    assert "did not reach the gateway" in told[4]
    assert [each.state_text for each in again.hub.orders.book.records] == ["refused"]
    alpha.say(8, 1, 1)
    assert alpha.take(9) == [["9", "1", "2"]]
    assert again.hub.context.counters["late_messages"] == 0


@pytest.mark.parametrize("ends", tuple(itertools.permutations([(53, 1), (55, 1, OWN), (102,)])))
def test_lists_may_end_in_any_order(world: World, ends: tuple[tuple[object, ...], ...]) -> None:
    """Only all together tell that an order is lost."""
    again, alpha = lost(world)
    for end in ends:
        assert alpha.take(4) == []
        again.say(*end)
    assert [each[3] for each in alpha.take(4)] == ["201"]


def test_an_order_in_a_list_is_not_lost(world: World) -> None:
    """It is open, or it was filled and is open no more."""
    again, alpha = lost(world)
    again.list_orders([open_order(1)])
    assert alpha.take(4) == []
    assert [each.state_text for each in again.hub.orders.book.records] == ["stated"]
    again, alpha = lost(world)
    again.list_orders(executions=[execution(1, "x.1", req_id=OWN)])
    assert alpha.take(4) == []
    assert [each[1:5] for each in alpha.take(3)] == [["1", "Filled", "10", "0"]]


def test_an_order_of_another_day_stays_unknown(world: World) -> None:
    """Executions are listed since midnight only: it may have been filled before."""
    world.pass_time(14 * 3600.0)  # it connected at ten in the morning
    world.client("alpha").start().say(*order(1))
    again = restarted(world)
    again.say(55, 1, OWN)
    assert [each.state_text for each in again.hub.orders.book.records] == ["unknown"]


def test_a_lost_link_makes_orders_unknown_as_well(world: World) -> None:
    """What left and was not stated is unknown; what was stated, or is held back, is not."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(1))
    alpha.say(*order(2))
    alpha.say(*held_back(3))
    world.feed(ev.UpstreamLost("it has gone"))
    texts = [each.state_text for each in world.hub.orders.book.records]
    assert texts == ["stated", "unknown", "held"]


def held_back(order_id: int) -> tuple[object, ...]:
    """Return a placeOrder message with transmit off."""
    fields = list(order(order_id))
    fields[27] = 0
    return tuple(fields)


def test_an_order_that_is_held_back_is_not_lost(world: World) -> None:
    """Nothing is ever said of it, so silence tells nothing; it can be released and cancelled."""
    world.client("alpha").start().say(*held_back(1))
    again = restarted(world)
    alpha = again.client("alpha").start()
    assert [each for each in alpha.greeted if each[0] == "4"] == []
    alpha.say(*order(1))
    alpha.say(4, 1, 1, "")
    assert [each[1:3] for each in again.asked(3)] == [["1", "756733"]]
    assert len(again.asked(4)) == 1


def test_what_the_gateway_lists_is_the_truth(world: World) -> None:
    """An order that the journal calls open and the gateway does not list is open no more."""
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(*open_order(1))
    world.say(*status(1))
    world.pass_time(1.0)
    again = restarted(world)
    again.pass_time(1.0)
    alpha = again.client("alpha").start()
    alpha.say(5, 1)
    assert alpha.take(53) == [["53", "1"]]
    state = je.compacted(again.recorded)[("state", 1)]
    assert isinstance(state, je.OrderState)
    assert (state.text, state.is_done) == ("Cancelled", True)


def test_the_journal_of_another_login_ends_the_proxy(world: World) -> None:
    """Its ids would be taken for orders of this login; the text says what to do."""
    world.client("alpha").start().say(*order(1))
    again = world.restarted().connect(accounts="DU8,DU9")
    [reason] = given_up(again)
    assert "of the login with DU1, DU2, but the gateway at 127.0.0.1:4002 has DU8, DU9" in reason
    assert "give this login a journal of its own" in reason
    assert given_up(world.restarted().connect(accounts="DU1,DU2,DU3")) == []
    assert given_up(world.restarted().connect(accounts="DU2")) == []


def given_up(world: World) -> list[str]:
    """Return why the proxy ends because of its journal."""
    return [
        each.reason
        for each in world.effects
        if isinstance(each, ef.GiveUp) and "journal" in each.reason
    ]


# what is forgotten


def test_no_more_orders_that_are_done_are_known_than_so_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was done first goes, here and in the journal; its ids stay used."""
    monkeypatch.setattr(order_book, "MAX_DONE", 2)
    alpha = world.client("alpha").start()
    for number in range(1, 6):
        alpha.say(*order(number))
        world.say(*open_order(number, perm_id=900 + number))
        if number > 1:
            world.say(*status(number, "Filled", perm_id=900 + number))
    world.pass_time(1.0)
    known = [1, 4, 5]
    assert [each.upstream_id for each in world.hub.orders.book.records] == known
    assert [each for _, _, each in intents(world)] == known
    alpha.take()
    world.asked()
    alpha.say(*order(2))
    alpha.say(4, 1, 2, "")
    alpha.say(4, 1, 1, "")
    assert [each[3] for each in alpha.take(4)] == ["103", "10147"]
    assert [each[2] for each in world.asked(4)] == ["1"]
    again = restarted(world, lists=(open_order(1, perm_id=901),))
    again.client("alpha").start().say(*order(6))
    again.say(*status(6, "Filled", perm_id=906))
    assert [each.upstream_id for each in again.hub.orders.book.records] == [1, 5, 6]


def test_an_order_that_came_back_to_life_is_not_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was gone, and is stated again, is as alive as any."""
    monkeypatch.setattr(order_book, "MAX_DONE", 1)
    alpha = world.client("alpha").start()
    alpha.say(*order(1))
    world.say(4, 2, 1, 201, "Order rejected - reason:no", "")
    world.say(*open_order(1, perm_id=901))
    for number in (2, 3):
        alpha.say(*order(number, what_if=1))
    assert [each.upstream_id for each in world.hub.orders.book.records] == [1, 3]


# any program


step = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(sorted(BOUND)), st.integers(1, 2)),
    st.tuples(st.just("state"), st.integers(1, 12), st.sampled_from(["Submitted", "Filled"])),
    st.tuples(st.just("refuse"), st.integers(1, 12), st.sampled_from([201, 10147])),
    st.tuples(st.just("cancel"), st.sampled_from(sorted(BOUND)), st.integers(1, 4)),
    st.tuples(st.just("fail"), st.booleans(), st.just(0)),
    st.tuples(st.just("restart"), st.integers(0, 3), st.just(0)),
)


class Account:
    """A world, and what must be known of its orders, kept beside it."""

    def __init__(self) -> None:
        self.world = World(HubSettings(messages_per_s=0, accounts_of_strategy=BOUND)).connect()
        self.world.say(53, 1)
        self.sent: dict[int, tuple[str, int]] = {}
        self.stated: set[int] = set()
        self.refused: set[int] = set()

    def place(self, strategy: str, ahead: int) -> None:
        """Use the next id, or the one behind it; no order that lives may have it."""
        client = session_of(self.world, strategy)
        client.take()
        client.say(8, 1, 1)
        number = int(client.take(9)[0][2]) + ahead - 1
        living = [self.sent[each] for each in self.sent if each not in self.refused]
        assert (strategy, number) not in living
        client.say(*order(number))
        for placed in self.world.asked(3):
            upstream_id = int(placed[1])
            assert upstream_id > max(self.sent, default=0)
            self.sent[upstream_id] = strategy, number

    def state(self, upstream_id: int, text: str) -> None:
        """The gateway tells of an order."""
        if upstream_id in self.sent and upstream_id not in self.refused:
            self.stated.add(upstream_id)
            self.world.say(*open_order(upstream_id, perm_id=900 + upstream_id))
            self.world.say(*status(upstream_id, text, perm_id=900 + upstream_id))

    def refuse(self, upstream_id: int, code: int) -> None:
        """The gateway refuses an order, or its cancel."""
        if upstream_id in self.sent:
            self.world.say(4, 2, upstream_id, code, "refused", "")
            self.refused |= {upstream_id} - self.stated

    def cancel(self, strategy: str, number: int) -> None:
        """A cancel reaches the order that it means, or nothing."""
        session_of(self.world, strategy).say(4, 1, number, "")
        for asked in self.world.asked(4):
            assert self.sent[int(asked[2])] == (strategy, number)

    def fail(self, fails: bool, _: int) -> None:
        """The journal's disk is full, or has room again."""
        self.world.journal_failure = FULL if fails else ""

    def restart(self, next_id: int, _: int) -> None:
        """The proxy ends, and begins with what it has recorded."""
        self.world = restarted(self.world, next_id=1 + next_id)


@settings(max_examples=200, deadline=None)
@given(st.lists(step, max_size=25))
def test_restarts_keep_every_mapping(program: list[tuple[Any, ...]]) -> None:
    """Whatever happens, an order that left keeps its owner and ids, and ids upstream rise."""
    account = Account()
    for what, one, two in program:
        getattr(account, what)(one, two)
    for upstream_id, (strategy, number) in account.sent.items():
        client = session_of(account.world, strategy)
        client.take()
        account.world.say(*status(upstream_id, perm_id=900 + upstream_id))
        assert [each[1] for each in client.take(3)] == [str(number)]


def session_of(world: World, strategy: str) -> Any:
    """Return the strategy's session, a new one if it has none."""
    for client in world.clients.values():
        if client.strategy == strategy:
            return client
    return world.client(strategy).start()


@pytest.mark.parametrize("with_journal", [False, True])
def test_a_run_with_orders_can_be_replayed(world: World, with_journal: bool) -> None:
    """What the journal held at the start and the list of events give the same effects again."""
    world.client("alpha").start().say(*order(1))
    world.journal_failure = FULL
    world.client("beta").start().say(*order(1))
    world.pass_time(30.0)
    if with_journal:
        world.journal_failure = ""
        journal = tuple(world.recorded)
        world = restarted(world)
        world.client("alpha").start().say(*order(3))
    else:
        journal = ()
    replay = Hub(world.hub.settings, journal)
    again = [effect for now_s, event in world.history for effect in replay.handle(now_s, event)]
    assert again == world.effects
