"""All names of `ib_async.ib`, with `IB` being `RemoteIB`."""

from ib_async.ib import *  # noqa: F403 - the names are ib_async's to choose

from ibproxy.remote import IB as IB  # noqa: PLC0414 - given on
from ibproxy.remote import RemoteIB as RemoteIB  # noqa: PLC0414 - given on
