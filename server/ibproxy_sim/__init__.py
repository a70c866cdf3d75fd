"""A stand-in for IB Gateway: it speaks TWS's wire protocol, and needs no account.

Theory of operation::

    server.py     sockets, the wall clock                        the only IO
    gateway.py    clients, handshake, time, who handles what     pure from here down
      quotes.py history.py contracts.py      the market's side of the protocol
      trading.py accounts.py                 the trader's side of the protocol
    universe.py market.py                    what is traded, and at what price
    books.py matching.py                     who owns what, and how orders fill
    line.py faults/                          what goes wrong, on the gateway's lines
    scenario.py control.py                   what goes wrong when, and by whose hand

Everything below `server.py` is driven by bytes and by the time it is told, and the same seed
and the same requests give the same market. Nothing here imports the proxy, and of the shared
package only the frame format: one wrong field index must not be able to hide in both.
"""
