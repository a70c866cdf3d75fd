"""Faults of sessions, rates, limits and permissions: what a client sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ibproxy.errors import ConfigError
from ibproxy_sim.build import Simulation
from ibproxy_sim.faults.board import make_fault
from ibproxy_sim.faults.catalogue import FAULTS
from ibproxy_sim.faults.pacing import Asked, PacingRules
from ibproxy_sim.testing import AMD, EURUSD, RawClient, contract

Fault = Callable[..., None]
A, B = "DU1000001", "DU1000002"


def errors(messages: list[list[str]]) -> list[tuple[int, int]]:
    """Ids and codes of the errors among messages."""
    return [(int(m[2]), int(m[3])) for m in messages if m[0] == "4"]


def kinds(messages: list[list[str]]) -> set[str]:
    """Which messages these are."""
    return {m[0] for m in messages}


def bars(
    req_id: int, size: str = "30 secs", what: str = "TRADES", duration: str = "60 S", keep: int = 0
) -> list[Any]:
    """A request for historical bars."""
    return [20, req_id, *AMD, 0, "", size, duration, 0, what, 1, keep, ""]


# the switchboard


def test_every_fault_has_a_name_of_its_own_and_says_what_it_does() -> None:
    """The table holds each kind once; each has a sentence, and parameters that are described."""
    assert len(FAULTS) == len(set(FAULTS.values())) >= 30
    for name, kind in FAULTS.items():
        assert name == kind.NAME
        assert (kind.__doc__ or "").strip()


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("frost", {}, "no fault 'frost'"),
        ("freeze", {"colour": 1}, "`colour`"),
        ("outage", {"down_s": -1}, "`$.down_s`"),
        ("no_permission", {}, "`symbols`"),
    ],
)
def test_a_mistake_is_named(name: str, parameters: dict[str, Any], said: str) -> None:
    """Unknown faults, unknown parameters and bad values are refused by name."""
    with pytest.raises(ConfigError) as caught:
        make_fault(name, parameters)
    assert said in str(caught.value)


def test_a_fault_ends_when_it_is_told_to(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """Off again, nothing of it is left; twice on is once on; after `for_s` it ends by itself."""
    fault("silence", messages=[49])
    fault("silence", messages=[49])
    assert client.ask(49, 1) == []
    assert sim.faults.end("silence")
    assert not sim.faults.end("silence")
    assert kinds(client.ask(49, 1)) == {"49"}
    assert sim.gateway.answers.is_empty
    sim.faults.start(make_fault("silence", {"messages": [49]}), for_s=5)
    client.wait(4.9)
    assert client.ask(49, 1) == []
    client.wait(0.2)
    assert kinds(client.ask(49, 1)) == {"49"}
    assert sim.faults.active == {}


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in {"say", "restart"}])
def test_switching_on_and_off_leaves_nothing_behind(sim: Simulation, name: str) -> None:
    """After any fault the gateway is as it was."""
    gateway = sim.gateway
    needs: dict[str, dict[str, Any]] = {
        "no_permission": {"symbols": ["AMD"]},
        "silence": {"messages": [9]},
    }
    before = gateway.settings, list(gateway.on_leave), sim.accounts.rules
    sim.faults.start(make_fault(name, needs.get(name, {})))
    sim.faults.end_all()
    assert (gateway.settings, gateway.on_leave, sim.accounts.rules) == before
    lines = gateway.incoming, gateway.requests, gateway.answers, gateway.outgoing
    assert all(line.is_empty for line in lines)
    assert not any(streams.is_paused for streams in gateway.streams.values())
    engine = sim.trading.engine
    assert not engine.judges
    assert not engine.cancel_judges
    assert engine.most_shares == float("inf")


# the account slot


def test_slot_refuses_another_client_unless_told_otherwise(sim: Simulation) -> None:
    """Without the fault a second client for another account gets 2101 (fact 2.3)."""
    one, two = RawClient(sim, 1), RawClient(sim, 2)
    one.ask(6, 2, 1, A)
    assert errors(two.ask(6, 2, 1, B)) == [(-1, 2101)]


def test_slot_taken_over_in_silence(sim: Simulation, fault: Fault) -> None:
    """The other variant: it is one global variable, and the first client hears no more (2.4)."""
    fault("account_slot")
    one, two = RawClient(sim, 1), RawClient(sim, 2)
    assert "54" in kinds(one.ask(6, 2, 1, A))
    assert "54" in kinds(two.ask(6, 2, 1, B))
    assert one.wait(400) == []  # not even the time stamp of each three minutes
    assert "8" in kinds(two.read())


def test_slot_moving_on_is_announced(sim: Simulation, fault: Fault) -> None:
    """A client that moves on to another account is told 2100 (fact 2.2), or not (2.1)."""
    one = RawClient(sim, 1)
    one.ask(6, 2, 1, A)
    assert errors(one.ask(6, 2, 1, B)) == []
    fault("account_slot")
    assert errors(one.ask(6, 2, 1, A)) == [(-1, 2100)]
    assert one.ask(6, 2, 1, A) == []  # again for the same account: nothing at all (fact 2.18)


# client ids


def test_a_client_id_stays_taken(sim: Simulation, fault: Fault) -> None:
    """An id is refused with 326 for a while after its client left (facts 1.28, 1.32)."""
    fault("client_id_held", held_s=60)
    RawClient(sim, 1).leave()
    again = RawClient(sim, 1)
    assert errors(again.welcome) == [(-1, 326)]
    assert again.client.closing
    assert errors(RawClient(sim, 2).welcome)[0][1] != 326
    again.wait(60.1)
    assert RawClient(sim, 1).welcome[0][0] == "15"


# rates


def test_too_many_messages(client: RawClient, fault: Fault) -> None:
    """0 at 44, 100 with the rate and a counter, closed at the third (facts 6.4 to 6.6)."""
    fault("message_rate")
    for strike in (1, 2, 3):
        said = [message for _ in range(60) for message in client.ask(8, 1, 1)]
        assert [m[0] for m in said].count("9") == 50  # the rest is rejected
        (warning,) = [m for m in said if m[0] == "4"]
        assert warning[2:5] == [
            "-1", "0", "Warning: Approaching max rate of 50 messages per second (44)",
        ]  # fmt: skip
        (punishment,) = client.wait(1.5)
        text = f"Max rate of messages per second has been exceeded:max=50 rec=60 ({strike})"
        assert punishment[2:5] == ["-1", "100", text]
        assert client.client.closing == (strike == 3)


def test_a_patient_client_is_never_told_off(client: RawClient, fault: Fault) -> None:
    """43 messages a second pass without a word."""
    fault("message_rate")
    for _ in range(5):
        said = [message for _ in range(43) for message in client.ask(8, 1, 1)]
        assert kinds(said) == {"9"}
        assert client.wait(1.0) == []


def test_too_many_messages_wait_in_the_other_mode(client: RawClient, fault: Fault) -> None:
    """With the setting off the gateway stops reading for a while (fact 6.4)."""
    fault("message_rate", excess="waits")
    said = [message for _ in range(120) for message in client.ask(8, 1, 1)]
    assert [m[0] for m in said].count("9") == 50
    assert [m[0] for m in client.wait(1.0)].count("9") == 50
    assert [m[0] for m in client.wait(1.0)].count("9") == 20
    assert not client.client.closing


def test_current_time_is_told_once_a_second(client: RawClient, fault: Fault) -> None:
    """The second of two within a second stays unanswered (fact 6.11)."""
    assert len(client.ask(49, 1) + client.ask(49, 1)) == 2
    fault("current_time")
    assert len(client.ask(49, 1)) == 1
    assert client.ask(49, 1) == []
    client.wait(1.0)
    assert len(client.ask(49, 1)) == 1


# historical data


def test_historical_pacing(sim: Simulation, client: RawClient, fault: Fault) -> None:
    """An identical request within 15 s is a pacing violation, whoever asks (facts 5.1, 5.4)."""
    fault("historical_pacing")
    assert kinds(client.ask(*bars(1))) == {"17"}
    (refusal,) = RawClient(sim, 2).ask(*bars(7))
    text = "Historical Market Data Service error message:Historical data request pacing violation"
    assert refusal[2:5] == ["7", "162", text]
    assert kinds(client.ask(*bars(2, "1 min", duration="600 S"))) == {"17"}
    assert kinds(client.ask(*bars(3, "1 min", duration="600 S"))) == {"17"}  # fact 5.2
    client.wait(15)
    assert kinds(client.ask(*bars(4))) == {"17"}


def test_bid_ask_counts_twice(client: RawClient, fault: Fault) -> None:
    """Of three requests in ten minutes one for BID_ASK takes two (fact 5.1)."""
    fault("historical_pacing", per_10_min=3)
    assert kinds(client.ask(*bars(1, what="BID_ASK"))) == {"17"}
    assert kinds(client.ask(*bars(2))) == {"17"}
    assert errors(client.ask(*bars(3, what="BID"))) == [(3, 162)]


def test_pacing_rules() -> None:
    """Sixty in ten minutes, fewer than six of a kind in two seconds, BID_ASK twice (5.1)."""

    def rules() -> PacingRules:
        return PacingRules(60, 15.0, 6, 2.0)

    def ask(time_s: float, number: int = 0, source: str = "AMD", weight: int = 1) -> Asked:
        return Asked(time_s, (str(number), source), (source,), weight)

    burst = rules()
    assert [burst.admits(ask(0, n)) for n in range(6)] == [True] * 5 + [False]
    assert burst.admits(ask(0, source="SPY"))
    assert burst.admits(ask(2.0, 9))
    double = rules()
    assert [double.admits(ask(0, n, weight=2)) for n in range(3)] == [True, True, False]
    slow = rules()
    assert all(slow.admits(ask(n, n)) for n in range(60))
    assert not slow.admits(ask(100, 100))
    assert slow.admits(ask(600, 100))


def test_historical_requests_in_flight(client: RawClient, fault: Fault) -> None:
    """So many at once, streams and slow answers included; then 322 (fact 5.3)."""
    fault("historical_limit", most=2)
    fault("slow", delays_s={"17": 5.0})
    assert kinds(client.ask(*bars(1, keep=1))) == set()
    assert kinds(client.ask(*bars(2))) == set()
    (refusal,) = client.ask(*bars(3))
    assert refusal[2:4] == ["3", "322"]
    assert refusal[4].endswith("Only 2 simultaneous API historical data requests allowed.")
    client.wait(6)
    assert kinds(client.ask(*bars(4))) == set()  # 2 is answered, the stream 1 is open
    assert errors(client.ask(*bars(5))) == [(5, 322)]
    client.send(25, 1, 1)
    assert errors(client.ask(*bars(6))) == [(1, 162)]


# market data


def test_lines_books_and_tick_by_tick(client: RawClient, fault: Fault) -> None:
    """101, 309 and 10190 above the limits (facts 4.3, 4.51, 4.45)."""
    fault("lines", lines=1, books=1, tick_by_tick=1)
    spy = contract("SPY")

    def data(req_id: int, what: list[object]) -> list[object]:
        return [1, 11, req_id, *what, 0, "", 0, 0, ""]

    assert not errors(client.ask(*data(1, AMD)))
    assert not errors(client.ask(*data(2, AMD)))  # the same contract is the same line (4.7)
    assert errors(client.ask(*data(3, spy))) == [(3, 101)]
    assert not errors(client.ask(10, 5, 4, *AMD, 3, 0, ""))
    assert errors(client.ask(10, 5, 5, *spy, 3, 0, "")) == [(5, 309)]
    assert not errors(client.ask(97, 6, *AMD, "Last", 0, 0))
    assert errors(client.ask(97, 7, *spy, "Last", 0, 0)) == [(7, 10190)]


@pytest.mark.parametrize("code", [354, 10089, 10168])
def test_no_permission(client: RawClient, fault: Fault, code: int) -> None:
    """Refused with live data only; with delayed data asked for 10167, and it goes on (4.41)."""
    fault("no_permission", symbols=["AMD"], code=code)
    request = [*AMD, 0, "", 0, 0, ""]
    assert errors(client.ask(1, 11, 1, *request)) == [(1, code)]
    client.send(59, 1, 3)
    messages = client.ask(1, 11, 2, *request)
    assert errors(messages) == [(2, 10167)]
    assert ["58", "1", "2", "3"] in messages
    assert {m[3] for m in messages if m[0] == "1"} <= {"66", "67", "68", "72", "73", "75", "76"}
    assert not errors(client.ask(1, 11, 3, *EURUSD, 0, "", 0, 0, ""))


def test_a_competing_session_takes_the_data(
    sim: Simulation, client: RawClient, fault: Fault
) -> None:
    """10197 for each stream, and no ticks until it is over (fact 4.40)."""
    client.ask(1, 11, 1, *AMD, 0, "", 0, 0, "")
    client.ask(1, 11, 2, *EURUSD, 0, "", 0, 0, "")
    fault("competing_session")
    assert errors(client.read()) == [(1, 10197), (2, 10197)]
    assert client.wait(5) == []
    assert errors(client.ask(1, 11, 3, *AMD, 0, "", 0, 0, "")) == [(3, 10197)]
    sim.faults.end("competing_session")
    assert kinds(client.wait(5)) >= {"1", "2"}


# read only


def test_read_only(client: RawClient, fault: Fault) -> None:
    """Orders, cancels and two lists are refused with 321, other lists are not (1.43, 1.44)."""
    fault("read_only")
    assert errors(client.ask(3, 5, "x")) == [(5, 321)]
    assert errors(client.ask(4, 1, 5, "")) == [(-1, 321)]
    assert errors(client.ask(5, 1)) == [(-1, 321)]
    assert errors(client.ask(99, 0)) == [(-1, 321)]
    assert kinds(client.ask(16, 1)) == {"53"}
    fault("read_only", order_id="unset", code=10119)
    (refusal,) = client.ask(3, 5, "x")
    assert refusal[2:4] == ["2147483647", "10119"]
    assert refusal[4].endswith("The API interface is currently in Read-Only mode.")
