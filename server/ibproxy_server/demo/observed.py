"""Runs a strategy unchanged, and reports what reached it.

    python -m ibproxy_server.demo.observed SCRIPT REPORT.json

The observer stands outside: it listens on the transport of every `IB` that the script makes,
decodes what comes with a decoder of its own (ib_async's), and notes whom it was about. It does
not know the proxy, and the script does not know it.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import re
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from ib_async.decoder import Decoder
from ib_async.wrapper import Wrapper

import ibproxy
from ibproxy.wire.framing import FrameBuffer, split_fields
from ibproxy_server.demo.report import Report, write_report

INTERRUPTED = 130
HANDSHAKE_TIME = re.compile(r"[0-9]{8} [0-9:]{8}")
"""Second field of the gateway's first message; the first is the protocol version."""

ACCOUNT_NAMES = ("account", "accountName", "_account")
"""What ib_async's wrapper calls an account code among its parameters."""

NO_REQUEST = -1
"""Id of errors and executions that answer no request."""


class Observer:
    """Notes what the gateway's messages of one connection are about.

    Attributes:
        report: where it notes it.
        asked: ids that the program has drawn for its requests and orders.
    """

    def __init__(self, report: Report, ib: object = None) -> None:
        self.report = report
        self.asked: set[int] = set()
        self._frames = FrameBuffer()
        self._decoder = Decoder(cast("Wrapper", _Recorder(self._note, ib)), 0)
        self._decoder.logger = logging.getLogger("ibproxy.observed")

    def feed(self, data: bytes) -> None:
        """Take bytes as they came from the gateway's side."""
        for payload in self._frames.feed(data):
            fields = split_fields(payload)
            if len(fields) == 2 and HANDSHAKE_TIME.match(fields[1]):  # noqa: PLR2004
                self._decoder.serverVersion = int(fields[0])
                continue
            self.report.messages += 1
            self._decoder.interpret(fields)  # type: ignore[no-untyped-call]

    def reconnected(self) -> None:
        """Forget an unfinished frame; the next bytes are of a new connection."""
        self._frames = FrameBuffer()

    def _note(self, name: str, arguments: dict[str, Any]) -> None:
        report = self.report
        if name == "error":
            report.errors.append(f"{arguments['errorCode']} {arguments['errorString']}")
        if name == "managedAccounts":
            for account in arguments["accountsList"].split(","):
                self._count_account(account)
        for key in ACCOUNT_NAMES:
            self._count_account(arguments.get(key, ""))
        order, execution = arguments.get("order"), arguments.get("execution")
        if order is not None:
            self._count_account(order.account)
            report.perm_ids.add(order.permId)
        if execution is not None:
            self._count_account(execution.acctNumber)
            report.perm_ids.add(execution.permId)
            report.executions[execution.execId] = execution.acctNumber
        if name == "orderStatus":
            report.perm_ids.add(arguments["permId"])
        request = arguments.get("reqId", arguments.get("_reqId", NO_REQUEST))
        if name != "nextValidId" and request != NO_REQUEST and request not in self.asked:
            report.unasked.append(request)

    def _count_account(self, account: str) -> None:
        if account:
            counts = self.report.account_messages
            counts[account] = counts.get(account, 0) + 1


class _Recorder:
    """Stands where ib_async's wrapper would, and notes the calls by their parameters' names."""

    def __init__(self, note: Callable[[str, dict[str, Any]], None], ib: object) -> None:
        self.ib = ib  # the decoder asks it and its wrapper for time zones
        self.defaultTimezone = getattr(getattr(ib, "wrapper", None), "defaultTimezone", None)
        self._note = note

    def __getattr__(self, name: str) -> Callable[..., None]:
        signature = _signature(name)

        def record(*arguments: Any) -> None:
            # one place is left for `self`
            self._note(name, signature.bind(None, *arguments).arguments)

        return record


@functools.cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(getattr(Wrapper, name))


class _Lines(logging.Handler):
    """Keeps the log lines that tell of something gone wrong."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.name == "ibproxy.observed":
            self._report.unreadable.append(text)
        elif "timed out" in text:
            self._report.timeouts.append(text)


def observe(report: Report) -> None:
    """Watch every `RemoteIB` that is made from now on."""
    lines = _Lines(report)
    for name in ("ib_async", "ibproxy"):
        logging.getLogger(name).addHandler(lines)
    logging.getLogger("ibproxy.observed").propagate = False
    logging.getLogger("ibproxy.observed").addHandler(lines)
    original = ibproxy.RemoteIB.__init__

    @functools.wraps(original)
    def observed(self: ibproxy.RemoteIB, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        attach(self, Observer(report, self))

    setattr(ibproxy.RemoteIB, "__init__", observed)  # noqa: B010 - a type checker would mind


def attach(ib: Any, observer: Observer) -> None:
    """Let `observer` see what comes for `ib`, and which ids it draws."""
    client = ib.client
    client.conn.hasData += observer.feed  # weak: `drawn` keeps the observer alive
    client.conn.disconnected += lambda *_: observer.reconnected()
    draw = client.getReqId

    def drawn() -> int:
        number: int = draw()
        observer.asked.add(number)
        return number

    client.getReqId = drawn


def main(script: str, report_path: str) -> int:
    """Run the script as `python script` would; write the report however it ends."""
    report = Report()
    # until the script says otherwise, so that the report is written in any case
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.argv = [script]
    sys.path[0] = os.path.dirname(os.path.abspath(script))  # noqa: PTH100, PTH120 - as Python has it
    try:
        observe(report)
        runpy.run_path(script, run_name="__main__")
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        write_report(report, Path(report_path))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
