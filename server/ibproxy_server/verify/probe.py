"""One API connection, for asking a gateway one thing at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ibproxy.errors import RemoteProtocolError, UpstreamLostError
from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from ibproxy_server.verify.port import Port

LOWEST_VERSION = 157
HIGHEST_VERSION = 176
"""What the proxy offers unless its configuration says otherwise (fact 9.4)."""

GAP_S = 0.025
"""Time between two messages, well below the allowed rate (facts 6.1, 6.8)."""

AWAKE_FARMS = frozenset({"2103", "2104", "2105", "2106", "2119", "2120", "2157", "2158", "2160"})
IDLE_FARMS = frozenset({"2107", "2108", "2159"})
"""Notices of data farms, which come at any time: they work, come or go; they sleep (fact 7.8)."""

Message = list[str]
Test = Callable[[Message], bool]


class Silence(Exception):  # noqa: N818 - what did not come is a finding
    """Raised when what was waited for did not come; `seen` is what came instead."""

    def __init__(self, seen: list[Message]) -> None:
        super().__init__(shown(seen))
        self.seen = seen


def shown(messages: list[Message], most: int = 6) -> str:
    """Return messages as people read them: fields with commas, messages with bars."""
    texts = [",".join(message)[:120] for message in messages[:most]]
    more = [f"and {len(messages) - most} more"] if len(messages) > most else []
    return " | ".join(texts + more) or "nothing"


def is_error(*codes: int, of: int | None = None) -> Test:
    """Return a test for an error message with one of the codes, of one request if given."""
    texts = {str(code) for code in codes}

    def test(message: Message) -> bool:
        return (
            message[0] == "4"
            and (not texts or message[3] in texts)
            and (of is None or message[2] == str(of))
        )

    return test


def is_kind(*message_ids: int) -> Test:
    """Return a test for a message of one of these ids."""
    texts = {str(message_id) for message_id in message_ids}
    return lambda message: message[0] in texts


class Probe:
    """A connection that has said `API` and its versions.

    Attributes:
        client_id: its API client id.
        version: what the gateway answered.
        greeting: the fields of that answer.
        received: every message since, oldest first.
    """

    def __init__(
        self,
        port: Port,
        client_id: int,
        patience_s: float,
        highest: int = HIGHEST_VERSION,
        gap_s: float = GAP_S,
    ) -> None:
        self.client_id = client_id
        self.patience_s = patience_s
        self.received: list[Message] = []
        self.is_closed = False
        self._buffer = FrameBuffer()
        self._port = port
        self._gap_s = gap_s
        self._sent_at_s = port.now_s() - gap_s
        self._link = port.connect(patience_s)
        self._link.send(GREETING + frame(f"v{LOWEST_VERSION}..{highest}".encode()))
        try:
            self.greeting = self.wait(lambda _: True)
        except Silence:
            self.close()
            raise UpstreamLostError(
                f"what listens at {port} does not answer as a gateway does: "
                "check the port, and that the gateway is logged in"
            ) from None
        del self.received[0]
        self.version = int(self.greeting[0]) if self.greeting[0].isdecimal() else 0

    def start(self) -> None:
        """Say startApi and wait for accounts and next order id (facts 1.8, 1.14).

        Raises:
            Silence: they did not come.
        """
        self.send(71, 2, self.client_id, "")
        self.wait(is_kind(15))
        self.wait(is_kind(9))

    def send(self, *fields: object) -> int:
        """Send a message; returns how many had been received before, for `since`."""
        pause_s = self._sent_at_s + self._gap_s - self._port.now_s()
        if pause_s > 0:
            self._port.pause(pause_s)
        self._sent_at_s = self._port.now_s()
        if not self.is_closed:
            self._link.send(frame(join_fields(*fields)))
        return len(self.received)

    def wait(self, test: Test, since: int = 0, patience_s: float | None = None) -> Message:
        """Return the first message since then that passes.

        Raises:
            Silence: none came.
        """
        deadline_s = self._port.now_s() + (self.patience_s if patience_s is None else patience_s)
        looked_at = since
        while True:
            for message in self.received[looked_at:]:
                if test(message):
                    return message
            looked_at = len(self.received)
            if not self._read(deadline_s):
                raise Silence(self.received[since:])

    def ask(self, *fields: object, until: Test) -> list[Message]:
        """Send a message and return what comes, up to the first that passes.

        Raises:
            Silence: none passed.
        """
        since = self.send(*fields)
        last = self.wait(until, since)
        messages = self.received[since:]
        return messages[: next(n for n, m in enumerate(messages) if m is last) + 1]

    def listen(self, for_s: float) -> list[Message]:
        """Return what comes within a time."""
        since = len(self.received)
        deadline_s = self._port.now_s() + for_s
        while self._read(deadline_s):
            pass
        return self.received[since:]

    def settle(self) -> None:
        """Wait until everything sent before is answered: managed accounts come in turn.

        A gateway that does not state them has had time enough when this gives up.
        """
        with contextlib.suppress(Silence):
            self.ask(17, 1, until=is_kind(15))

    def close(self) -> None:
        """Hang up."""
        self.is_closed = True
        self._link.close()

    def _read(self, deadline_s: float) -> bool:
        """Read once; False if the time is over or the gateway has hung up."""
        left_s = deadline_s - self._port.now_s()
        if left_s <= 0 or self.is_closed:
            return False
        data = self._link.read(left_s)
        if data is None:
            return False
        if not data:
            self.close()
            return False
        try:
            self.received += [split_fields(payload) or [""] for payload in self._buffer.feed(data)]
        except RemoteProtocolError:
            self.close()
            return False
        return True
