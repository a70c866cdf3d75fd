"""Streams that die or start afresh, one by one."""

from __future__ import annotations

from typing import ClassVar

from ibproxy_sim.data.depth import ASK, BID
from ibproxy_sim.faults.fault import Fault, Site

BUST = (
    "Bust event occurred, current subscription is deactivated. "
    "Please resubscribe real-time bars immediately."
)
BOOK_RESET = (
    "Market depth data has been RESET. Please empty deep book contents before applying any new "
    "entries."
)


class Bust(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deactivate all real-time bars with 10225; they have to be cancelled and asked for again."""

    NAME: ClassVar[str] = "bust"
    FACTS: ClassVar[str] = "4.60, 4.61"

    def start(self, site: Site) -> None:
        """Tell each stream; it stays until it is cancelled, and gives nothing any more."""
        streams = site.gateway.streams["real_time_bars"]
        busted = {(stream.client.number, stream.req_id) for stream in streams}
        for stream in streams:
            site.gateway.error(stream.client, stream.req_id, 10225, BUST)

        def forget(client_number: int, req_id: str) -> bool:
            busted.discard((client_number, req_id))
            return False

        site.take_answers(
            lambda client, fields: fields[0] == "50" and (client.number, fields[2]) in busted
        )
        site.take_requests(
            lambda client, fields: fields[:1] == ["51"] and forget(client.number, fields[2])
        )


class BookReset(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reset all books with 317: rows are to be discarded, and come anew."""

    NAME: ClassVar[str] = "book_reset"
    FACTS: ClassVar[str] = "4.53"

    def start(self, site: Site) -> None:
        """Tell each stream, and forget what it was sent."""
        for book in site.gateway.streams["depth"]:
            site.gateway.error(book.client, book.req_id, 317, BOOK_RESET)
            book.rows = {ASK: [], BID: []}
        site.end()
