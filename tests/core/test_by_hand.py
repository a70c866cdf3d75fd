"""Orders entered by hand in TWS, of which only the gateway's client 0 hears."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.core.conftest import OWN_EXECUTIONS, World
from tests.core.outages import come_back, completed, lose, over_an_outage, told
from tests.core.test_orders import execution, open_order, order, status

MakeWorld = Callable[..., World]

BOUND = -4
"""Not -1, which is also what stands for no id."""

PERM_ID = 700
UNSET = 2147483647


@pytest.fixture(name="zero")
def _zero(make_world: MakeWorld) -> World:
    """A proxy that is client 0, and whose strategies see both accounts."""
    return make_world(client_id=0).connect()


def terms(order_id: int = BOUND, account: str = "DU1") -> tuple[object, ...]:
    """Return the openOrder of one that was entered by hand."""
    fields = list(open_order(order_id, client_id=0, perm_id=PERM_ID, account=account))
    fields[14] = 10
    return tuple(fields)


def state(order_id: int = BOUND, text: str = "Submitted") -> tuple[object, ...]:
    """Return its orderStatus."""
    return status(order_id, text, client_id=0, perm_id=PERM_ID)


def bind(world: World, account: str = "DU1") -> None:
    """The gateway binds it."""
    for message in ((100, PERM_ID, 0, BOUND), terms(account=account), state()):
        world.say(*message)


def kinds(messages: list[list[str]]) -> list[str]:
    """Return which kinds of messages they are."""
    return [each[0] for each in messages]


def test_client_0_is_given_what_is_entered_by_hand(zero: World) -> None:
    """Its openOrder tells the account, so that it has an order id is told just before it."""
    alpha = zero.client("alpha").start(client_id=0)
    alpha.say(15, 1, 1)
    assert zero.asked(15) == [["15", "1", "1"]]
    zero.say(100, PERM_ID, 0, BOUND)
    assert alpha.take() == []
    zero.say(*terms())
    zero.say(*state())
    first, second, third = alpha.take()
    assert first == ["100", "700", "0", "-4"]
    assert (second[0], second[1], second[24]) == ("5", "-4", "0")
    assert third[:2] == ["3", "-4"]
    zero.say(*terms())
    assert kinds(alpha.take()) == ["5"]


def test_it_is_asked_for_once_and_until_nobody_wants_it(zero: World) -> None:
    """For two sessions the proxy asks once; it takes it back when the last one is gone."""
    alpha = zero.client("alpha").start(client_id=0)
    beta = zero.client("beta").start(client_id=0)
    alpha.say(15, 1, 1)
    beta.say(15, 1, 1)
    assert len(zero.asked(15)) == 1
    alpha.say(15, 1, 0)
    assert zero.asked(15) == []
    beta.leave()
    assert zero.asked(15) == [["15", "1", "0"]]


def test_it_is_asked_for_again_on_a_new_connection(zero: World) -> None:
    """It ends with the connection (fact 3.43), which the session does not see."""
    alpha = zero.client("alpha").start(client_id=0)
    alpha.say(15, 1, 1)
    zero.asked()
    lose(zero)
    come_back(zero)
    assert zero.asked(15) == [["15", "1", "1"]]


def test_what_is_wanted_in_an_outage_is_asked_for_after_it(zero: World) -> None:
    """As everything else."""
    alpha = zero.client("alpha").start(client_id=0)
    lose(zero)
    alpha.say(15, 1, 1)
    assert zero.asked(15) == []
    come_back(zero)
    assert zero.asked(15) == [["15", "1", "1"]]


@pytest.mark.parametrize("client_id", [0, 100])
def test_other_client_ids_are_refused(make_world: MakeWorld, client_id: int) -> None:
    """327, and nothing is asked of the gateway (fact 3.43)."""
    world = make_world(client_id=client_id).connect()
    alpha = world.client("alpha").start(client_id=5)
    alpha.say(15, 1, 1)
    assert world.asked(15) == []
    assert alpha.take()[0][3] == "327"


def test_nothing_is_bound_for_who_is_bound_to_accounts(make_world: MakeWorld) -> None:
    """It would reach the orders of all accounts."""
    world = make_world(client_id=0, accounts_of_strategy={"alpha": ("DU1",)}).connect()
    alpha = world.client("alpha").start(client_id=0)
    alpha.say(15, 1, 1)
    alpha.say(5, 1)
    assert world.asked(15) == world.asked(5) == []
    assert len(world.asked(16)) == 1


def test_only_client_0_hears_of_them_and_of_its_accounts_only(make_world: MakeWorld) -> None:
    """As on a gateway of its own."""
    bound = {"alpha": ("DU1",), "beta": ("DU2",)}
    world = make_world(client_id=0, accounts_of_strategy=bound).connect()
    alpha, beta = (world.client(name).start(client_id=0) for name in bound)
    other = world.client("gamma").start(client_id=3)
    whole = world.client("gamma").start(client_id=0)
    bind(world)
    assert kinds(alpha.take()) == kinds(whole.take()) == ["100", "5", "3"]
    assert beta.take() == other.take() == []


def test_a_proxy_with_another_id_hears_of_nothing(world: World) -> None:
    """A session with id 0 is one like any other then."""
    alpha = world.client("alpha").start(client_id=0)
    alpha.say(15, 1, 1)
    alpha.say(5, 1)
    assert world.asked() == []
    assert kinds(alpha.take()) == ["53"]


def test_those_that_are_there_are_bound_on_request(zero: World) -> None:
    """Client 0 asks for its open orders: the proxy has them bound, and lists all (fact 3.37)."""
    alpha = zero.client("alpha").start(client_id=0)
    beta = zero.client("beta").start()
    beta.say(*order(1))
    zero.say(*open_order(1, client_id=0))
    zero.say(*status(1, client_id=0))
    zero.asked()
    beta.take()
    alpha.say(5, 1)
    assert zero.asked() == [["5", "1"]]
    bind(zero)
    zero.say(*open_order(1, client_id=0))
    zero.say(53, 1)
    assert zero.asked() == [["16", "1"]]
    for message in (terms(), state(), open_order(1, client_id=0), (53, 1)):
        zero.say(*message)
    assert kinds(alpha.take()) == ["100", "5", "3", "5", "3", "53"]
    assert beta.take() == []
    alpha.say(5, 1)
    for message in (terms(), state(), (53, 1), terms(), state(), (53, 1)):
        zero.say(*message)
    assert kinds(alpha.take()) == ["5", "3", "53"]


def test_a_read_only_gateway_binds_nothing_and_lists_all_the_same(zero: World) -> None:
    """It refuses the one list and not the other (fact 1.44)."""
    alpha = zero.client("alpha").start(client_id=0)
    alpha.say(5, 1)
    zero.say(4, 2, -1, 321, "Error validating request.-'bO' : cause - The API is in Read-Only", "")
    assert zero.asked() == [["5", "1"], ["16", "1"]]
    zero.say(53, 1)
    assert kinds(alpha.take()) == ["53"]


def test_a_break_within_the_binding_list(zero: World) -> None:
    """Who waits goes on waiting, and is answered on the new connection."""
    alpha = zero.client("alpha").start(client_id=0)
    alpha.say(5, 1)
    over_an_outage(zero)
    zero.say(53, 1)
    zero.say(53, 1)
    assert "53" in kinds(alpha.take())


def test_it_can_be_changed_and_cancelled(zero: World) -> None:
    """Under the id that it was bound under; its group's name is left as it is."""
    alpha = zero.client("alpha").start(client_id=0)
    bind(zero)
    alpha.take()
    alpha.say(*order(BOUND, oca="mine", account="DU1"))
    [
        [
            _,
            order_id,
            *_,
        ]
    ] = sent = zero.asked(3)
    assert (order_id, sent[0][22]) == ("-4", "mine")
    alpha.say(4, 1, BOUND, "", "", "")
    assert zero.asked(4)[0][2] == "-4"
    zero.say(*state(text="Cancelled"))
    zero.say(4, 2, BOUND, 202, "Order Canceled - reason:", "")
    assert told(alpha) == [("status", "-4", "Cancelled", "0", "10"), ("error", "-4", "202")]


def test_a_global_cancel_is_for_it_too(zero: World) -> None:
    """Of the session with client id 0, and of no other."""
    alpha, beta = zero.client("alpha").start(client_id=0), zero.client("beta").start()
    bind(zero)
    beta.say(58, 1, "", "")
    assert zero.asked(4) == []
    alpha.say(58, 1, "", "")
    assert [each[2] for each in zero.asked(4)] == ["-4"]


def test_an_order_may_hang_on_it(zero: World) -> None:
    """As on any parent that a session knows."""
    alpha = zero.client("alpha").start(client_id=0)
    bind(zero)
    alpha.take()
    alpha.say(*order(1, parent=BOUND, account="DU1"))
    [child] = zero.asked(3)
    assert child[28] == "-4"
    zero.say(*open_order(1, client_id=0, parent=BOUND))
    assert alpha.take()[0][58] == "-4"


def test_others_cannot_touch_it(zero: World) -> None:
    """Neither change nor cancel: it is not theirs."""
    zero.client("alpha").start(client_id=0)
    bind(zero)
    beta = zero.client("beta").start(client_id=2)
    beta.say(*order(BOUND, account="DU1"))
    beta.say(4, 1, BOUND, "", "", "")
    assert zero.asked(3) == zero.asked(4) == []
    assert [each[3] for each in beta.take()] == ["103", "10147"]


def test_an_error_about_order_minus_1_is_the_orders(zero: World) -> None:
    """The first bound order may have the id that elsewhere means none."""
    alpha = zero.client("alpha").start(client_id=0)
    beta = zero.client("beta").start(client_id=0)
    for message in ((100, PERM_ID, 0, -1), terms(-1, "DU1"), state(-1)):
        zero.say(*message)
    alpha.take()
    beta.take()
    zero.say(4, 2, -1, 202, "Order Canceled - reason:", "")
    assert alpha.take()[0][2:4] == beta.take()[0][2:4] == ["-1", "202"]
    other = zero.client("gamma").start(client_id=3)
    zero.say(4, 2, -1, 202, "Order Canceled - reason:", "")
    assert other.take() == []
    zero.say(4, 2, -1, 2104, "Market data farm connection is OK:usfarm", "")
    assert other.take()[0][3] == "2104"


def test_fills_of_those_that_are_not_bound_are_told_too(zero: World) -> None:
    """With the unset number as order id, as the gateway does (facts 3.22, 3.32)."""
    alpha = zero.client("alpha").start(client_id=0)
    other = zero.client("beta").start(client_id=1)
    zero.say(*execution(UNSET, "e1", client_id=0, perm_id=PERM_ID))
    zero.say(59, 1, "e1", 1.0, "USD", "", "", "")
    fill, cost = alpha.take()
    assert (fill[0], fill[1], fill[2], fill[14]) == ("11", "-1", str(UNSET), "e1")
    assert cost[0] == "59"
    assert other.take() == []


def test_such_fills_are_told_in_their_account(make_world: MakeWorld) -> None:
    """An order that is not bound has not told its account yet; its fill does."""
    bound = {"alpha": ("DU1",), "beta": ("DU2",)}
    world = make_world(client_id=0, accounts_of_strategy=bound).connect()
    alpha, beta = (world.client(name).start(client_id=0) for name in bound)
    world.say(*execution(UNSET, "e1", client_id=0, perm_id=PERM_ID, account="DU2"))
    assert alpha.take() == []
    assert kinds(beta.take()) == ["11"]


def test_what_happens_to_it_in_an_outage_is_told_once(zero: World) -> None:
    """A fill, and its end."""
    alpha = zero.client("alpha").start(client_id=0)
    bind(zero)
    alpha.take()
    fill = execution(BOUND, "e1", OWN_EXECUTIONS, perm_id=PERM_ID, client_id=0)
    over_an_outage(zero, executions=[fill], completed=[completed(PERM_ID, "Filled", 10)])
    assert told(alpha) == [("execution", "-1", "-4", "e1"), ("status", "-4", "Filled", "10", "0")]


def test_what_was_filled_before_the_proxy_was_there_is_no_news(make_world: MakeWorld) -> None:
    """Nobody was there to miss it."""
    world = make_world(client_id=0).connect(has_lists=False)
    alpha = world.client("alpha").start(client_id=0)
    fill = execution(UNSET, "e1", OWN_EXECUTIONS, perm_id=PERM_ID, client_id=0)
    world.list_orders(executions=[fill])
    assert told(alpha) == []


def test_an_order_that_has_lost_its_ids_is_reached_again_once_it_is_bound(zero: World) -> None:
    """A restarted gateway knows it by its permId alone (fact 3.39), like one by hand."""
    beta = zero.client("beta").start()
    beta.say(*order(1, account="DU1"))
    zero.say(*open_order(1, client_id=0, perm_id=PERM_ID))
    zero.say(*status(1, client_id=0, perm_id=PERM_ID))
    over_an_outage(zero, open_orders=[terms(0), state(0)])
    beta.take()
    zero.asked()
    alpha = zero.client("alpha").start(client_id=0)
    alpha.say(5, 1)
    bind(zero)
    zero.say(53, 1)
    zero.say(53, 1)
    assert "100" not in kinds(beta.take())
    zero.asked()
    beta.say(*order(1, account="DU1"))
    beta.say(4, 1, 1, "", "", "")
    assert zero.asked(3)[0][1] == zero.asked(4)[0][2] == "-4"
    zero.say(*state(text="Cancelled"))
    zero.say(4, 2, BOUND, 202, "Order Canceled - reason:", "")
    assert told(beta) == [("status", "1", "Cancelled", "0", "10"), ("error", "1", "202")]
    assert "100" not in kinds(alpha.take())


def test_what_is_bound_for_another_client_is_its_own(zero: World) -> None:
    """A gateway may tell of it all the same (fact 3.36)."""
    alpha = zero.client("alpha").start(client_id=0)
    zero.say(100, PERM_ID, 7, BOUND)
    zero.say(*open_order(BOUND, client_id=7, perm_id=PERM_ID))
    zero.say(*open_order(0, client_id=7, perm_id=PERM_ID + 1))
    alpha.say(4, 1, BOUND, "", "", "")
    assert zero.asked(4) == []
    assert [each[3] for each in alpha.take()] == ["10147"]


def test_what_client_0_has_bound_is_not_the_proxys(world: World) -> None:
    """Under another id the proxy cannot reach it, and is not told what becomes of it."""
    alpha = world.client("alpha").start(client_id=0)
    alpha.say(16, 1)
    world.say(*terms())
    world.say(53, 1)
    assert world.hub.orders.book.of_upstream(BOUND) is None
    over_an_outage(world)
    assert told(alpha) == [("order", "0")]


def test_a_change_that_may_not_have_arrived(zero: World) -> None:
    """Its client is told so, as of any order, and how it stands."""
    alpha = zero.client("alpha").start(client_id=0)
    bind(zero)
    alpha.say(*order(BOUND, account="DU1"))
    alpha.take()
    over_an_outage(zero, open_orders=[terms(), state()])
    assert told(alpha) == [
        ("error", "-4", "2196"),
        ("order", "-4"),
        ("status", "-4", "Submitted", "0", "10"),
    ]


def test_a_bound_order_is_no_order_without_ids(zero: World) -> None:
    """So it cannot be the one of which it is not known whether it has arrived."""
    beta = zero.client("beta").start()
    zero.say(*terms(0))
    bind(zero)
    beta.say(*order(1, account="DU1"))
    like_it = list(terms())
    like_it[3], like_it[13] = "SPY", "BUY"
    over_an_outage(zero, open_orders=[tuple(like_it), state()])
    assert told(beta)[-1] == ("error", "1", "201")


def test_one_that_is_gone_is_forgotten(zero: World) -> None:
    """When a list of all does not name it any more."""
    zero.client("alpha").start(client_id=0).say(16, 1)
    bind(zero)
    zero.say(53, 1)
    book = zero.hub.orders.book
    assert book.of_upstream(BOUND)
    zero.client("beta").start().say(16, 1)
    zero.say(53, 1)
    assert book.of_upstream(BOUND) is None


def test_the_id_of_an_order_that_is_done_is_forgotten_with_it(
    zero: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order of a strategy's that was bound."""
    monkeypatch.setattr("ibproxy_server.core.orders.book.MAX_DONE", 0)
    zero.client("beta").start().say(*order(1, account="DU1"))
    zero.say(*open_order(1, client_id=0, perm_id=PERM_ID))
    over_an_outage(zero, open_orders=[terms(0), state(0)])
    bind(zero)
    book = zero.hub.orders.book
    assert book.of_upstream(BOUND) is book.of_upstream(1) is not None
    zero.say(*state(text="Cancelled"))
    assert book.of_upstream(BOUND) is book.of_upstream(1) is None


def test_orders_of_another_program_with_id_0_are_not_by_hand(zero: World) -> None:
    """They have ids above 0, and are shown as others' are (fact 12.6)."""
    alpha = zero.client("alpha").start(client_id=0)
    zero.say(*open_order(77, client_id=0, perm_id=PERM_ID))
    assert alpha.take() == []
    alpha.say(16, 1)
    zero.say(*open_order(77, client_id=0, perm_id=PERM_ID))
    assert alpha.take()[0][1] == "0"
