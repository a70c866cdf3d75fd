"""What becomes of IBC, which starts gateways, where a proxy has one: nothing, and it says so."""

from __future__ import annotations

import logging

import ib_async


class _Said:
    """Whether it has been said in this process."""

    is_said = False


def start_nothing() -> None:
    """Stand in for the start of a gateway: a second login would end the proxy's."""
    if not _Said.is_said:
        _Said.is_said = True
        logging.getLogger("ibproxy").warning(
            "IBC starts no gateway here: the proxy is connected to one already"
        )


class IBC(ib_async.IBC):
    """ib_async's `IBC`, which starts nothing: the proxy is connected to a gateway already."""

    async def startAsync(self) -> None:  # noqa: N802 - ib_async's name
        """Start nothing, and say so once."""
        start_nothing()
