"""What the gateway refuses by itself, before an order leaves it: tables of rules.

Each rule looks at one thing and returns a refusal or None; the first refusal counts. Codes and
texts are those of the gateway's own table as far as facts 1.48, 3.70, 3.71, 3.76 and 3.97 give
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ibproxy_sim.exchange.times import parse_time_s
from ibproxy_sim.exchange.universe import Instrument
from ibproxy_sim.orders.adjusted import ADJUSTABLE
from ibproxy_sim.orders.matching import is_price
from ibproxy_sim.orders.order import NEEDS_LIMIT, ORDER_TYPES, TRAILING, Order, Trigger
from ibproxy_sim.orders.slices import ALGOS
from ibproxy_sim.orders.terms import UNSET_INTEGER_TEXT, Terms
from ibproxy_sim.trading.hedges import HEDGE_TYPES
from ibproxy_sim.trading.venues import TAKEN_FOR, UNSUPPORTED_TYPES
from ibproxy_sim.wire.wording import BAD_TIME

VALIDATING: Final = "Error validating request.-'bH' : cause - "
"""How 321 begins; the two letters change with every build (fact 2.15)."""

MAX_OCA_NAME: Final = 64
MAX_PER_SIDE: Final = 20
"""Active orders per contract, side and account (fact 3.119)."""

FRACTIONAL: Final = frozenset({"CRYPTO", "CASH"})
"""Security types whose sizes need not be whole."""

TIFS: Final = frozenset({"", "DAY", "GTC", "IOC", "FOK", "GTD", "OPG", "AUC", "DTC", *TAKEN_FOR})
BAD_IDS: Final = frozenset({0, 2147483647, -2147483648})


class Refusal(NamedTuple):
    """An error for an order."""

    code: int
    text: str


class Proposal(NamedTuple):
    """An order that somebody wants to place.

    Attributes:
        terms: what it says.
        accounts: all accounts of the login.
        instrument: what it trades; None for a combo.
        parent: the order it hangs from; None if it names none or an unknown one.
        same_side: active orders in the same contract, side and account.
        unallocated: what is wrong with whom it is for, on an advisor's login.
    """

    terms: Terms
    accounts: tuple[str, ...]
    instrument: Instrument | None
    parent: Order | None
    same_side: int
    unallocated: Refusal | None = None


def invalid(cause: str) -> Refusal:
    """Return a 321."""
    return Refusal(321, VALIDATING + cause)


def _side(proposal: Proposal) -> Refusal | None:
    if proposal.terms.text("action") in {"BUY", "SELL", "SSHORT"}:
        return None
    return invalid("Invalid side field was entered")


def _type(proposal: Proposal) -> Refusal | None:
    if proposal.terms.text("order_type") in UNSUPPORTED_TYPES:
        return Refusal(387, "Unsupported order type for this exchange and security type.")
    if proposal.terms.text("order_type") in ORDER_TYPES:
        return None
    return invalid("Invalid order type was entered")  # fact 3.70


def _tif(proposal: Proposal) -> Refusal | None:
    return None if proposal.terms.text("tif") in TIFS else invalid("Invalid time in force")


def _size(proposal: Proposal) -> Refusal | None:
    terms = proposal.terms
    quantity = terms.number("total_quantity") or 0.0
    if terms.text("hedge_type"):
        text = "Specifying size for hedge order is not allowed, send zero."
        return Refusal(10032, text) if quantity else None
    if not quantity and terms.text("fa_method") != "PctChange":  # that takes what is held
        return invalid("The size value cannot be zero:")
    kind = proposal.instrument.sec_type if proposal.instrument else ""
    if quantity != int(quantity) and kind not in FRACTIONAL:  # fact 3.71
        return Refusal(
            10243,
            "Fractional-sized order cannot be placed via API. Please use desktop version to place"
            " this order.",
        )
    return invalid("Order size does not conform to market rule.") if quantity < 0 else None


def _account(proposal: Proposal) -> Refusal | None:
    terms, account = proposal.terms, proposal.terms.text("account")
    if proposal.unallocated:
        return proposal.unallocated
    if len(proposal.accounts) == 1:
        return None  # the only account is filled in, whatever the order says (2.16, 3.72)
    if not account and not (terms.text("fa_group") or terms.text("fa_profile")):
        return invalid("You must specify an account.")  # fact 3.71
    if account and account not in proposal.accounts:
        return Refusal(201, f"Order rejected - reason:Invalid account code '{account}'.")
    return None


def _prices(proposal: Proposal) -> Refusal | None:
    terms, name = proposal.terms, proposal.terms.text("order_type")
    if name in NEEDS_LIMIT and terms.number("lmt_price") is None and not terms.leg_prices:
        return Refusal(463, "You must enter a valid price.")
    trigger = ORDER_TYPES[name].trigger
    if trigger is Trigger.STOP and not is_price(terms.number("aux_price")):
        return invalid("Please enter a stop price")
    if trigger is Trigger.TOUCH and not is_price(terms.number("aux_price")):
        return invalid("Invalid Trigger Price")
    distances = terms.number("aux_price"), terms.number("trailing_percent")
    if trigger in TRAILING and not any(is_price(distance) for distance in distances):
        return invalid(f"You must enter a Trailing Amount for {name}.")
    return None


def _ticks(proposal: Proposal) -> Refusal | None:
    instrument, terms = proposal.instrument, proposal.terms
    if instrument is None:
        return None  # combos have steps of their own
    names = ["lmt_price"] if ORDER_TYPES[terms.text("order_type")].limited else []
    if ORDER_TYPES[terms.text("order_type")].trigger in {Trigger.STOP, Trigger.TOUCH}:
        names.append("aux_price")
    for name in names:
        steps = (terms.number(name) or 0.0) / instrument.min_tick
        if abs(steps - round(steps)) > 1e-4:  # noqa: PLR2004 - what is left of rounding
            return Refusal(
                110,
                "The price does not conform to the minimum price variation for this contract.",
            )
    return None


def _times(proposal: Proposal) -> Refusal | None:
    terms = proposal.terms
    for name, label, code in (
        ("good_after_time", "Good After Time", 337),
        ("good_till_date", "Good Till Date", 343),
    ):
        if terms.text(name):
            try:
                parse_time_s(terms.text(name))
            except ValueError:
                return Refusal(code, f"{label}: {BAD_TIME}")
    if terms.text("tif") == "GTD" and not (terms.text("good_till_date") or terms.text("duration")):
        return invalid("The time entered is invalid.")
    return None


def _oca(proposal: Proposal) -> Refusal | None:
    if len(proposal.terms.text("oca_group")) <= MAX_OCA_NAME:
        return None
    return Refusal(401, f"OCA group name is longer than {MAX_OCA_NAME} characters.")  # 3.97


def _parent(proposal: Proposal) -> Refusal | None:
    number = proposal.terms.integer("parent_id")
    if not number or proposal.parent:
        return None
    return invalid(f"Can't find order with id ={number}")  # fact 3.97


def _count(proposal: Proposal) -> Refusal | None:
    if proposal.same_side < MAX_PER_SIDE:
        return None
    return Refusal(
        201,
        f"Order rejected - reason:The maximum of {MAX_PER_SIDE} working orders on this side"
        " of the contract is reached.",
    )


def _hedge(proposal: Proposal) -> Refusal | None:
    kind = proposal.terms.text("hedge_type")
    if kind and kind not in HEDGE_TYPES:
        return Refusal(10007, "Invalid hedge type. Valid values are D, B, F, or P.")
    return Refusal(10006, "Missing parent order") if kind and not proposal.parent else None


def _algo(proposal: Proposal) -> Refusal | None:
    name = proposal.terms.text("algo_strategy")
    if name and name not in ALGOS:
        return Refusal(439, "Order processing failed. Algorithm definition not found")
    if name and proposal.terms.text("order_type") not in {"LMT", "MKT"}:
        return Refusal(442, "Specified algorithm is not allowed for this order.")
    return None


def _scale(proposal: Proposal) -> Refusal | None:
    terms = proposal.terms
    if (terms.number("scale_price_increment") or 0.0) <= 0:
        return None
    if terms.integer("scale_init_level_size") in {0, int(UNSET_INTEGER_TEXT)}:
        return Refusal(409, "Invalid scale order. You should specify component order size.")
    return None


_NO_TRAIL: Final = (
    "adjusted_trailing_amount",
    Refusal(364, "Invalid Adjusted Trailing Amount"),
)


def _adjusted(proposal: Proposal) -> Refusal | None:
    terms = proposal.terms
    kind = terms.text("adjusted_order_type")
    if kind in {"", "None"}:
        return None
    if kind not in ADJUSTABLE:
        return invalid("Invalid order type was entered")
    if not is_price(terms.number("trigger_price")):
        return invalid("Invalid Trigger Price")  # 361, wrapped
    if not is_price(terms.number("adjusted_stop_price")):
        return invalid("Invalid Adjusted Stop Price")  # 362, wrapped
    name, refusal = {
        "STP LMT": (
            "adjusted_stop_limit_price",
            invalid("Invalid Adjusted Stop Limit Price"),  # 363, wrapped
        ),
        "TRAIL": _NO_TRAIL,
        "TRAIL LIMIT": _NO_TRAIL,
    }.get(kind, ("adjusted_stop_price", None))
    return None if is_price(terms.number(name)) else refusal


def _what_if(proposal: Proposal) -> Refusal | None:
    terms = proposal.terms
    if terms.is_set("what_if") and not terms.is_set("transmit"):
        return invalid("What-If order should have transmit flag set to TRUE.")  # fact 3.100
    return None


NEW: Final[tuple[Callable[[Proposal], Refusal | None], ...]] = (
    _side,
    _size,
    _type,
    _tif,
    _what_if,
    _hedge,
    _algo,
    _scale,
    _adjusted,
    _account,
    _parent,
    _prices,
    _ticks,
    _times,
    _oca,
    _count,
)
"""The rules for a new order, in the order in which they are looked at."""


def check_new(proposal: Proposal) -> Refusal | None:
    """Return why a new order cannot be taken, None if it can."""
    return next((refusal for rule in NEW if (refusal := rule(proposal))), None)


def _changed_size(order: Order, terms: Terms) -> Refusal | None:
    size = terms.number("total_quantity")
    if order.terms.text("fa_method") != "PctChange" or size in {None, 0.0, order.quantity}:
        return None
    return Refusal(499, "'PctChange' allocation won't allow size modification")


def _changed_type(order: Order, terms: Terms) -> Refusal | None:
    if terms.text("order_type") == order.type_name:
        return None
    return Refusal(329, "Order modify failed. Cannot change to the new order type")


def _changed_tif(order: Order, terms: Terms) -> Refusal | None:
    lasting = {"", "DAY", "GTC", "GTD"}  # between these it may change (fact 3.73)
    new = terms.text("tif")
    if new == order.terms.text("tif") or {new, order.terms.text("tif")} <= lasting:
        return None
    return Refusal(462, f"Order modify failed. Cannot change to the new Time in Force.{new}")


def _changed_oca_group(order: Order, terms: Terms) -> Refusal | None:
    if terms.text("oca_group") in {order.oca_group, order.terms.text("oca_group")}:
        return None
    return Refusal(10326, "OCA group revision is not allowed")


def _changed_oca_type(order: Order, terms: Terms) -> Refusal | None:
    if terms.integer("oca_type") in {0, order.oca_type}:
        return None
    return Refusal(10327, "OCA group type revision is not allowed")


def _changed_parent(order: Order, terms: Terms) -> Refusal | None:
    new, old = terms.integer("parent_id"), order.parent
    if old and old.is_done:
        # a child that still names its filled parent is refused (fact 3.93)
        return invalid(f"Can't find order with id ={new}") if new else None
    if new == (old.order_id if old else 0):
        return None
    return Refusal(10341, "Parent order id cannot be modified")


def _changed_rest(order: Order, terms: Terms) -> Refusal | None:
    accounts = {"", order.account}
    same_contract = order.instrument is None or terms.text("symbol").upper() in {
        "",
        order.instrument.symbol,
    }
    if (
        terms.text("action") == order.terms.text("action")
        and terms.text("account") in accounts
        and terms.text("con_id") in {"", "0", order.terms.text("con_id"), _con_id(order)}
        and same_contract
    ):
        return None
    return Refusal(105, "Order being modified does not match original order")


def _con_id(order: Order) -> str:
    return str(order.instrument.con_id) if order.instrument else "28812380"


MODIFIED: Final[tuple[Callable[[Order, Terms], Refusal | None], ...]] = (
    _changed_size,
    _changed_rest,
    _changed_type,
    _changed_tif,
    _changed_oca_group,
    _changed_oca_type,
    _changed_parent,
)
"""The rules for changing a working order (facts 3.75, 3.76)."""


def check_modified(order: Order, terms: Terms) -> Refusal | None:
    """Return why an order cannot be changed to `terms`, None if it can."""
    if order.is_done or order.status.wire_text == "PendingCancel":
        return Refusal(104, "Cannot modify a filled order.")  # fact 3.11
    return next((refusal for rule in MODIFIED if (refusal := rule(order, terms))), None)
