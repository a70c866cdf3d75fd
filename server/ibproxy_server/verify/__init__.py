"""What the proxy takes for granted about a gateway, as checks that can be run against one.

Theory of operation::

    table.py        every assumption: its number, sentence, source, confidence and check
    *_checks.py     the checks: each is called with a `Lab` and says what it saw
    lab.py          connections, accounts, ids, prices; it cancels what checks have left
    order_form.py   orders as ib_async writes them at each server version
    order_view.py   what openOrder says
    probe.py        one API connection
    port.py         the socket and the clock                                 the only IO
    run.py          runs the table, gives findings
    page.py         the table as a page of the documentation

A check returns what it saw, raises `Differs` if that is not what the proxy relies on, and
`CannotCheck` if this gateway cannot be asked. It shares only the frame format with the proxy, so
that what is wrong in the proxy's tables cannot hide here; the translation between versions is what
`layout_checks.py` compares with the gateway's own word.

A check fails only over its own assumption. What it needs besides and does not get (a price, a
second client, an order that is taken) makes it one that cannot be made; that it is missing is for
another check to say. So each broken assumption is one line of the result.
"""
