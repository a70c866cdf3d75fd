"""What the proxy takes for granted about a gateway, as checks that can be run against one.

Theory of operation::

    table.py        every assumption: its number, sentence, source, confidence and check
    *_checks.py     the checks: each is called with a `Lab` and says what it saw
    lab.py          connections, accounts, ids, prices; it cancels what checks have left
    probe.py        one API connection on a plain socket                     the only IO
    run.py          runs the table, gives findings
    page.py         the table as a page of the documentation

A check returns what it saw, raises `Differs` if that is not what the proxy relies on, and
`CannotCheck` if this gateway cannot be asked. It shares only the frame format with the proxy, so
that what is wrong in the proxy's tables cannot hide here.
"""
