"""Bugs that can be planted into the proxy of a soak, to see it found.

Each stands at the edge of the hub, on what goes in and out, so that it stays the same bug
however the hub is built.
"""

from __future__ import annotations

from collections.abc import Callable

from ibproxy.wire.framing import GREETING, FrameBuffer, frame
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub

Handle = Callable[[float, ev.Event], list[ef.Effect]]

_EVERY = 50
"""Each so many messages the bug shows."""


def no_cancel(handle: Handle) -> Handle:
    """Cancels of market data never reach the gateway."""

    def strip(effect: ef.Effect) -> ef.Effect:
        if not isinstance(effect, ef.SendUpstream) or effect.data.startswith(GREETING):
            return effect
        kept = [each for each in FrameBuffer().feed(effect.data) if not each.startswith(b"2\0")]
        return ef.SendUpstream(b"".join(map(frame, kept)))

    return lambda now_s, event: [strip(each) for each in handle(now_s, event)]


def deaf_to_leaving(handle: Handle) -> Handle:
    """The hub is never told that a client has left."""
    return lambda now_s, event: [] if isinstance(event, ev.ClientLeft) else handle(now_s, event)


def wrong_client(handle: Handle) -> Handle:
    """Now and then a message also goes to the client that was last spoken to."""
    count, last = 0, 0

    def send(now_s: float, event: ev.Event) -> list[ef.Effect]:
        nonlocal count, last
        effects: list[ef.Effect] = []
        for effect in handle(now_s, event):
            effects.append(effect)
            if isinstance(effect, ef.SendToClient):
                count += 1
                if count % _EVERY == 0 and last:
                    effects.append(ef.SendToClient(last, effect.data))
                last = effect.session
        return effects

    return send


def hoarder(handle: Handle) -> Handle:
    """Everything that is handled is kept, where no table shows it."""
    kept: list[object] = []

    def keep(now_s: float, event: ev.Event) -> list[ef.Effect]:
        effects = handle(now_s, event)
        kept.append((event, effects))
        return effects

    return keep


PLANTS: dict[str, Callable[[Handle], Handle]] = {
    each.__name__: each for each in (no_cancel, deaf_to_leaving, wrong_client, hoarder)
}


def plant(name: str, hub: Hub) -> None:
    """Put a bug into a hub."""
    vars(hub)["handle"] = PLANTS[name](hub.handle)
