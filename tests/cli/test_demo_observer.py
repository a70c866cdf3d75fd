"""The demo's audit sees whom each message is about, whatever the proxy claims."""

from __future__ import annotations

import logging
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from ib_async import IB, Event

from ibproxy.wire.framing import frame, join_fields
from ibproxy_server.demo.observed import Observer, _Lines, attach
from ibproxy_server.demo.report import Report, read_report, write_report
from ibproxy_server.demo.verdict import Books, Outcome

OWN, FOREIGN = "DU1000001", "DU1000002"
CONTRACT = (756733, "SPY", "STK", "", 0, "", "", "ARCA", "USD", "SPY", "SPY")


def message(*fields: object) -> bytes:
    """Return a framed message."""
    return frame(join_fields(*fields))


def execution(account: str, exec_id: str, perm_id: int) -> bytes:
    """Return message 11 (execDetails) as a gateway of version 176 sends it."""
    return message(
        *(11, -1, 5, *CONTRACT, exec_id, "20250102 10:00:00 US/Eastern", account, "ARCA", "BOT"),
        *(10, 600.5, perm_id, 1, 0, 10, 600.5, "", "", 0, "", 2),
    )


def position(account: str) -> bytes:
    """Return message 61 (position)."""
    return message(61, 3, account, *CONTRACT, 10, 600.5)


def value(account: str) -> bytes:
    """Return message 6 (account value)."""
    return message(6, 2, "NetLiquidation", "1000.00", "USD", account)


def profit(request: int) -> bytes:
    """Return message 94 (P&L)."""
    return message(94, request, 1.0, 2.0, 3.0)


@pytest.fixture(name="report")
def _report() -> Iterator[Report]:
    """A report that also takes the log lines of the observer."""
    report = Report()
    logger, lines = logging.getLogger("ibproxy.observed"), _Lines(report)
    logger.propagate = False
    logger.addHandler(lines)
    yield report
    logger.removeHandler(lines)
    logger.propagate = True


@pytest.fixture(name="observer")
def _observer(report: Report) -> Observer:
    """An observer behind the handshake of a gateway of version 176."""
    observer = Observer(report, IB())
    observer.feed(message(176, "20250102 10:00:00 UTC"))
    return observer


def outcome(report: Report) -> Outcome:
    """Return how a strategy with one order and one fill of its own stands."""
    return Outcome("wheel", OWN, Books(frozenset({11}), frozenset({"e1"})), report)


def test_messages_of_ones_own_are_in_order(observer: Observer, report: Report) -> None:
    """Own positions, values, fills and answers leave nothing to complain about."""
    observer.asked.add(4)
    for data in (position(OWN), value(OWN), execution(OWN, "e1", 11), profit(4)):
        observer.feed(data)
    assert report.messages == 4
    assert report.account_messages == {OWN: 3}
    assert report.executions == {"e1": OWN}
    assert report.unreadable == []
    assert list(outcome(report).complaints()) == []


@pytest.mark.parametrize(
    "data",
    [
        position(FOREIGN),
        value(FOREIGN),
        execution(FOREIGN, "e1", 11),
        execution(OWN, "e1", 99),
        execution(OWN, "x9", 11),
        profit(4),
        message(15, 1, f"{OWN},{FOREIGN}"),
        message(3, 5, "Submitted", 0, 10, 0, 99, 0, 0, 1, "", 0),
        message(73, 1, 4, FOREIGN, "", "Cash", "1", "USD"),
    ],
    ids=[
        "position",
        "value",
        "fill",
        "order",
        "unknown fill",
        "pnl",
        "accounts",
        "status",
        "multi",
    ],
)
def test_a_wrong_delivery_is_caught(observer: Observer, report: Report, data: bytes) -> None:
    """One message that was meant for somebody else fails the audit."""
    observer.feed(execution(OWN, "e1", 11))
    assert outcome(report).misdirected == 0
    observer.feed(data)
    assert outcome(report).misdirected > 0


def test_frames_may_come_in_pieces(observer: Observer, report: Report) -> None:
    """The audit does not depend on how the bytes were cut."""
    for byte in position(OWN) + position(FOREIGN):
        observer.feed(bytes([byte]))
    assert report.account_messages == {OWN: 1, FOREIGN: 1}


def test_an_unreadable_message_is_noted(observer: Observer, report: Report) -> None:
    """A message that ib_async's decoder cannot read is not passed over."""
    observer.feed(message(61, 3, OWN))
    assert len(report.unreadable) == 1


def test_the_ids_that_a_program_draws_are_its_own() -> None:
    """An observer on an `IB` learns its ids, and stays as long as the `IB` does."""
    report = Report()
    numbers = iter([41, 42])
    connection = types.SimpleNamespace(hasData=Event("hasData"), disconnected=Event("disconnected"))
    client = types.SimpleNamespace(conn=connection, getReqId=lambda: next(numbers))
    attach(types.SimpleNamespace(client=client), Observer(report, IB()))
    assert [client.getReqId(), client.getReqId()] == [41, 42]
    connection.hasData.emit(message(176, "20250102 10:00:00 UTC") + profit(41) + profit(43))
    assert report.unasked == [43]


def test_timeouts_are_read_from_the_log() -> None:
    """A log line of ib_async that tells of a time-out ends up in the report."""
    report = Report()
    logger, lines = logging.getLogger("ib_async.ib"), _Lines(report)
    logger.addHandler(lines)
    logger.error("positions request timed out")
    logger.error("something else")
    logger.removeHandler(lines)
    assert report.timeouts == ["positions request timed out"]


def test_a_report_survives_the_file(tmp_path: Path) -> None:
    """What is written can be read; what is not there is no report."""
    report = Report(messages=1, perm_ids={7}, executions={"e": OWN})
    write_report(report, tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == report
    assert read_report(tmp_path / "other.json") is None
