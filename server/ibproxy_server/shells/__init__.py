"""The thin edges: sockets, the clock, and nothing that decides.

`zmq_lane` carries strategies' bytes (`zmq_peer` is what it holds for one of them), `tcp_lane` those
of programs that come in by a door, `upstream_link` the gateway's; `journal` is the file of orders;
`runner` feeds what happens to the hub and carries out what it wants; `threaded` runs it in a
thread; `status` asks a running proxy what it is doing.
"""
