"""What a row of the message table says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Carry(Enum):
    """How a request is carried to the gateway."""

    ONE_SHOT = "own answer by request id; equal ones in flight share it"
    SHARED = "stream by request id, one upstream for all who ask for the same"
    OWN = "stream by request id, one upstream for each asker"
    CANCEL = "ends the asker's part of a request"
    ORDER = "order ids mapped both ways"
    ACCOUNT = "served from the accounts' state, which the proxy keeps"
    SERIAL = "no request id: at most one of a kind upstream, answer to all who wait"
    SESSION = "answered by the session itself"
    FOLLOW = "belongs to a live request, whose id it carries"
    REFUSED = "would reach beyond the session: refused"


class Reuse(Enum):
    """What a second request under a live id does; kinds without a cancel just go on (no fact)."""

    REFUSED = 322  # facts 4.8, 5.11
    REFUSED_AS_102 = 102  # fact 2.39
    REPLACES = 0  # facts 2.25, 2.39


class AfterLoss(Enum):
    """What becomes of a request that is under way when the link to the gateway breaks."""

    REPEAT = "asked again; if part of the answer has come, it fails with 322"
    RESUME = "asked again; what has been told is not told again"
    SETTLE = "not sent again; what became of it is asked of the gateway"
    NOTHING = "nothing of it is under way"


_AFTER_LOSS = {
    Carry.ONE_SHOT: AfterLoss.REPEAT,
    Carry.SHARED: AfterLoss.RESUME,
    Carry.OWN: AfterLoss.RESUME,
    Carry.CANCEL: AfterLoss.NOTHING,
    Carry.ORDER: AfterLoss.SETTLE,
    Carry.ACCOUNT: AfterLoss.RESUME,
    Carry.SERIAL: AfterLoss.RESUME,
    Carry.SESSION: AfterLoss.NOTHING,
    Carry.FOLLOW: AfterLoss.RESUME,
    Carry.REFUSED: AfterLoss.NOTHING,
}


@dataclass(frozen=True)
class Request:
    """A message from client to gateway.

    Attributes:
        msg_id: first field.
        name: IB's name.
        carry: how it is carried.
        id_at: index of the request id or order id.
        account_at: index of the account.
        client_at: index of a client id that filters the answer.
        parent_at: index of the parent's order id.
        has_default_account: whether an empty account means the login's only one.
        answers: messages that answer it.
        ends: answers after which nothing more comes.
        cancelled_by: message that ends it early.
        cancels: message that this one ends; FOLLOW: the one that it belongs to.
        flag_at: index of a flag that, when 1, turns a stream into a one-shot or back.
        key_at: SERIAL only: index of the field that its answer repeats.
        subject_at: index of the field that names the subject, for people.
        reuse: what a second request under an id that is live does to the first.
        version: cancels only: the version field that stands before the id.
        unknown: cancels only: error code and text for an id that is not live.
        reply: cancels only: error code and text that confirm the cancel.
        stays_open: whether the gateway holds it open behind its answer, until it is cancelled.
        static: whether its answer stays the same for a while, so that it may be kept.
        names_accounts: whether its answer names accounts of the whole login: refused to a
            session that may not see them all.
        orders: whether it can touch the market, and so goes first.
        if_cut_off: what becomes of it when the link to the gateway breaks, where that is not what
            its `carry` says.
    """

    msg_id: int
    name: str
    carry: Carry
    id_at: int | None = None
    account_at: int | None = None
    client_at: int | None = None
    parent_at: int | None = None
    has_default_account: bool = False
    answers: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    cancelled_by: int | None = None
    cancels: int | None = None
    flag_at: int | None = None
    key_at: int | None = None
    subject_at: int | None = None
    reuse: Reuse = Reuse.REFUSED
    version: int = 1
    unknown: tuple[int, str] | None = None
    reply: tuple[int, str] | None = None
    stays_open: bool = False
    static: bool = False
    names_accounts: bool = False
    orders: bool = False
    if_cut_off: AfterLoss | None = None

    @property
    def after_loss(self) -> AfterLoss:
        """What becomes of it when the link to the gateway breaks."""
        return self.if_cut_off or _AFTER_LOSS[self.carry]

    @property
    def who(self) -> str:
        """Who may send it, for people."""
        if self.carry is Carry.REFUSED:
            return "nobody"
        if self.names_accounts:
            return "who sees all accounts"
        if self.account_at is not None:
            return "anybody, for accounts that it may see"
        return "anybody, for its own" if self.cancels or self.orders else "anybody"


class Deliver(Enum):
    """Who gets a message from the gateway."""

    BY_REQUEST = "whoever asked, by the request id"
    ORDERS = "the order's owner"
    ACCOUNTS = "who listens to the account"
    SERIAL = "who waits for a message of this kind"
    ERROR = "by the id it carries, or by its code"
    PROXY = "the proxy itself"


@dataclass(frozen=True)
class Answer:
    """A message from gateway to client.

    Attributes:
        msg_id: first field.
        name: IB's name for the callback.
        deliver: who gets it.
        id_at: index of the request id (BY_REQUEST), or of the order id (ORDERS).
        account_at: index of the account.
        client_at: index of the client id of who placed the order.
        perm_at: index of the order's permId.
        parent_at: index of the parent's order id.
        state_at: fields that say which piece of state a message replaces; a late joiner is
            shown the last message of each. None: an event, nothing to be shown later.
        is_tick: whether a newer one of its kind makes it worthless, so that a client that reads too
            slowly may do without it.
        operation_at: index of the field that says whether a row of a book is inserted, changed
            or deleted; its position stands right behind the request id, its side right behind.
        kept: how many pieces of such state are kept, if there may be any number of them.
        key_at: SERIAL only: index of the field that repeats the request's key.
        end: whether it is only an end marker.
        continued: whether a last field of 0 says that more of the answer is to come.
        gone_at: fields that are 0 in a row about what is not held any more.
        until: what stands elsewhere below a server version: version, attribute, index there.
    """

    msg_id: int
    name: str
    deliver: Deliver
    id_at: int | None = None
    account_at: int | None = None
    client_at: int | None = None
    perm_at: int | None = None
    parent_at: int | None = None
    state_at: tuple[int, ...] | None = None
    is_tick: bool = False
    operation_at: int | None = None
    kept: int = 0
    key_at: int | None = None
    end: bool = False
    continued: bool = False
    gone_at: tuple[int, ...] = ()
    until: tuple[int, str, int] | None = None

    def at_version(self, server_version: int) -> Answer:
        """Return the row as the message is laid out at `server_version`."""
        if self.until is None or server_version >= self.until[0]:
            return self
        _, attribute, index = self.until
        return replace(self, **{attribute: index})  # type: ignore[arg-type]
