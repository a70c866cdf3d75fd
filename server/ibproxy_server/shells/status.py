"""Asks a running proxy what it is doing."""

from __future__ import annotations

from typing import Any

import zmq

from ibproxy.address import IpcAddress, parse_url
from ibproxy.context import end_context
from ibproxy.errors import RefusedError
from ibproxy.wire import lane


def fetch_status(url: str, timeout_s: float = 2.0) -> dict[str, Any]:
    """Return the status of the proxy at `url`; its shape is described in docs/.

    Raises:
        ConfigError: `url` is no address of a proxy.
        RefusedError: no proxy answers there.
    """
    address = parse_url(url)
    nobody = RefusedError(f"no proxy answers at {url}: start one with ibproxy serve")
    if isinstance(address, IpcAddress) and not address.exists():
        raise nobody
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        with context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address.url)
            socket.send_multipart(lane.encode_control(lane.StatusRequest()))
            if not socket.poll(int(timeout_s * 1000)):
                raise nobody
            _, body = socket.recv_multipart()
    finally:
        end_context(context)
    reply = lane.decode_from_proxy(body)
    if not isinstance(reply, lane.StatusReply):
        raise nobody
    return reply.status
