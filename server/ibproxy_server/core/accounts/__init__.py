"""Accounts: one picture of each, a view of it for every session.

desk           what sessions ask about accounts, positions and bulletins, and what is told of them
slot           whose turn it is in the gateway's one subscription
value_streams  values under request ids, which keep a picture fresh while the slot is elsewhere
"""

from ibproxy_server.core.accounts.desk import MAX_IMAGE_AGE_S, AccountDesk

__all__ = ["MAX_IMAGE_AGE_S", "AccountDesk"]
