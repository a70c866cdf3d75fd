"""What becomes of orders between the request and the report.

::

    requests.py checks.py        place, modify, cancel; what is refused
      venues.py                  what exchanges take, and what they take it for
      resolving.py               which contract an order means
      allocating.py              who shares in an advisor's order
    lists.py                     open orders, completed ones, executions
    engine.py                    their life
      holds.py conditions.py     what they wait for
      hedges.py                  how much a hedge is
      booking.py funding.py      what a fill books, and whether it can be paid
    reports.py                   what clients are told
    exercise.py manual.py        what comes from no placeOrder
"""
