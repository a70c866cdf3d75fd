"""A stand-in for IB Gateway: it speaks TWS's wire protocol, and needs no account.

Theory of operation::

    server.py threaded.py    sockets, the wall clock                    the only IO
    control_link.py          the control's own port                     and this
    gateway.py  build.py     clients, handshake, time; all put together pure from here down
      session.py malformed.py line.py        a connection as such, and what cannot be read
      streams.py                             what runs until it is cancelled

      contracts.py details.py                contracts, symbols, chains, market rules
      quotes.py generic_ticks.py option_ticks.py flood.py
      ticks.py depth.py realtime.py          market data of every kind
      history.py bars.py scanners.py         the past, and lists of stocks
      news.py articles.py bulletins.py feeds.py
      fundamentals.py wall_street_horizon.py what needs a paid feed
      advisors.py displays.py                advisors' groups, groups of windows

      trading.py order_codec.py checks.py    orders: their messages, and what is refused
      engine.py orders.py conditions.py      their life
      matching.py slices.py adjusted.py hedges.py
                                             what of them trades, when, at which price
      booking.py reports.py funding.py       what a fill books and tells, and if it can be paid
      exercise.py manual.py                  what comes from no placeOrder
      accounts.py summary.py positions.py pnl.py values.py
                                             what accounts are told to be worth

    universe.py instruments.py catalogue.py chains.py listings.py other_listings.py
                                             what is listed, and how it is found
    market.py path.py pricing.py             at what price, at any moment
    calendars.py hours.py times.py           when there is trading, and how times are written
    books.py margins.py valuation.py         who owns what, and what it is worth
    wording.py                               texts that several parts use

    faults/                  what goes wrong, on the gateway's lines
    scenario.py scenarios/   what goes wrong when
    control.py reference.py  by whose hand, and the tables of it all
    fixture.py pytest_plugin.py testing.py   for tests: with sockets, and without

Everything below `server.py` is driven by bytes and by the time it is told, and the same seed
and the same requests give the same market. Nothing here imports the proxy, and of the shared
package only the frame format: one wrong field index must not be able to hide in both.
"""
