"""By whose hand things happen: the control of a running stand-in.

::

    with connect("tcp://127.0.0.1:4003") as control:
        control.fault("freeze", for_s=30)

    operations.py                what can be asked of it
    views.py                     what is shown of it
    link.py                      its own port
"""

from ibproxy_sim.control.link import connect
from ibproxy_sim.control.operations import SimControl

__all__ = ["SimControl", "connect"]
