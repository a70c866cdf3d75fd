r"""A session: the gateway that one client sees.

It speaks the gateway's side of the handshake::

    GREETING ──"API\0"──► VERSIONS ──"v157..178"──► STARTING ──startApi──► READY
        └──────────────anything else──────────────────┴────────────────► CLOSED

and says nothing between its greeting and startApi, because IBKR's own client throws away what
comes in the same packet as the greeting (fact 1.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ibproxy.errors import RemoteProtocolError
from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields
from ibproxy.wire.layouts import ANSWER_FIELDS, tail_at
from ibproxy.wire.messages import FIRST_VERSION
from ibproxy_server.core.translation import Translation, translation

if TYPE_CHECKING:
    from ibproxy_server.core.requests.upstream_request import UpstreamRequest


_ERROR = 4

Place = tuple[int, bytes] | tuple[int, bytes, bytes]
"""Kind of request and the client's id, and what else tells apart two in flight."""


class Phase(Enum):
    """Where the handshake stands."""

    GREETING = "waits for the client's first bytes"
    VERSIONS = "waits for the version range"
    STARTING = "waits for startApi"
    READY = "serves requests"
    CLOSED = "is over"


@dataclass(frozen=True)
class View:
    """Which accounts a session may see.

    Attributes:
        accounts: account codes, in the gateway's order.
        is_whole: whether these are all accounts of the gateway.
    """

    accounts: tuple[str, ...]
    is_whole: bool

    def sees(self, account: str) -> bool:
        """Whether what concerns `account` may be shown.

        A whole view also sees what is not an account code, such as `All` (fact 2.26).
        """
        return self.is_whole or account in self.accounts

    @property
    def only(self) -> str | None:
        """The one account of a single-account session, which then behaves as such a login."""
        return self.accounts[0] if len(self.accounts) == 1 else None


class Session:
    """One client and its virtual gateway.

    Attributes:
        number: the lane's number for it.
        strategy: who the client says it is.
        client_id: the id that it passed to connect(); -1 before startApi.
        phase: where the handshake stands.
        view: accounts that it may see.
        version: the server version that it was told; 0 before.
        translation: between that and the gateway's version, if they differ.
        out: frames for the client as the gateway's version has them, to be taken by the hub.
        requests: kind of request and the client's id -> live request; each kind has its own ids.
        away_since_s: since when its link is broken; None while it is whole.
        held_up: why what it says just now comes too late for an order; empty if it does not.
        market_data_type: what reqMarketDataType last set.
        is_slow: whether it reads too slowly, so that only the newest tick of each kind is kept.
        conflated_ticks: ticks that it was not told because newer ones had come.
        messages_in: messages received from the client.
        bytes_out: bytes sent to the client.
    """

    def __init__(
        self,
        number: int,
        strategy: str,
        view: View,
        connected_at_s: float,
        program: str = "",
        pid: int = 0,
        machine: str = "",
    ) -> None:
        self.number = number
        self.strategy = strategy
        self.view = view
        self.connected_at_s = connected_at_s
        self.program = program
        self.pid = pid
        self.machine = machine
        self.away_since_s: float | None = None
        self.held_up = ""
        self.client_id = -1
        self.phase = Phase.GREETING
        self.version = 0
        self.translation: Translation | None = None
        self.out: list[bytes] = []
        self.requests: dict[Place, UpstreamRequest] = {}
        self.market_data_type = b"1"
        self.is_slow = False
        self.conflated_ticks = 0
        self.messages_in = 0
        self.bytes_out = 0
        self._end_of_error: tuple[str, ...] = ()
        self._start = b""
        self._frames = FrameBuffer()

    def __str__(self) -> str:
        """Return how log lines name it."""
        return f"{self.strategy}/{self.client_id}"

    @property
    def owner(self) -> tuple[str, int]:
        """Who owns its orders: strategy and client id, whatever the session."""
        return self.strategy, self.client_id

    def send(self, payload: bytes) -> None:
        """Queue a payload for the client."""
        self.out.append(frame(payload))

    def say(self, *fields: object) -> None:
        """Queue a message of these fields."""
        self.out.append(frame(join_fields(*fields)))

    def error(self, for_id: int | bytes, code: int, text: str) -> None:
        """Queue an error message."""
        shown = for_id.decode(errors="replace") if isinstance(for_id, bytes) else for_id
        self.say(_ERROR, 2, shown, code, text, *self._end_of_error)

    def receive(self, data: bytes, server_version: int, time_text: str) -> list[bytes]:
        """Take bytes from the client; do the handshake, and return complete payloads.

        Args:
            data: the bytes.
            server_version: the gateway's version; the greeting states the highest that both know.
            time_text: the time that the greeting states.

        Raises:
            RemoteProtocolError: it does not speak TWS's protocol, or in no version that is known.
        """
        if self.phase is Phase.GREETING:
            self._start += data
            if len(self._start) < len(GREETING):
                return []
            if not self._start.startswith(GREETING):
                raise RemoteProtocolError("the client does not open with API, as TWS clients do")
            data, self._start = self._start[len(GREETING) :], b""
            self.phase = Phase.VERSIONS
        payloads = self._frames.feed(data)
        if self.phase is Phase.VERSIONS and payloads:
            self._greet(payloads.pop(0), server_version, time_text)
        return payloads

    def _greet(self, offer: bytes, server_version: int, time_text: str) -> None:
        """Answer `v157..178`, perhaps with options behind it (facts 1.1 to 1.3)."""
        try:
            low, high = (int(part) for part in offer.decode().split(" ")[0][1:].split(".."))
        except ValueError as error:
            raise RemoteProtocolError(f"not a version range: {offer[:40]!r}") from error
        version = min(high, server_version)
        if version < max(low, FIRST_VERSION):
            raise RemoteProtocolError(
                f"the client speaks server versions {low} to {high}, the proxy "
                f"{FIRST_VERSION} to {server_version}"
            )
        self.say(version, time_text)
        self.version = version
        self.translation = translation(version, server_version)
        tail = tail_at(ANSWER_FIELDS[_ERROR], server_version)
        self._end_of_error = tuple(each.default.decode() for each in tail)
        self.phase = Phase.STARTING
