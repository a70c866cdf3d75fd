"""The unpleasant sides of a gateway, each a small thing of its own that can be switched.

::

    catalogue.py   all faults, by name: the one table
    board.py       which of them are on
    fault.py       what a fault is, and the place that it works in

    rates.py access.py restart.py outage.py farms.py     the gateway and its servers
    doors.py                                             who is let in, and how long
    delays.py links.py deaths.py                         lateness, broken links, dead streams
    orders.py statuses.py losses.py                      orders, and what is told of them
    accounts.py slots.py                                 accounts, and what there is one of
    answers.py                                           what is not found, or not yet known
    limits.py pacing.py                                  what an account may ask for

A fault is a struct of parameters with a `start`; what it changes is undone when it ends. It is
driven by market time and by what passes on the gateway's lines, so that the same requests meet
the same faults at the same moments. Where evidence is missing, the variant that hurts a
careless proxy more is the default, and is marked [assumed].
"""
