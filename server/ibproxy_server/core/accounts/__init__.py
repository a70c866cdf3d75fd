"""Accounts: one picture of each, a view of it for every session.

desk           what sessions ask about accounts, positions and bulletins, and what is told of them
updates        account updates: pictures of all accounts, and who is shown which
slot           whose turn it is in the gateway's one subscription of them
value_streams  values under request ids, which keep a picture fresh while the slot is elsewhere
positions      what all accounts hold
holdings       rows about what is held, whichever message they are of
bulletins      news bulletins, the day's first
"""

from ibproxy_server.core.accounts.desk import AccountDesk

__all__ = ["AccountDesk"]
