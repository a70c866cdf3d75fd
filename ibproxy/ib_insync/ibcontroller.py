"""All names of `ib_insync.ibcontroller`, with an `IBC` that leaves the gateway to the proxy."""

from ib_insync.ibcontroller import *  # noqa: F403 - the names are ib_insync's to choose
from ib_insync.ibcontroller import IBC as _IBC

from ibproxy.controller import start_nothing


class IBC(_IBC):  # type: ignore[misc] # it has no types
    """ib_insync's `IBC`, which starts nothing: the proxy is connected to a gateway already."""

    async def startAsync(self) -> None:  # noqa: N802 - ib_insync's name
        """Start nothing, and say so once."""
        start_nothing()
