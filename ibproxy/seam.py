"""Where ib_async and ib_insync are cut: what ibproxy takes from them, and whether it is there.

Everything above `Client.conn` stays ib_async's own. The cut has had the same members in
ib_insync 0.9.70 and 0.9.86 and ib_async 1.0.0 to 2.1.0.
"""

from __future__ import annotations

from typing import Any, Final

from ibproxy.errors import LocalError

CONNECTION_MEMBERS: Final = (
    "connectAsync",
    "disconnect",
    "isConnected",
    "sendMsg",
    "reset",
    "hasData",
    "disconnected",
    "numBytesSent",
    "numMsgSent",
)
CLIENT_MEMBERS: Final = ("_onSocketHasData", "_onSocketDisconnected", "conn")


class UnknownLibraryError(LocalError, ImportError):
    """Raised by the import when the installed library is not built as ibproxy needs it."""


def name_of(library: Any) -> str:
    """Return a library's name and version."""
    return f"{library.__name__} {library.__version__}"


def check_seam(ib: Any, library: str) -> None:
    """Check that a fresh `IB` object holds all that `attach` needs.

    Args:
        ib: an object of the library's own `IB` class.
        library: the library's name and version, for the error.

    Raises:
        UnknownLibraryError: the text lists what is missing.
    """
    client = getattr(ib, "client", None)
    connection = getattr(client, "conn", None)
    missing = [f"Client.{name}" for name in CLIENT_MEMBERS if not hasattr(client, name)]
    missing += [
        f"Connection.{name}" for name in CONNECTION_MEMBERS if not hasattr(connection, name)
    ]
    if missing:
        raise UnknownLibraryError(
            f"{library} is not built as ibproxy expects: {', '.join(missing)} not found; "
            "install a release that ibproxy's documentation lists"
        )


def attach(client: Any, connection: Any) -> None:
    """Put `connection` in the place of the library's own one under `client`."""
    client.conn.hasData.disconnect(client._onSocketHasData)  # noqa: SLF001 - the seam itself
    client.conn.disconnected.disconnect(client._onSocketDisconnected)  # noqa: SLF001
    connection.hasData.connect(client._onSocketHasData)  # noqa: SLF001
    connection.disconnected.connect(client._onSocketDisconnected)  # noqa: SLF001
    client.conn = connection
