"""All errors of ibproxy, sorted by whose act it was.

::

    IbproxyError
    ├── LocalError            you misused ibproxy
    │   └── ConfigError       a setting, an address or a file is wrong
    ├── RemoteProtocolError   the peer broke the protocol
    ├── RefusedError          the other side said no, by policy
    │   └── BusyError         what you asked for is in use
    └── UpstreamLostError     the gateway is not there

Clients never see these through ib_async's events: there they get TWS's own error codes.
"""

from __future__ import annotations


class IbproxyError(Exception):
    """Base of all errors that ibproxy raises on purpose."""


class LocalError(IbproxyError):
    """Raised when the caller misused ibproxy; the text says what to do instead."""


class ConfigError(LocalError):
    """Raised when a setting, an address or a configuration file cannot be used."""


class RemoteProtocolError(IbproxyError):
    """Raised by the pure parsers when bytes from a peer break the protocol."""


class RefusedError(IbproxyError, ConnectionRefusedError):
    """Raised when the proxy refuses a connection; also a `ConnectionRefusedError`.

    A direct connection to a gateway that is down raises `ConnectionRefusedError`, so
    scripts that retry on it keep working.
    """


class BusyError(RefusedError):
    """Raised when an address or a client id is in use."""


class UpstreamLostError(IbproxyError, ConnectionError):
    """Raised when the connection to the gateway or to the proxy broke."""
