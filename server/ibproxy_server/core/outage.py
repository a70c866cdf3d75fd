r"""An outage of the gateway, as sessions see it: 1100 when it begins, 1102 when it is over.

::

    CALM ──link lost──► CUT OFF ──gateway ready──► SETTLING ──orders settled──► CALM
                           ▲──────────link lost───────┘

Sessions stay, with their ids and subscriptions, as when a gateway loses IB's servers (facts 7.1,
7.4). What they have asked for is asked again by the proxy, so the data are maintained: 1102, not
1101. When the gateway itself says that it is cut off from IB, its own words are passed on.
"""

from __future__ import annotations

from collections.abc import Callable

from ibproxy_server.core import codes
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.session import Phase, Session, View

IB_IS_CUT_OFF = "the gateway has lost its connection to IB (1100)"


class Outage:
    """Tells sessions that the gateway is away, and that it is back.

    Attributes:
        is_ib_cut_off: whether the gateway says that it has lost IB's servers (fact 7.1).

    Args:
        context: shared by all desks.
        drop: ends a session, with a reason.
        reconcile: asks the gateway what became of orders.
    """

    def __init__(
        self,
        context: Context,
        drop: Callable[[Session, str], None],
        reconcile: Callable[[], None],
    ) -> None:
        self._context = context
        self.is_ib_cut_off = False
        self._drop = drop
        self._reconcile = reconcile
        self._cut_off: list[Session] = []

    def begin(self, reason: str) -> None:
        """The link to the gateway is lost.

        Args:
            reason: which gateway, and why, for people.
        """
        self._context.outage, self._context.has_gateway = reason, False
        self.is_ib_cut_off = False
        for session in list(self._context.sessions.values()):
            if session.phase is not Phase.READY:
                self._drop(session, reason)  # nothing has been promised to it yet
            elif session not in self._cut_off:
                self._cut_off.append(session)
                session.error(-1, *codes.LINK_LOST)

    def gateway_is_back(
        self, view_of: Callable[[str], View | None], *, is_same_version: bool
    ) -> None:
        """Requests can be sent; sessions that cannot be carried on end.

        Args:
            view_of: returns what a strategy may see now, if all of it is there.
            is_same_version: whether the gateway speaks the version of before.
        """
        self._context.outage = IB_IS_CUT_OFF if self.is_ib_cut_off else ""
        self._context.has_gateway = True
        for session in list(self._context.sessions.values()):
            if not is_same_version:
                self._drop(session, "the gateway has come back with another server version")
            elif session.view != view_of(session.strategy):
                self._drop(session, "the gateway has come back with other accounts")

    def gateway_says(self, code: int) -> None:
        """The gateway tells whether it is cut off from IB; sessions have its own word of it.

        Fills of such an outage are not replayed (fact 7.12).
        """
        self.is_ib_cut_off = codes.LINK_IS_BROKEN[code]
        if self._context.has_gateway:
            self._context.outage = IB_IS_CUT_OFF if self.is_ib_cut_off else ""
            if not self.is_ib_cut_off:
                self._cut_off.clear()
                self._reconcile()

    def orders_are_settled(self) -> None:
        """What happened meanwhile has been told: the outage is over, if IB can be reached."""
        if not self._cut_off or self._context.outage:
            return
        told, self._cut_off = self._cut_off, []
        for session in told:
            if session.phase is Phase.READY:
                session.error(-1, *codes.LINK_RESTORED)
        self._context.notice(Level.INFO, f"the outage is over; sessions told: {len(told)}")
