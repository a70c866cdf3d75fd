"""The gateway itself: clients, handshake, time, and the lines on which messages come and go.

::

    gateway.py                   clients, handshake, time, and who handles what
      settings.py                what kind of gateway it is
      line.py malformed.py       where faults stand, and what cannot be read
    session.py                   requests about the connection as such
    streams.py                   what runs until it is cancelled
    wording.py                   texts and formats that several parts use
"""
