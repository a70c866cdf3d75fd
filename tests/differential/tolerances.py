"""What is compared of two logs, and all that may differ: each difference with its reason.

A log is cut into conversations: by kind, by request id and how often it was begun, and by what a
rule adds (a kind of tick, an order, an account's value). Within a conversation everything has to
be equal, in its order, unless `RULES` says less. Between conversations there is no order: what
the proxy answers by itself overtakes what is on the wire.

At the end comes an audit: everything is quiet, and each client asks for its orders, executions
and positions. These answers have to be equal as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from tests.differential.callbacks import Callback
from tests.differential.twins import Asked, Audit, Event, Over

Key = tuple[object, ...]
View = dict[Key, list[dict[str, Any]]]


class Keep(Enum):
    """How much of a conversation has to be equal."""

    ALL = "everything, in order"
    NEWS = "everything that says something new; the shared side may know more, the end is equal"
    MORE = "everything that says something new; the shared side may know more"
    LAST = "the last word"
    END = "all changes; one side may begin with one more"
    PRICES = "every price that is another than the one before; one may be repeated at first"
    ANYHOW = "everything, in whatever order"
    TAIL = "everything but perhaps the first"
    FROM = "as many ids, none of them lower"
    NEAR = "as many numbers, each at most 1 apart"
    SEEN = "whether there was anything"


@dataclass(frozen=True)
class Rule:
    """How callbacks of one name are compared.

    Attributes:
        family: conversation that it belongs to.
        key: arguments that set conversations apart, besides the request id.
        keep: how much has to be equal.
        hidden: arguments that are not compared.
        hidden_at_first: arguments that are not compared in a conversation's first message.
        why: the reason for keeping less than all.
    """

    family: str
    key: tuple[str, ...] = ()
    keep: Keep = Keep.ALL
    hidden: tuple[str, ...] = ()
    hidden_at_first: tuple[str, ...] = ()
    why: str = ""


_TICK = Rule("market data", ("tickType",))
_TICK_BY_TICK = Rule(
    "tick by tick", (), Keep.TAIL,
    why="a subscription begins with the tick of the moment, and who joins hears the next one",
)  # fmt: skip
_KEPT = (
    "who joins is shown what is known, on its own side what is so now; a change that is on the "
    "wire comes a moment later"
)
_SAMPLED = (
    "the gateway looks once a second, counted from the subscription, which is not the client's own"
)
_ASKED_LATER = (
    "a question that comes while another one's is under way is dropped by a gateway (fact 3.104), "
    "and asked again by the proxy"
)

RULES: Mapping[str, Rule] = {
    "priceSizeTick": Rule(
        "market data", ("tickType",), Keep.PRICES, hidden_at_first=("size",),
        why="the last message of a price has the size of its time; the present one follows. And a "
        "line that is made wider (more generic ticks) begins anew, with an unchanged price",
    ),
    "tickSize": _TICK,
    "tickString": _TICK,
    "tickGeneric": _TICK,
    "tickReqParams": Rule("market data", ("minTick",)),
    "marketDataType": Rule("market data", ("marketDataId",)),
    "tickSnapshotEnd": Rule("market data"),
    "updateMktDepth": Rule("depth"),
    "contractDetails": Rule("details"),
    "contractDetailsEnd": Rule("details"),
    "historicalData": Rule("history"),
    "historicalDataEnd": Rule("history"),
    "historicalDataUpdate": Rule(
        "history", (), Keep.END,
        why="who joins may hear once more what the answer's last bar has said, or miss a change "
        "of that bar that came while the answer was on the wire; the next one is whole",
    ),
    "historicalSchedule": Rule("history"),
    "historicalTicksBidAsk": Rule("past ticks"),
    "securityDefinitionOptionParameter": Rule("option parameters"),
    "securityDefinitionOptionParameterEnd": Rule("option parameters"),
    "historicalNews": Rule("past news"),
    "historicalNewsEnd": Rule("past news"),
    "headTimestamp": Rule("head"),
    "histogramData": Rule("histogram"),
    "symbolSamples": Rule("matching"),
    "displayGroupList": Rule("groups"),
    "displayGroupUpdated": Rule("group"),
    "fundamentalData": Rule("fundamentals"),
    "smartComponents": Rule("components"),
    "softDollarTiers": Rule("soft dollars"),
    "userInfo": Rule("user"),
    "wshMetaData": Rule("calendar"),
    "wshEventData": Rule("events"),
    "scannerData": Rule("scanner"),
    "scannerDataEnd": Rule("scanner"),
    "tickByTickAllLast": _TICK_BY_TICK,
    "tickByTickBidAsk": _TICK_BY_TICK,
    "realtimeBar": Rule("real-time bars"),
    "accountSummary": Rule(
        "summary", ("account", "tag", "currency"), Keep.SEEN,
        why="values are stated every three minutes (fact 2.21), and who joins is shown the last",
    ),
    "accountSummaryEnd": Rule("summary"),
    "positionMulti": Rule("positions multi", ("account", "contract"), Keep.NEWS, why=_KEPT),
    "positionMultiEnd": Rule("positions multi"),
    "accountUpdateMulti": Rule(
        "account multi", ("account", "tag", "currency"), Keep.NEWS, why=_KEPT
    ),
    "accountUpdateMultiEnd": Rule("account multi"),
    "pnl": Rule("p&l", (), Keep.LAST, why=_SAMPLED),
    "pnlSingle": Rule("one p&l", (), Keep.LAST, why=_SAMPLED),
    "openOrder": Rule("order", ("orderId", "permId")),
    "orderStatus": Rule("order", ("orderId", "permId")),
    "execDetails": Rule("executions"),
    "execDetailsEnd": Rule("executions"),
    "commissionReport": Rule("commission", ("execId",)),
    "error": Rule(
        "error", ("errorCode",), Keep.ANYHOW,
        why="an id may be an order's and a request's, and what is said here overtakes the wire",
    ),
    "updateAccountValue": Rule("account", ("account", "tag", "currency"), Keep.NEWS, why=_KEPT),
    "updatePortfolio": Rule("portfolio", ("account", "contract"), Keep.NEWS, why=_KEPT),
    "updateAccountTime": Rule(
        "account time", (), Keep.SEEN,
        why="one picture is kept of an account, with the time of its last row",
    ),
    "accountDownloadEnd": Rule(
        "account", ("_account",), Keep.NEWS,
        why="two questions that wait for one image have one end of it",
    ),
    "position": Rule("position", ("account", "contract"), Keep.NEWS, why=_KEPT),
    "marketRule": Rule("rule", ("marketRuleId",)),
    "updateNewsBulletin": Rule("bulletins", ("msgId",)),
    "completedOrder": Rule("completed", ("permId",), Keep.MORE, why=_ASKED_LATER),
    "completedOrdersEnd": Rule("completed", (), Keep.MORE, why=_ASKED_LATER),
    "nextValidId": Rule(
        "ids", (), Keep.FROM,
        why="an order's id counts as used until its refusal has come (the audit compares it)",
    ),
    "currentTime": Rule(
        "time", (), Keep.NEAR, why="whole seconds, which the proxy carries on by its own clock"
    ),
}  # fmt: skip
"""Callback -> rule; one that is not named is a conversation of its own, all of it compared."""

_RESTATED = (
    "prices of positions and what follows from them are stated every three minutes, counted from "
    "the subscription, which is not the client's own"
)
MOVING: Mapping[str, Rule] = {
    "updatePortfolio": Rule(
        "portfolio", ("account", "contract"), Keep.NEWS,
        ("marketPrice", "marketValue", "unrealizedPNL"), why=_RESTATED,
    ),
    "pnl": Rule("p&l", (), Keep.LAST, ("dailyPnL", "unrealizedPnL"), why=_SAMPLED),
    "pnlSingle": Rule(
        "one p&l", (), Keep.LAST, ("dailyPnL", "unrealizedPnL", "value"), why=_SAMPLED
    ),
    "scannerData": Rule(
        "scanner", (), Keep.SEEN,
        why="who joins is shown the last list; the gateway makes a new one every 30 seconds",
    ),
}  # fmt: skip
"""Rules while prices move; while they stand still all values are compared."""

SIZE_OF = {1: 0, 2: 3, 4: 5, 66: 69, 67: 70, 68: 71}
"""Kind of a price's tick -> that of its size."""

RT_VOLUME = 48
"""A tick that tells of a trade, with its time."""

PRICELESS = frozenset(
    {
        "AccountCode", "AccountOrGroup", "AccountReady", "AccountType", "DayTradesRemaining",
        "SegmentTitle-C", "SegmentTitle-S", "TradingType-S", "RealCurrency", "RealizedPnL",
    }
)  # fmt: skip
"""Account values that do not depend on prices, in each currency (the base's sums do)."""

IDS = frozenset({"nextValidId"})
"""Callbacks whose `reqId` is none."""

VALUES = frozenset({"updateAccountValue", "accountUpdateMulti", "accountSummary"})

CANCEL_ERRORS = frozenset({162, 300, 310, 322, 365, 366, 10185, 10186})
"""What a cancel, or a second question, is told: it depends on whether the answer is on the wire,
so it is not compared under an id whose conversation was cut short. Other errors may be missing
there, as they may have been what was cut off."""

PAST_CURRENCY = "currency EUR"
"""Values in a currency that is no longer held stay in the account's picture until the next one."""

TURNED = frozenset({"updateAccountValue", "updatePortfolio"})
"""While another account has the slot (facts 2.1 to 2.4), of several changes only the last is seen;
and of a position that was closed meanwhile only that it is."""

IMAGE = frozenset({"account", "portfolio", "account time"})
"""Conversations that begin with the image of an account."""

CLOSED = 2150
"""The warning that a position is closed (fact 2.38) comes to who begins a stream of its P&L; who
joins one is shown the same values without it, so it is not compared."""

UNREADABLE = 320
"""The words for what cannot be read are each gateway's own (fact 1.47): only the code counts."""


AUDIT: Mapping[str, frozenset[str]] = {
    "completed orders": frozenset({"completedOrder", "completedOrdersEnd"}),
    "executions": frozenset({"execDetails", "commissionReport", "execDetailsEnd"}),
    "open orders": frozenset({"openOrder", "orderStatus", "openOrderEnd"}),
    "all open orders": frozenset({"openOrder", "orderStatus", "openOrderEnd"}),
    "positions": frozenset({"position", "positionEnd"}),
    "ids": frozenset({"nextValidId"}),
    "accounts": frozenset({"managedAccounts"}),
}
"""Question of the audit -> the callbacks that answer it."""


def conversations(log: list[Event], *, is_calm: bool, is_turned: bool) -> View:
    """Return a log's conversations.

    Args:
        log: what was seen, and where conversations began.
        is_calm: whether prices stand still.
        is_turned: whether the updates of several accounts were asked for, which take turns.
    """
    numbers = Counter[Key]()
    found: View = {}
    audit: str | None = None
    for event in log:
        if isinstance(event, Audit):
            audit = event.name
        elif audit is not None:
            if isinstance(event, Callback) and event.name in AUDIT.get(audit, ()):
                place = (Keep.ALL, "audit", "", 0, audit)
                found.setdefault(place, []).append({"": event.name, **event.values})
        elif isinstance(event, Asked):
            numbers[event.family, str(event.id)] += 1
        elif isinstance(event, Over):
            found.setdefault((Keep.ALL, "connection", "", 0, ""), []).append({"": "over"})
        elif event.values.get("errorCode") != CLOSED:
            rule = rule_of(event, is_calm=is_calm)
            if is_turned and event.name in TURNED and rule.keep is Keep.NEWS:
                rule = replace(rule, keep=Keep.LAST, hidden=(*rule.hidden, *_closed(event)))
            _add(found, event, rule, numbers)
    return found


def _add(found: View, event: Callback, rule: Rule, numbers: Counter[Key]) -> None:
    key, shown = _placed(event, rule, numbers)
    known = found.setdefault(key, [])
    for each in () if known else rule.hidden_at_first:
        del shown[each]
    known.append(shown)
    if event.name in {"priceSizeTick", "tickSize"}:
        _note_size(found, key, event.values)


def _closed(event: Callback) -> tuple[str, ...]:
    """Return what is not known of a row that is no more: it is said that its position is 0."""
    return ("realizedPNL",) if event.values.get("posSize") == 0 else ()


def _note_size(found: View, key: Key, values: Mapping[str, Any]) -> None:
    """Note which size a ticker shows then: a price has one as well, and the last one counts.

    Who joins is shown old messages, the price perhaps with a size of long ago; all is well if
    the present size comes behind it.
    """
    kind = SIZE_OF.get(values["tickType"], values["tickType"])
    if kind in SIZE_OF.values():
        place = (Keep.END, *key[1:4], "size", f"tickType {kind}")
        found.setdefault(place, []).append({"": "size", "size": values["size"]})


def rule_of(event: Callback, *, is_calm: bool) -> Rule:
    """Return the rule for a callback."""
    name = event.name
    rule = RULES.get(name) or Rule(name)
    if name == "tickString" and event.values["tickType"] == RT_VOLUME:
        rule = replace(rule, hidden_at_first=("value",), why="who joins is shown the last trade")
    if is_calm:
        return rule
    values = event.values
    if name in VALUES and (values["tag"] not in PRICELESS or values["currency"] == "BASE"):
        return replace(rule, keep=Keep.SEEN, why=_RESTATED)
    return MOVING.get(name, rule)


def _placed(event: Callback, rule: Rule, numbers: Counter[Key]) -> tuple[Key, dict[str, Any]]:
    shown = {"": event.name, **event.values}
    request_id = "" if event.name in IDS else str(shown.pop("reqId", shown.pop("_reqId", "")))
    number = numbers[rule.family, request_id]
    for name in rule.hidden:
        del shown[name]
    if shown.get("errorCode") == UNREADABLE:
        del shown["errorString"]
    more = tuple(f"{name} {_part(event, name)}" for name in rule.key)
    name = event.name if rule.keep not in {Keep.ALL, Keep.ANYHOW} else ""
    return (rule.keep, rule.family, request_id, number, name, *more), shown


def _part(event: Callback, name: str) -> object:
    """Return what a rule's key means: an argument, or something inside of one."""
    values = event.values
    if name == "permId" and "order" in values:
        return values["order"].get("permId", 0)
    if name == "contract":
        return values["contract"]["conId"]
    if name == "execId":
        return values["commissionReport"]["execId"]
    return values[name]


def differences(
    own: View,
    shared: View,
    cut_short: set[tuple[str, str, int]],
    merged: set[tuple[str, str, int]],
    hasty: set[str],
    *,
    has_lists: bool,
    asks_lists: bool,
    own_refs: tuple[str, ...],
    is_impatient: bool,
    has_turned_away: bool,
    has_left: bool,
) -> list[str]:
    """Return a line for each conversation that differs.

    Args:
        own: what was seen on a gateway of one's own.
        shared: what was seen behind the proxy.
        cut_short: conversations of which it is chance how much arrived.
        merged: conversations of several questions under one id, whose answers may overtake each
            other, as some are shared with other clients.
        hasty: order ids that were named again before it was known what became of them: a second
            message may be refused for another reason (103), as ids upstream only rise (fact 3.1).
        has_lists: whether somebody has asked for open orders: what such a list tells of a change
            on its way (fact 3.85) passes by the order's owner as well, even if another one asked,
            and it may swallow a statement that only repeats the last.
        asks_lists: whether it was this client.
        is_impatient: whether it turned away before the image of an account had come: the proxy's
            waits for the account's turn, or for the state behind a trade.
        has_turned_away: whether it turned away at all, and so heard the last change on one side
            only.
        has_left: whether it has disconnected, and so heard the end of something on one side only.
        own_refs: how references of its orders begin.
    """
    cut_ids = {request_id for _, request_id, _ in cut_short}
    lines = []
    for key in sorted({*own, *shared}, key=str):
        one, other = own.get(key, []), shared.get(key, [])
        if key[1:4] in cut_short or (not one and key[-1] == PAST_CURRENCY):
            continue
        if key[1] in IMAGE and (
            (not other and (is_impatient or one[-1].get("posSize") == 0))
            or one[-1:] == other[-1:]
            or (has_turned_away and (key[0] is Keep.LAST or _is_within(other, one)))
        ):
            continue
        is_cut_error = key[1] == "error" and key[2] in cut_ids
        if key[1] == "error" and key[2] in hasty and _refusals(own, key) == _refusals(shared, key):
            continue
        if is_cut_error and (one or _code(other) in CANCEL_ERRORS):
            continue
        keep = key[0]
        if key[1:4] in merged:
            keep = Keep.ANYHOW
        if keep is Keep.ALL and key[1] == "order" and has_lists:
            keep = Keep.MORE if has_left else Keep.NEWS
            if asks_lists and not _is_own(key, own_refs):
                continue  # a list may be asked for later than the question: see the audit
        if not _are_equal(keep, one, other):
            lines.append(f"{key[1:]}:\n{_told(one, other)}")
    return lines


def _is_own(key: Key, own_refs: tuple[str, ...]) -> bool:
    return any(str(part).removeprefix("permId ").startswith(own_refs) for part in key[5:])


def _refusals(view: View, place: Key) -> int:
    """Return how many errors there were under an id."""
    return sum(len(rows) for key, rows in view.items() if key[1:3] == place[1:3])


def _code(messages: list[dict[str, Any]]) -> int:
    return int(messages[0]["errorCode"])


def _told(own: list[dict[str, Any]], shared: list[dict[str, Any]]) -> str:
    """Return both sides' messages, without what they begin with and share."""
    while own and shared and own[0] == shared[0]:
        own, shared = own[1:], shared[1:]
    if own and shared and own[0][""] == shared[0][""]:
        differing = {
            f"{name}.{inner}" if inner else name: (one, other)
            for name in own[0]
            for inner, one, other in _apart(own[0][name], shared[0][name])
        }
        first = f"  first difference, own and shared: {own[0]['']} {differing}\n"
    else:
        first = ""
    rows = [f"  {side}: {row}" for side, rows in (("own", own), ("shared", shared)) for row in rows]
    return first + "\n".join(rows)


def _apart(one: Any, other: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        names = {**one, **other}
        return [(n, one.get(n), other.get(n)) for n in names if one.get(n) != other.get(n)]
    return [("", one, other)] if one != other else []


def _are_equal(keep: object, own: list[dict[str, Any]], shared: list[dict[str, Any]]) -> bool:
    if keep in {Keep.NEWS, Keep.MORE}:
        names = {each[""] for each in own + shared}
        ends = [[_news(side, name)[-1:] for name in names] for side in (own, shared)]
        is_end_equal = keep is Keep.MORE or own[-1:] == shared[-1:] or ends[0] == ends[1]
        return is_end_equal and all(_is_within(_news(own, n), _news(shared, n)) for n in names)
    if keep is Keep.NEAR:
        return len(own) == len(shared) and all(
            abs(one["time"] - other["time"]) <= 1 for one, other in zip(own, shared, strict=True)
        )
    if keep is Keep.FROM:
        return len(own) == len(shared) and all(
            one["reqId"] <= other["reqId"] for one, other in zip(own, shared, strict=True)
        )
    one, other = _changes(own), _changes(shared)
    verdicts = {
        Keep.ALL: own == shared,
        Keep.SEEN: bool(own) == bool(shared),
        Keep.LAST: own[-1:] == shared[-1:],
        Keep.PRICES: _are_prices_equal(_prices(own), _prices(shared)),
        Keep.ANYHOW: sorted(own, key=str) == sorted(shared, key=str),
        Keep.TAIL: shared in (own, own[1:]),
        Keep.END: other in (one, one[1:], [*other[:1], *one]),
    }
    assert isinstance(keep, Keep)
    return verdicts[keep]


def _are_prices_equal(own: list[dict[str, Any]], shared: list[dict[str, Any]]) -> bool:
    if len(shared) == len(own) + 1:  # the one that may be repeated
        shared = shared[1:]
    bare = [[{**each, "size": None} for each in side[:1]] for side in (own, shared)]
    return bare[0] == bare[1] and own[1:] == shared[1:]


def _prices(ticks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        tick
        for at, tick in enumerate(ticks)
        if not at or tick.get("price") != ticks[at - 1].get("price")
    ]


def _changes(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for at, each in enumerate(messages) if not at or each != messages[at - 1]]


def _is_within(own: list[dict[str, Any]], shared: list[dict[str, Any]]) -> bool:
    rest = iter(shared)
    return all(each in rest for each in own)


def _news(statements: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return statements of a name, without those that repeat the last one."""
    news: list[dict[str, Any]] = []
    for statement in statements:
        if statement[""] == name and news[-1:] != [statement]:
            news.append(statement)
    return news
