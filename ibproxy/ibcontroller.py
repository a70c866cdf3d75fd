"""All names of `ib_async.ibcontroller`, with an `IBC` that leaves the gateway to the proxy."""

from ib_async.ibcontroller import *  # noqa: F403 - the names are ib_async's to choose

from ibproxy.controller import IBC as IBC  # noqa: PLC0414 - given on
