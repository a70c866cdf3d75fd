"""What happens to orders that did nothing wrong: refused, warned of, filled piece by piece."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ibproxy_sim.exchange.times import eastern_text
from ibproxy_sim.faults.fault import Fault, Quota, Site
from ibproxy_sim.orders.codec import read_place_order
from ibproxy_sim.orders.order import Event, Order, Status
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.trading.engine import REFUSAL_ORDER
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.wording import quantity_text

PLACE_ORDER = "3"
ORDERS = {"error": ("error", "status"), "status": ("status", "error"), "between": REFUSAL_ORDER}
REFUSALS = {
    103: "Duplicate order id",
    110: "The price does not conform to the minimum price variation for this contract.",
    201: "Order rejected - reason:Your account is restricted.",
    10006: "Missing parent order.",
}
"""Code -> text of an order that the gateway itself refuses, if none is given."""

WARNINGS = {
    399: "Order Message:\n{side} {size} {symbol} {exchange}\nWarning: your order will not be "
    "placed at the exchange until {time}",
    404: "Order held while securities are located.",
    10349: "Order TIF was set to DAY based on order preset.",
}
"""Code -> text of a warning, if none is given (facts 3.59, 3.64, 3.68)."""


def _names(site: Site, terms: Terms, symbol: str) -> bool:
    """Whether an order is for that symbol; for any if it is empty."""
    if not symbol or terms.text("symbol") == symbol:
        return True
    found = site.sim.universe.by_con_id(terms.integer("con_id"))
    return found is not None and found.symbol == symbol


class PartialFills(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fill orders piece by piece."""

    NAME: ClassVar[str] = "partial_fills"
    FACTS: ClassVar[str] = "3.50"

    most_shares: Annotated[float, Meta(gt=0, description="at each step of the market")] = 10.0

    def start(self, site: Site) -> None:
        """Limit what is filled at once; all-or-none orders wait."""
        engine = site.sim.trading.engine
        engine.most_shares = self.most_shares
        site.at_end(lambda: setattr(engine, "most_shares", math.inf))


class Reject(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have IB's server reject orders: 201, then Inactive; or Inactive before it."""

    NAME: ClassVar[str] = "reject"
    FACTS: ClassVar[str] = "3.62, 3.67, 11.21"

    symbol: Annotated[str, Meta(description="only orders for it; empty: all")] = ""
    count: Annotated[int, Meta(ge=0, description="so many orders; 0: all")] = 0
    reason: Annotated[str, Meta(description="text after 'Order rejected - reason:'")] = (
        "Your order was not accepted.<br>Please contact the help desk."
    )
    first: Annotated[
        Literal["error", "status", "between"],
        Meta(description="what comes first; between: a status, the error, the status again"),
    ] = "error"

    def start(self, site: Site) -> None:
        """Judge what is transmitted."""
        engine, quota = site.sim.trading.engine, Quota(self.count)
        judges = engine.judges
        engine.refusal_order = ORDERS[self.first]
        site.at_end(lambda: setattr(engine, "refusal_order", REFUSAL_ORDER))

        def judge(order: Order) -> str | None:
            is_meant = _names(site, order.terms, self.symbol) and quota.take()
            return self.reason if is_meant else None

        judges.append(judge)
        site.at_end(lambda: judges.remove(judge))


class Refuse(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have the gateway itself refuse orders and changes of orders: an error, and nothing else."""

    NAME: ClassVar[str] = "refuse"
    FACTS: ClassVar[str] = "3.69, 3.71, 3.92, 11.23"

    code: Annotated[int, Meta(description="error code")] = 110
    text: Annotated[str, Meta(description="its text; empty: the usual one")] = ""
    symbol: Annotated[str, Meta(description="only orders for it; empty: all")] = ""
    count: Annotated[int, Meta(ge=0, description="so many orders; 0: all")] = 0

    def start(self, site: Site) -> None:
        """Take the orders; a changed one goes on with its old terms."""
        quota = Quota(self.count)
        text = self.text or REFUSALS.get(self.code, "Order refused.")

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] != [PLACE_ORDER]:
                return False
            terms = read_place_order(fields, client.version)
            if not (_names(site, terms, self.symbol) and quota.take()):
                return False
            site.gateway.error(client, fields[1], self.code, text)
            return True

        site.take_requests(take)


class Warn(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Warn of orders before their first report; they live."""

    NAME: ClassVar[str] = "warn"
    FACTS: ClassVar[str] = "3.63, 3.64, 3.68, 11.22"

    code: Annotated[int, Meta(description="error code: 399, 404, 10349, ...")] = 399
    text: Annotated[str, Meta(description="its text; empty: the usual one")] = ""
    symbol: Annotated[str, Meta(description="only orders for it; empty: all")] = ""
    count: Annotated[int, Meta(ge=0, description="so many orders; 0: all")] = 0

    def start(self, site: Site) -> None:
        """Say it when an order comes that was not there before."""
        quota = Quota(self.count)
        pattern = self.text or WARNINGS.get(self.code, "Order Message:\nWarning: {symbol}")

        def take(client: Client, fields: list[str]) -> bool:
            if fields[:1] != [PLACE_ORDER]:
                return False
            terms = read_place_order(fields, client.version)
            if _names(site, terms, self.symbol) and quota.take():
                text = pattern.format(
                    side=terms.text("action"),
                    size=quantity_text(terms.number("total_quantity") or 0.0),
                    symbol=terms.text("symbol"),
                    exchange=terms.text("exchange"),
                    time=eastern_text(site.gateway.now_s + 3600),
                )
                site.gateway.error(client, fields[1], self.code, text)
            return False

        site.take_requests(take)


class CancelRace(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let cancels come too late, fail, or work and be denied."""

    NAME: ClassVar[str] = "cancel_race"
    FACTS: ClassVar[str] = "3.82-3.85, 11.31"

    outcome: Annotated[
        Literal["filled", "too_late", "refused", "denied"],
        Meta(
            description="the order fills instead; the same, and 10148 says so; it works on, with "
            "161; it is cancelled, and 10147 follows"
        ),
    ] = "filled"
    count: Annotated[int, Meta(ge=0, description="so many cancels; 0: all")] = 0

    def start(self, site: Site) -> None:
        """Take over what becomes of cancels."""
        judges, quota = site.sim.trading.engine.cancel_judges, Quota(self.count)
        outcomes = {"filled": _fill, "too_late": _fill_and_say, "refused": _refuse, "denied": _deny}
        act = partial(outcomes[self.outcome], site)

        def judge(order: Order) -> bool:
            return quota.take() and act(order)

        judges.append(judge)
        site.at_end(lambda: judges.remove(judge))


def _fill(site: Site, order: Order) -> bool:
    """Fill it at its limit; one without a price to fill at is cancelled."""
    price = order.limit_price
    if not price or order.instrument is None:
        return False
    site.sim.trading.engine.fill(order, order.remaining, price)
    return True


def _fill_and_say(site: Site, order: Order) -> bool:
    """Fill it, and answer the cancel as that of a filled order (fact 3.83)."""
    if not _fill(site, order):
        return False
    text = f"OrderId {order.order_id} that needs to be cancelled cannot be cancelled"
    site.sim.trading.reports.refuse(order, 10148, f"{text}, state: Filled.")
    return True


def _refuse(site: Site, order: Order) -> bool:
    """161 with the permId, and the order restated as it was (facts 3.84, 3.85)."""
    order.status = Status.PRE_SUBMITTED
    if not order.waits_for_parent and order.triggered:
        order.apply(Event.WORKING)
    text = "Cancel attempted when order is not in a cancellable state.  Order permId ="
    reports = site.sim.trading.reports
    reports.refuse(order, 161, f"{text}{order.perm_id}")
    reports.pair(order)
    return True


def _deny(site: Site, order: Order) -> bool:
    """Let the cancel go on, and say a moment later that there was nothing to cancel."""
    text = f"OrderId {order.order_id} that needs to be cancelled is not found."
    site.later(0.05, lambda: site.sim.trading.reports.refuse(order, 10147, text))
    return False
