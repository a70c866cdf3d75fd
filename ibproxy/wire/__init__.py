"""The pure part that client and proxy share: frames, lane messages, and two tables of messages.

No socket, no clock, no randomness in here.
"""
