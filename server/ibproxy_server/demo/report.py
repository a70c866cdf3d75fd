"""What one strategy was told: the findings of its observer, as a file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ibproxy.errors import RemoteProtocolError


class Report(msgspec.Struct):
    """What reached one strategy.

    Attributes:
        messages: how many messages came.
        account_messages: account code -> messages that spoke of it.
        perm_ids: permanent ids of all orders that were spoken of.
        executions: execution id -> account that it was for.
        unasked: ids that were answered though this program never asked under them.
        timeouts: log lines that tell of a request that timed out.
        unreadable: log lines of messages that could not be decoded.
        errors: errors and warnings of the gateway, as `code text`.
    """

    messages: int = 0
    account_messages: dict[str, int] = {}
    perm_ids: set[int] = set()
    executions: dict[str, str] = {}
    unasked: list[int] = []
    timeouts: list[str] = []
    unreadable: list[str] = []
    errors: list[str] = []


def write_report(report: Report, path: Path) -> None:
    """Write the report so that a reader sees all of it or nothing."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(msgspec.json.encode(report))
    unfinished.replace(path)


def read_report(path: Path) -> Report | None:
    """Return the report, or None when the strategy left none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise RemoteProtocolError(f"{path.name} is no report: {error}") from error
