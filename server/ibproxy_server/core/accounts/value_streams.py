"""Account values under request ids (76, 73), which need no slot (fact 2.19).

The proxy asks for them as one of its own clients would, so it shares the stream of sessions that
ask for the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from ibproxy.wire.framing import FrameBuffer
from ibproxy.wire.messages import requests_by_id
from ibproxy_server.core.requests import RequestDesk
from ibproxy_server.core.session import Session, View

_ASK, _CANCEL, _VALUE = b"76", b"77", b"73"
_ACCOUNT, _KEY, _AMOUNT, _CURRENCY = 3, 5, 6, 7


class ValueStreams:
    """One stream of values for each account that is wanted."""

    def __init__(self, requests: RequestDesk) -> None:
        self._requests = requests
        self._rows = requests_by_id()
        self._session = Session(0, "ibproxy", View((), is_whole=True), 0.0)
        self._frames = FrameBuffer()
        self._ids: dict[str, bytes] = {}
        self._accounts: tuple[str, ...] = ()
        self._last_id = 0

    def start(self, accounts: tuple[str, ...]) -> None:
        """The gateway is ready; with one account the slot never leaves it."""
        self._accounts = accounts if len(accounts) > 1 else ()
        for account in [each for each in self._ids if each not in self._accounts]:
            self.drop(account)

    def want(self, account: str) -> None:
        """Ask for the values of an account, unless they are being told."""
        if account in self._ids or account not in self._accounts:
            return
        self._last_id += 1
        request_id = self._ids[account] = b"%d" % self._last_id
        fields = [_ASK, b"1", request_id, account.encode(), b"", b"0"]
        self._requests.ask(self._session, self._rows[_ASK], fields)

    def drop(self, account: str) -> None:
        """Nobody listens to an account any more."""
        request_id = self._ids.pop(account, None)
        if request_id is not None:
            fields = [_CANCEL, b"1", request_id]
            self._requests.cancel(self._session, self._rows[_CANCEL], fields)

    def take(self) -> Iterator[tuple[str, tuple[bytes, ...], bytes]]:
        """Return account, key and payload of what came, as updateAccountValue (6) would say it."""
        if not self._session.out:
            return
        data = b"".join(self._session.out)
        self._session.out.clear()
        for payload in self._frames.feed(data):
            fields = payload.split(b"\0")
            if fields[0] == _VALUE:
                account, key, currency = fields[_ACCOUNT], fields[_KEY], fields[_CURRENCY]
                row = b"\0".join((b"6", b"2", key, fields[_AMOUNT], currency, account)) + b"\0"
                yield account.decode(), (b"6", key, currency), row
