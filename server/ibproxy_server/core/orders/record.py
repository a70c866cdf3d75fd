"""One order: whose it is, under which ids, and how it stands as far as is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from ibproxy_server.core.orders import layout as at

Owner = tuple[str, int]
"""Strategy and client id."""


@dataclass(eq=False)
class OrderRecord:
    """One order.

    Attributes:
        upstream_id: its order id at the gateway; 0 for one that was not placed by an API client.
        owner: who placed it through this proxy; None for all others.
        client_order_id: its id for the owner.
        bound_id: the id that it was bound under for client 0, below 0 (fact 3.45); 0: it is not.
        foreign_client_id: the API client that placed it, if not this proxy.
        perm_id: the broker's id; empty until it is known.
        account: its account; empty until it is known.
        highest_before: the highest id that its owner had used when it was placed, in this run.
        is_what_if: whether it only asks for margin and commission.
        is_transmitted: whether the broker is to get it; if not, the gateway keeps it to itself and
            tells nothing of it (fact 3.91).
        has_left: whether it was sent, or may have been.
        is_unknown: whether it may or may not have reached the gateway, which has not said.
        is_stated: whether the gateway has ever stated it with an openOrder.
        open_message: fields of its last openOrder, for as long as it may work.
        status_message: fields of its last orderStatus.
        fills: how many executions it had.
        day: the gateway's day when it was placed, such as 20261122; empty if it is not known.
        is_retired: whether it waits to be forgotten.
        places: how many of its placeOrder messages were not refused, as far as is known.
        asked_cancels: the owner's cancels under way.
        unasked_cancels: single cancels under way that stand for a global one.
        is_gone: whether the gateway has refused it, or no longer lists it.
        is_of_earlier_run: whether it was placed before the proxy was started.
        symbol: its contract's symbol, as it was sent; empty if the contract was named otherwise.
        action: BUY or SELL, as it was sent; empty if it is not known.
        ref: its orderRef, as it was sent; None if it is not known.
        quantity: how much was ordered, as it was last sent; empty if it is not known.
        parent_id: its parent's order id at the gateway, as on the wire; 0 for none.
        family: it and all that hang together with it as parents and children; empty: it is alone.
        change: the terms of a change that the gateway has not answered; None: there is none.
        broken_off: what was under way when a link broke, and has not been made good.
        open_day: the gateway's day when it was last known to be open; empty if it is not known.
        is_shown_otherwise: whether its owner was last shown a status that is not the gateway's.
        is_disowned: whether the gateway states it with other ids than it was placed under, as after
            its restart (fact 3.39): nothing is told of it live, and its id reaches nothing.
        is_unlisted: whether it was there before the connection to the gateway was, which has not
            stated it since: it is not known whether its id still reaches it.
        is_answered: of a what-if: whether the margins have been told.
    """

    upstream_id: int
    owner: Owner | None = None
    client_order_id: int = 0
    bound_id: int = 0
    foreign_client_id: int = 0
    perm_id: bytes = b""
    account: bytes = b""
    highest_before: int = 0
    is_what_if: bool = False
    is_transmitted: bool = False
    has_left: bool = False
    is_unknown: bool = False
    is_stated: bool = False
    open_message: list[bytes] | None = None
    status_message: list[bytes] | None = None
    fills: int = 0
    day: str = ""
    is_retired: bool = False
    places: int = 0
    is_gone: bool = False
    asked_cancels: int = 0
    unasked_cancels: int = 0
    is_of_earlier_run: bool = False
    symbol: bytes = b""
    action: bytes = b""
    ref: bytes | None = None
    quantity: bytes = b""
    parent_id: bytes = b"0"
    family: list[OrderRecord] = field(default_factory=list)
    change: at.Terms | None = None
    broken_off: list[str] = field(default_factory=list)
    open_day: str = ""
    is_shown_otherwise: bool = False
    is_disowned: bool = False
    is_unlisted: bool = False
    is_answered: bool = False

    @property
    def has_cancels(self) -> bool:
        """Whether a cancel is under way."""
        return bool(self.asked_cancels or self.unasked_cancels)

    def take_refusal(self) -> bool:
        """A cancel was refused; return whether the owner is to be told.

        Which one it was is not said, and the owner does not know of those that it did not ask for.
        """
        if self.asked_cancels or not self.unasked_cancels:
            self.asked_cancels = max(0, self.asked_cancels - 1)
            return True
        self.unasked_cancels -= 1
        return False

    def take_cancelled(self) -> None:
        """It is cancelled, by one of its cancels or with its parent.

        Those that nobody asked for stay counted: if the parent did it, they will be refused.
        """
        if self.asked_cancels and not self.unasked_cancels:
            self.asked_cancels -= 1

    @property
    def status(self) -> bytes:
        """Its last status; empty before the first."""
        return self.status_message[2] if self.status_message else b""

    @property
    def is_open(self) -> bool:
        """Whether an open-orders answer lists it."""
        return self.is_stated and self.may_work

    @property
    def order_id(self) -> int:
        """Its order id at the gateway, as messages to it name it; 0 if it has none."""
        return self.bound_id or self.upstream_id

    @property
    def is_followed(self) -> bool:
        """Whether somebody here is told what becomes of it."""
        return self.owner is not None or self.bound_id != 0

    @property
    def is_refused(self) -> bool:
        """Whether the gateway has refused it before stating it: its id is as good as new."""
        return self.is_gone and not self.was_stated

    @property
    def was_stated(self) -> bool:
        """Whether the gateway has ever said what it is, or how it stands."""
        return self.is_stated or self.status_message is not None

    @property
    def state_text(self) -> str:
        """How it stands, in a word."""
        if self.is_gone:
            return "gone" if self.was_stated else "refused"
        if self.was_stated:
            return self.status.decode(errors="replace") or "stated"
        if self.is_unknown:
            return "unknown"
        return "sent" if self.is_transmitted else "held"

    @property
    def may_work(self) -> bool:
        """Whether it may be alive at the broker, as far as is known here."""
        return not self.is_what_if and not self.is_gone and self.status not in at.DONE

    def break_off(self) -> None:
        """A link broke: what was under way may or may not have arrived, and is counted anew."""
        under_way = {"change": self.change is not None, "cancel": self.has_cancels}
        for what, is_under_way in under_way.items():
            if is_under_way and what not in self.broken_off:
                self.broken_off.append(what)
        self.change = None
        self.asked_cancels = self.unasked_cancels = 0
