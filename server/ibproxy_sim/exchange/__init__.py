"""What there is without any gateway: what is listed, when it trades, and at what price.

::

    universe.py instruments.py         what is listed, and how it is found
      catalogue.py chains.py           made out of these tables:
      listings.py other_listings.py
    market.py path.py pricing.py       at what price, at any moment
    hours.py calendars.py              when there is trading
    times.py                           the exchanges' clock, and how times are written
"""
