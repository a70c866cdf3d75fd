"""The pure part that client and proxy share: frames, lane messages, the tables of messages and layouts.

No socket, no clock, no randomness in here.
"""
