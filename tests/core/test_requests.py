"""Requests with a request id: mapped, shared, ended."""

from __future__ import annotations

from typing import Any

import pytest

SPY = (756733, "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "SPY", "SPY")


def market_data(req_id: int, ticks: str = "", snapshot: int = 0) -> tuple[object, ...]:
    """Return a reqMktData message."""
    return (1, 11, req_id, *SPY, 0, ticks, snapshot, 0, "")


def test_one_shot_gets_its_answer_under_its_own_id(world: Any) -> None:
    """The answer carries the asker's id, and nobody else gets it."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(9, 8, 7, *SPY, 0, "", "", "")
    [asked] = world.asked(9)
    assert asked[3:] == [*map(str, SPY), "0", "", "", ""]
    world.say(10, asked[2], "SPY", "details")
    world.say(52, 1, asked[2])
    assert alpha.take() == [["10", "7", "SPY", "details"], ["52", "1", "7"]]
    assert beta.take() == []


def test_equal_ids_of_two_clients_do_not_meet(world: Any) -> None:
    """Two clients that use the same request id each get their own answer."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(81, 5, "A")
    world.pass_time(2.0)
    beta.say(81, 5, "B")
    first, second = world.asked(81)
    assert first[1] != second[1]
    world.say(79, second[1], 0, "for B")
    world.say(79, first[1], 0, "for A")
    assert alpha.take() == [["79", "5", "0", "for A"]]
    assert beta.take() == [["79", "5", "0", "for B"]]


def test_equal_one_shots_in_flight_are_one(world: Any) -> None:
    """Equal requests share one upstream until the first answer has come, not after it."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(81, 5, "A")
    beta.say(81, 6, "A")
    [asked] = world.asked(81)
    world.say(79, asked[1], 0, "serial 1")
    assert alpha.take() == [["79", "5", "0", "serial 1"]]
    assert beta.take() == [["79", "6", "0", "serial 1"]]
    world.pass_time(2.0)
    beta.say(81, 7, "A")
    assert len(world.asked(81)) == 1


def test_a_partly_answered_one_shot_is_not_joined(world: Any) -> None:
    """Who asks after the first rows have come asks anew, so that no row is missed."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(9, 8, 1, *SPY, 0, "", "", "")
    [first] = world.asked(9)
    world.say(10, first[2], "row 1")
    beta.say(9, 8, 1, *SPY, 0, "", "", "")
    [second] = world.asked(9)
    world.say(52, 1, first[2])
    assert beta.take() == []
    world.say(10, second[2], "row 1")
    world.say(52, 1, second[2])
    assert beta.take() == [["10", "1", "row 1"], ["52", "1", "1"]]


def test_two_streams_of_one_contract_are_one_line(world: Any) -> None:
    """Equal market data requests share one upstream; each client has the ticks under its id."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3))
    beta.say(*market_data(9))
    [asked] = world.asked(1)
    assert world.hub.requests.market_data_lines == 1
    world.say(1, 6, asked[2], 1, 100.5, 200, 1)
    assert alpha.take() == [["1", "6", "3", "1", "100.5", "200", "1"]]
    assert beta.take() == [["1", "6", "9", "1", "100.5", "200", "1"]]


def test_generic_ticks_in_another_order_are_the_same(world: Any) -> None:
    """The order of a generic tick list does not make another line, nor does a shorter list."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3, "233,106"))
    beta.say(*market_data(3, "106,233"))
    assert len(world.asked(1)) == 1
    beta.say(*market_data(4, "106"))
    assert world.asked(1) == []


def test_late_joiner_is_shown_the_state(world: Any) -> None:
    """Who joins a running stream hears the last message of each kind at once, oldest first."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    world.say(58, 1, line, 1)
    world.say(81, line, "0.01", "a60001", 3)
    world.say(1, 6, line, 1, 100.5, 200, 1)
    world.say(1, 6, line, 2, 100.6, 300, 1)
    world.say(1, 6, line, 1, 100.4, 250, 1)
    world.say(2, 6, line, 3, 310)
    world.say(46, 6, line, 45, "1795337163")
    world.say(21, line, 13, 0, 0.2, 0.5, 1.0, 0.0, 0.1, 0.1, 0.1, 100.0)
    beta.say(*market_data(9))
    assert beta.take() == [
        ["58", "1", "9", "1"],
        ["81", "9", "0.01", "a60001", "3"],
        ["1", "6", "9", "2", "100.6", "300", "1"],
        ["1", "6", "9", "1", "100.4", "250", "1"],
        ["2", "6", "9", "3", "310"],
        ["46", "6", "9", "45", "1795337163"],
        ["21", "9", "13", "0", "0.2", "0.5", "1.0", "0.0", "0.1", "0.1", "0.1", "100.0"],
    ]
    assert world.asked(1) == []


def test_stream_ends_with_its_last_member(world: Any) -> None:
    """The line is cancelled upstream when the last client has gone, by cancel or by leaving."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3))
    beta.say(*market_data(9))
    [[_, _, line, *_]] = world.asked(1)
    world.pass_time(10.0)
    alpha.say(2, 2, 3)
    world.say(1, 6, line, 1, 100.5, 200, 1)
    assert alpha.take() == []
    assert len(beta.take()) == 1
    assert world.asked(2) == []
    beta.leave()
    assert world.asked(2) == [["2", "2", line]]
    assert world.hub.requests.open_requests == 0
    world.say(1, 6, line, 1, 100.6, 200, 1)  # on its way when the cancel left


def test_hasty_cancel_waits_and_can_be_taken_back(world: Any) -> None:
    """A stream is not cancelled in its first second, and who asks meanwhile joins it."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    alpha.say(2, 2, 3)
    assert world.asked(2) == []
    alpha.say(*market_data(4))
    world.pass_time(5.0)
    assert world.asked(1) + world.asked(2) == []
    alpha.say(2, 2, 4)
    assert world.asked(2) == [["2", "2", line]]


def test_forgotten_cancel_is_sent_when_due(world: Any) -> None:
    """The cancel that had to wait is sent after the stream's first second."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    alpha.leave()
    world.pass_time(2.0)
    assert world.asked(2) == [["2", "2", line]]


def test_cancel_of_an_unknown_id_is_answered(world: Any) -> None:
    """Error 300 answers it, as from the gateway, which does not hear of it."""
    alpha = world.client("alpha").start()
    alpha.say(2, 2, 44)
    assert alpha.take() == [["4", "2", "44", "300", "Can't find EId with tickerId:44", ""]]
    assert world.asked() == []


def test_a_live_id_is_not_used_twice(world: Any) -> None:
    """A second request under a live id is refused; the first goes on."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    alpha.say(*market_data(3))
    [error] = alpha.take()
    assert error[:4] == ["4", "2", "3", "322"]
    world.say(1, 6, line, 1, 100.5, 200, 1)
    assert len(alpha.take()) == 1


def test_snapshot_ends_by_itself(world: Any) -> None:
    """A snapshot's id is free after 57, and a cancel is answered as the gateway does."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3, snapshot=1))
    [[_, _, line, *_]] = world.asked(1)
    world.say(1, 6, line, 1, 100.5, 200, 1)
    world.say(57, 1, line)
    assert [each[0] for each in alpha.take()] == ["1", "57"]
    assert world.hub.requests.open_requests == 0
    alpha.say(2, 2, 3)
    assert alpha.take()[0][3] == "300"


def test_error_ends_a_request_and_shows_the_asker_its_id(world: Any) -> None:
    """An error reaches the asker under its id, also inside the text, and the id is free."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(20, 8, *SPY, 0, "", "1 day", "1 W", 1, "TRADES", 1, 0, "")
    [[_, hist, *_]] = world.asked(20)
    world.say(4, 2, hist, 162, f"query cancelled: {hist}", "")
    assert alpha.take() == [["4", "2", "8", "162", "query cancelled: 8", ""]]
    assert beta.take() == []
    assert world.hub.requests.open_requests == 0


def test_information_does_not_end_a_request(world: Any) -> None:
    """Codes such as 10167 leave the stream alive."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, line, *_]] = world.asked(1)
    world.say(4, 2, line, 10167, "Displaying delayed market data.", "")
    world.say(1, 6, line, 66, 100.5, 200, 1)
    assert [each[0] for each in alpha.take()] == ["4", "1"]


def test_cancelled_history_is_confirmed(world: Any) -> None:
    """Cancelling a history request is answered with 162 and cancelled upstream."""
    alpha = world.client("alpha").start()
    alpha.say(20, 8, *SPY, 0, "", "1 day", "1 W", 1, "TRADES", 1, 0, "")
    [[_, hist, *_]] = world.asked(20)
    alpha.say(25, 1, 8)
    assert world.asked(25) == [["25", "1", hist]]
    [error] = alpha.take()
    assert error[2:4] == ["8", "162"]
    assert error[4].endswith("cancelled: 8")
    world.say(4, 2, hist, 162, "cancelled", "")
    assert alpha.take() == []


def test_live_history_goes_on_after_its_answer(world: Any) -> None:
    """With keepUpToDate the bars' updates keep coming."""
    alpha = world.client("alpha").start()
    alpha.say(20, 8, *SPY, 0, "", "1 day", "1 W", 1, "TRADES", 1, 1, "")
    [asked] = world.asked(20)
    world.say(17, asked[1], "start", "end", 0)
    world.say(90, asked[1], 3, "20261122", 1, 2, 3, 0, 1, 100)
    assert [each[:2] for each in alpha.take()] == [["17", "8"], ["90", "8"]]


def test_market_data_type_is_each_sessions_own(world: Any) -> None:
    """The mode is set upstream just before the request of the session that wants it."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(59, 1, 3)
    assert world.asked() == []
    alpha.say(*market_data(3))
    assert next(each[:3:2] for each in world.asked()) == ["59", "3"]
    beta.say(*market_data(3))
    asked = world.asked()
    assert asked[0] == ["59", "1", "1"]
    assert asked[1][0] == "1"  # another line: delayed data is not live data


def test_unreadable_id_is_answered_and_harmless(world: Any) -> None:
    """An id that is no number gets error 320; the session lives on."""
    alpha = world.client("alpha").start()
    alpha.say(81, "seven", "A")
    [error] = alpha.take()
    assert error[2:4] == ["-1", "320"]
    alpha.say(2, 2, "seven")
    [error] = alpha.take()
    assert error[2:4] == ["-1", "320"]
    assert world.asked() == []
    alpha.say(81, 7, "A")
    assert len(world.asked(81)) == 1


def test_account_of_another_strategy_is_refused(world: Any) -> None:
    """P&L of an account that the session may not see is refused as unknown."""
    alpha = world.client("alpha").start()
    alpha.say(92, 5, "DU2", "")
    [error] = alpha.take()
    assert error[2:4] == ["5", "321"]
    assert "Invalid account code 'DU2'" in error[4]
    assert world.asked() == []
    alpha.say(92, 6, "", "")  # refused by the gateway as well (fact 2.39)
    assert alpha.take()[0][2:4] == ["6", "321"]
    alpha.say(76, 1, 7, "", "", 0)  # has a default (fact 2.36)
    assert world.asked(76)[0][3] == "DU1"


def test_summary_rows_of_other_accounts_are_left_out(world: Any) -> None:
    """A summary of all accounts is one upstream; each session sees its accounts' rows."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(62, 1, 4, "All", "NetLiquidation")
    [[_, _, summary, *_]] = world.asked(62)
    world.say(63, 1, summary, "DU1", "NetLiquidation", "1", "USD")
    world.say(63, 1, summary, "DU2", "NetLiquidation", "2", "USD")
    world.say(64, 1, summary)
    assert alpha.take() == [
        ["63", "1", "4", "DU1", "NetLiquidation", "1", "USD"],
        ["64", "1", "4"],
    ]
    beta.say(62, 1, 9, "All", "NetLiquidation")
    assert world.asked(62) == []
    assert beta.take() == [
        ["63", "1", "9", "DU2", "NetLiquidation", "2", "USD"],
        ["64", "1", "9"],
    ]


def test_display_group_is_updated_under_its_subscription(world: Any) -> None:
    """An updateDisplayGroup carries the id of a live subscription."""
    alpha = world.client("alpha").start()
    alpha.say(69, 1, 5, "265598@SMART")
    assert alpha.take()[0][2:4] == ["5", "321"]
    alpha.say(68, 1, 5, 1)
    alpha.say(69, 1, 5, "265598@SMART")
    [subscribed], [updated] = world.asked(68), world.asked(69)
    assert updated == ["69", "1", subscribed[2], "265598@SMART"]
    assert world.hub.requests.open_requests == 1


def test_kinds_have_ids_of_their_own(world: Any) -> None:
    """One number may be live as market data and as contract details at once."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    alpha.say(9, 8, 3, *SPY, 0, "", "", "")
    alpha.say(9, 8, 3, *SPY, 0, "", "", "")
    assert alpha.take() == []
    details = world.asked(9)
    assert len(details) == 2
    for asked in details:
        world.say(52, 1, asked[2])
    assert alpha.take() == [["52", "1", "3"]] * 2
    alpha.say(2, 2, 3)
    world.pass_time(2.0)
    assert len(world.asked(2)) == 1


@pytest.mark.parametrize("message", [(62, 1, 4, "All", "Tag"), (74, 1, 4, "", "")])
def test_some_ids_are_taken_over(world: Any, message: tuple[object, ...]) -> None:
    """A second summary or positions request under a live id replaces the first."""
    alpha = world.client("alpha").start()
    alpha.say(*message)
    alpha.say(*message[:-1], "Other")
    assert len(world.asked(int(str(message[0])))) == 2
    assert alpha.take() == []
    assert len(world.clients[1].world.hub.context.sessions[1].requests) == 1


def test_request_of_a_client_that_has_left_is_not_sent(make_world: Any) -> None:
    """What still waits for its turn when its only asker leaves never reaches the gateway."""
    world = make_world(messages_per_s=5.0).connect()
    alpha = world.client("alpha").start()
    for number in range(10):
        alpha.say(81, number, f"P{number}")
    alpha.leave()
    world.pass_time(60.0)
    assert len(world.asked(81)) == 1
    assert world.hub.requests.open_requests == 0


def test_data_type_is_right_whatever_the_order_of_sending(make_world: Any) -> None:
    """Sessions take turns at the pacer: each request still goes out under its own type."""
    world = make_world(messages_per_s=5.0).connect()
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(59, 1, 3)
    for number in range(3):
        alpha.say(*market_data(number, ticks=f"10{number}"))
        beta.say(*market_data(number, ticks=f"20{number}"))
    world.pass_time(60.0)
    data_type = "1"
    for fields in [each for each in world.asked() if each[0] in {"1", "59"}]:
        if fields[0] == "59":
            data_type = fields[2]
        else:
            assert data_type == ("3" if fields[16].startswith("1") else "1")


def test_dead_stream_is_not_joined(world: Any) -> None:
    """After 1101 or a bust, who asks again gets a new stream, and the old one is cancelled."""
    alpha = world.client("alpha").start()
    alpha.say(*market_data(3))
    [[_, _, old, *_]] = world.asked(1)
    world.pass_time(2.0)
    world.say(4, 2, -1, 1101, "restored - data lost.", "")
    alpha.say(2, 2, 3)
    alpha.say(*market_data(3))
    assert len(world.asked(1)) == 1
    assert world.asked(2) == [["2", "2", old]]
    alpha.say(50, 3, 8, *SPY, 5, "TRADES", 0, "")
    [[_, _, bars, *_]] = world.asked(50)
    world.pass_time(2.0)
    world.say(4, 2, bars, 10225, "Bust event occurred", "")
    alpha.take()
    alpha.say(51, 1, 8)
    alpha.say(50, 3, 8, *SPY, 5, "TRADES", 0, "")
    assert world.asked(51) == [["51", "1", bars]]
    assert len(world.asked(50)) == 1
    assert alpha.take() == []


def test_headlines_kept_are_bounded(world: Any) -> None:
    """A late joiner is shown the last twenty headlines, not the day's."""
    alpha, beta = world.client("alpha").start(), world.client("beta").start()
    alpha.say(*market_data(3, "292"))
    [[_, _, line, *_]] = world.asked(1)
    for number in range(50):
        world.say(84, line, 1_700_000_000_000 + number, "BRFG", f"id{number}", "head", "")
    beta.say(*market_data(4, "292"))
    assert [each[4] for each in beta.take(84)] == [f"id{number}" for number in range(30, 50)]
