"""Reasons why an assumption has no check."""

from __future__ import annotations

OURS = "it is a rule of the proxy's own, drawn from other facts"
TOLERANCE = "the proxy works either way; there is nothing to fail"
CLIENT = "it is a property of the client libraries, and tested with them"
OUTAGE = "it shows only when the gateway's link to IBKR breaks, which we must not cause"
RESTART = "it shows only at a restart of the gateway, which we must not cause"
PUNISHED = "provoking it risks that the gateway ends the connection"
NEEDS_FILL = "it needs a fill, and orders of a check never fill"
OTHERS = "it would reach the orders or settings of everybody on this login"
MONEY = "each request costs money"
UNPROVOKED = "the gateway sends it of its own accord; it cannot be provoked"
MINUTES = "it takes minutes or longer to show"
