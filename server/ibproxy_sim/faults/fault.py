"""What a fault is, and the place that it works in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

import msgspec

from ibproxy_sim.wire.gateway import Client, Gateway

if TYPE_CHECKING:
    from ibproxy_sim.build import Simulation


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all faults: the fields are parameters, with their units in their names.

    Attributes:
        NAME: what it is switched by.
        FACTS: numbers of the facts that it copies; empty if nothing says so [assumed].
    """

    NAME: ClassVar[str]
    FACTS: ClassVar[str]

    def start(self, site: Site) -> None:
        """Begin; what is to be undone at the end is left with `site.at_end`."""
        raise NotImplementedError


class Site:
    """Where one running fault works; everything that it did through it ends with it.

    Attributes:
        sim: the stand-in.
        gateway: its gateway.
        place: where on the gateway's lines it stands.
        is_over: whether the fault has ended.
    """

    def __init__(self, sim: Simulation, place: int, on_end: Callable[[], None]) -> None:
        self.sim = sim
        self.gateway: Gateway = sim.gateway
        self.place = place
        self.is_over = False
        self._stack = ExitStack()
        self._stack.callback(on_end)

    def at_end(self, action: Callable[[], object]) -> None:
        """Run `action` when the fault ends; the last one that was left comes first."""
        self._stack.callback(action)

    def end(self) -> None:
        """End the fault, once."""
        if not self.is_over:
            self.is_over = True
            self._stack.close()

    def later(self, delay_s: float, action: Callable[[], object]) -> None:
        """Run `action` after some market time, unless the fault is over by then."""

        def act() -> None:
            if not self.is_over:
                action()

        self.gateway.call_later(delay_s, act)

    def take_requests(self, taker: Callable[[Client, list[str]], bool]) -> None:
        """Look at every message of a client before it is handled."""
        self.at_end(self.gateway.requests.stand(self.place, taker))

    def take_answers(self, taker: Callable[[Client, list[str]], bool]) -> None:
        """Look at every message to a client."""
        self.at_end(self.gateway.answers.stand(self.place, taker))

    def take_incoming(self, taker: Callable[[Client, bytes], bool]) -> None:
        """Look at the bytes that clients send."""
        self.at_end(self.gateway.incoming.stand(self.place, taker))

    def take_outgoing(self, taker: Callable[[Client, bytes], bool]) -> None:
        """Look at the frames that clients are sent."""
        self.at_end(self.gateway.outgoing.stand(self.place, taker))

    def request(self, client: Client, fields: list[str]) -> None:
        """Let a request that was taken go on."""
        self.gateway.requests.run(client, fields, after=self.place)

    def answer(self, client: Client, fields: list[str]) -> None:
        """Let an answer go on, or send one from here."""
        self.gateway.answers.run(client, fields, after=self.place)

    def clients(self) -> list[Client]:
        """Return the clients that have started."""
        return [client for client in self.gateway.clients.values() if client.started]

    def tell_all(self, code: int, text: str) -> None:
        """Send everybody an error that belongs to no request."""
        for client in self.clients():
            self.gateway.error(client, -1, code, text)


class Quota:
    """Counts how often a fault has struck.

    Attributes:
        left: how often it may still; negative means without limit.
    """

    def __init__(self, count: int) -> None:
        self.left = count or -1

    def take(self) -> bool:
        """Whether it may strike now; that counts."""
        if self.left == 0:
            return False
        self.left -= self.left > 0
        return True
