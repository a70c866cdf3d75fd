"""A gateway that lets nobody trade."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client

REFUSED = frozenset({"3", "4", "5", "15", "21", "58", "99"})
"""Orders, cancels, and what would bind orders or reads completed ones (facts 1.43, 1.44); that
15 and 21 are among them is [assumed]."""

PLACE_ORDER, UNSET_ID, NO_ID = "3", 2147483647, -1
TEXT = "The API interface is currently in Read-Only mode."
TEXTS = {321: f"Error validating request.-'bF' : cause - {TEXT}", 10119: TEXT}


class ReadOnly(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Refuse orders, cancels, open and completed orders with 321; the asker just hangs."""

    NAME: ClassVar[str] = "read_only"
    FACTS: ClassVar[str] = "1.43-1.45"

    order_id: Annotated[
        Literal["order", "none", "unset"],
        Meta(description="id of the error for an order: its own, -1 or 2147483647"),
    ] = "order"
    code: Annotated[Literal[321, 10119], Meta(description="older and newer gateways")] = 321

    def start(self, site: Site) -> None:
        """Refuse from now on."""

        def take(client: Client, fields: list[str]) -> bool:
            kind = fields[0] if fields else ""
            if kind not in REFUSED:
                return False
            ids = {"order": fields[1] if kind == PLACE_ORDER else NO_ID, "none": NO_ID}
            site.gateway.error(
                client, ids.get(self.order_id, UNSET_ID), self.code, TEXTS[self.code]
            )
            return True

        site.take_requests(take)
