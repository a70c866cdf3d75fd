"""`%load_ext ibproxy`: the cells below it connect through the proxy, unchanged."""

from __future__ import annotations

from typing import Any

from ibproxy.errors import IbproxyError
from ibproxy_compat.patches import install, uninstall


def load(_shell: Any) -> None:
    """Install ibproxy in the notebook's kernel.

    Raises:
        IPython.core.error.UsageError: shown without a traceback: a cell above has connected to a
            gateway directly, or the library is not built as ibproxy needs it.
    """
    from IPython.core.error import UsageError  # noqa: PLC0415 - who calls this has it

    try:
        install()
    except IbproxyError as error:
        raise UsageError(f"ibproxy is not loaded: {error}") from None


def unload(_shell: Any) -> None:
    """Take it back, for what is made from now on."""
    uninstall()
