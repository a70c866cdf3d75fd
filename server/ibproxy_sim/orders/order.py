"""Orders: what they ask for, how far they are, and by which events they move on.

The statuses and their moves are one table, `TRANSITIONS`. `Order.apply` is the only place where
a status changes; a move that is not in the table raises.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ibproxy.errors import LocalError
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.orders.allocation import Allocation
from ibproxy_sim.orders.terms import Terms


class Status(str, enum.Enum):
    """Where an order is; the value is the word on the wire (fact 3.57)."""

    UNTRANSMITTED = "Inactive"  # never sent while it lasts (facts 3.49, 3.91)
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REFUSED = "Inactive "  # the blank keeps it apart from an untransmitted one

    @property
    def wire_text(self) -> str:
        """The word on the wire."""
        return self.value.strip()


class Event(enum.Enum):
    """What can happen to an order."""

    TRANSMITTED = enum.auto()
    WORKING = enum.auto()
    PARTLY_FILLED = enum.auto()
    FILLED = enum.auto()
    CANCEL_ASKED = enum.auto()
    CANCELLED = enum.auto()
    REFUSED = enum.auto()


TRANSITIONS: Final[Mapping[Status, Mapping[Event, Status]]] = {
    Status.UNTRANSMITTED: {
        Event.TRANSMITTED: Status.PRE_SUBMITTED,
        Event.CANCELLED: Status.CANCELLED,
        Event.REFUSED: Status.REFUSED,
    },
    Status.PRE_SUBMITTED: {
        Event.WORKING: Status.SUBMITTED,
        Event.PARTLY_FILLED: Status.SUBMITTED,
        Event.FILLED: Status.FILLED,
        Event.CANCEL_ASKED: Status.PENDING_CANCEL,
        Event.CANCELLED: Status.CANCELLED,
        Event.REFUSED: Status.REFUSED,
    },
    Status.SUBMITTED: {
        Event.WORKING: Status.SUBMITTED,
        Event.PARTLY_FILLED: Status.SUBMITTED,
        Event.FILLED: Status.FILLED,
        Event.CANCEL_ASKED: Status.PENDING_CANCEL,
        Event.CANCELLED: Status.CANCELLED,
        Event.REFUSED: Status.REFUSED,
    },
    Status.PENDING_CANCEL: {  # it can still fill while the cancel is on its way
        Event.PARTLY_FILLED: Status.PENDING_CANCEL,
        Event.FILLED: Status.FILLED,
        Event.CANCELLED: Status.CANCELLED,
    },
    Status.FILLED: {},
    Status.CANCELLED: {},
    Status.REFUSED: {},
}
"""Status -> event -> next status. What is not listed is illegal."""

DONE: Final = frozenset(status for status, moves in TRANSITIONS.items() if not moves)


class IllegalMoveError(LocalError):
    """Raised when an order is told of an event that its status does not allow."""


class Trigger(enum.Enum):
    """What an order waits for before it works."""

    NONE = enum.auto()
    STOP = enum.auto()
    TOUCH = enum.auto()
    TRAIL = enum.auto()
    TRAIL_TOUCH = enum.auto()


@dataclass(frozen=True)
class OrderType:
    """How an order type behaves.

    Attributes:
        trigger: what it waits for.
        limited: whether lmtPrice bounds its price.
    """

    trigger: Trigger = Trigger.NONE
    limited: bool = False


TRAILING: Final = frozenset({Trigger.TRAIL, Trigger.TRAIL_TOUCH})
_SAYS_TRIGGER: Final = frozenset({Trigger.STOP, Trigger.TRAIL, Trigger.TOUCH})
_MARKET, _LIMIT = OrderType(), OrderType(limited=True)
ORDER_TYPES: Final[Mapping[str, OrderType]] = {
    "MKT": _MARKET,
    "MTL": _MARKET,
    "MKT PRT": _MARKET,
    "MOC": _MARKET,  # closing auctions are not modelled: they trade now
    "MOO": _MARKET,
    "LMT": _LIMIT,
    "LOC": _LIMIT,
    "LOO": _LIMIT,
    "STP": OrderType(Trigger.STOP),
    "STP PRT": OrderType(Trigger.STOP),
    "STP LMT": OrderType(Trigger.STOP, limited=True),
    "TRAIL": OrderType(Trigger.TRAIL),
    "TRAIL LIMIT": OrderType(Trigger.TRAIL, limited=True),
    "TRAIL MIT": OrderType(Trigger.TRAIL_TOUCH),
    "TRAIL LIT": OrderType(Trigger.TRAIL_TOUCH, limited=True),
    "MIT": OrderType(Trigger.TOUCH),
    "LIT": OrderType(Trigger.TOUCH, limited=True),
    # pegged and relative ones trade at the market, within their cap [assumed]
    **dict.fromkeys(
        ["MIDPRICE", "REL", "PEG MKT", "PEG MID", "PEG BEST", "PEG BENCH", "PEG PRIM", "VOL"],
        OrderType(limited=True),
    ),
    **dict.fromkeys(["PEGMID", "PEGBEST", "PEGBENCH", "SNAP MKT", "SNAP MID"], _MARKET),
}

NEEDS_LIMIT: Final = frozenset({"LMT", "LOC", "LOO", "STP LMT", "LIT"})


@dataclass(frozen=True)
class Leg:
    """One leg of a combo.

    Attributes:
        instrument: what it trades.
        ratio: how many for each combo bought; negative if buying the combo sells the leg.
    """

    instrument: Instrument
    ratio: int


@dataclass
class Piece:
    """What a scale order has filled and means to close.

    Attributes:
        price: at which, or better.
        shares: how much of it is open.
    """

    price: float
    shares: float


@dataclass(eq=False)
class Order:
    """One order, from the moment the gateway took it.

    Attributes:
        client_id: the API client id that placed it; with `order_id` it names the order.
        perm_id: unique in the whole gateway (fact 3.19).
        terms: what was asked for last.
        instrument: what it trades; None for a combo, which has `legs`.
        quantity: how much in all; a partly filled OCA peer may have lowered it.
        average_price: of what is filled, for one unit.
        stop_price: where a stop or trail triggers now.
        triggered: whether it waits for a price no more.
        limit_price: bound on its price now; None if there is none.
        parent: the order whose fill wakes it.
        oca_group: peers with the same name in the same account go when one goes.
        expires_at_s: when it lapses; None if it does not.
        starts_at_s: when it may begin to work.
        is_adjusted: whether it has become the stop that it was to become.
        is_locating: whether stock for a short sale is still looked for.
        pieces: what it has still to close again.
        allocation: who gets what of it; None if it is for one account.
        is_cancel_refused: whether a cancel was already answered with 10148 (fact 3.83).
        is_outside_ignored: whether it asked in vain to trade outside regular hours.
    """

    client_id: int
    order_id: int
    perm_id: int
    account: str
    terms: Terms
    instrument: Instrument | None
    legs: tuple[Leg, ...] = ()
    status: Status = Status.UNTRANSMITTED
    quantity: float = 0.0
    filled: float = 0.0
    average_price: float = 0.0
    last_price: float = 0.0
    commission: float = 0.0
    stop_price: float | None = None
    limit_price: float | None = None
    triggered: bool = True
    parent: Order | None = None
    children: list[Order] = field(default_factory=list)
    oca_group: str = ""
    oca_type: int = 3
    placed_at_s: float = 0.0
    done_at_s: float | None = None
    expires_at_s: float | None = None
    starts_at_s: float = 0.0
    is_cancel_refused: bool = False
    is_adjusted: bool = False
    is_locating: bool = False
    is_outside_ignored: bool = False
    allocation: Allocation | None = None
    pieces: list[Piece] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Move to the status that `event` leads to.

        Raises:
            IllegalMoveError: the table has no such move.
        """
        try:
            self.status = TRANSITIONS[self.status][event]
        except KeyError:
            raise IllegalMoveError(f"{event} does not fit an order that is {self.status}") from None

    @property
    def is_done(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in DONE

    @property
    def is_transmitted(self) -> bool:
        """Whether it has left the gateway."""
        return self.status is not Status.UNTRANSMITTED

    @property
    def is_unbound(self) -> bool:
        """Whether it was entered by hand and no client has it (fact 3.21)."""
        return self.order_id == 0

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.terms.text("action") == "BUY"

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sale."""
        return 1 if self.is_buy else -1

    @property
    def remaining(self) -> float:
        """What is still to be filled."""
        return max(0.0, round(self.quantity - self.filled, 8))

    @property
    def type_name(self) -> str:
        """The order type as the client wrote it."""
        return self.terms.text("order_type")

    @property
    def type(self) -> OrderType:
        """How its order type behaves."""
        return ORDER_TYPES[self.type_name]

    @property
    def tif(self) -> str:
        """Time in force; DAY if the client named none."""
        return self.terms.text("tif") or "DAY"

    @property
    def waits_for_parent(self) -> bool:
        """Whether its parent is still to fill."""
        return self.parent is not None and self.parent.status is not Status.FILLED

    @property
    def why_held(self) -> str:
        """Why it does not work yet, as orderStatus states it (facts 3.59, 3.94)."""
        if self.is_done:
            return ""
        reasons = (
            ("child", self.waits_for_parent),
            ("trigger", not self.triggered and self.type.trigger in _SAYS_TRIGGER),
            ("locate", self.is_locating),
        )
        return ",".join(word for word, holds in reasons if holds)

    def family(self) -> Iterator[Order]:
        """Itself and all orders that hang from it, parents first."""
        yield self
        for child in self.children:
            yield from child.family()

    def restart_prices(self) -> None:
        """Take limit and stop from the terms, after placing or modifying."""
        if self.type.trigger in TRAILING and self.is_transmitted and self.triggered:
            return  # what it trailed to holds
        limit = self.terms.number("lmt_price")
        if limit is None and self.legs and self.terms.leg_prices:
            pairs = zip(self.legs, self.terms.leg_prices, strict=False)
            limit = sum(leg.ratio * price for leg, price in pairs)
        if self.type_name == "PEG BENCH":  # where it begins; it is moved by hand here
            limit = self.terms.number("starting_price") or limit
        # IB takes a pegged order without cap with lmtPrice 0
        is_capped = self.type.limited and (self.type_name in NEEDS_LIMIT or bool(limit))
        self.limit_price = limit if is_capped else None
        if self.type.trigger in TRAILING:
            self.stop_price = self.terms.number("trail_stop_price")
            self.limit_price = None
        elif self.type.trigger is not Trigger.NONE:
            self.stop_price = self.terms.number("aux_price")
