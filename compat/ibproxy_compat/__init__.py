"""Doors for code that does not import ibproxy: `IB` of ib_async and ib_insync, as it stands.

::

    ibproxy run script.py      a script, unchanged; also python -m ibproxy      (launch.py)
    %load_ext ibproxy          a notebook, unchanged                          (notebook.py)
    ibproxy_compat.install()   any program, from here on          (patches.py, children.py)

All three cut in the same place, `Client.__init__` of the library, which puts an ibproxy `Link`
where the library's own connection stands. `IB` itself stays the library's class, so it does not
matter how a program imports it, nor when, nor what it derives from it.

This package imports nothing until it is used: it is there before a script's first line.
"""

from ibproxy_compat.patches import install as install
from ibproxy_compat.patches import is_installed as is_installed
from ibproxy_compat.patches import proxied as proxied
from ibproxy_compat.patches import uninstall as uninstall

__all__ = ["install", "is_installed", "proxied", "uninstall"]
