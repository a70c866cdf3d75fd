"""Feeds that an account has to subscribe to, and what is said where it has not."""

from __future__ import annotations

from typing import NamedTuple

from ibproxy_sim.wire.gateway import Client, Gateway


class Feed(NamedTuple):
    """A paid feed: its name in the settings, and the error without it (facts 5.11, 8.21)."""

    name: str
    code: int
    text: str


NEWS = Feed("news", 10276, "News feed is not allowed.")
CALENDAR = Feed("calendar", 10276, "News feed is not allowed.")
FUNDAMENTALS = Feed(
    "fundamentals",
    430,
    "We are sorry, but fundamentals data for the security specified is not available.",
)


def has_feed(gateway: Gateway, client: Client, req_id: str, feed: Feed) -> bool:
    """Whether the account has a feed; if not, the client is told."""
    if feed.name in gateway.settings.feeds:
        return True
    gateway.error(client, req_id, feed.code, feed.text)
    return False
