"""Accounts: one subscription upstream, a view for every session."""

from __future__ import annotations

import re
from typing import Any

from ibproxy_server.core import events as ev
from ibproxy_server.core.accounts import updates
from ibproxy_server.core.accounts.bulletins import LONGEST_DAY_S
from ibproxy_server.core.accounts.updates import MAX_IMAGE_AGE_S


def value(key: str, amount: object, account: str = "DU1", currency: str = "USD") -> list[object]:
    """Return an updateAccountValue message."""
    return [6, 2, key, amount, currency, account]


def portfolio(con_id: int, position: float, account: str = "DU1") -> list[object]:
    """Return an updatePortfolio message."""
    contract = [con_id, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY"]
    return [7, 8, *contract, position, 10, position * 10, 9, position, 3, account]


def image(world: Any, account: str, *rows: list[object]) -> None:
    """The gateway sends an account's whole image."""
    for row in rows:
        world.say(*row)
    world.say(8, 1, "10:15")
    world.say(54, 1, account)


def test_client_gets_the_whole_picture_at_once(world: Any) -> None:
    """A subscriber is shown the image and its end mark from what the proxy knows."""
    image(world, "DU1", value("NetLiquidation", 5), portfolio(1, 10), value("AccountCode", "DU1"))
    world.asked()
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    assert [(each[0], each[2]) for each in alpha.take()] == [
        ("6", "AccountCode"),
        ("6", "NetLiquidation"),
        ("7", "1"),
        ("8", "10:15"),
        ("54", "DU1"),
    ]


def test_a_picture_that_is_not_whole_is_told_as_it_comes(world: Any) -> None:
    """What has come already, then each row, in the gateway's order, and the end once."""
    alpha = world.client("alpha").start()
    world.say(*value("Cushion", 1))
    alpha.say(6, 2, 1, "DU1")
    assert [each[2] for each in alpha.take()] == ["Cushion"]
    world.say(*value("NetLiquidation", 5))
    world.say(*value("Cushion", 1))
    assert [each[2] for each in alpha.take()] == ["NetLiquidation"]
    world.say(54, 1, "DU1")
    world.say(54, 1, "DU1")
    assert [each[0] for each in alpha.take()] == ["54"]


def test_rows_come_where_the_end_never_does(world: Any) -> None:
    """The end may be missing (fact 2.11): the slot moves on, and the session has its rows."""
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    world.say(*value("NetLiquidation", 5))
    world.pass_time(30.0)
    world.say(*value("NetLiquidation", 6))
    assert [each[3] for each in alpha.take()] == ["5", "6"]
    assert {"DU1", "DU2"} <= {each[3] for each in world.asked(6)}


def test_an_end_that_comes_before_its_rows_closes_nothing(world: Any) -> None:
    """54 may come at once (fact 2.12): no position is taken for closed, and the rows follow."""
    image(world, "DU1", value("NetLiquidation", 5), portfolio(1, 10))
    image(world, "DU2", value("NetLiquidation", 7, "DU2"))
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(6, 2, 1, "DU1")
    beta.say(6, 2, 1, "DU2")
    assert [each[0] for each in alpha.take()] == ["6", "7", "8", "54"]
    world.asked()
    world.pass_time(3.0)
    assert world.asked(6)[0][3] == "DU1"
    world.say(54, 1, "DU1")
    assert alpha.take() == []
    world.say(*value("NetLiquidation", 6))
    world.say(*portfolio(1, 20))
    assert [each[0] for each in alpha.take()] == ["6", "7"]
    assert world.asked(6) == []
    world.pass_time(3.0)
    assert world.asked(6)[0][3] == "DU2"
    assert alpha.take(7) == []


def test_no_session_sees_another_account(world: Any) -> None:
    """Values and rows of DU2 go to whoever listens to DU2 and to nobody else."""
    image(world, "DU1", value("NetLiquidation", 5))
    image(world, "DU2", value("NetLiquidation", 7, "DU2"))
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(6, 2, 1, "")
    beta.say(6, 2, 1, "")
    alpha.take()
    assert [each[3] for each in beta.take(6)] == ["7"]
    beta.take()
    world.say(*value("NetLiquidation", 8, "DU2"))
    world.say(*portfolio(1, 10, "DU2"))
    assert alpha.take() == []
    assert [each[0] for each in beta.take()] == ["6", "7"]


def test_a_repeated_image_shows_only_what_changed(world: Any) -> None:
    """When the slot comes round again a subscriber sees changes, and no second end mark."""
    image(world, "DU1", value("NetLiquidation", 5), value("BuyingPower", 9))
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    alpha.take()
    image(world, "DU1", value("NetLiquidation", 6), value("BuyingPower", 9))
    assert [each[2:4] for each in alpha.take()] == [["NetLiquidation", "6"]]


def test_position_closed_while_the_slot_was_elsewhere(world: Any) -> None:
    """A portfolio row that a new image lacks is shown as closed."""
    image(world, "DU1", value("NetLiquidation", 5), portfolio(1, 10), portfolio(2, 5))
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    alpha.take()
    image(world, "DU1", value("NetLiquidation", 5), portfolio(2, 5))
    [row] = alpha.take()
    assert (row[2], *row[13:18], row[19]) == ("1", "0", row[14], "0.0", "0.0", "0.0", "DU1")


def test_a_picture_of_before_a_trade_is_not_shown(world: Any) -> None:
    """Who asks after a trade, while another account has the slot, waits for the new image."""
    image(world, "DU1", value("NetLiquidation", 5))
    image(world, "DU2", value("NetLiquidation", 7, "DU2"))
    beta = world.client("beta").start()
    beta.say(6, 2, 1, "DU2")
    world.pass_time(1.0)
    world.asked()
    world.say(61, 3, "DU1", 756733, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY", 1, 5)
    world.say(62, 1)
    world.say(61, 3, "DU1", 756733, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY", 2, 5)
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    assert alpha.take(6) == []
    assert ["6", "2", "1", "DU1"] in world.asked(6)
    image(world, "DU1", value("NetLiquidation", 9))
    assert [each[3] for each in alpha.take(6)] == ["9"]


def test_a_closed_position_is_said_once(world: Any) -> None:
    """Who listens hears that it is 0; who asks later is shown what is held."""
    alpha = world.client("alpha").start(1)
    other = world.client("alpha").start(2)
    alpha.say(6, 2, 1, "DU1")
    image(world, "DU1", portfolio(1, 10), portfolio(2, 5))
    alpha.take()
    world.say(*portfolio(1, 0))
    assert [each[2:14:11] for each in alpha.take(7)] == [["1", "0"]]
    other.say(6, 2, 1, "DU1")
    assert [each[2] for each in other.take(7)] == ["2"]


def test_foreign_account_cannot_be_subscribed(world: Any, make_world: Any) -> None:
    """A bound session gets its own account whatever it writes; an unbound one 321 for unknown."""
    image(world, "DU1", value("NetLiquidation", 5))
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU2")
    assert [each[2] for each in alpha.take(54)] == ["DU1"]
    open_world = make_world().connect()
    gamma = open_world.client("gamma").start()
    gamma.say(6, 2, 1, "DU9")
    gamma.say(6, 2, 1, "")
    assert [each[3] for each in gamma.take()] == ["321", "321"]


def test_unsubscribing_ends_updates(world: Any) -> None:
    """It is confirmed with 2100, once, and nothing follows."""
    image(world, "DU1", value("NetLiquidation", 5))
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    alpha.take()
    alpha.say(6, 2, 0, "DU1")
    assert [each[3] for each in alpha.take()] == ["2100"]
    alpha.say(6, 2, 0, "DU1")
    world.say(*value("NetLiquidation", 6))
    assert alpha.take() == []


def test_slot_notices_never_reach_clients(world: Any) -> None:
    """2100 and 2101 concern the proxy's own subscription."""
    alpha = world.client("alpha").start()
    world.say(4, 2, -1, 2100, "API client has been unsubscribed from account data.", "")
    world.say(4, 2, -1, 2101, "Unable subscribe to account", "")
    assert alpha.take() == []


def test_positions_are_filtered_by_account(world: Any) -> None:
    """Each session is served its accounts' rows, then the end, then changes."""
    spy = [1, "SPY", "STK", "", 0, "", "", "", "USD", "SPY", "SPY"]
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(61, 1)
    world.say(61, 3, "DU1", *spy, 10, 5)
    world.say(61, 3, "DU2", *spy, 20, 5)
    assert alpha.take() == []
    world.say(62, 1)
    assert [each[:3] for each in alpha.take()] == [["61", "3", "DU1"], ["62", "1"]]
    beta.say(61, 1)
    assert [(each[0], each[-2]) for each in beta.take()] == [("61", "20"), ("62", "62")]
    world.say(61, 3, "DU1", *spy, 15, 5)
    assert [each[-2] for each in alpha.take()] == ["15"]
    assert beta.take() == []
    alpha.say(64, 1)
    world.say(61, 3, "DU1", *spy, 16, 5)
    assert alpha.take() == []
    assert world.asked(61) + world.asked(64) == []


def test_positions_come_account_by_account(make_world: Any) -> None:
    """In the gateway's order of accounts, whichever was traded first."""
    world = make_world().connect()
    spy = (756733, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY")
    amd = (4391, "AMD", *spy[2:])
    for account, contract in (("DU2", spy), ("DU1", spy), ("DU2", amd)):
        world.say(61, 3, account, *contract, 10, 5)
    world.say(62, 1)
    alpha = world.client("gamma").start()
    alpha.say(61, 1)
    assert [each[2] for each in alpha.take(61)] == ["DU1", "DU2", "DU2"]


def test_bulletins_are_subscribed_once(world: Any) -> None:
    """One subscription upstream; who wants the day's has them; the last listener ends it."""
    alpha, beta, gamma = (world.client(each).start() for each in ("alpha", "beta", "gamma"))
    alpha.say(12, 1, 0)
    assert world.asked(12) == [["12", "1", "1"]]
    world.say(14, 1, 4, 1, "of this morning", "NYSE")
    world.say(9, 1, 1)
    world.say(14, 1, 5, 1, "halted", "NYSE")
    beta.say(12, 1, 1)
    gamma.say(12, 1, 0)
    world.say(14, 1, 6, 1, "resumed", "NYSE")
    assert world.asked(12) == []
    assert [each[2] for each in alpha.take()] == ["5", "6"]
    assert [each[2] for each in beta.take()] == ["4", "5", "6"]
    assert [each[2] for each in gamma.take()] == ["6"]
    alpha.say(13, 1)
    beta.leave()
    assert world.asked(13) == []
    gamma.leave()
    assert world.asked(13) == [["13", "1"]]


def test_bulletins_of_the_day_are_shown_to_who_asks_for_them(world: Any) -> None:
    """Who asks while they come in is shown all of them, as often as it asks; others none."""
    alpha, beta = (world.client(each).start() for each in ("alpha", "beta"))
    alpha.say(12, 1, 0)
    world.say(14, 1, 4, 1, "of this morning", "NYSE")
    beta.say(12, 1, 1)
    beta.say(12, 1, 1)
    world.say(14, 1, 5, 1, "of noon", "NYSE")
    world.say(9, 1, 1)
    world.say(14, 1, 6, 1, "new", "NYSE")
    assert [each[2] for each in alpha.take()] == ["6"]
    assert [each[2] for each in beta.take()] == ["4", "4", "5", "5", "6"]


def test_bulletins_are_new_after_a_while(world: Any) -> None:
    """A gateway that never ends the day's bulletins keeps nobody from new ones."""
    alpha = world.client().start()
    alpha.say(12, 1, 0)
    world.pass_time(LONGEST_DAY_S + 1)
    world.say(14, 1, 5, 1, "halted", "NYSE")
    assert [each[2] for each in alpha.take()] == ["5"]


def test_an_old_picture_is_asked_for_anew(world: Any) -> None:
    """What nobody has watched for hours is not shown as the present."""
    image(world, "DU1", value("NetLiquidation", 5))
    image(world, "DU2", value("NetLiquidation", 7, "DU2"))
    world.pass_time(MAX_IMAGE_AGE_S + 10)
    world.asked()
    stale = "DU1" if world.hub.accounts.updates.slot.current == "DU2" else "DU2"
    who = world.client({"DU1": "alpha", "DU2": "beta"}[stale]).start()
    who.say(6, 2, 1, stale)
    assert who.take() == []
    assert world.asked(6) == [["6", "2", "1", stale]]
    image(world, stale, value("NetLiquidation", 6, stale))
    assert [each[3] for each in who.take(6)] == ["6"]


def test_late_time_belongs_to_the_rows_before_it(world: Any) -> None:
    """An account's time that comes after the slot has moved on is not shown to the next."""
    image(world, "DU1", value("NetLiquidation", 5))
    image(world, "DU2", value("NetLiquidation", 7, "DU2"))
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(6, 2, 1, "")
    beta.say(6, 2, 1, "")
    alpha.take()
    beta.take()
    world.say(*value("NetLiquidation", 6))
    world.say(8, 1, "11:11")
    assert [each[0] for each in alpha.take()] == ["6", "8"]
    assert beta.take() == []


def test_a_second_account_ends_the_first(make_world: Any) -> None:
    """For the session that moves on (fact 2.1), and for no other."""
    world = make_world().connect()
    for account in ("DU1", "DU2"):
        image(world, account, value("NetLiquidation", 5, account))
    mover, other = world.client("alpha").start(1), world.client("alpha").start(2)
    for client in (mover, other):
        client.say(6, 2, 1, "DU1")
    mover.say(6, 2, 1, "DU2")
    assert [each[2] for each in mover.take(54)] == ["DU1", "DU2"]
    mover.take()
    other.take()
    world.say(*value("NetLiquidation", 6))
    world.say(*value("NetLiquidation", 7, "DU2"))
    assert [each[5] for each in mover.take()] == ["DU2"]
    assert [each[5] for each in other.take()] == ["DU1"]


def test_subscribing_again_shows_the_picture_again(world: Any) -> None:
    """What a gateway does then is unclear (fact 2.18); a script that waits for the end has it."""
    image(world, "DU1", value("NetLiquidation", 5))
    alpha = world.client("alpha").start()
    for _ in range(2):
        alpha.say(6, 2, 1, "DU1")
        assert [each[0] for each in alpha.take()] == ["6", "8", "54"]
    world.say(*value("NetLiquidation", 6))
    assert len(alpha.take()) == 1


def test_pictures_do_not_outlive_the_connection(world: Any) -> None:
    """After a loss a session waits for an image of the new connection."""
    image(world, "DU1", value("NetLiquidation", 5))
    world.feed(ev.UpstreamLost("it is gone"))
    world.pass_time(1.0)
    world.connect()
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    assert alpha.take() == []
    image(world, "DU1", value("NetLiquidation", 8))
    assert [each[3] for each in alpha.take(6)] == ["8"]


def test_an_image_has_the_rows_of_a_trade(make_world: Any) -> None:
    """Who asks between a change of position and its rows (fact 2.9) has the end behind them."""
    world = make_world().connect("DU1")
    image(world, "DU1", value("TotalCashBalance", 100))
    world.say(62, 1)
    contract = [1, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY"]
    world.say(61, 3, "DU1", *contract, 5, 10)
    first, second = world.client("alpha").start(1), world.client("alpha").start(2)
    first.say(6, 2, 1, "DU1")
    assert first.take(54) == []
    world.say(*value("TotalCashBalance", 50))
    world.say(8, 1, "10:16")
    assert [each[0] for each in first.take() if each[0] != "7"][-3:] == ["6", "8", "54"]
    world.say(61, 3, "DU1", *contract, 6, 10)
    second.say(6, 2, 1, "DU1")
    assert second.take(54) == []
    world.pass_time(2.0)  # its rows do not come
    assert len(second.take(54)) == 1


def test_the_invariants_name_their_tests() -> None:
    """Each test that the docstring of the module names is here."""
    named = re.findall(r"test_\w+", (updates.__doc__ or "").replace("test_accounts.py", ""))
    assert len(named) > 8
    assert all(name in globals() for name in named), named


def test_an_outage_shows_only_what_changed_in_it(world: Any) -> None:
    """Values that differ, rows that are closed with 0; the end and the rest are known."""
    rows = [value("NetLiquidation", 5), value("Cushion", 1), portfolio(1, 10), portfolio(2, 20)]
    image(world, "DU1", *rows)
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    alpha.take()
    world.feed(ev.UpstreamLost("it is gone"))
    world.pass_time(1.0)
    world.connect()
    alpha.take()
    image(world, "DU1", value("NetLiquidation", 6), value("Cushion", 1), portfolio(2, 20))
    assert [(each[0], each[2], each[3]) for each in alpha.take(6)] == [("6", "NetLiquidation", "6")]
    assert [(each[2], each[13]) for each in alpha.take(7)] == [("1", "0")]
    assert alpha.take(54) == []


def test_values_under_request_ids_go_on_after_an_outage(world: Any) -> None:
    """The streams that keep pictures fresh are asked for again, with the ids of before."""
    alpha = world.client("alpha").start()
    alpha.say(6, 2, 1, "DU1")
    [before] = world.asked(76)
    world.feed(ev.UpstreamLost("it is gone"))
    world.feed(ev.UpstreamConnected())
    for message in ((176, "now"), (15, 1, "DU1,DU2"), (9, 1, 1)):
        world.say(*message)
    assert world.asked(76) == [before]


def test_half_an_image_does_not_outlive_the_connection(world: Any) -> None:
    """Who subscribes during an outage waits for the image of the next connection."""
    world.say(*value("NetLiquidation", 5))
    alpha = world.client("alpha").start()
    world.feed(ev.UpstreamLost("it is gone"))
    alpha.say(6, 2, 1, "DU1")
    assert alpha.take(6) == []
