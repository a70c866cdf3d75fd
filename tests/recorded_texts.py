"""How IB Gateway 10.40 words its errors, for the codes that the stand-in sends.

Read from the gateway's table of messages, as published with the recordings; where it was recorded
saying something else, that. `%s` is anything; a text that ends with a colon, a hyphen or an equals
sign goes on with details; a full stop at the end comes and goes.
"""

from __future__ import annotations

import re

TEXTS: dict[int, str] = {
    0: "Warning: Approaching max rate of %s messages per second (%s)",
    100: "Max rate of messages per second has been exceeded:",
    101: "Max number of tickers has been reached",
    102: "Duplicate ticker id",
    103: "Duplicate order id",
    104: "Cannot modify a filled order.",
    105: "Order being modified does not match original order",
    110: "The price does not conform to the minimum price variation for this contract.",
    161: "Cancel attempted when order is not in a cancellable state.  Order permId =",
    162: "Historical Market Data Service error message:",
    165: "Historical Market Data Service query message:",
    200: "No security definition has been found for the request",
    201: "Order rejected - reason:",
    202: "Order Canceled - reason:",
    300: "Can't find EId with tickerId:",
    309: "Max number (%s) of market depth requests has been reached",
    310: "Can't find the subscribed market depth with tickerId:",
    317: "Market depth data has been RESET. Please empty deep book contents before applying any new"
    " entries.",
    320: "Error reading request. %s",
    321: "Error validating request.-'%s' : cause - %s",
    322: "Error processing request.-'%s' : cause - %s",
    327: "Only API connections with clientId set to 0 can set the auto bind orders property.",
    329: "Order modify failed. Cannot change to the new order type",
    337: "Good After Time: The date, time, or time-zone entered is invalid.\n%s",
    343: "Good Till Date: The date, time, or time-zone entered is invalid.\n%s",
    354: "Requested market data is not subscribed.",
    364: "Invalid Adjusted Trailing Amount",
    365: "No scanner subscription found for ticker id:",
    366: "No historical data query found for ticker id:",
    387: "Unsupported order type for this exchange and security type.",
    392: "Invalid Order: contract expired",
    399: "Order Message:\n%s",
    404: "Order held while securities are located.",
    409: "Invalid scale order. You should specify component order size.",
    412: "Contract is not available for trading",
    420: "Invalid Real-time Query",
    426: "None of the accounts have enough securities.",
    430: "We are sorry, but fundamentals data for the security specified is not available.",
    436: "You must specify an allocation (either a single account, group, or profile).",
    439: "Order processing failed. Algorithm definition not found",
    442: "Specified algorithm is not allowed for this order.",
    456: "Max number of real time requests has been reached",
    462: "Order modify failed. Cannot change to the new Time in Force.%s",
    463: "You must enter a valid price.",
    478: "Parameters in request conflicts with contract parameters received by contract id:",
    485: "Multiple account allocation scale order is currently not supported",
    499: "'PctChange' allocation won't allow size modification",
    1100: "Connectivity between %s and %s has been lost.",
    1101: "Connectivity between %s and %s has been restored - data lost.",
    1102: "Connectivity between %s and %s has been restored - data maintained.%s",
    1300: "Socket port has been reset and this connection is being dropped. Please reconnect on the"
    " new port -",
    2100: "API client has been unsubscribed from account data.",
    2101: "Unable subscribe to account as the following clients are subscribed to a different"
    " account.%s",
    2103: "Market data farm connection is broken:",
    2104: "Market data farm connection is OK:",
    2105: "HMDS data farm connection is broken:",
    2106: "HMDS data farm connection is OK:",
    2107: "HMDS data farm connection is inactive but should be available upon demand.%s",
    2108: "Market data farm connection is inactive but should be available upon demand.%s",
    2109: "Order Event Warning:",
    2110: "Connectivity between %s and server is broken. It will be restored automatically.",
    2119: "Market data farm is connecting:",
    2120: "HMDS data farm is connecting:",
    2150: "Invalid position trade derived value",
    2157: "Sec-def data farm connection is broken:",
    2158: "Sec-def data farm connection is OK:",
    2159: "Sec-def data farm connection is inactive but should be available upon demand.%s",
    2160: "Sec-def data farm is connecting:",
    10006: "Missing parent order",
    10007: "Invalid hedge type. Valid values are D, B, F, or P.",
    10014: "For PctChange orders, percent change must be between -200% and +1000% inclusive.",
    10032: "Specifying size for hedge order is not allowed, send zero.",
    10068: "Percent Change orders must have size or percent change but not both",
    10089: "Requested market data requires additional subscription for API. See link in 'Market "
    "Data Connections' dialog for more details.",
    10092: "Deep market data is not supported for this combination of security type/exchange",
    10094: "API News error:",
    10095: "ApiVerify error:",
    10119: "The API interface is currently in Read-Only mode.",
    10147: "OrderId %s that needs to be cancelled is not found.",
    10148: "OrderId %s that needs to be cancelled cannot be cancelled, state: %s.",
    10149: "Invalid order id: %s",
    10167: "Requested market data is not subscribed. Displaying delayed market data.",
    10168: "Requested market data is not subscribed. Delayed market data is not enabled",
    10172: "Failed to request news article:",
    10173: "Failed to request historical news:",
    10182: "Failed to request live updates (disconnected)",
    10185: "Failed to cancel PNL (not subscribed)",
    10186: "Failed to cancel PNL single (not subscribed)",
    10187: "Failed to request historical ticks:",
    10189: "Failed to request tick-by-tick data:",
    10190: "Max number of tick-by-tick requests has been reached",
    10197: "No market data during competing live session",
    10225: "Bust event occurred, current subscription is deactivated. Please resubscribe real-time"
    " bars immediately.",
    10230: "You have unsaved FA changes. Please retry 'request FA' operation later, when 'replace"
    " FA' operation is complete",
    10231: "The following Groups and/or Profiles contain invalid accounts:",
    10243: "Fractional-sized order cannot be placed via API. Please use desktop version to place"
    " this order.",
    10259: "The following unified group names are duplicated:",
    10260: "Group %s has unsupported method (%s)",
    10261: "Error parsing XML%s",
    10262: "Replacing alias is not allowed. You can configure account aliases in the Account"
    " Management.",
    10276: "News feed is not allowed.",
    10278: "Duplicate WSH meta data request.",
    10280: "Failed to cancel WSH meta data.",
    10281: "Duplicate WSH event data request.",
    10282: "WSH meta data not requested.",
    10284: "Failed to cancel WSH event data.",
    10299: "Expected what to show is %s, please use that instead of %s.",
    10309: "Invalid WSH event data request.",
    10314: "%s: The date, time, or time-zone entered is invalid.\n%s",
    10326: "OCA group revision is not allowed",
    10327: "OCA group type revision is not allowed",
    10329: "This order will be directly routed to %s.%s",
    10339: "Setting end date/time for continuous future security type is not allowed",
    10341: "Parent order id cannot be modified",
}
"""Code -> wording."""

ELSEWHERE: dict[int, str] = {
    326: "Unable to connect as the client id is already in use. Retry with a unique client id.",
    401: "OCA group name is longer than 64 characters.",
    585: "FA Profile is not supported anymore, use FA Group instead - please create a group with"
    " the same name.",
    2152: "Exchanges - Depth: %s; Top: %s; ",
    2174: "Warning: You submitted request with date-time attributes without explicit time zone."
    " Please switch to use yyyymmdd-hh:mm:ss in UTC or use instrument time zone, like US/Eastern."
    " Implied time zone functionality will be removed in the next API release",
    10349: "Order TIF was set to DAY based on order preset.",
}
"""What the table has not, or has in other words than gateways were seen to use.

326: logs of many versions (1.28), the table has no `to`. 401, 2152: without a text there; the
second as recorded (3.97, 4.52). 585, 10349: not in that version (2.45, 3.68). 2174: logs (5.17).
"""

OLDER: dict[int, str] = {
    2100: "New account data requested from TWS. API client has been unsubscribed from account"
    " data.",
}
"""What versions before 10.40 say, where the stand-in can be switched to it."""

NEVER_BY_ITSELF = {
    142, 146, 319, 330, 367, 368, 372, 373, 378, 379, 380, 385, 386, 393, 407, 413, 414, 431, 452,
    477, 10011, 10139, 10175, 10176, 10177, 10178, 10179, 10210, 10295,
}  # fmt: skip
"""Codes that are only the cause of a 321 or 322 (1.49); 365 and 366 would be, but 366 was recorded
by itself."""


def fits(code: int, text: str) -> bool:
    """Whether a gateway words an error so."""
    forms = [table[code] for table in (TEXTS, ELSEWHERE, OLDER) if code in table]
    return any(_pattern(form).fullmatch(text) for form in forms)


def _pattern(form: str) -> re.Pattern[str]:
    goes_on = ".*" if form[-1] in ":-=" else r"\.?"
    parts = [re.escape(part) for part in form.removesuffix(".").split("%s")]
    return re.compile(".*".join(parts) + goes_on, re.DOTALL)
