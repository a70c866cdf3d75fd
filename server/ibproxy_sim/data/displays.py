"""Display groups (67 to 70): windows of TWS that show the same contract.

A gateway has no windows, but it keeps the groups, and what one client shows in a group all that
watch the group are told (fact 8.22).
"""

from __future__ import annotations

from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.wire.gateway import Client, Gateway
from ibproxy_sim.wire.wording import DUPLICATE_ID, fail, refuse

GROUPS = ("1", "2", "3", "4", "5", "6", "7")
NOTHING = "none"


class Displays:
    """Serves display groups."""

    def __init__(self, gateway: Gateway, universe: Universe) -> None:
        self._gateway = gateway
        self._universe = universe
        self._shown: dict[str, str] = {}
        self._group_by_request: dict[tuple[Client, str], str] = {}

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "67": self.groups,
            "68": self.subscribe,
            "69": self.show,
            "70": self.cancel,
        }
        self._gateway.on_leave.append(self._forget)

    def groups(self, client: Client, fields: list[str]) -> None:
        """Answer queryDisplayGroups (67): the groups, those used most first."""
        self._gateway.send(client, 67, 1, fields[2], "|".join(GROUPS))

    def subscribe(self, client: Client, fields: list[str]) -> None:
        """Answer subscribeToGroupEvents (68): what the group shows now, then changes."""
        req_id, group = fields[2], fields[3]
        if group not in GROUPS:
            refuse(self._gateway, client, req_id, "Invalid group id")  # [assumed] wording
            return
        if (client, req_id) in self._group_by_request:
            fail(self._gateway, client, req_id, DUPLICATE_ID)
            return
        self._group_by_request[client, req_id] = group
        self._gateway.send(client, 68, 1, req_id, self._shown.get(group, NOTHING))

    def show(self, client: Client, fields: list[str]) -> None:
        """Take updateDisplayGroup (69): `none`, `combo`, or a conId with an exchange behind @."""
        req_id, text = fields[2], fields[3]
        group = self._group_by_request.get((client, req_id))
        if group is None or not self._is_known(text):
            cause = "Can't update the display group"  # [assumed] wording
            refuse(self._gateway, client, req_id, cause)
            return
        self._shown[group] = text
        for (watcher, its_req_id), watched in self._group_by_request.items():
            if watched == group:
                self._gateway.send(watcher, 68, 1, its_req_id, text)

    def cancel(self, client: Client, fields: list[str]) -> None:
        """Take unsubscribeFromGroupEvents (70)."""
        self._group_by_request.pop((client, fields[2]), None)

    def _is_known(self, text: str) -> bool:
        con_id = text.partition("@")[0]
        if text in {NOTHING, "combo"}:
            return True
        return con_id.isdecimal() and self._universe.by_con_id(int(con_id)) is not None

    def _forget(self, client: Client) -> None:
        for key in [key for key in self._group_by_request if key[0] is client]:
            del self._group_by_request[key]
