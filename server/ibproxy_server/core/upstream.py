"""The proxy's own connection to the gateway, from waiting to ready.

::

    WAITING ──deadline──► CONNECTING ──connected──► GREETING ──greeting──► STARTING ─┐
       ▲                      │                        │                       │     │ 15 and 9
       │                      │                        │                       │     ▼
       └──────────────────────┴──── lost, or too slow ─┴───────────────────────┴── READY

A gateway that has just restarted may accept connections before it is logged in (fact 7.16), and
may still hold the old client id (fact 1.33): every step has a time limit, and the next attempt
comes after a pause that doubles.
"""

from __future__ import annotations

from enum import Enum

from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy.wire.messages import FIRST_VERSION
from ibproxy_server.core.effects import CloseUpstream, Effect, OpenUpstream, SendUpstream

STEP_TIMEOUT_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
CLIENT_ID_IN_USE = "326"


class Stage(Enum):
    """How far the connection has come; the value is how status names it."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    GREETING = "greeting"
    STARTING = "starting"
    READY = "ready"


class Upstream:
    """State of the connection to the gateway.

    Attributes:
        address: where the gateway is, for people.
        client_id: the proxy's own client id there.
        stage: how far the connection has come.
        server_version: negotiated version; 0 before.
        time_text: the time that the gateway's greeting stated.
        accounts: the login's accounts; empty before they are known.
        next_valid_id: the gateway's next order id; 0 before it is known.
        note: why it waits; empty when it does not.
    """

    def __init__(self, address: str, client_id: int, max_version: int) -> None:
        self.address = address
        self.client_id = client_id
        self.stage = Stage.WAITING
        self.server_version = 0
        self.time_text = ""
        self.accounts: tuple[str, ...] = ()
        self.next_valid_id = 0
        self.note = ""
        self._max_version = max_version
        self._frames = FrameBuffer()
        self._pause_s = FIRST_PAUSE_S
        self._deadline_s = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether requests can be sent."""
        return self.stage is Stage.READY

    def advance(self, now_s: float) -> list[Effect]:
        """Open the connection, or give up an attempt, when it is time."""
        if self.is_ready or now_s < self._deadline_s:
            return []
        self._deadline_s = now_s + STEP_TIMEOUT_S
        if self.stage is Stage.WAITING:
            self.stage = Stage.CONNECTING
            return [OpenUpstream()]
        return [CloseUpstream(f"the gateway did not answer in {STEP_TIMEOUT_S:.0f} s")]

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return None if self.is_ready else self._deadline_s

    def connected(self, now_s: float) -> list[Effect]:
        """The TCP connection is open: say hello."""
        self._enter(Stage.GREETING, now_s)
        self._frames = FrameBuffer()
        hello = frame(b"v%d..%d" % (FIRST_VERSION, self._max_version))
        return [SendUpstream(GREETING + hello)]

    def lost(self, reason: str, now_s: float) -> None:
        """The connection is gone: wait before the next attempt."""
        self.stage = Stage.WAITING
        self.note = reason
        self.server_version = 0
        self._deadline_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that `data` completes; what comes from no connection is nothing.

        Raises:
            RemoteProtocolError: it is no stream of frames.
        """
        if self.stage in {Stage.WAITING, Stage.CONNECTING}:
            return []
        return self._frames.feed(data)

    def bootstrap(self, payload: bytes, now_s: float) -> list[Effect]:
        """Take a message that came before the connection was ready."""
        fields = split_fields(payload)
        if self.stage is Stage.GREETING:
            self.server_version, self.time_text = int(fields[0]), fields[1]
            self._enter(Stage.STARTING, now_s)
            self.accounts, self.next_valid_id = (), 0
            return [SendUpstream(frame(join_fields(71, 2, self.client_id, "")))]
        if fields[0] == "15":
            self.accounts = tuple(each for each in fields[2].split(",") if each)
        elif fields[0] == "9":
            self.next_valid_id = int(fields[2])
        elif fields[0] == "4" and fields[3] == CLIENT_ID_IN_USE:
            return [
                CloseUpstream(
                    f"client id {self.client_id} is in use at the gateway: "
                    "choose another with --client-id"
                )
            ]
        if self.accounts and self.next_valid_id:
            self.stage = Stage.READY
            self.note = ""
            self._pause_s = FIRST_PAUSE_S
        return []

    def _enter(self, stage: Stage, now_s: float) -> None:
        self.stage = stage
        self._deadline_s = now_s + STEP_TIMEOUT_S
