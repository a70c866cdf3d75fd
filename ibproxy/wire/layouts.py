"""Where layouts differ between server versions 157 and 178: one row for each field that differs.

A request of a client below the gateway's version gains the fields that have come since, and loses
those that have gone; an answer on its way to it loses and gains the same. So only requests need
defaults for what has come, and only answers for what has gone. Indexes count a message's fields
from 0, its id, and are those of layouts that have the field.

The fields were measured (fact 9.1) on ibapi 9.81 and 10.50 and on ib_async 2.1, at each version
[api ibapi/{client,decoder,orderdecoder,server_versions}.py, ib_async/{client,decoder}.py].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "ANSWERS_SINCE",
    "ANSWER_FIELDS",
    "FIRST_WITH_FRACTIONS",
    "REQUESTS_SINCE",
    "REQUEST_FIELDS",
    "SIZES",
    "Field",
    "Groups",
    "Rows",
    "Sizes",
    "When",
    "tail_at",
]


@dataclass(frozen=True)
class When:
    """Only where the field at `at` has one of these values."""

    at: int
    values: frozenset[bytes]


@dataclass(frozen=True)
class Groups:
    """Counted groups of fields that stand before a field in some messages.

    Attributes:
        at: index of the first count.
        widths: of each group, how many fields one of its members has.
        when: in which messages.
    """

    at: int
    widths: tuple[int, ...]
    when: When


@dataclass(frozen=True)
class Rows:
    """A count, and so many rows.

    Attributes:
        count_at: index of the count.
        width: how many fields a row has, at the lowest version.
        has_list: whether a count of single fields, and these, end the row.
    """

    count_at: int
    width: int
    has_list: bool = False


@dataclass(frozen=True)
class Field:
    """A field that messages have only from a version on, or only up to one.

    Attributes:
        name: IB's name.
        since: the first version with it.
        until: the first version without it; None: it has stayed.
        at: its index; None: it stands at the end, behind the rows above it.
        default: what is said of it where nobody said anything.
        behind: groups before it, which move it.
        within: the rows of which each ends with it.
        when: in which messages it is.
        into: where it is said since it has gone, if nothing is said there.
    """

    name: str
    since: int = 0
    until: int | None = None
    at: int | None = None
    default: bytes = b""
    behind: Groups | None = None
    within: Rows | None = None
    when: When | None = None
    into: int | None = None

    @property
    def is_tail(self) -> bool:
        """Whether it stands at the message's end."""
        return self.at is None and self.within is None

    def is_at(self, version: int) -> bool:
        """Whether a version's layout has it."""
        return self.since <= version and (self.until is None or version < self.until)


Fields = Mapping[int, tuple[Field, ...]]

_EXCHANGE, _ORDER_TYPE, _FA_GROUP = 9, 18, 39
_COMBO = Groups(35, (8, 1, 2), When(4, frozenset({b"BAG"})))  # legs, leg prices, routing
_ON_IBKRATS = When(_EXCHANGE, frozenset({b"IBKRATS"}))
_PEG_BEST = When(_ORDER_TYPE, frozenset({b"PEG BEST", b"PEGBEST"}))
_PEG_MID = When(_ORDER_TYPE, frozenset({b"PEG MID", b"PEGMID"}))
_PEGS = (
    Field("minTradeQty", since=170),
    Field("minCompeteSize", since=170),
    Field("competeAgainstBestOffset", since=170),
    Field("midOffsetAtWhole", since=170),
    Field("midOffsetAtHalf", since=170),
)

REQUEST_FIELDS: Fields = {
    3: (  # placeOrder
        # profiles were merged with groups (fact 2.45): one is a group by its name [assumed]
        Field("faProfile", until=177, at=42, behind=_COMBO, into=_FA_GROUP),
        Field("duration", since=158),
        Field("postToAts", since=160),
        Field("autoCancelParent", since=162, default=b"0"),
        Field("advancedErrorOverride", since=166),
        Field("manualOrderTime", since=169),
        Field("minTradeQty", since=170, when=_ON_IBKRATS),
        Field("minCompeteSize", since=170, when=_PEG_BEST),
        Field("competeAgainstBestOffset", since=170, when=_PEG_BEST),
        Field("midOffsetAtWhole", since=170, when=_PEG_MID),
        Field("midOffsetAtHalf", since=170, when=_PEG_MID),
    ),
    4: (Field("manualOrderCancelTime", since=169),),  # cancelOrder
    9: (Field("issuerId", since=176),),  # reqContractDetails
    102: (  # reqWshEventData
        Field("filter", since=171),
        Field("fillWatchlist", since=171, default=b"0"),
        Field("fillPortfolio", since=171, default=b"0"),
        Field("fillCompetitors", since=171, default=b"0"),
        Field("startDate", since=173),
        Field("endDate", since=173),
        Field("totalLimit", since=173, default=b"2147483647"),
    ),
}
"""Message id -> its fields that differ, those at the end in their order."""

_SYMBOLS = Rows(2, 5, has_list=True)  # derivatives' security types

ANSWER_FIELDS: Fields = {
    4: (Field("advancedOrderRejectJson", since=166),),  # error
    5: (  # openOrder
        Field("faProfile", until=177, at=34),
        Field("duration", since=158),
        Field("postToAts", since=160),
        Field("autoCancelParent", since=162),
        *_PEGS,
    ),
    10: (  # contractDetails
        Field("version", until=164, at=1, default=b"8"),
        # sizes are told in shares [assumed; details_are_laid_out_as_the_table_says settles it]
        Field("mdSizeMultiplier", until=164, at=15, default=b"1"),
        Field("minSize", since=164),
        Field("sizeIncrement", since=164),
        Field("suggestedSizeIncrement", since=163),
    ),
    11: (Field("pendingPriceRevision", since=178),),  # execDetails
    18: (  # bondContractDetails
        Field("version", until=164, at=1, default=b"6"),
        Field("mdSizeMultiplier", until=164, at=22, default=b"1"),
        Field("minSize", since=164),
        Field("sizeIncrement", since=164),
        Field("suggestedSizeIncrement", since=164),
    ),
    79: (  # symbolSamples
        Field("description", since=176, within=_SYMBOLS),
        Field("issuerId", since=176, within=_SYMBOLS),
    ),
    101: (Field("faProfile", until=177, at=31), *_PEGS),  # completedOrder
}
"""Message id -> its fields that differ, as above."""

REQUESTS_SINCE: Mapping[int, int] = {100: 161, 101: 161, 102: 161, 103: 161, 104: 167}
ANSWERS_SINCE: Mapping[int, int] = {104: 161, 105: 161, 106: 165, 107: 167}
"""Message id -> the first version that knows it; all others are known at 157."""

FIRST_WITH_FRACTIONS = 163
"""Below it a size is a whole number: clients read it as one, and end when it is none (fact 3.71)
[api ibapi 9.81 decoder.py]."""


@dataclass(frozen=True)
class Sizes:
    """Where a message has sizes.

    Attributes:
        at: their indexes; with rows, those within a row.
        rows: rows that have them.
        when: in which messages.
    """

    at: tuple[int, ...]
    rows: Rows | None = None
    when: When | None = None


_LAST, _BID_ASK = frozenset({b"1", b"2"}), frozenset({b"3"})

SIZES: Mapping[int, tuple[Sizes, ...]] = {
    1: (Sizes((5,)),),  # tickPrice
    2: (Sizes((4,)),),  # tickSize
    12: (Sizes((7,)),),  # updateMktDepth
    13: (Sizes((8,)),),  # updateMktDepthL2
    17: (Sizes((5,), Rows(4, 8)),),  # historicalData
    50: (Sizes((8,)),),  # realtimeBar
    89: (Sizes((1,), Rows(2, 2)),),  # histogramData
    90: (Sizes((9,)),),  # historicalDataUpdate
    95: (Sizes((2,)),),  # pnlSingle
    96: (Sizes((3,), Rows(2, 4)),),  # historicalTicks
    97: (Sizes((4, 5), Rows(2, 6)),),  # historicalTicksBidAsk
    98: (Sizes((3,), Rows(2, 6)),),  # historicalTicksLast
    99: (  # tickByTick
        Sizes((5,), when=When(2, _LAST)),
        Sizes((6, 7), when=When(2, _BID_ASK)),
    ),
}
"""Answers with sizes that clients below that version read as whole numbers; sizes of orders,
fills and positions may have fractions at every version."""


def tail_at(fields: tuple[Field, ...], version: int) -> tuple[Field, ...]:
    """Return those of `fields` with which a message ends at `version`."""
    return tuple(each for each in fields if each.is_tail and each.is_at(version))
