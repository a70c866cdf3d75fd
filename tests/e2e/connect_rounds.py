"""Two processes connect at the same instant, many times over; prints what came of it as JSON.

python connect_rounds.py direct PORT ROUNDS
python connect_rounds.py proxied 0 ROUNDS       (IBPROXY_URL says where)
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

import ib_async

import ibproxy

ACCOUNTS = ("DU1000001", "DU1000002")
STRATEGIES = ("alpha", "beta")


class Lines(logging.Handler):
    """Keeps the errors that ib_async logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def connect(library: str, port: int, number: int) -> dict[str, Any]:
    """Connect as one of the two, and report."""
    errors = Lines()
    logging.getLogger("ib_async").addHandler(errors)
    logging.getLogger("ib_async").propagate = False
    began_s = time.perf_counter()
    account = ACCOUNTS[number]
    if library == "direct":
        ib = ib_async.IB()
        ib.connect(port=port, clientId=number + 1, account=account)
    else:
        os.environ["IBPROXY_STRATEGY"] = STRATEGIES[number]
        ib = ibproxy.IB()
        ib.connect()
    report = {
        "number": number,
        "seconds": time.perf_counter() - began_s,
        "errors": errors.lines,
        "accounts": sorted({value.account for value in ib.accountValues()}),
        "is_complete": any(value.tag == "NetLiquidation" for value in ib.accountValues(account)),
    }
    ib.disconnect()
    return report


def run_round(library: str, port: int) -> list[dict[str, Any]]:
    """Start two processes that wait for the same signal, and return their reports."""
    gate_out, gate_in = os.pipe()
    children = []
    for number in (0, 1):
        result_out, result_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(gate_in)
            os.read(gate_out, 1)  # until the parent closes the gate's other end
            try:
                report = connect(library, port, number)
            except BaseException as error:  # noqa: BLE001 - reported
                report = {"number": number, "failure": repr(error)}
            os.write(result_in, json.dumps(report).encode())
            os._exit(0)
        os.close(result_in)
        children.append((pid, result_out))
    os.close(gate_out)
    os.close(gate_in)
    reports = []
    for pid, result_out in children:
        with os.fdopen(result_out, "rb") as stream:
            reports.append(json.loads(stream.read()))
        os.waitpid(pid, 0)
    return reports


if __name__ == "__main__":
    library, port, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps([run_round(library, port) for _ in range(rounds)]))  # noqa: T201
