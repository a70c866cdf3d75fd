"""What an order is: its messages, its state, and what of it trades at which price.

::

    order.py                     an order, its state machine, its family
    terms.py layouts.py codec.py what it says, and the messages that carry that
    matching.py                  whether it trades against a quote
    allocation.py                how an advisor's order is divided
    profits.py                   what a scale order closes again
    slices.py adjusted.py        how much of it shows; stops that become others
"""
