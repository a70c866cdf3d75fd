"""What breaks an assumption makes exactly its check fail: all checks, against broken gateways."""

from __future__ import annotations

import ast
import traceback
from dataclasses import replace
from functools import cache, wraps
from pathlib import Path

import pytest

from ibproxy_server import verify
from ibproxy_server.verify.assumption import Check, Differs, Finding, Result
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.table import ASSUMPTIONS
from tests.verify.direct import all_findings, with_result
from tests.verify.faults import FAULTS, Fault
from tests.verify.scenes import UNKNOWN, with_fault

Place = tuple[str, int]
"""A file of checks, and a line in it."""


def test_every_check_has_a_fault_that_it_finds() -> None:
    """A check that no fault makes fail would say nothing by holding."""
    checks = {row.check.__name__ for row in ASSUMPTIONS if row.check}
    assert {fault.check for fault in FAULTS} == checks
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@cache
def outcome(fault: Fault) -> tuple[dict[str, Finding], set[Place]]:
    """What all checks find with a fault, and the lines at which they fail."""
    sim, places = fault.scene(), set[Place]()
    fault.break_it(sim)
    traced = {row.check: watched(row.check, places) for row in ASSUMPTIONS if row.check}
    rows = [replace(row, check=traced[row.check]) for row in ASSUMPTIONS if row.check]
    return all_findings(sim, rows), places


def watched(check: Check, places: set[Place]) -> Check:
    """A check that notes where it fails."""

    @wraps(check)
    def run(lab: Lab) -> str:
        try:
            return check(lab)
        except Differs as seen:
            last = traceback.extract_tb(seen.__traceback__)[-1]
            places.add((Path(last.filename).name, last.lineno or 0))
            raise

    return run


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_makes_exactly_its_check_fail(fault: Fault) -> None:
    """All checks are run, and none but those that it is known to blind can no longer be made."""
    found, _ = outcome(fault)
    failed = with_result(found, Result.DIFFERS)
    assert set(failed) == {fault.check}, failed
    unknown = with_result(found, Result.UNKNOWN)
    assert unknown.keys() - UNKNOWN[fault.scene] == fault.blinds, unknown


def test_every_way_to_fail_is_taken_by_a_fault() -> None:
    """Each line that says what does not hold is reached: none is there for nothing."""
    reached = set[Place]().union(*(outcome(fault)[1] for fault in FAULTS))
    missed = []
    for path in Path(str(verify.__file__)).parent.glob("*_checks.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and "Differs(" in ast.unparse(node):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                if reached.isdisjoint({(path.name, line) for line in lines}):
                    missed.append(f"{path.name}:{node.lineno}")
    assert missed == []


SWITCHED: tuple[tuple[str, dict[str, object], set[str]], ...] = (
    # a fault of the stand-in's, its parameters, the checks that must fail with it
    ("account_slot", {"other_client": "replaces"}, {"slot_is_gateway_wide"}),
    ("completed_orders", {"taken_s": 600}, {"completed_orders_end"}),
    ("duplicates", {}, {"open_orders_are_pairs"}),
    # these change what nothing is built on
    ("account_slot", {"other_client": "refused", "same_client": "silent"}, set()),
    ("account_slot", {"other_client": "refused", "same_client": "announced"}, set()),
    ("client_id_held", {"held_s": 6000}, set()),
    ("read_only", {"order_id": "none", "code": 10119}, set()),
    ("perm_id_late", {}, set()),
    ("current_time", {}, set()),
    ("warn", {"code": 404}, set()),
    ("farm_idle", {}, set()),
)


@pytest.mark.parametrize(("name", "parameters", "checks"), SWITCHED)
def test_what_gateways_are_known_to_do_fails_what_it_should(
    name: str, parameters: dict[str, object], checks: set[str]
) -> None:
    """The stand-in's own faults; what one does not break, holds or cannot be asked."""
    found = all_findings(with_fault(name, **parameters))
    failed = with_result(found, Result.DIFFERS)
    assert set(failed) == checks, failed
