"""Which rows of docs/limits.md a script should read because of what it does.

A row whose title names a method, a request or a field in backquotes concerns every script that
uses that name. This table says the rest: rows that no script can notice, rows that matter in
some settings only, and uses that have no name. The page says what differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ibproxy.wire.messages import REQUESTS, Carry
from ibproxy_server.check.limits import Limit, limits
from ibproxy_server.methods import messages_of


class Grade(IntEnum):
    """How much it matters, the worst last."""

    NOTE = 0
    DIFFERS = 1
    CHANGE = 2


QUIET: Final = frozenset(
    {
        "Equal `reqMktData` of several scripts",
        "`reqRealTimeBars`, scanner, P&L, account summary, multi updates, display groups",
        "`reqMktDepth`",
        "`keepUpToDate` bars",
        "`reqTickByTickData` with a number of past ticks",
        "`cancelMktData` and other cancels",
        "`reqMarketDataType`",
        (
            "`reqContractDetails`, `reqHeadTimeStamp`, `reqSecDefOptParams`, `reqSmartComponents`, "
            "`reqNewsArticle`, `reqMarketRule`, `reqScannerParameters`, `reqMktDepthExchanges`, "
            "`reqNewsProviders`"
        ),
        (
            "Questions without a request id (`reqMarketRule`, `reqScannerParameters`, `requestFA`, "
            "`reqFamilyCodes`, `reqMktDepthExchanges`, `reqNewsProviders`, `reqCompletedOrders`, "
            "`reqCurrentTime`)"
        ),
        "`reqCurrentTime`",
        "`cancelHistoricalData`",
        "`reqPositions`",
        "`reqOpenOrders`",
        "`ocaGroup`",
        (
            "Rules for historical data, head time stamps, real-time bars, `reqMatchingSymbols` and "
            "repeated tick-by-tick requests"
        ),
    }
)
"""Titles of rows that tell how it is done, and that a script cannot tell from a gateway."""

SOMETIMES: Final = frozenset(
    {
        "`managedAccounts`",
        "`reqAccountSummary`",
        "`reqAccountUpdates`",
        "`reqAccountUpdates` for an advisor's sum of accounts (`F123456A`)",
        "No account in `reqPositionsMulti`, `reqAccountUpdatesMulti`, `reqExecutions`",
        "`requestFA`, `reqFamilyCodes`, from a session that does not see all accounts",
    }
)
"""Titles of rows that matter in some settings only: if the strategy is bound to accounts, trades
for an advisor, or if others listen to other accounts."""


@dataclass(frozen=True)
class Use:
    """What a use that has no name in a title leads to."""

    title: str
    grade: Grade


@dataclass(frozen=True)
class Own:
    """What is said of a use that docs/limits.md has no row for."""

    grade: Grade
    text: str
    page: str


LIMITS_PAGE: Final = "docs/limits.md"
_RUNNING: Final = "docs/running-scripts.md"
_PORTS: Final = "docs/configuration.md#paper-and-live"

STARTS_GATEWAY: Final = Own(
    Grade.DIFFERS,
    "Under `ibproxy run` it starts no gateway. In any other way it has to be left out: a second "
    "login would end the proxy's.",
    _RUNNING,
)
SOCKETS: Final = Own(
    Grade.NOTE,
    "If it looks whether the gateway's port is open, it asks the gateway itself, past the proxy.",
    _RUNNING,
)
OTHER_PORT: Final = Own(
    Grade.NOTE,
    "It stands for neither paper nor live, so nothing keeps the script off a live account: add it "
    "to `paper_ports` or `live_ports`, or give the strategy `expects`.",
    _PORTS,
)
PORT_OF_A_DOOR: Final = Own(
    Grade.NOTE,
    "By a door no port is heard of, so nothing keeps the program off a live account: give its "
    'strategy `expects = "paper"` if it is to have paper only.',
    _PORTS,
)

CLIENT_ZERO: Final = (
    Use("Orders placed by hand in TWS or by other API clients", Grade.DIFFERS),
    Use("`reqAutoOpenOrders`", Grade.DIFFERS),
)
SEVERAL_GATEWAYS: Final = Use("Host and port of `connect`", Grade.DIFFERS)
PROCESSES: Final = Use("A process that was forked from a connected one", Grade.DIFFERS)
CONNECTION: Final = Use("`ib.client.conn`", Grade.CHANGE)
IBAPI: Final = Use("Protocol version", Grade.NOTE)
OF_MEMBER: Final = {
    "setConnectOptions": Use(
        "Connect options (`+PACEAPI`) and optional capabilities of startApi", Grade.DIFFERS
    ),
    "MaxClientVersion": IBAPI,
    "MinClientVersion": IBAPI,
    "faGroup": Use(
        "Order for a group of accounts (`faGroup`, `faProfile`) from a bound strategy", Grade.NOTE
    ),
}
"""Name of a member -> the row; names in backquotes of other titles need no entry."""

_OWN: Final = {
    use.title
    for use in (*CLIENT_ZERO, SEVERAL_GATEWAYS, PROCESSES, CONNECTION, IBAPI, *OF_MEMBER.values())
} - {"`reqAutoOpenOrders`"}
_REFUSED: Final = {row.name for row in REQUESTS if row.carry is Carry.REFUSED}
_PASSED_BY: Final = {"connect", "connectAsync"}
"""Methods of which everybody uses one: what they send is no choice of the script's."""


def rows_for(name: str) -> list[tuple[Limit, Grade]]:
    """Return the rows that a member of `IB` or of a client, or a field, leads to."""
    if name in _PASSED_BY or name.startswith("_"):
        return []
    found = []
    if use := OF_MEMBER.get(name):
        found.append((limits()[use.title], use.grade))
    wanted = {name, name.removesuffix("Async"), *(row.name for row in messages_of(name))}
    for title, limit in limits().items():
        if title not in _OWN | QUIET and limit.names & wanted:
            found.append((limit, _grade(limit, wanted)))
    return found


def _grade(limit: Limit, names: set[str]) -> Grade:
    if limit.names & names & _REFUSED:
        return Grade.CHANGE
    return Grade.NOTE if limit.title in SOMETIMES else Grade.DIFFERS


def all_titles() -> frozenset[str]:
    """Return every title that this table names."""
    return QUIET | SOMETIMES | _OWN | {use.title for use in CLIENT_ZERO}
