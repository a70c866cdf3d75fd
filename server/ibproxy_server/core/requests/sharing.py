"""When requests are equal, and when one upstream can serve requests that are not quite.

Market data requests that differ in their generic tick list, and account summaries that differ in
their tags, share one upstream with the union of what they ask for, their *items*; each member is
shown what it asked for. All other requests share if they are equal in every field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ibproxy.wire.messages import Carry, Request
from ibproxy_server.core.requests import generic_ticks
from ibproxy_server.core.requests.upstream_request import Accept

MARKET_DATA, HISTORY, SUMMARY, TICK_BY_TICK = 1, 20, 62, 97

Key = tuple[bytes, ...]
Items = frozenset[bytes]

_GENERIC_TICKS_AT, _REGULATORY_AT, PAST_TICKS_AT, _TAGS_AT = -4, -2, -2, -1
_EMPTY_NUMBERS = {b"0", b"0.0"}
_ALL_ACCOUNTS = b"All"
_LEDGER, _ALL_LEDGERS, _BASE = b"$LEDGER", b"$LEDGER:ALL", b"BASE"

TAGS: Final = frozenset(
    b"AccountType NetLiquidation TotalCashValue SettledCash AccruedCash BuyingPower "
    b"EquityWithLoanValue PreviousDayEquityWithLoanValue "
    b"GrossPositionValue ReqTEquity RegTEquity "
    b"ReqTMargin RegTMargin SMA InitMarginReq MaintMarginReq AvailableFunds ExcessLiquidity "
    b"Cushion FullInitMarginReq FullMaintMarginReq FullAvailableFunds FullExcessLiquidity "
    b"LookAheadNextChange LookAheadInitMarginReq LookAheadMaintMarginReq "
    b"LookAheadAvailableFunds LookAheadExcessLiquidity HighestSeverity DayTradesRemaining "
    b"DayTradesRemainingT+1 DayTradesRemainingT+2 DayTradesRemainingT+3 DayTradesRemainingT+4 "
    b"Leverage".split()
)
"""The tags of a summary (fact 2.30), in both spellings that client libraries use [ibapi
account_summary_tags.py; ib_async/ib.py]. All are always asked for: only two summaries may run at a
time (facts 2.21, 2.22), and so every strategy's is a part of one."""


@dataclass(frozen=True)
class Widening:
    """How requests that differ in one list share an upstream.

    Attributes:
        at: index of the list, from the end.
        parse: text -> items.
        join: items -> text.
        apart: items that are asked for alone, or nothing; requests share if these are equal.
        first: what is asked for when only some items are wanted.
        covers: (what is asked for, what is wanted) -> whether it is in it.
        make_filter: the same -> what is shown to who wants it.
    """

    at: int
    parse: Callable[[bytes], Items]
    join: Callable[[Items], bytes]
    apart: Callable[[Items], Items]
    first: Callable[[Items], Items]
    covers: Callable[[Items, Items], bool]
    make_filter: Callable[[Items, Items], Accept]


def sharing_key(
    row: Request, fields: list[bytes], market_data_type: bytes, *, is_stream: bool
) -> Key | None:
    """Return what makes requests equal, or None for one that is never shared.

    Args:
        row: its row in the message table.
        fields: the request.
        market_data_type: the asker's; a line is of one type (fact 4.37).
        is_stream: whether it goes on after its first answer.
    """
    if row.carry is Carry.OWN:
        return None
    extra: list[bytes] = []
    if row.msg_id == MARKET_DATA:
        if fields[_REGULATORY_AT] == b"1":
            return None  # each one costs money (fact 4.32)
        extra.append(market_data_type)
    if row.msg_id == TICK_BY_TICK and fields[PAST_TICKS_AT] not in {b"", *_EMPTY_NUMBERS}:
        return None  # opens with the past (fact 4.48), which a late joiner would miss
    widening = widening_of(row, fields, is_stream=is_stream)
    if widening:
        apart = widening.apart(widening.parse(fields[widening.at]))
        fields = [*fields]
        fields[widening.at] = b",".join(sorted(apart))
    assert row.id_at is not None  # noqa: S101 - the table test holds this
    normal = (b"" if each in _EMPTY_NUMBERS else each for each in fields[row.id_at + 1 :])
    return (fields[0], b"stream" if is_stream else b"once", *normal, *extra)


def widening_of(row: Request, fields: list[bytes], *, is_stream: bool) -> Widening | None:
    """Return how a request shares with requests that ask for other items; None if it does not."""
    widening = _WIDENINGS.get(row.msg_id) if is_stream else None
    if row.msg_id == SUMMARY and not fields[_TAGS_AT]:
        return None  # is refused (fact 2.25)
    return widening


def _ticks_apart(items: Items) -> Items:
    """Return what cannot be filtered: no default ticks, and ticks that nobody knows."""
    has_no_defaults = generic_ticks.DEFAULTS_OFF in items
    strange = {item for item in items if not generic_ticks.is_known(item)}
    return items if has_no_defaults or strange else frozenset()


def _tags(text: bytes) -> Items:
    return frozenset(tag.strip() for tag in text.split(b",") if tag.strip())


def _join_tags(items: Items) -> bytes:
    """Return a list with the ledgers at its end."""
    return b",".join([*sorted(items & TAGS), *sorted(items - TAGS)])


def _tags_apart(items: Items) -> Items:
    """Return the ledgers, whose rows come as blocks (fact 2.26), and tags that nobody knows.

    Whoever wants a ledger has a part of the one with all currencies, so that there are never more
    than two summaries: with and without it.
    """
    strange = {item for item in items if item not in TAGS and not item.startswith(_LEDGER)}
    has_ledger = any(item.startswith(_LEDGER) for item in items)
    return frozenset({*strange, *({_ALL_LEDGERS} if has_ledger else ())})


def _widest_tags(items: Items) -> Items:
    return _tags_apart(items) | TAGS if items else items


def _has_tags(items: Items, wanted: Items) -> bool:
    return (wanted & TAGS) | _tags_apart(wanted) <= items


def _tag_filter(items: Items, wanted: Items) -> Accept:
    unwanted = items - wanted
    ledgers = {item for item in wanted if item.startswith(_LEDGER)}
    # without a currency a ledger is that of the base currency (fact 2.30)
    currencies = {item[len(_LEDGER) + 1 :] or _BASE for item in ledgers}
    has_all_currencies = _ALL_LEDGERS in ledgers

    def accept(msg_id: bytes, tail: bytes) -> bool:
        """Rows of a ledger name `All` as their account (fact 2.26); an end mark has neither."""
        if msg_id != b"63":
            return True
        account, tag, _, currency, *_ = tail.split(b"\0", 4)
        if account == _ALL_ACCOUNTS:
            return has_all_currencies or currency in currencies
        return tag not in unwanted

    return accept


_WIDENINGS: Mapping[int, Widening] = {
    MARKET_DATA: Widening(
        _GENERIC_TICKS_AT,
        generic_ticks.parse,
        generic_ticks.join,
        _ticks_apart,
        lambda items: items,
        generic_ticks.covers,
        generic_ticks.TickFilter,
    ),
    SUMMARY: Widening(
        _TAGS_AT,
        _tags,
        _join_tags,
        _tags_apart,
        _widest_tags,
        _has_tags,
        _tag_filter,
    ),
}
