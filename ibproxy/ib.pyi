# As __init__.pyi: `IB` stands twice, for one checker believes the first import of a name
# and another one the last.
from ibproxy.remote import IB as IB  # isort: skip
from ib_async.ib import *  # type: ignore[assignment]  # isort: skip

from ibproxy.remote import IB as IB
from ibproxy.remote import RemoteIB as RemoteIB
