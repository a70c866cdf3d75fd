"""The proxy: owns the one connection to the gateway, gives every client a gateway of its own.

`core` decides and is pure; `shells` move bytes and carry out what the core decides.
"""
