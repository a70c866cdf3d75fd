"""The thin edges: sockets, the clock, and nothing that decides.

`zmq_lane` carries strategies' bytes, `upstream_link` the gateway's; `runner` feeds what happens
to the hub and carries out what it wants; `status_client` asks a running proxy what it is doing.
"""
