"""What an order is for: the contract that it means, or the legs of a combo."""

from __future__ import annotations

from typing import Final

from ibproxy_sim.exchange.market import expiry_s
from ibproxy_sim.exchange.universe import ContractQuery, Instrument, Universe
from ibproxy_sim.orders.layouts import PLACE_ORDER, Names
from ibproxy_sim.orders.order import Leg
from ibproxy_sim.orders.terms import Terms
from ibproxy_sim.trading.checks import Refusal, invalid
from ibproxy_sim.trading.venues import DISCARDING, is_combo_listed, symbol_conflict

CONTRACT_FIELDS: Final = PLACE_ORDER[0].names[:12] if isinstance(PLACE_ORDER[0], Names) else ()
"""conId to tradingClass."""

NO_SUCH_CONTRACT = "No security definition has been found for the request"


def contract_of(
    universe: Universe, terms: Terms, now_s: float
) -> tuple[Instrument | None, tuple[Leg, ...]] | Refusal:
    """Return the one contract that an order means, or the legs of its combo; or why neither.

    Args:
        universe: what is listed.
        terms: what the order says.
        now_s: the market's time, after which expired contracts cannot be traded.
    """
    if not terms.text("exchange"):
        # before it is looked for, so that an unknown contract is told the same: ib_insync's
        # own tests expect 321, and public logs of clients have the text
        return invalid("Missing order exchange.")
    if terms.text("sec_type") == "BAG":
        return _combo(universe, terms)
    names = [terms.text(name) for name in CONTRACT_FIELDS]
    names = ["SMART" if name in DISCARDING else name for name in names]
    query = ContractQuery.from_fields(names, terms.text("sec_id_type"), terms.text("sec_id"))
    instrument = universe.resolve(query)
    if instrument is None:
        return Refusal(200, NO_SUCH_CONTRACT)
    if instrument.expiry and expiry_s(instrument.expiry) <= now_s:
        return Refusal(392, "Invalid Order: contract expired")
    if not instrument.has_quotes:  # an index
        return Refusal(412, "Contract is not available for trading")
    return instrument, ()


def _combo(universe: Universe, terms: Terms) -> tuple[None, tuple[Leg, ...]] | Refusal:
    legs = []
    for con_id, ratio, action, *_ in terms.rows["combo_legs"]:
        instrument = universe.by_con_id(int(con_id))
        if instrument is None:
            return Refusal(200, NO_SUCH_CONTRACT)
        legs.append(Leg(instrument, int(ratio) * (1 if action == "BUY" else -1)))
    if not legs:
        return invalid("Security type 'BAG' requires combo leg details.")
    if not is_combo_listed(terms.text("exchange"), legs):
        return Refusal(200, NO_SUCH_CONTRACT)
    conflict = symbol_conflict(terms.text("symbol"), legs)
    return Refusal(478, conflict) if conflict else (None, tuple(legs))
