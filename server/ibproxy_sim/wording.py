"""Error texts and number formats that several parts of the stand-in use.

The two letters in 321 and 322 are an obfuscated class name that changes with each build (1.48).
"""

from __future__ import annotations

from ibproxy_sim.gateway import Client, Gateway
from ibproxy_sim.universe import ContractQuery, Instrument, Universe

NO_DEFINITION = "No security definition has been found for the request"
DUPLICATE_ID = "Duplicate ticker id"
NO_EXCHANGE = "Please enter exchange"


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


def wanted(
    gateway: Gateway, universe: Universe, client: Client, req_id: str, fields: list[str]
) -> Instrument | None:
    """The contract that a request's twelve fields mean; if none, the client is told."""
    query = ContractQuery.from_fields(fields)
    if not query.exchange:
        # stated for depth (fact 4.56), [assumed] for the other data requests
        refuse(gateway, client, req_id, NO_EXCHANGE)
        return None
    instrument = universe.resolve(query)
    if instrument is None:
        not_found(gateway, client, req_id)
    return instrument


def size_text(size: float) -> str:
    """A size as the gateway writes it: a decimal without needless digits."""
    return str(int(size)) if size == int(size) else str(size)
