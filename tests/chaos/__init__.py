"""Chaos: strategies trade without pause while everything around them breaks.

    python -m tests.chaos [--orders N] [--faults M] [--strategies K] [--seed S] [--json]

::

    strategy.py ─┐                                link.py
    strategy.py ─┼──► ibproxy serve, a journal ──► cuts, tears, ... ──► ibproxy sim
    strategy.py ─┘                                (this process)
    processes, killed and stopped like the proxy

    plan.py ──► strikes.py             what goes wrong, drawn from the seed, and done
    recording.py, accounts.py          the accounts: what clients were told, books, journal
    audit.py                           the rules that they are compared by
    run.py, programs.py                one run, and its processes
    guards.py, proxy.py, proof.py      what makes it hold, to be switched off, and its proof

Afterwards three accounts that know nothing of each other are compared: the books of the stand-in,
which is never killed, since the broker is not; the journal; and what every client was told. The
exit status is 0 only if no order is lost or doubled, no fill undelivered or told twice, nothing
told to a client whose it is not, nothing unknown at the end, and all three agree how orders stand.
The last line has the seed and the figures. The same seed gives the same plan and the same wishes
of the strategies; how these meet is up to the machine.

`--without GUARD` switches one of the guards off: the run must then fail.
"""
