"""placeOrder and cancelOrder, as ib_async writes them at each server version.

ib_async's own encoder is taken, not the proxy's knowledge of these messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from ib_async import Contract, Order
from ib_async.client import Client


class _Pen(Client):
    """ib_async's encoder, without a connection."""

    def __init__(self, version: int) -> None:
        super().__init__(wrapper=None)  # type: ignore[no-untyped-call]
        self._serverVersion = version
        self.connState = Client.CONNECTED
        self.fields: tuple[str, ...] = ()

    def sendMsg(self, msg: str) -> None:  # noqa: N802 - ib_async's name
        """Keep what would be sent."""
        self.fields = tuple(msg.split("\0")[:-1])


@dataclass(frozen=True)
class Ticket:
    """An order to be placed.

    Attributes:
        order_id: its id.
        contract: of what.
        account: whose it is.
        limit: limit price.
        ref: its orderRef.
        action: BUY or SELL.
        stop: stop price, for a stop order instead of a limit order; 0 is a limit order.
        oca_group: name of its one-cancels-all group.
        transmit: whether it is sent on.
        parent_id: order id of its parent.
        what_if: whether only its margin is asked for.
        tif: how long it is good for; empty leaves that to the gateway's presets.
    """

    order_id: int
    contract: Contract
    account: str
    limit: float
    ref: str = ""
    action: str = "BUY"
    stop: float = 0.0
    oca_group: str = ""
    transmit: bool = True
    parent_id: int = 0
    what_if: bool = False
    tif: str = "DAY"

    def fields(self, version: int) -> tuple[str, ...]:
        """Return the message at a server version."""
        order = Order(
            action=self.action,
            totalQuantity=1,
            orderType="STP" if self.stop else "LMT",
            tif=self.tif,
            ocaGroup=self.oca_group,
            account=self.account,
            orderRef=self.ref,
            transmit=self.transmit,
            parentId=self.parent_id,
            whatIf=self.what_if,
        )
        if self.stop:
            order.auxPrice = self.stop
        else:
            order.lmtPrice = self.limit
        pen = _Pen(version)
        pen.placeOrder(self.order_id, self.contract, order)  # type: ignore[no-untyped-call]
        return pen.fields


def cancellation(order_id: int, version: int) -> tuple[str, ...]:
    """Return a cancelOrder message."""
    pen = _Pen(version)
    pen.cancelOrder(order_id)  # type: ignore[no-untyped-call]
    return pen.fields
