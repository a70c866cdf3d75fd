"""The version of ibproxy itself; `ibproxy.__version__` is ib_async's, as in the library."""

from importlib.metadata import version

__version__ = version("ib-async-proxy")
