"""Soak: many clients come and go at one proxy for minutes, at full speed, asking for everything.

    python -m tests.soak [--minutes N] [--clients N] [--seed N] [--json]

::

    crowd.py ── 20 clients ─► proxy.py ──► gateway.py
    (this process)             (a process)  (a process: the stand-in, and a ledger of it)

The exit status is 0 only if

* no client was told anything that is another one's: each knows its own ids, its account, and
  what each id is about, and the stand-in writes into every answer what it is about;
* every question was answered to its end;
* whenever all have left, the gateway has no subscription more than before the first came, the
  proxy's tables hold no more than they did, and its memory has not grown.

Clients use equal ids, so that ids meet; most speak the protocol themselves over the strategies'
own link, which is how one process can be many fast ones; every fifth is a real `RemoteIB`, and
every fifth comes in by a door, a port for TWS's own protocol.
The same seed gives the same choices; when they are made is up to the machine.
"""
