"""Who owns what, what it is worth, and what clients are told of that.

::

    books.py                     accounts, positions, executions
      valuation.py margins.py    what they are worth, and the margin that they need
    values.py                    the values that an account is told to have
    requests.py                  account updates, and the handlers of what follows
      summary.py positions.py pnl.py
    advisors.py                  an advisor's groups
"""
