"""The pure part that client and proxy share: frames, lane messages, the message table.

No socket, no clock, no randomness in here.
"""
