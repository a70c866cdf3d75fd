"""The nightly restart: facts 7.15 to 7.19."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.faults.fault import Fault, Site
from ibproxy_sim.wire.gateway import Client


class Restart(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Restart: connections reset, the port closed; then back, with orders, fills and next ids."""

    NAME: ClassVar[str] = "restart"
    FACTS: ClassVar[str] = "1.33, 3.14, 3.17, 3.39, 3.49, 7.15-7.19, 11.4, 11.26"

    closed_s: Annotated[float, Meta(gt=0, description="how long the port is closed")] = 82.0
    lost_s: Annotated[
        float,
        Meta(ge=0, description="orders of so long before are lost, and their ids given again"),
    ] = 0.0
    held_s: Annotated[
        float, Meta(ge=0, description="how long client ids are taken after it is back")
    ] = 0.0

    orders: Annotated[
        Literal["kept", "anonymous"],
        Meta(description="whether open orders keep their client and order ids, or have 0 for both"),
    ] = "kept"
    unready_s: Annotated[
        float, Meta(ge=0, description="how long it then takes connections, and answers nothing")
    ] = 0.0

    def start(self, site: Site) -> None:
        """Go down, and plan to come back."""
        gateway = site.gateway
        taken = [client.client_id for client in site.clients() if client.client_id is not None]
        gateway.is_open = False
        for client in list(gateway.clients.values()):
            gateway.reset(client)
        self._lose_orders(site)

        def reopen() -> None:
            if not gateway.is_open:
                gateway.is_open = True
                if self.held_s:
                    gateway.held_ids.update(dict.fromkeys(taken, gateway.now_s + self.held_s))

        site.at_end(reopen)
        site.later(self.closed_s, lambda: self._log_in(site, reopen))

    def _log_in(self, site: Site, reopen: Callable[[], None]) -> None:
        """The port is back; perhaps nobody is behind it yet (fact 7.16)."""
        reopen()
        if not self.unready_s:
            site.end()
            return
        waiting: deque[tuple[Client, bytes]] = deque()

        def hold(client: Client, data: bytes) -> bool:
            waiting.append((client, data))
            return True

        def read() -> None:
            for client, data in waiting:
                site.gateway.incoming.run(client, data, after=site.place)

        site.at_end(read)
        site.take_incoming(hold)
        site.later(self.unready_s, site.end)

    def _lose_orders(self, site: Site) -> None:
        """Untransmitted orders vanish (fact 3.49), and those of the last moments (3.17)."""
        trading = site.sim.trading
        since_s = site.gateway.now_s - self.lost_s
        for order in list(trading.books.orders):
            is_last = self.lost_s and order.placed_at_s >= since_s and not order.filled
            if is_last or not order.is_transmitted:
                trading.forget(order)
            elif self.orders == "anonymous" and not order.is_done:
                trading.disown(order)  # fact 3.39
