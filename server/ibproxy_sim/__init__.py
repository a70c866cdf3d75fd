"""A stand-in for IB Gateway: it speaks TWS's wire protocol, and needs no account.

Theory of operation; each folder has a map of its own::

    server.py threaded.py    sockets, and the wall clock                the only IO,
    control/                 by whose hand things happen                with this one's port
    scenario.py scenarios/   what there is, and what goes wrong when
    faults/                  what goes wrong, on the gateway's lines
    build.py                 all put together                           pure from here down

      feeds/                 news, bulletins, what needs a paid feed
      data/                  contracts, live market data, the past
      trading/               orders between the request and the report
      accounts/              who owns what, what it is worth, what clients are told of it
      orders/                what an order is, and what of it trades at which price
      wire/                  clients, handshake, time, who handles what
      exchange/              what is listed, when it trades, at what price

    fixture.py pytest_plugin.py testing.py   for tests: with sockets, and without
    reference.py                             the tables of faults and scenarios in the docs

Of the folders from `data/` down, each imports only those below it; `feeds/` uses `data/`.
Everything below `server.py` is driven by bytes and by the time it is told, and the same seed
and the same requests give the same market. Nothing here imports the proxy, and of the shared
package only the frame format: one wrong field index must not be able to hide in both.
"""
