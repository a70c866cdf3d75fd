"""Error codes, one by one: what message 4 means beyond its text.

A code that is mere information never ends a request; one that belongs to the connection
between proxy and gateway never reaches a client.
"""

from __future__ import annotations

INFORMATION = frozenset(
    {
        0,  # approaching the message rate (fact 6.6)
        100,  # message rate exceeded: carries the id of an innocent request (fact 6.5)
        105,  # order differs from the original: the order lives on (fact 11.23)
        165,  # historical service notice, or a scanner without matches (facts 4.64, 5.13)
        317,  # depth reset, new rows follow (fact 4.53)
        399,  # order warning (fact 3.63)
        404,  # shares are being located (fact 3.59)
        434,
        492,  # scanner warning with results (fact 4.64)
        10090,  # part of the data is not subscribed, the rest comes (fact 4.39)
        10091,
        10167,  # delayed data instead (fact 4.39)
        10349,  # time in force set by a preset (fact 3.68)
    }
)
"""Codes that never end the request or order whose id they carry; 2100 to 2199 likewise."""

UNSHARED = frozenset({10197, 10225})
"""Codes after which nobody may join a stream, although it has not ended: its bars are dead until
it is cancelled (10225, fact 4.60); or another login has the data (10197, fact 4.40), and may give
them back [assumed]."""

_WARNINGS = range(2100, 2200)

DEPTH_RESET = 317
"""All rows of a book are void; new ones follow (fact 4.53)."""

NOTICES_OF_STREAMS = frozenset({2152, 10090, 10091, 10167})
"""What holds for a stream as long as it runs, and so concerns who joins it late as well
(facts 4.39, 4.52)."""

WAITS = (2199, "{request} waits for {wait}: the gateway allows {why}.")
"""Told to a client whose request the proxy holds back; client libraries show 2100 to 2199 and go
on (fact 12.8), and TWS has no such code."""

QUEUES = (
    WAITS[0],
    "{count} requests wait: all clients together may send {rate:g} messages a second.",
)
FATE_UNKNOWN = (
    2198,
    "Order {id} may have got lost on its way, and is not sent again: the gateway must say.",
)
"""Told to the owner of such an order; the proxy's own, like 2199."""

END_UNKNOWN = (
    2198,
    "Order {id} is listed no more, and the gateway does not tell its end: look at the position.",
)
"""Told to the owner of an order of whose end in an outage the gateway's lists say nothing."""

NOT_SENT = (2197, "{what} did not reach the broker: {reason}")
"""A change or a cancel was not sent; its order stands as before, and is stated behind this."""

NOT_CERTAIN = (2196, "{what} may not have reached the broker: {reason}")
"""A change or a cancel was on its way, or waits; how its order stands is stated behind this."""

_PACING_TEXTS = {162: b"pacing violation", 322: b"simultaneous API historical data requests"}
"""Refusals that the same request does not get later: code -> what the text says (5.3, 5.4)."""

PROXY_ONLY = frozenset(
    {
        0,
        100,
        326,  # the proxy's own client id is in use
        2100,  # the account slot moved on (facts 2.2, 2.17)
        2101,  # somebody else holds the account slot (fact 2.3)
        1300,  # the port was changed: the connection ends anyway (fact 7.7)
    }
)
"""Codes without an id that concern the proxy's own connection."""

LINK_IS_BROKEN = {1100: True, 1101: False, 1102: False}
"""Codes about the gateway's own link to IB: whether it is broken then (facts 7.1, 7.3, 7.4)."""

LINK_LOST = (1100, "Connectivity between IB and Trader Workstation has been lost.")
LINK_RESTORED = (
    1102,
    "Connectivity between IB and Trader Workstation has been restored - data maintained.",
)
"""Told to sessions about the proxy's own link to the gateway (facts 7.1, 7.4)."""

CUT_SHORT = (
    322,
    "Error processing request.-'ib' : cause - The link to the gateway broke within the answer.",
)
"""Told to who has a part of an answer when the link breaks, and may not be told it twice."""

BOOK_RESET = (
    DEPTH_RESET,
    "Market depth data has been RESET. Please empty deep book contents.",
)

REFUSALS = frozenset({320, 321, 322, 10119, 10132})
"""Codes that answer a message, also when they carry no id (facts 1.43, 1.45, 1.47)."""

READ_ONLY = b"Read-Only"
"""What a read-only gateway's refusals say, whatever their code (fact 1.43)."""

CANCEL_REFUSALS = frozenset({135, 136, 161, 10147, 10148})
"""Codes that refuse a cancel (facts 3.82 to 3.84)."""

OF_ORDERS = CANCEL_REFUSALS | {103, 104, 105, 110, 201, 202, 399}
"""Codes that are about an order, whatever id they carry."""

ORDER_IS_NOT_THERE = frozenset({135, 10147})
"""Those of them that say that there is no such order."""

FARM_OF_CODE = {
    2103: "data",
    2104: "data",
    2105: "history",
    2106: "history",
    2107: "history",
    2108: "data",
    2119: "data",
    2157: "security definitions",
    2158: "security definitions",
}
"""Farm notices: kind of farm; a new session is told the last one of each farm (fact 1.15)."""

CLIENT_ID_IN_USE = (
    326,
    "Unable to connect as the client id is already in use. Retry with a unique client id.",
)
DUPLICATE_TICKER = {
    322: "Error processing request.-'ib' : cause - Duplicate ticker id",
    102: "Duplicate ticker id",
}
"""What an id that is live gets, by the code that its kind of request uses."""

NO_SUCH_REQUEST = (321, "Error validating request.-'ib' : cause - No request with id {id} is live")
DUPLICATE_ORDER = (103, "Duplicate order id")
ORDER_IS_DONE = (104, "Cannot modify a filled order.")  # fact 3.11
INVALID_ORDER_ID = (10149, "Invalid order id: {id}")  # fact 3.8
ORDER_NOT_FOUND = (10147, "OrderId {id} that needs to be cancelled is not found.")
ORDER_CANCELED = (202, "Order Canceled - reason:{reason}")  # fact 3.61
ORDER_REJECTED = (201, "Order rejected - reason:{reason}")
ACCOUNT_MISSING = (435, "You must specify an account.")  # fact 3.71
NO_PARENT = (  # fact 3.97
    321,
    "Error validating request.-'ib' : cause - Can't find order with id ={id}",
)
INVALID_ACCOUNT = (321, "Error validating request.-'ib' : cause - Invalid account code '{account}'")
ACCOUNT_REQUIRED = (
    321,
    "Error validating request.-'ib' : cause - The account code is required for this operation.",
)
NOT_ALLOWED = (
    321,
    "Error validating request.-'ib' : cause - {name} reaches beyond one client: not allowed.",
)
UNREADABLE = (320, "Error reading request. Unable to parse data. {detail}")
AUTO_BIND_REFUSED = (
    327,
    "Only API connections with clientId set to 0 can set the auto bind orders property.",
)
BAD_LOG_LEVEL = (  # fact 8.19: 319, which comes as the cause of a 321
    321,
    "Error validating request.-'ib' : cause - Invalid Log level {{{level}}}.",
)


def is_information(code: int) -> bool:
    """Whether `code` leaves the request or order alive."""
    return code in INFORMATION or code in _WARNINGS


def is_pacing(code: int, text: bytes) -> bool:
    """Whether the gateway refuses a request only because it comes too soon."""
    words = _PACING_TEXTS.get(code)
    return words is not None and words in text
