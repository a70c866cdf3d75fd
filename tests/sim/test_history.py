"""Historical data agrees with what was streamed, and comes in the shapes that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ibproxy_sim.build import Simulation
from ibproxy_sim.exchange.market import Quote
from ibproxy_sim.exchange.path import step_at
from ibproxy_sim.testing import AMD, EURUSD, SPX, RawClient

Decode = Callable[..., list[tuple[str, tuple[Any, ...]]]]
EASTERN = ZoneInfo("US/Eastern")


def ask(
    client: RawClient,
    row: list[object],
    duration: str = "1 D",
    size: str = "1 hour",
    what: str = "TRADES",
    *,
    rth: int = 1,
    end: str = "",
    style: int = 1,
    keep: int = 0,
) -> list[list[str]]:
    """Ask for bars under id 5."""
    return client.ask(20, 5, *row, 0, end, size, duration, rth, what, style, keep, "")


def bars(decode: Decode, messages: list[list[str]]) -> list[Any]:
    """The bars of one answer."""
    *rows, end = decode(messages)
    assert end[0] == "historicalDataEnd"
    return [bar for _, (_, bar) in rows]


def test_bars_are_what_was_streamed(sim: Simulation, client: RawClient, decode: Decode) -> None:
    """Open, high, low, close and volume of a minute, from the quotes of its 240 steps."""
    amd = sim.universe.by_con_id(4391)
    assert amd
    quotes = [sim.market.quote(amd, sim.gateway.now_s + n * 0.25) for n in range(240)]
    sim.gateway.advance(sim.gateway.now_s + 60)
    end = "20260413 11:01:00 US/Eastern"
    shows: dict[str, Callable[[Quote], float]] = {
        "TRADES": lambda q: q.last,
        "BID": lambda q: q.bid,
        "ASK": lambda q: q.ask,
        "MIDPOINT": lambda q: round((q.bid + q.ask) / 2, 7),
    }
    for what, shown in shows.items():
        (bar,) = bars(decode, ask(client, AMD, "60 S", "1 min", what, end=end))
        prices = [shown(quote) for quote in quotes]
        assert (bar.open, bar.close) == (prices[0], prices[-1])
        assert (bar.high, bar.low) == (max(prices), min(prices))
        if what == "TRADES":
            assert bar.volume == sum(quote.last_size for quote in quotes)
            assert bar.low <= bar.average <= bar.high
            assert bar.barCount == 240
        else:
            assert (bar.volume, bar.average, bar.barCount) == (-1, -1, -1)  # fact 5.24


def test_small_bars_make_up_the_large_ones(client: RawClient, decode: Decode) -> None:
    """A day's bar is its minutes put together, and its week is its days."""
    end = "20260410 16:00:00 US/Eastern"
    minutes = bars(decode, ask(client, AMD, "1 D", "1 min", end=end))
    (day,) = bars(decode, ask(client, AMD, "1 D", "1 day", end=end))
    days = bars(decode, ask(client, AMD, "5 D", "1 day", end=end))
    (week,) = bars(decode, ask(client, AMD, "5 D", "1W", end=end))
    assert len(minutes) == 390
    assert len(days) == 5
    for small, large in ((minutes, day), (days, week)):
        assert (small[0].open, small[-1].close) == (large.open, large.close)
        assert max(bar.high for bar in small) == large.high
        assert min(bar.low for bar in small) == large.low
        assert sum(bar.volume for bar in small) == large.volume


@pytest.mark.parametrize(
    ("row", "duration", "size", "rth", "count", "first"),
    [
        (AMD, "1 D", "1 hour", 1, 3, "20260413 09:30:00 US/Eastern"),
        (AMD, "2 D", "1 hour", 1, 10, "20260410 09:30:00 US/Eastern"),
        (AMD, "1 D", "1 hour", 0, 12, "20260413 00:00:00 US/Eastern"),
        (AMD, "60 D", "1 day", 1, 60, "20260115"),
        (AMD, "1 W", "1 day", 1, 5, "20260407"),
        (AMD, "1 M", "1 day", 1, 20, "20260316"),
        (AMD, "1 Y", "1 day", 1, 250, "20250414"),
        (AMD, "1 Y", "1M", 1, 13, "20250430"),
        (AMD, "7200 S", "30 mins", 1, 5, "20260410 15:30:00 US/Eastern"),
        (EURUSD, "900 S", "10 secs", 1, 91, "20260413 10:45:00 US/Eastern"),
        (SPX, "1 D", "30 mins", 1, 4, "20260413 09:30:00 US/Eastern"),
    ],
)
def test_durations_and_hours(
    client: RawClient,
    row: list[object],
    duration: str,
    size: str,
    rth: int,
    count: int,
    first: str,
) -> None:
    """Days are trading days; bars lie on a grid from midnight, cut by the session."""
    what = "MIDPOINT" if row is EURUSD else "TRADES"
    (answer,) = ask(client, row, duration, size, what, rth=rth)
    assert (answer[0], int(answer[4]), answer[5]) == ("17", count, first)
    assert len(answer) == 5 + 8 * count


@pytest.mark.parametrize(
    "end",
    ["20260410 15:00:00 US/Eastern", "20260410-19:00:00", "20260410 19:00:00 UTC"],
)
def test_an_end_may_be_written_in_three_ways(client: RawClient, end: str) -> None:
    """They mean the same moment (fact 5.17)."""
    (answer,) = ask(client, AMD, "1 D", "1 hour", end=end)
    assert answer[2:5] == [
        "20260409 15:00:00 US/Eastern", "20260410 15:00:00 US/Eastern", "6",
    ]  # fmt: skip


def test_an_end_without_a_zone_is_warned_about_once(client: RawClient) -> None:
    """2174 with the request's id, and the request goes on (fact 5.17)."""
    answers = [ask(client, AMD, end="20260410 15:00:00") for _ in range(2)]
    assert [[m[0] for m in answer] for answer in answers] == [["4", "17"], ["17"]]
    assert answers[0][0][2:4] == ["5", "2174"]


def test_format_two_is_epoch_seconds_but_for_days(client: RawClient) -> None:
    """As the gateway does (fact 5.15)."""
    assert ask(client, AMD, style=2)[0][5] == "1776087000"
    assert ask(client, AMD, size="1 day", style=2)[0][5] == "20260413"


@pytest.mark.parametrize(
    ("kwargs", "code", "text"),
    [
        ({"size": "7 mins"}, "321", "bar size setting is invalid"),
        ({"duration": "1 X"}, "321", "duration"),
        ({"duration": "400 D"}, "321", "must be made in years"),
        ({"what": "NONSENSE"}, "321", "What to show"),
        ({"end": "yesterday"}, "10314", "End Date/Time"),
        ({"duration": "1 Y", "size": "1 secs"}, "162", "Time length exceed max."),
        ({"row": EURUSD}, "162", "No historical market data for EUR/CASH@FXSUBPIP Last 1d"),
        ({"row": SPX, "what": "BID"}, "162", "HMDS query returned no data: SPX@CBOE Bid"),
        ({"end": "19700105 16:00:00 UTC"}, "162", "HMDS query returned no data: AMD@SMART Trades"),
        ({"keep": 1, "end": "20260410-19:00:00"}, "321", "End date"),
        ({"keep": 1, "what": "BID_ASK"}, "321", "live updates"),
        ({"what": "SCHEDULE"}, "321", "daily resolution"),
        ({"row": [0, "XXX", *AMD[2:]]}, "200", "No security definition"),
    ],
)
def test_what_cannot_be_is_refused(
    client: RawClient, kwargs: dict[str, Any], code: str, text: str
) -> None:
    """One error under the request's id, and nothing else (facts 5.10, 5.11, 5.22)."""
    (answer,) = ask(client, kwargs.pop("row", AMD), **kwargs)
    assert answer[2:4] == ["5", code]
    assert text in answer[4]


def test_bars_kept_up_to_date_end_as_history_has_them(
    sim: Simulation, client: RawClient, decode: Decode
) -> None:
    """Updates change the last bar or begin the next; in the end they equal a fresh request."""
    kept = {bar.date: bar for bar in bars(decode, ask(client, AMD, "60 S", "10 secs", keep=1))}
    updates = [client.wait(1.0) for _ in range(25)]
    for _, (req_id, bar) in (call for messages in updates for call in decode(messages)):
        assert req_id == 5
        assert bar.date >= max(kept)
        kept[bar.date] = bar
    other = RawClient(sim, 2)
    fresh = bars(decode, ask(other, AMD, "80 S", "10 secs"))
    assert [kept[bar.date] for bar in fresh[-9:]] == fresh[-9:]
    assert len(kept) == 9


def test_a_stream_of_bars_is_cancelled_with_162_and_a_finished_request_with_366(
    client: RawClient,
) -> None:
    """The texts are the gateway's (facts 5.11, 5.14)."""
    ask(client, AMD, keep=1)
    (again,) = ask(client, AMD)
    assert again[3] == "322"
    (first,), (second,) = client.ask(25, 1, 5), client.ask(25, 1, 5)
    assert first[3] == "162"
    assert first[4].endswith("API historical data query cancelled: 5")
    assert second[3] == "366"
    assert client.wait(30) == []


def test_outside_regular_hours_bars_stand_still(client: RawClient) -> None:
    """With useRTH nothing comes after 16:00; without it the market is open around the clock."""
    client.wait(5 * 3600)
    ask(client, AMD, keep=1)
    assert client.wait(120) == []
    client.send(25, 1, 5)
    ask(client, AMD, rth=0, keep=1)
    assert len(client.wait(120)) > 50


def test_a_schedule(client: RawClient, decode: Decode) -> None:
    """Sessions of the days that were asked for (fact 5.18)."""
    ((name, args),) = decode(ask(client, AMD, "3 D", "1 day", "SCHEDULE"))
    assert name == "historicalSchedule"
    assert args[3] == "US/Eastern"
    assert [row.refDate for row in args[4]] == ["20260409", "20260410", "20260413"]
    assert args[4][0].startDateTime == "20260409-09:30:00"


def head(client: RawClient, req_id: int) -> str:
    """Ask for a head time stamp: the answer's id, or its error code."""
    (answer,) = client.ask(87, req_id, *AMD, 0, 0, "TRADES", 2)
    return answer[3] if answer[0] == "4" else answer[0]


def test_head_time_stamps_take_places_until_they_are_cancelled(client: RawClient) -> None:
    """Their ids too (facts 5.3, 5.7, 5.9); bars find no place beside fifty of them."""
    assert [head(client, number) for number in range(50)] == ["88"] * 50
    assert head(client, 7) == "321"
    assert head(client, 50) == "322"
    bars = [20, 90, *AMD, 0, "", "1 min", "600 S", 0, "TRADES", 1, 0, ""]
    assert client.ask(*bars)[0][3] == "322"
    client.send(90, 7)
    assert client.ask(*bars)[0][0] == "17"
    assert head(client, 7) == "88"


def test_head_time_stamps_leave_with_their_client(sim: Simulation, client: RawClient) -> None:
    """Their places are free again."""
    other = RawClient(sim, client_id=2)
    assert [head(other, number) for number in range(50)] == ["88"] * 50
    assert head(client, 1) == "322"
    other.leave()
    assert head(client, 1) == "88"


def test_a_head_time_stamp_begins_the_history(client: RawClient, decode: Decode) -> None:
    """Before it there is nothing; both formats mean one moment."""
    ((_, (_, text)),) = decode(client.ask(87, 1, *AMD, 0, 1, "TRADES", 1))
    ((_, (_, epoch)),) = decode(client.ask(87, 2, *AMD, 0, 1, "TRADES", 2))
    head = datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=timezone.utc)
    assert head.timestamp() == int(epoch)
    (answer,) = ask(client, AMD, "1 D", "1 day", end=text)
    assert answer[3] == "162"
    assert client.ask(87, 3, *EURUSD, 0, 1, "TRADES", 1)[0][3] == "162"


def test_a_histogram_counts_all_volume(client: RawClient, decode: Decode) -> None:
    """It adds up to what was traded."""
    ((_, (_, rows)),) = decode(client.ask(88, 1, *AMD, 0, 1, "1 day"))
    (day,) = bars(decode, ask(client, AMD, "1 D", "1 day"))
    assert sum(row.count for row in rows) == pytest.approx(day.volume, abs=500)
    assert all(day.low <= row.price <= day.high for row in rows)
    assert client.ask(88, 1, *AMD, 0, 1, "1 fortnight")[0][3] == "321"


@pytest.mark.parametrize("what", ["TRADES", "BID_ASK", "MIDPOINT"])
def test_past_ticks_are_those_that_were_streamed(
    sim: Simulation, client: RawClient, decode: Decode, what: str
) -> None:
    """The same prices at the same seconds, up to the moment."""
    kind = {"TRADES": "AllLast", "BID_ASK": "BidAsk", "MIDPOINT": "MidPoint"}[what]
    live = decode(client.ask(97, 1, *AMD, kind, 0, 0) + client.wait(20))
    end = datetime.fromtimestamp(sim.gateway.now_s, timezone.utc)
    ((_, (_, past, done)),) = decode(
        client.ask(96, 2, *AMD, 0, "", f"{end:%Y%m%d-%H:%M:%S}", 80, what, 0, 0, "")
    )
    assert done
    assert len(past) == 80

    def seen(tick: Any) -> tuple[float, ...]:
        if what == "BID_ASK":
            return (tick.priceBid, tick.priceAsk, tick.sizeBid, tick.sizeAsk)
        return (tick.price, tick.size) if what == "TRADES" else (tick.price,)

    start = {"TRADES": 3, "BID_ASK": 2, "MIDPOINT": 2}[what]
    length = {"TRADES": 2, "BID_ASK": 4, "MIDPOINT": 1}[what]
    streamed = [args[start : start + length] for _, args in live]
    if what != "MIDPOINT":  # the last of the stream is at the end, which is not past yet
        assert streamed[-2] == seen(past[-1])
    assert {seen(tick) for tick in past} - set(streamed) == set()


def test_past_ticks_need_one_end_and_at_most_a_thousand(client: RawClient) -> None:
    """10187 without one, 321 else (fact 5.19)."""
    start, end = "20260410-15:00:00", "20260410-16:00:00"
    for given, code in ((("", ""), "10187"), ((start, end), "321")):
        assert client.ask(96, 2, *AMD, 0, *given, 5, "TRADES", 0, 0, "")[0][3] == code
    bad = client.ask(96, 2, *AMD, 0, "", "20260410-15:00:00", 1001, "TRADES", 0, 0, "")
    assert bad[0][3] == "321"


def test_a_year_of_days_reads_few_steps(sim: Simulation) -> None:
    """A bar of a day is found without a look at each of its 93,600 steps."""
    amd = sim.universe.by_con_id(4391)
    assert amd
    path = sim.universe.path(amd)
    looked = 0
    log = path._log

    def counting(step: int) -> float:
        nonlocal looked
        looked += 1
        return log(step)

    path._log = counting  # type: ignore[method-assign]
    step = step_at(datetime(2026, 4, 10, 9, 30, tzinfo=EASTERN).timestamp())
    sim.market.range(amd, step, step + 93600)
    assert looked < 100
    assert date(2026, 4, 10).weekday() == 4
