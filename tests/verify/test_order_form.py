"""Orders on the wire: as many fields as each server version has (wire-table, messages 3 and 4)."""

from __future__ import annotations

import pytest

from ibproxy_server.verify.lab import TO_TRADE
from ibproxy_server.verify.order_form import Ticket, cancellation

PLACE_ORDER = {157: 110, 158: 111, 160: 112, 162: 113, 166: 114, 169: 115, 177: 114}
CANCEL_ORDER = {157: 3, 169: 4}
"""From which version on -> how many fields."""


@pytest.mark.parametrize("version", range(157, 179))
def test_a_message_has_its_versions_fields(version: int) -> None:
    """No more, though a gateway may pass over what is behind, and no fewer."""
    ticket = Ticket(7, TO_TRADE, "DU1000001", 150.5, ref="mine", parent_id=6)
    fields = ticket.fields(version)
    assert len(fields) == PLACE_ORDER[max(first for first in PLACE_ORDER if first <= version)]
    assert fields[:2] == ("3", "7")
    assert fields[16:22] == ("BUY", "1", "LMT", "150.5", "", "DAY")
    assert (fields[23], fields[26], fields[28]) == ("DU1000001", "mine", "6")
    cancel = cancellation(7, version)
    assert len(cancel) == CANCEL_ORDER[max(first for first in CANCEL_ORDER if first <= version)]
    assert cancel[:3] == ("4", "1", "7")
