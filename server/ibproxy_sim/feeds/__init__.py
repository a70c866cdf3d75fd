"""What is published: news, bulletins, and what needs a paid feed.

::

    news.py articles.py          news, and what stands in it
    bulletins.py                 the exchanges' bulletins
    fundamentals.py              reports and ratios
    wall_street_horizon.py       a calendar of events
    permission.py                which feed the account has
"""
