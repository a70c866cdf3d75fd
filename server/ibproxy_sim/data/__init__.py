"""What clients ask about the exchange: contracts, live market data, the past.

::

    contracts.py details.py              contracts, symbols, chains, market rules
    quotes.py                            market data
      generic_ticks.py option_ticks.py
      flood.py                           as fast as the reader reads
    ticks.py depth.py realtime.py        tick-by-tick, market depth, five second bars
    history.py bars.py heads.py          the past
    scanners.py displays.py              lists of stocks, groups of windows
"""
