"""The table of assumptions, and its checks against the stand-in, whole and broken."""

from __future__ import annotations

import functools
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ibproxy
import ibproxy_server
from ibproxy_server.cli import main
from ibproxy_server.verify.assumption import Assumption, Finding, Result
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.page import page
from ibproxy_server.verify.run import run
from ibproxy_server.verify.table import ASSUMPTIONS
from ibproxy_sim.faults.board import Faults, make_fault
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.settings import Settings

Start = Callable[[Settings], ThreadedSim]
FAST = Settings(speed=20, not_permitted=("AAPL",))
SATURDAY_S = 1776524400.0
"""2026-04-18 11:00 in New York."""

PAGE = Path(__file__).parents[2] / "docs" / "assumptions.md"
CITED = re.compile(r"facts?\s+((?:\d+\.\d+(?:,| and| to|)\s*(?:#\s*)?)+)")


def findings(
    sim: ThreadedSim, *names: str, allow_orders: bool = True, patience_s: float = 5.0
) -> dict[str, Finding]:
    """The findings against a gateway, by the name of their check."""
    rows = [row for row in ASSUMPTIONS if row.check and (not names or row.check.__name__ in names)]
    lab = Lab(sim.host, sim.port, 40, allow_orders, patience_s, quiet_s=0.05)
    lab.open()
    try:
        return {str(f.assumption.check.__name__): f for f in run(lab, rows) if f.assumption.check}
    finally:
        lab.close()
        assert not lab.left_over


def failed(found: dict[str, Finding]) -> set[str]:
    """The checks that say that something does not hold."""
    return {name for name, finding in found.items() if finding.result is Result.DIFFERS}


def test_the_stand_in_is_what_the_proxy_takes_a_gateway_for(start_sim: Start) -> None:
    """Nothing fails; what cannot be checked there is known; every order is gone."""
    sim = start_sim(FAST)
    found = findings(sim)
    assert {name: f.detail for name, f in found.items() if f.result is Result.DIFFERS} == {}
    unknown = {name for name, f in found.items() if f.result is Result.UNKNOWN}
    assert unknown == {"only_account_is_taken", "warned_orders_live"}
    orders = sim.simulation.trading.books.orders
    assert len(orders) > 10
    assert all(order.is_done and not order.filled for order in orders)


def test_a_login_with_one_account_is_checked_too(start_sim: Start) -> None:
    """What needs two accounts says so."""
    sim = start_sim(Settings(accounts=("DU1000001",), speed=20))
    found = findings(sim, "only_account_is_taken", "slot_is_gateway_wide", "image_ends_with_54")
    assert failed(found) == set()
    assert found["only_account_is_taken"].result is Result.HOLDS
    assert "single account" in found["slot_is_gateway_wide"].detail


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in answers at once: the command need not listen for long."""
    monkeypatch.setattr("ibproxy_server.verify.probe.GAP_S", 0.0)
    hurried_lab = functools.partial(Lab, patience_s=0.5, quiet_s=0.05)
    monkeypatch.setattr("ibproxy_server.cli.verify.Lab", hurried_lab)


def test_where_exchanges_are_closed_warned_orders_live(start_sim: Start) -> None:
    """399 comes, and the order is there."""
    sim = start_sim(Settings(keeps_hours=True))
    sim.call(lambda: sim.gateway.advance(SATURDAY_S))
    found = findings(sim, "warned_orders_live")["warned_orders_live"]
    assert found.result is Result.HOLDS
    assert "until 2026-04-20" in found.detail


@pytest.mark.parametrize(
    ("accounts", "allow_orders", "words"),
    [
        (("DU1000001",), False, "--allow-orders"),
        (("DU1000001", "U1000001"), True, "U1000001 is not a paper account"),
    ],
)
def test_no_order_is_placed_where_none_may_be(
    start_sim: Start, accounts: tuple[str, ...], allow_orders: bool, words: str
) -> None:
    """Not without leave, and never on a live account."""
    sim = start_sim(Settings(accounts=accounts, speed=20))
    found = findings(sim, *(r.check.__name__ for r in ASSUMPTIONS if r.check and r.orders),
                     allow_orders=allow_orders)  # fmt: skip
    assert {f.result for f in found.values()} == {Result.UNKNOWN}
    assert all(words in f.detail for f in found.values())
    assert "3" not in sim.gateway.statistics.requests


# a broken gateway: each fault makes its own checks fail, and no other


def other_code(code: int) -> Callable[[Gateway], None]:
    """An error comes under another number."""

    def break_it(gateway: Gateway) -> None:
        error = gateway.error

        def changed(client: Client, for_id: int | str, number: int, text: str) -> None:
            error(client, for_id, 9999 if number == code else number, text)

        gateway.error = changed  # type: ignore[assignment, method-assign]

    return break_it


def changed_message(change: Callable[[list[Any]], list[Any] | None]) -> Callable[[Gateway], None]:
    """Messages are changed before they are sent, or lost."""

    def break_it(gateway: Gateway) -> None:
        send = gateway.send

        def changed(client: Client, *fields: object) -> None:
            made = change(list(fields))
            if made:
                send(client, *made)

        gateway.send = changed  # type: ignore[method-assign] # that is the fault

    return break_it


def lost(message_id: int, *values: object) -> Callable[[Gateway], None]:
    """Messages that begin so are lost."""

    def change(fields: list[Any]) -> list[Any] | None:
        return (
            None
            if fields[0] == message_id
            and [*map(str, fields[1 : 1 + len(values)])] == [*map(str, values)]
            else fields
        )

    return changed_message(change)


def field(message_id: int, index: int, value: object) -> Callable[[Gateway], None]:
    """A field has another value."""

    def change(fields: list[Any]) -> list[Any]:
        if fields[0] == message_id and len(fields) > index:
            fields[index] = value
        return fields

    return changed_message(change)


def ignored(message_id: str) -> Callable[[Gateway], None]:
    """A request is not answered."""

    def break_it(gateway: Gateway) -> None:
        gateway.handlers[message_id] = lambda *_: None

    return break_it


def slot_for_each_client(gateway: Gateway) -> None:
    """Each client has an account slot of its own."""
    other_code(2101)(gateway)
    handler = gateway.handlers["6"]

    def serve(client: Client, fields: list[str]) -> None:
        before = len(client.outbox)
        handler(client, fields)
        if any(b"9999" in sent for sent in client.outbox[before:]):
            del client.outbox[before:]
            gateway.send(client, 54, 1, fields[3])

    gateway.handlers["6"] = serve


def orders_shown_to_all(gateway: Gateway) -> None:
    """Every client is sent what one is."""
    send = gateway.send

    def changed(client: Client, *fields: object) -> None:
        others = gateway.clients.values() if fields[0] in {3, 5} else [client]
        for other in others:
            send(other, *fields)

    gateway.send = changed  # type: ignore[method-assign] # that is the fault


def orders_die_with_their_client(gateway: Gateway) -> None:
    """A disconnect cancels orders."""
    gateway.on_leave.append(lambda client: gateway.handlers["58"](client, ["58", "1"]))


FAULTS: dict[str, tuple[Callable[[Gateway], None], set[str]]] = {
    "no 326": (other_code(326), {"client_id_in_use"}),
    "a slot for each client": (slot_for_each_client, {"slot_is_gateway_wide"}),
    "no 2101": (other_code(2101), {"slot_is_gateway_wide"}),
    "no 10185": (other_code(10185), {"pnl_comes_by_request"}),
    "no 103": (other_code(103), {"ids_only_rise"}),
    "no 10147": (other_code(10147), {"cancel_of_unknown_order"}),
    "no 401": (other_code(401), {"long_oca_names_are_refused"}),
    "no 321": (other_code(321), {"no_code_is_refused", "orders_need_an_account"}),
    "no 300": (other_code(300), {"cancel_of_unknown_data"}),
    "no 200": (other_code(200), {"unknown_contract_is_200"}),
    "no 310": (other_code(310), {"depth_cancel_repeats_its_kind"}),
    "no 162": (other_code(162), {"cancelled_history_is_162"}),
    "no 366": (other_code(366), {"cancel_of_unknown_history"}),
    "no 327": (other_code(327), {"auto_open_is_for_client_0"}),
    "no 62": (lost(62), {"positions_end"}),
    "no 102": (lost(102), {"completed_orders_end"}),
    "no 55": (lost(55), {"executions_end"}),
    "no 58": (lost(58), {"joining_shows_the_present"}),
    "no market rule": (lost(93, 26), {"rule_names_itself"}),
    "no families": (ignored("80"), {"lists_without_id"}),
    "no time": (ignored("49"), {"time_is_answered"}),
    "no next id": (ignored("8"), {"next_id_again"}),
    "ledger by account": (field(63, 3, "DU1000001"), {"ledger_rows_are_of_all"}),
    "changes without inserts": (field(12, 4, 1), {"depth_starts_with_inserts"}),
    "a family without its group": (field(5, 19, ""), {"bracket_children_name_the_parent"}),
    "no permId": (
        field(5, 25, 0),
        {"perm_id_is_stated", "bracket_children_name_the_parent"},
    ),
    "orders shown to all": (orders_shown_to_all, {"own_orders_come_to_their_client"}),
    "orders die": (orders_die_with_their_client, {"orders_outlive_their_client"}),
}
"""What is broken -> how, and the checks that must find it."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_check(start_sim: Start, name: str) -> None:
    """The checks whose assumption it breaks fail."""
    sim = start_sim(FAST)
    break_it, checks = FAULTS[name]
    sim.call(lambda: break_it(sim.gateway))
    assert failed(findings(sim, *checks, patience_s=0.4)) == checks


SWITCHED: tuple[tuple[str, dict[str, object], set[str]], ...] = (
    # a fault of the stand-in's, its parameters, the checks that must fail with it
    ("account_slot", {"other_client": "replaces"}, {"slot_is_gateway_wide"}),
    ("completed_orders", {"taken_s": 600}, {"completed_orders_end"}),
    ("duplicates", {}, {"open_orders_are_pairs"}),
    # these change what nothing is built on
    ("account_slot", {"other_client": "refused", "same_client": "silent"}, set()),
    ("client_id_held", {"held_s": 6000}, set()),
    ("read_only", {}, set()),
    ("perm_id_late", {}, set()),
    ("current_time", {}, set()),
)


@pytest.mark.parametrize(("name", "parameters", "checks"), SWITCHED)
def test_a_switched_fault_makes_exactly_its_checks_fail(
    start_sim: Start, name: str, parameters: dict[str, object], checks: set[str]
) -> None:
    """All checks are run; what a fault does not break, holds or cannot be asked."""
    sim = start_sim(FAST)
    sim.call(lambda: Faults(sim.simulation).start(make_fault(name, parameters)))
    assert failed(findings(sim, patience_s=1.5)) == checks


APART = {"no 62", "no 102", "no 55", "no 58", "no market rule", "no families", "no 366", "no 310"}
"""Faults that do not stand in each other's way, so that one run proves them all."""


def test_faults_make_no_other_check_fail(start_sim: Start) -> None:
    """With many faults at one time, exactly their checks fail."""
    sim = start_sim(FAST)
    for name in APART:
        sim.call(lambda name=name: FAULTS[name][0](sim.gateway))  # type: ignore[misc]
    assert failed(findings(sim, patience_s=0.8)) == set().union(
        *(FAULTS[name][1] for name in APART)
    )


# the table


def test_every_fact_that_code_relies_on_is_in_the_table() -> None:
    """Each number cited in the proxy has a row; a range stands for all between its ends."""
    known = {row.fact for row in ASSUMPTIONS}
    cited: dict[str, str] = {}
    folders = [Path(str(ibproxy_server.__file__)).parent, Path(str(ibproxy.__file__)).parent]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        if "verify" in path.parts or path.name == "verify.py":
            continue
        for found in CITED.findall(path.read_text()):
            for number in numbers(found):
                cited.setdefault(number, path.name)
    assert len(cited) > 60
    assert {number: name for number, name in cited.items() if number not in known} == {}


def numbers(text: str) -> list[str]:
    """The facts that a citation names: `2.1 to 2.4` is four."""
    found: list[str] = []
    for first, last in re.findall(r"(\d+\.\d+)(?:\s+to\s+(\d+\.\d+))?", text):
        section, start = first.split(".")
        end = last.split(".")[1] if last else start
        found += [f"{section}.{number}" for number in range(int(start), int(end) + 1)]
    return found


@pytest.mark.parametrize("row", ASSUMPTIONS, ids=lambda row: row.fact)
def test_a_row_has_a_check_or_says_why_not(row: Assumption) -> None:
    """One of the two, and a sentence that is one."""
    assert bool(row.check) != bool(row.why_not)
    assert row.sentence.endswith(".")
    assert row.source


def test_the_page_is_what_the_table_says() -> None:
    """`python -m ibproxy_server.verify.page > docs/assumptions.md` keeps it so."""
    assert PAGE.read_text() == page()


# the command


def test_the_command_ends_with_0_and_a_summary(
    start_sim: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each assumption has a line; without leave no order is placed."""
    monkeypatch.setattr("ibproxy_server.cli.verify.ASSUMPTIONS", ASSUMPTIONS[:8])
    sim = start_sim(Settings(speed=20))
    assert main(["verify", "--gateway", f"127.0.0.1:{sim.port}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   1.1 ")
    assert lines[-1].endswith("7 holds, 0 does not hold, 1 cannot be checked here")


def test_the_command_ends_with_1_if_something_does_not_hold(
    start_sim: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its JSON says what was seen."""
    rows = tuple(row for row in ASSUMPTIONS if row.fact == "1.28")
    monkeypatch.setattr("ibproxy_server.cli.verify.ASSUMPTIONS", rows)
    sim = start_sim(Settings(speed=20))
    sim.call(lambda: other_code(326)(sim.gateway))
    assert main(["verify", "--gateway", f"127.0.0.1:{sim.port}", "--json"]) == 1
    [shown] = json.loads(capsys.readouterr().out)
    assert (shown["fact"], shown["result"]) == ("1.28", "does not hold")
    assert "9999" in shown["detail"]


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:0", "127.0.0.1:{port}"])
def test_a_mistake_is_one_line_and_2(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong address, and a port where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert main(["verify", "--gateway", address.format(port=port)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_client_id_in_use_is_a_mistake(
    start_sim: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told how to choose another."""
    sim = start_sim(Settings(speed=20))
    lab = Lab(sim.host, sim.port, 5, quiet_s=0.05)
    lab.open()
    assert main(["verify", "--gateway", f"127.0.0.1:{sim.port}", "--client-id", "5"]) == 2
    lab.close()
    assert "--client-id" in capsys.readouterr().err
