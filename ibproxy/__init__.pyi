# What type checkers see. `IB` stands twice, for one checker believes the first import of a name
# and another one the last.
from typing import Any

from ibproxy.remote import IB as IB  # isort: skip
from ib_async import *  # type: ignore[assignment]  # isort: skip

from ibproxy.remote import IB as IB
from ibproxy.remote import RemoteIB as RemoteIB

def load_ipython_extension(shell: Any) -> None: ...
def unload_ipython_extension(shell: Any) -> None: ...
