"""Error texts, and how numbers and contracts are written, for several parts of the stand-in.

The two letters in 321 and 322 are an obfuscated class name that changes with each build (1.48).
"""

from __future__ import annotations

from ibproxy_sim.exchange.instruments import COMBO_TYPE
from ibproxy_sim.exchange.universe import ContractQuery, Instrument, Universe
from ibproxy_sim.wire.gateway import Client, Gateway

NO_DEFINITION = "No security definition has been found for the request"
DUPLICATE_ID = "Duplicate ticker id"
BAD_TIME = (  # its lines as recorded at 10.40
    "The date, time, or time-zone entered is invalid.\n"
    "The correct format is yyyymmdd hh:mm:ss xx/xxxx\n"
    "where yyyymmdd and xx/xxxx are optional.\n"
    "E.g.: 20031126 15:59:00 US/Eastern\n\n"
    "Note that there is a space between the date and time,\n"
    "and between the time and time-zone.\n\n"
    "If no date is specified, current date is assumed.\n"
    "If no time-zone is specified, local time-zone is assumed(deprecated).\n\n"
    "You can also provide yyyymmddd-hh:mm:ss time is in UTC.\n"
    "Note that there is a dash between the date and time in UTC notation."
)
NOT_BEFORE_OPENING = (  # fact 3.64
    "Order Message:\n{action} {quantity} {symbol} {place}\n"
    "Warning: your order will not be placed at the exchange until {opening} US/Eastern"
)
NO_EXCHANGE = "Please enter exchange"
NO_LEGS = "Security type 'BAG' requires combo leg details."


def refuse(gateway: Gateway, client: Client, req_id: str, cause: str) -> None:
    """Report 321: a request was refused by validation."""
    gateway.error(client, req_id, 321, f"Error validating request.-'cd' : cause - {cause}")


def fail(gateway: Gateway, client: Client, req_id: str | int, cause: str) -> None:
    """Report 322: a request was refused while it was processed."""
    gateway.error(client, req_id, 322, f"Error processing request.-'bQ' : cause - {cause}")


def not_found(gateway: Gateway, client: Client, req_id: str) -> None:
    """Report 200: the contract is unknown or ambiguous (facts 4.43, 4.68)."""
    gateway.error(client, req_id, 200, NO_DEFINITION)


def cancel_failed(gateway: Gateway, client: Client, req_id: str) -> None:
    """Report 300: there is nothing live under that id (fact 4.9)."""
    gateway.error(client, req_id, 300, f"Can't find EId with tickerId:{req_id}")


def read_legs(fields: list[str], at: int) -> tuple[list[list[str]], int]:
    """The legs of a combo in a data request, four fields each, and where they end.

    Args:
        fields: the message.
        at: index of how many legs there are, if it is for a combo at all.
    """
    if COMBO_TYPE not in fields[4:6]:  # the security type stands at one or the other
        return [], at
    count = int(fields[at] or 0)
    end = at + 1 + 4 * count
    return [fields[n : n + 4] for n in range(at + 1, end, 4)], end


def wanted(
    gateway: Gateway,
    universe: Universe,
    client: Client,
    req_id: str,
    fields: list[str],
    legs: list[list[str]] | None = None,
) -> Instrument | None:
    """The contract that a request's twelve fields mean; if none, the client is told.

    Args:
        gateway: what the client is told by.
        universe: what is listed.
        client: who asks.
        req_id: under which id.
        fields: conId to tradingClass.
        legs: what a combo is made of; None if the request has no place for them.
    """
    query = ContractQuery.from_fields(fields)
    if query.sec_type == COMBO_TYPE and not legs:
        refuse(gateway, client, req_id, NO_LEGS)
        return None
    if not query.exchange:
        # stated for depth (fact 4.56), [assumed] for the other data requests
        refuse(gateway, client, req_id, NO_EXCHANGE)
        return None
    if query.sec_type == COMBO_TYPE and legs:
        instrument = universe.combo(query.symbol, query.exchange, query.currency, legs)
    else:
        instrument = universe.resolve(query)
    if instrument is None:
        not_found(gateway, client, req_id)
    return instrument


def size_text(size: float) -> str:
    """A size as the gateway writes it: a decimal without needless digits."""
    return str(int(size)) if size == int(size) else str(size)


SERVICE_ERROR = "Historical Market Data Service error message:"


def confirm_cancel(
    gateway: Gateway, client: Client, req_id: str, what: str, unknown: int, *, was_live: bool
) -> None:
    """Answer a cancel: 162 if it ended something, else the code of an unknown id (fact 5.11)."""
    if was_live:
        gateway.error(client, req_id, 162, f"{SERVICE_ERROR}API {what} cancelled: {req_id}")
    else:
        gateway.error(client, req_id, unknown, f"No {what} found for ticker id:{req_id}")


def quantity_text(quantity: float) -> str:
    """Return e.g. `100` or `0.5`."""
    return str(int(quantity)) if quantity == int(quantity) else repr(round(quantity, 8))


def price_text(price: float) -> str:
    """Return e.g. `149.23`."""
    return repr(round(float(price), 10))


def contract_fields(instrument: Instrument, exchange: str) -> list[str]:
    """Return conId to tradingClass without primary exchange, as 11, 61 and 71 have them."""
    return [
        str(instrument.con_id),
        instrument.symbol,
        instrument.sec_type,
        instrument.expiry,
        price_text(instrument.strike),
        instrument.right,
        instrument.multiplier,
        exchange,
        instrument.currency,
        instrument.local_symbol,
        instrument.trading_class,
    ]
