"""All names of `ib_insync.ib`, with `IB` being `RemoteIB`."""

from ib_insync.ib import *  # noqa: F403 - the names are ib_insync's to choose

from ibproxy.ib_insync import IB as IB  # noqa: PLC0414 - given on
from ibproxy.ib_insync import RemoteIB as RemoteIB  # noqa: PLC0414 - given on
