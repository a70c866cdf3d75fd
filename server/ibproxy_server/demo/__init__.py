"""`ibproxy demo`: two strategies, each with an account, on one connection to a gateway.

::

    stage.py      the stand-in gateway, the proxy and the strategies, as processes
    screen.py     what is shown meanwhile
    observed.py   runs a strategy unchanged, and watches from outside what reaches it
    report.py     what was seen there
    books.py      what really happened, out of the stand-in's books
    verdict.py    compares the two

The summary is computed from what happened. The watching is independent of the proxy: it taps
the bytes that a strategy receives and decodes them with ib_async's own decoder.
"""
