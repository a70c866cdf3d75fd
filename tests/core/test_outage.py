"""An outage of the gateway: sessions, ids and subscriptions stay, and nothing is told twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy.wire.framing import GREETING, frame
from ibproxy_server.core import events as ev
from ibproxy_server.core.requests.live_bars import last_bar, missed_bars
from tests.core.outages import come_back, lose

SPY = (756733, "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "SPY", "SPY")
LOST = ["4", "2", "-1", "1100", "Connectivity between IB and Trader Workstation has been lost.", ""]
RESTORED = [
    "4",
    "2",
    "-1",
    "1102",
    "Connectivity between IB and Trader Workstation has been restored - data maintained.",
    "",
]


def settle(world: Any) -> None:
    """The gateway answers what the proxy asks about orders: there are none."""
    world.say(53, 1)
    for fields in world.asked(7):
        world.say(55, 1, fields[2])
    if world.asked(99):
        world.say(102)


def lines(req_id: int, snapshot: int = 0, ticks: str = "") -> tuple[object, ...]:
    """Return a reqMktData message."""
    return (1, 11, req_id, *SPY, 0, ticks, snapshot, 0, "")


def live_bars(req_id: int) -> tuple[object, ...]:
    """Return a reqHistoricalData message with keepUpToDate."""
    return (20, req_id, *SPY, 0, "", "1 min", "1 D", 1, "TRADES", 1, 1, "")


def past(req_id: object, *bars: tuple[object, ...]) -> tuple[object, ...]:
    """Return a historicalData message."""
    return (17, req_id, "from", "to", len(bars), *(field for bar in bars for field in bar))


# sessions


def test_sessions_see_1100_and_1102(world: Any) -> None:
    """They stay; 1100 comes once, and 1102 when the gateway has told of orders."""
    alpha = world.client("alpha").start()
    lose(world)
    assert alpha.take() == [LOST]
    come_back(world)
    assert alpha.take() == []
    settle(world)
    assert alpha.take() == [RESTORED]
    assert alpha.dropped is None
    world.pass_time(60.0)
    lose(world)
    come_back(world)
    settle(world)
    assert alpha.take(4) == [LOST, RESTORED]


def test_a_loss_while_settling_is_the_same_outage(world: Any) -> None:
    """1100 is not repeated when the gateway goes away again before 1102."""
    alpha = world.client("alpha").start()
    lose(world)
    come_back(world)
    lose(world)
    come_back(world)
    settle(world)
    assert alpha.take() == [LOST, RESTORED]


def test_who_has_not_finished_its_handshake_is_sent_away(world: Any) -> None:
    """Nothing was promised to it; it is told why."""
    alpha = world.client("alpha")
    alpha.send(GREETING + frame(b"v157..178"))
    lose(world)
    assert "reset by peer" in str(alpha.dropped)


def test_who_comes_during_an_outage_is_refused(world: Any) -> None:
    """As when nothing listens on the gateway's port; who is there already stays."""
    alpha = world.client("alpha").start()
    lose(world)
    assert "Connection refused" in str(world.client("beta").dropped)
    assert alpha.dropped is None


@pytest.mark.parametrize(
    ("accounts", "version", "why"),
    [("DU2,DU3", 176, "other accounts"), ("DU1,DU2", 170, "another server version")],
)
def test_what_cannot_be_carried_on_ends(world: Any, accounts: str, version: int, why: str) -> None:
    """A session whose accounts or whose version are gone is told so."""
    alpha = world.client("alpha").start()
    lose(world)
    come_back(world, accounts=accounts, version=version)
    assert why in str(alpha.dropped)


def test_the_gateways_own_word_of_its_link_stands(world: Any) -> None:
    """Back, but cut off from IB: 1102 would be a lie until the gateway itself says it."""
    alpha = world.client("alpha").start()
    lose(world)
    come_back(world)
    world.say(4, 2, -1, 1100, "lost", "")
    settle(world)
    assert alpha.take() == [LOST, ["4", "2", "-1", "1100", "lost", ""]]
    world.say(4, 2, -1, 1102, "restored", "")
    settle(world)
    assert alpha.take() == [["4", "2", "-1", "1102", "restored", ""]]
    assert world.hub.context.outage == ""


def test_a_gateway_that_is_cut_off_when_it_comes_back(world: Any) -> None:
    """It may say so before it is ready (fact 7.16)."""
    alpha = world.client("alpha").start()
    lose(world)
    world.pass_time(1.1)
    world.feed(ev.UpstreamConnected())
    world.say(176, "now")
    world.say(4, 2, -1, 1100, "lost", "")
    world.say(15, 1, "DU1,DU2")
    world.say(9, 1, 1)
    settle(world)
    assert world.hub.context.outage
    assert [each[4] for each in alpha.take()] == [LOST[4], "lost"]


def test_a_cut_off_gateway_that_is_restarted_has_its_link_again(world: Any) -> None:
    """What it said before does not outlive its connection."""
    alpha = world.client("alpha").start()
    world.say(4, 2, -1, 1100, "lost", "")
    lose(world)
    come_back(world)
    settle(world)
    assert world.hub.context.outage == ""
    assert alpha.take()[-1] == RESTORED


def test_who_is_bound_to_an_account_that_is_gone_is_refused(world: Any) -> None:
    """It is told which accounts there are."""
    lose(world)
    come_back(world, accounts="DU2,DU3")
    assert "bound to DU1, but the gateway has DU2, DU3" in str(world.client("alpha").dropped)


def test_orders_are_asked_for_when_the_gateway_has_its_link_back(world: Any) -> None:
    """It does not tell fills of such an outage by itself (fact 7.12)."""
    world.say(4, 2, -1, 1100, "lost", "")
    settle(world)
    world.asked()
    world.say(4, 2, -1, 1101, "restored, data lost", "")
    assert world.asked(16) == [["16", "1"]]


# questions


def test_a_question_without_answer_is_asked_again(world: Any) -> None:
    """Whoever asked is answered under its id, once; so is who asks meanwhile."""
    alpha = world.client("alpha").start()
    alpha.say(81, 5, "A")
    lose(world)
    alpha.say(81, 6, "B")
    alpha.say(81, 7, "C")
    alpha.say(81, 8, "A")
    alpha.take()
    come_back(world)
    world.pass_time(10.0)  # they are allowed one by one
    asked = {each[2]: each[1] for each in world.asked(81)}
    assert list(asked) == ["A", "B", "C"]
    for pattern in ("C", "A", "B"):
        world.say(79, asked[pattern], 0, pattern)
    assert [each[1::2] for each in alpha.take(79)] == [
        ["7", "C"],
        ["5", "A"],
        ["8", "A"],
        ["6", "B"],
    ]


def test_what_is_asked_during_an_outage_is_asked_once(world: Any) -> None:
    """Equal questions are one, however old the first; the pace of before does not delay them."""
    alpha = world.client("alpha").start()
    alpha.say(104, 1, 0)
    lose(world)
    world.pass_time(60.0)
    alpha.say(104, 2, 0)
    alpha.say(81, 3, "A")
    alpha.say(85)
    come_back(world)
    assert len(world.asked(104)) == len(world.asked(81)) == len(world.asked(85)) == 1
    world.pass_time(29.0)
    assert not any("has not answered" in each for each in world.notices())


def test_half_an_answer_ends_in_an_error(world: Any) -> None:
    """What has been told cannot be told again; the id is free."""
    alpha = world.client("alpha").start()
    alpha.say(78, 5, "SPY", "", "STK", 756733)
    [[_, upstream_id, *_]] = world.asked(78)
    world.say(75, upstream_id, "SMART", 756733, "SPY", 100, 0, 0)
    alpha.take()
    lose(world)
    [error, _] = alpha.take()[::-1]
    assert error[:4] == ["4", "2", "5", "322"]
    come_back(world)
    assert world.asked(78) == []
    alpha.say(78, 5, "SPY", "", "STK", 756733)
    [[_, upstream_id, *_]] = world.asked(78)
    world.say(75, upstream_id, "SMART", 756733, "SPY", 100, 0, 0)
    world.say(76, upstream_id)
    assert [each[0] for each in alpha.take()] == ["75", "76"]


def test_a_question_given_up_meanwhile_is_not_asked_again(make_world: Callable[..., Any]) -> None:
    """Neither are cancels: what they would end is gone. Nor are questions of who has left."""
    world = make_world(messages_per_s=5.0).connect()
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(50, 3, 8, 1, "SPY", *([""] * 10), 5, "TRADES", 0, "")
    beta.say(81, 1, "A")
    world.pass_time(60.0)
    alpha.say(20, 4, *SPY, 0, "", "1 min", "1 D", 1, "TRADES", 1, 0, "")
    lose(world)
    alpha.say(51, 1, 8)
    alpha.say(25, 1, 4)
    beta.leave()
    come_back(world)
    world.pass_time(60.0)
    assert world.asked(50) + world.asked(51) + world.asked(20) + world.asked(25) == []
    assert world.asked(81) == []


def test_a_young_stream_that_was_ended_does_not_come_back(world: Any) -> None:
    """Its cancel was still to be sent; one of before does not end who came later."""
    alpha = world.client("alpha").start()
    alpha.say(*lines(5))
    alpha.say(2, 2, 5)
    lose(world)
    come_back(world)
    assert world.asked(1) == []
    alpha.say(*lines(5))
    alpha.say(2, 2, 5)
    alpha.say(*lines(6))
    world.feed(ev.UpstreamLost("reset by peer"))
    world.asked()
    world.pass_time(0.7)
    world.feed(ev.UpstreamConnected())
    for message in ((176, "now"), (15, 1, "DU1,DU2"), (9, 1, 1)):
        world.say(*message)
    world.pass_time(0.2)
    alpha.say(2, 2, 6)
    world.pass_time(0.6)
    assert world.asked(2) == []
    world.pass_time(0.5)
    assert len(world.asked(2)) == 1


def test_the_type_of_data_is_set_again(world: Any) -> None:
    """It is a mode of the connection (fact 8.1)."""
    alpha = world.client("alpha").start()
    alpha.say(59, 1, 3)
    alpha.say(*lines(5))
    lose(world)
    come_back(world)
    assert [each[0] for each in world.asked() if each[0] in {"1", "59"}] == ["59", "1"]


def test_a_snapshot_begins_again(world: Any) -> None:
    """Its ticks are only the newest anyway."""
    alpha = world.client("alpha").start()
    alpha.say(*lines(5, snapshot=1))
    [[_, _, line, *_]] = world.asked(1)
    world.say(2, 6, line, 0, 7, "")
    lose(world)
    come_back(world)
    alpha.take()
    [[_, _, line, *_]] = world.asked(1)
    world.say(2, 6, line, 0, 7, "")
    world.say(57, 1, line)
    assert [each[0] for each in alpha.take()] == ["2", "57"]


def test_questions_without_an_id_go_on(world: Any) -> None:
    """Of completed orders, what was told before is not told again."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    world.say(102)
    alpha.say(99, 0)
    beta.say(85)
    world.say(101, *range(1, 19), "DU1", "old")
    alpha.take()
    lose(world)
    come_back(world)
    assert world.asked(85) == [["85"]]
    assert world.asked(99) == [["99", "0"]]
    world.say(101, *range(1, 19), "DU1", "old")
    world.say(101, *range(1, 19), "DU1", "new")
    world.say(102)
    world.say(85, 0)
    assert [each[-1] for each in alpha.take(101)] == ["new"]
    assert len(alpha.take(102)) == 1
    assert beta.take(85) == [["85", "0"]]


# streams


def test_a_stream_goes_on_with_what_has_changed(world: Any) -> None:
    """The image of the new subscription tells nothing that is known; who came late needs it all."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*lines(5))
    [[_, _, line, *_]] = world.asked(1)
    world.say(4, 2, line, 10167, "delayed", "")
    for kind, price in ((1, 10.0), (2, 10.2), (4, 10.1)):
        world.say(1, 6, line, kind, price, 100, 1)
    lose(world)
    beta.say(*lines(6))
    alpha.take()
    come_back(world)
    assert beta.take() == [LOST]
    [[_, _, line, *_]] = world.asked(1)
    world.say(4, 2, line, 10167, "delayed", "")
    for kind, price in ((1, 10.0), (2, 10.3), (4, 10.1), (1, 10.0)):
        world.say(1, 6, line, kind, price, 100, 1)
    told = [(each[3], each[4]) for each in alpha.take(1)]
    assert told == [("2", "10.3"), ("1", "10.0")]
    assert [(each[3], each[4]) for each in beta.take(1)] == [
        ("1", "10.0"),
        ("2", "10.3"),
        ("4", "10.1"),
        ("1", "10.0"),
    ]
    assert [each[3] for each in beta.take(4)] == ["10167"]
    assert alpha.take(4) == []
    assert world.asked(1) == []


def test_a_line_that_was_being_widened_stays_whole(world: Any) -> None:
    """Both lines are asked again, and the wider one takes the members over when it is there."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*lines(5))
    [[_, _, narrow, *_]] = world.asked(1)
    world.say(1, 6, narrow, 1, 10.0, 100, 1)
    beta.say(*lines(6, ticks="233"))
    lose(world)
    come_back(world)
    asked = {each[-4]: each[2] for each in world.asked(1)}
    assert list(asked) == ["", "233"]
    alpha.take()
    world.say(1, 6, asked["233"], 1, 10.5, 100, 1)
    assert [each[4] for each in alpha.take(1)] == ["10.5"]
    assert [each[4] for each in beta.take(1)] == ["10.5"]


def test_a_book_is_emptied_and_built_anew(world: Any) -> None:
    """317 tells the client to forget its rows (fact 4.53)."""
    alpha = world.client("alpha").start()
    alpha.say(10, 5, 3, *SPY, 5, 1, "")
    [[_, _, book, *_]] = world.asked(10)
    world.say(13, 1, book, 0, "IEX", 0, 1, 9.9, 100, 1)
    alpha.take()
    lose(world)
    assert [each[2:4] for each in alpha.take(4)] == [["-1", "1100"], ["3", "317"]]
    come_back(world)
    [[_, _, book, *_]] = world.asked(10)
    world.say(13, 1, book, 0, "IEX", 0, 1, 9.9, 100, 1)
    assert [each[2:] for each in alpha.take(13)] == [["3", "0", "IEX", "0", "1", "9.9", "100", "1"]]


def test_live_history_fills_the_gap(world: Any) -> None:
    """Bars of the outage come as live ones, the unfinished one first; the past is not repeated."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*live_bars(5))
    [[_, upstream_id, *_]] = world.asked(20)
    world.say(*past(upstream_id, ("10:00", 1, 4, 0, 2, 30, 1.5, 7)))
    world.say(90, upstream_id, 8, "10:01", 2, 3, 3, 2, 2.5, 20)
    lose(world)
    beta.say(*live_bars(6))
    alpha.take()
    come_back(world)
    [[_, again, *_]] = world.asked(20)
    bars = [
        ("10:00", 1, 4, 0, 2, 30, 1.5, 7),
        ("10:01", 2, 3, 2, 2.5, 40, 2.4, 9),
        ("10:02", 2.5, 6, 2.1, 5, 50, 3.1, 11),
    ]
    world.say(*past(again, *bars))
    world.say(90, again, 1, "10:03", 5, 5, 5, 5, 5, 10)
    assert alpha.take(17) == []
    assert [each[1:] for each in alpha.take(90)] == [
        ["5", "9", "10:01", "2", "2.5", "3", "2", "2.4", "40"],
        ["5", "11", "10:02", "2.5", "5", "6", "2.1", "3.1", "50"],
        ["5", "1", "10:03", "5", "5", "5", "5", "5", "10"],
    ]
    assert len(beta.take(17)) == 1
    assert [each[3] for each in beta.take(90)] == ["10:03"]


def test_live_history_that_had_no_live_bar_yet(world: Any) -> None:
    """The gap begins with the last bar of the past; who joins meanwhile has all of it."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*live_bars(5))
    [[_, upstream_id, *_]] = world.asked(20)
    bars = [("10:00", 1, 4, 0, 2, 30, 1.5, 7), ("10:01", 2, 3, 2, 2.5, 40, 2.4, 9)]
    world.say(*past(upstream_id, *bars))
    lose(world)
    beta.say(*live_bars(6))
    alpha.take()
    come_back(world)
    world.say(*past(upstream_id, *bars, ("10:02", 2.5, 6, 2.1, 5, 50, 3.1, 11)))
    assert [each[3] for each in alpha.take(90)] == ["10:01", "10:02"]
    assert alpha.take(17) + beta.take(90) == []
    assert len(beta.take(17)) == 1


def test_an_answer_without_bars_has_no_gap() -> None:
    """The window and the count stand before the bars (fact 5.26)."""
    nothing = b"from\0to\0000\0"
    assert last_bar(nothing) == b""
    assert list(missed_bars(nothing, b"")) == []


def test_ticks_one_by_one_do_not_begin_with_the_past_again(world: Any) -> None:
    """The past that they were asked with has been told."""
    alpha = world.client("alpha").start()
    alpha.say(97, 5, *SPY, "Last", 10, 0)
    [[_, upstream_id, *rest]] = world.asked(97)
    assert rest[-2:] == ["10", "0"]
    world.say(98, upstream_id, 0, 1)
    lose(world)
    come_back(world)
    world.pass_time(20.0)
    [[_, _, *rest]] = world.asked(97)
    assert rest[-2:] == ["0", "0"]


def test_ticks_one_by_one_that_had_not_begun_begin_with_the_past(world: Any) -> None:
    """Nothing of it has been told."""
    alpha = world.client("alpha").start()
    alpha.say(97, 5, *SPY, "Last", 10, 0)
    lose(world)
    come_back(world)
    world.pass_time(20.0)
    assert [each[-2:] for each in world.asked(97)] == [["10", "0"]]


def test_the_end_of_an_image_is_told_once(make_world: Callable[..., Any]) -> None:
    """Rows that changed, the end to who has not had it, and 0 for what is not held any more."""
    world = make_world().connect()
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(74, 1, 5, "DU1", "")
    [[_, _, stream, *_]] = world.asked(74)

    def row(con_id: int, position: int) -> tuple[object, ...]:
        contract = [con_id, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY"]
        return (71, 1, stream, "DU1", *contract, position, 9.5, "")

    for each in (row(1, 10), row(2, 20), row(3, 30)):
        world.say(*each)
    world.say(72, 1, stream)
    late = world.client("gamma").start()
    late.say(74, 1, 7, "DU1", "")
    lose(world)
    beta.say(74, 1, 6, "DU1", "")
    alpha.take(), late.take()
    come_back(world)
    for each in (row(1, 10), row(3, 31)):
        world.say(*each)
    world.say(72, 1, stream)
    assert [(each[4], each[15], each[16]) for each in alpha.take(71)] == [
        ("3", "31", "9.5"),
        ("2", "0", "0"),
    ]
    assert alpha.take(72) + late.take(72) == []
    assert [(each[4], each[15]) for each in beta.take(71)] == [("1", "10"), ("3", "31")]
    assert len(beta.take(72)) == 1


def test_a_summary_keeps_to_its_accounts(world: Any) -> None:
    """Who joins during an outage is shown its own account's rows, also those that are no news."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(62, 1, 5, "All", "NetLiquidation")
    [[_, _, stream, *_]] = world.asked(62)
    for account in ("DU1", "DU2"):
        world.say(63, 1, stream, account, "NetLiquidation", 5, "USD")
    world.say(64, 1, stream)
    lose(world)
    beta.say(62, 1, 6, "All", "NetLiquidation")
    alpha.take()
    come_back(world)
    for account in ("DU1", "DU2"):
        world.say(63, 1, stream, account, "NetLiquidation", 5, "USD")
    world.say(64, 1, stream)
    assert alpha.take(63) + alpha.take(64) == []
    assert [each[3] for each in beta.take(63)] == ["DU2"]


def test_a_display_group_is_set_again(world: Any) -> None:
    """What followed a subscription is said again behind it."""
    alpha = world.client("alpha").start()
    alpha.say(68, 1, 5, 2)
    alpha.say(69, 1, 5, "8314@SMART")
    lose(world)
    come_back(world)
    asked = [each for each in world.asked() if each[0] in {"68", "69"}]
    assert [(each[0], each[-1]) for each in asked] == [("68", "2"), ("69", "8314@SMART")]
    assert asked[0][2] == asked[1][2]


def test_a_display_group_is_set_once(make_world: Callable[..., Any]) -> None:
    """What follows a subscription that has not left yet leaves with it."""
    world = make_world(messages_per_s=5.0).connect()
    world.pass_time(5.0)
    alpha = world.client("alpha").start()
    for number in range(3):
        alpha.say(88, number, *SPY, 0, 1, f"{number} days")
    alpha.say(68, 1, 5, 2)
    alpha.say(69, 1, 5, "8314@SMART")
    world.pass_time(5.0)
    asked = [each[0] for each in world.asked() if each[0] in {"88", "68", "69"}]
    assert asked == ["88", "88", "88", "68", "69"]


# accounts


def test_positions_show_only_what_changed(world: Any) -> None:
    """Changed ones, new ones, and 0 for those that are closed."""

    def row(con_id: int, position: int) -> tuple[object, ...]:
        contract = [con_id, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY"]
        return (61, 3, "DU1", *contract, position, 9.5)

    for each in (row(1, 10), row(2, 20), row(3, 0), row(4, 40)):
        world.say(*each)
    world.say(62, 1)
    alpha = world.client("alpha").start()
    alpha.say(61, 1)
    lose(world)
    alpha.take()
    come_back(world)
    assert world.asked(61) == [["61", "1"]]
    for each in (row(1, 10), row(4, 41), row(5, 50)):
        world.say(*each)
    world.say(62, 1)
    assert [(each[3], each[14], each[15]) for each in alpha.take(61)] == [
        ("4", "41", "9.5"),
        ("5", "50", "9.5"),
        ("2", "0", "0.0"),
    ]
    assert alpha.take(62) == []
    world.say(*row(2, 20))
    assert [each[3] for each in alpha.take(61)] == ["2"]


def test_bulletins_of_the_outage_are_told_once(world: Any) -> None:
    """The day's bulletins come again; only new ones are told."""
    alpha = world.client("alpha").start()
    alpha.say(12, 1, 1)
    world.say(14, 1, 7, 1, "old", "NYSE")
    world.say(9, 1, 1)
    lose(world)
    alpha.take()
    come_back(world)
    assert world.asked(12) == [["12", "1", "1"]]
    world.say(14, 1, 7, 1, "old", "NYSE")
    world.say(14, 1, 8, 1, "new", "NYSE")
    assert [each[4] for each in alpha.take(14)] == ["new"]


def test_bulletins_whose_day_was_not_whole(world: Any) -> None:
    """Who was being told the day's is told the rest; who did not want them is told what is new."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(12, 1, 1)
    beta.say(12, 1, 0)
    world.say(14, 1, 7, 1, "first", "NYSE")
    lose(world)
    alpha.take()
    come_back(world)
    assert world.asked(8) == [["8", "1", "1"]]
    for number, text in ((7, "first"), (8, "second")):
        world.say(14, 1, number, 1, text, "NYSE")
    world.say(9, 1, 1)
    world.say(14, 1, 9, 1, "new", "NYSE")
    assert [each[4] for each in alpha.take(14)] == ["second", "new"]
    assert [each[4] for each in beta.take(14)] == ["new"]


def test_a_dead_summary_does_not_end_the_one_that_runs(world: Any) -> None:
    """A gateway may replay the one of before under the same id, and refuse it (fact 2.28)."""
    alpha = world.client("alpha").start()
    alpha.say(62, 1, 5, "All", "NetLiquidation")
    lose(world)
    come_back(world)
    [[_, _, stream, *_]] = world.asked(62)
    world.say(63, 1, stream, "DU1", "NetLiquidation", 5, "USD")
    alpha.take()
    world.say(4, 2, stream, 322, "Maximum number of account summary requests exceeded", "")
    world.say(63, 1, stream, "DU1", "NetLiquidation", 6, "USD")
    assert [each[5] for each in alpha.take()] == ["6"]
