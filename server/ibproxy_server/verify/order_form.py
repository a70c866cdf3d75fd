"""placeOrder as it stands on the wire at server version 176, for plain stock orders."""

from __future__ import annotations

from dataclasses import dataclass

CANCEL_ORDER = (4, 1)
"""cancelOrder, up to the order id."""

WHAT_IF_AT = 56
TAIL: tuple[object, ...] = (
    # block, sweep, display size, trigger, outside RTH, hidden, shares allocation, discretionary
    0, 0, 0, 0, 0, 0, "", 0.0,
    # good after, good till, FA group, method, percentage, profile, model, short sale slot, place
    "", "", "", "", "", "", "", 0, "",
    # exempt code, OCA type, rule 80A, settling firm, all or none, minimum, percent offset
    -1, 0, "", "", 0, "", "",
    # electronic only, firm only, price cap, auction strategy, starting, reference, delta, range
    0, 0, "", 0, "", "", "", "", "",
    # override constraints, volatility, its type, delta neutral type and price, continuous
    0, "", "", "", "", 0,
    # reference price, trailing stop, percent, three of scale, its table, active from and to
    "", "", "", "", "", "", "", "", "",
    # hedge, no smart routing, clearing account and intent, not held, delta neutral, algo, its id
    "", 0, "", "", 0, 0, "", "",
    # what-if, miscellaneous options, solicited, random size and price, conditions
    0, "", 0, 0, 0, 0,
    # adjusted: type, trigger, offset, stop, stop limit, trailing, its unit; operator; dollar tier
    "", "", "", "", "", "", 0, "", "", "",
    # cash quantity, four of MiFID, hedge price, container, discretionary, price management
    "", "", "", "", "", 0, 0, 0, "",
    # duration, post to ATS, cancel with parent, advanced override, manual time
    "", "", 0, "", "",
)  # fmt: skip
"""Everything behind the parent's id, all at its default [api ib_async/client.py placeOrder]."""


@dataclass(frozen=True)
class Ticket:
    """An order to be placed.

    Attributes:
        order_id: its id.
        contract: the twelve contract fields.
        account: whose it is.
        limit: limit price.
        action: BUY or SELL.
        stop: stop price, for a stop order instead of a limit order; 0 is a limit order.
        oca_group: name of its one-cancels-all group.
        transmit: whether it is sent on.
        parent_id: order id of its parent.
        what_if: whether only its margin is asked for.
    """

    order_id: int
    contract: tuple[object, ...]
    account: str
    limit: float
    action: str = "BUY"
    stop: float = 0.0
    oca_group: str = ""
    transmit: bool = True
    parent_id: int = 0
    what_if: bool = False

    def fields(self) -> tuple[object, ...]:
        """Return the message."""
        kind = ("STP", "", self.stop) if self.stop else ("LMT", self.limit, "")
        tail = list(TAIL)
        tail[WHAT_IF_AT] = int(self.what_if)
        head = (3, self.order_id, *self.contract, "", "", self.action, 1, *kind, "DAY")
        middle = (self.oca_group, self.account, "O", 0, "ibproxy verify", self.transmit)
        return (*head, *middle, self.parent_id, *tail)
