"""Things that a gateway has only one of: the account slot, the one for completed orders."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.accounts.requests import SlotRules
from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client


class AccountSlot(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choose what happens when the one slot of account updates is wanted for another account."""

    NAME: ClassVar[str] = "account_slot"
    FACTS: ClassVar[str] = "2.1-2.4, 2.18"

    other_client: Annotated[
        Literal["refused", "replaces"],
        Meta(description="whether another client gets 2101, or takes the slot silently"),
    ] = "replaces"
    same_client: Annotated[
        Literal["silent", "announced"],
        Meta(description="whether a client that moves on to another account is told 2100"),
    ] = "announced"
    again: Annotated[
        Literal["repeated", "ignored"],
        Meta(description="whether subscribing again to the same account gives all again"),
    ] = "ignored"

    def start(self, site: Site) -> None:
        """Give the slot other rules."""
        accounts = site.sim.accounts
        before = accounts.rules
        accounts.rules = SlotRules(
            is_refused=self.other_client == "refused",
            is_announced=self.same_client == "announced",
            is_repeated=self.again == "repeated",
        )
        site.at_end(lambda: setattr(accounts, "rules", before))


class CompletedOrders(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer completed orders late; a request of anybody's in the meantime is never answered."""

    NAME: ClassVar[str] = "completed_orders"
    FACTS: ClassVar[str] = "3.104, 8.7, 11.33"

    taken_s: Annotated[float, Meta(gt=0, description="how long a request takes the slot")] = 5.0

    def start(self, site: Site) -> None:
        """Make the answer take longer."""
        lists = site.sim.trading.lists
        before = lists.completed_s
        lists.completed_s = self.taken_s
        site.at_end(lambda: setattr(lists, "completed_s", before))


class ClientIdHeld(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep a client's id taken for a while after it left: who comes back with it gets 326."""

    NAME: ClassVar[str] = "client_id_held"
    FACTS: ClassVar[str] = "1.28, 1.32, 11.3"

    held_s: Annotated[float, Meta(gt=0, description="how long")] = 60.0

    def start(self, site: Site) -> None:
        """Note who leaves."""
        gateway = site.gateway

        def left(client: Client) -> None:
            if client.client_id is not None:
                gateway.held_ids[client.client_id] = gateway.now_s + self.held_s

        gateway.on_leave.append(left)
        site.at_end(lambda: gateway.on_leave.remove(left))
        site.at_end(gateway.held_ids.clear)
