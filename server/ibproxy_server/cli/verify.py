"""`ibproxy verify`: whether a gateway does what the proxy takes for granted."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from ibproxy.address import parse_host_port
from ibproxy_server.verify.assumption import Finding, Result
from ibproxy_server.verify.lab import Lab
from ibproxy_server.verify.port import TcpPort
from ibproxy_server.verify.run import run as run_checks
from ibproxy_server.verify.table import ASSUMPTIONS

SIGNS = {Result.HOLDS: "ok  ", Result.DIFFERS: "FAIL", Result.UNKNOWN: "?   "}
MOST_SHOWN = 160


def run(options: argparse.Namespace) -> int:
    """Check everything and show what was found; 1 if an assumption does not hold."""
    host, port = parse_host_port(options.gateway)
    lab = Lab(
        TcpPort(host, port),
        options.client_id,
        options.allow_orders,
        highest=options.server_version,
    )
    lab.open()
    findings = []
    try:
        for finding in run_checks(lab, ASSUMPTIONS):
            findings.append(finding)
            if not options.json:
                sys.stdout.write(line(finding) + "\n")
                sys.stdout.flush()
    finally:
        lab.close()
        for order in lab.left_over:
            sys.stderr.write(
                f"ibproxy: order {order.order_id} of client id {order.client_id} may be working "
                "still: look for it in the gateway and cancel it\n"
            )
    counts = Counter(finding.result for finding in findings)
    if options.json:
        sys.stdout.write(json.dumps([_plain(finding) for finding in findings], indent=2) + "\n")
    else:
        sys.stdout.write(summary(lab, counts) + "\n")
    return 1 if counts[Result.DIFFERS] else 0


def line(finding: Finding) -> str:
    """Return a finding as a line."""
    row = finding.assumption
    detail = finding.detail.replace("\n", " ")[:MOST_SHOWN]
    return f"{SIGNS[finding.result]} {row.fact:6} {row.sentence}\n            {detail}"


def summary(lab: Lab, counts: Counter[Result]) -> str:
    """Return the last line."""
    parts = ", ".join(f"{counts[result]} {result.value}" for result in Result)
    return f"gateway {lab.port}, server version {lab.main.version}: {parts}"


def _plain(finding: Finding) -> dict[str, str]:
    row = finding.assumption
    return {
        "fact": row.fact,
        "assumption": row.sentence,
        "source": row.source,
        "confidence": row.confidence.value,
        "check": row.check.__name__ if row.check else "",
        "result": finding.result.value,
        "detail": finding.detail,
    }
