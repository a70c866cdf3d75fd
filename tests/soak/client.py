"""A client that speaks the protocol itself, and looks at every message that it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from ib_async import Contract, Order
from ib_async.client import Client
from ib_async.connection import Connection

from ibproxy.link import Link
from ibproxy.wire.framing import GREETING, FrameBuffer, frame, join_fields, split_fields
from tests.soak.findings import Findings
from tests.soak.subjects import ACCOUNTS, ANSWERS, CLIENT_IDS, SERVER_VERSION, Told, shows

_WITH_REQUEST_ID = {
    **ANSWERS,
    **{
        kind: Told(at)
        for kind, at in {
            "52": 2, "55": 2, "57": 2, "58": 2, "64": 2, "67": 2, "68": 2, "72": 2, "74": 2,
            "76": 1, "77": 1, "81": 1, "82": 1, "83": 1, "84": 1, "87": 1, "106": 1, "107": 1,
            "104": 1, "105": 1,
        }.items()
    },
}  # fmt: skip

_LIMITS = {
    101: "market data lines",
    103: "an order id that an earlier life of the client has used",
    104: "a cancel that met a fill",
    161: "a cancel that met another cancel",
    162: "a history request that was cancelled",
    202: "an order that was cancelled",
    300: "a cancel that met the end of a stream",
    309: "market depth",
    321: "a group that was given up",
    322: "scanners, and the price of an option that cannot be",
    327: "orders bound by a client other than 0",
    430: "no fundamentals of a fund",
    365: "a scan that was refused",
    366: "a history request that was answered before its cancel",
    2100: "account updates that were ended",
    10147: "a cancel that met a fill",
    10148: "a cancel that met a fill",
    10172: "no such article",
    10189: "tick-by-tick data",
    10190: "tick-by-tick data",
}
"""Error codes that a client may be told, and what explains them."""

_NOTICES = {165, 317, 399, 2104, 2106, 2107, 2108, 2119, 2152, 2158, 2174, 10167}


@dataclass(eq=False)
class Question:
    """Something that was asked under a request id.

    Attributes:
        kind: message id.
        subject: what it is about.
        ends: messages that end it; none: it runs until it is cancelled.
        tags: what an account summary may tell; empty: anything.
        is_over: set when it has ended.
    """

    kind: str
    subject: str
    ends: frozenset[str]
    tags: frozenset[str] = frozenset()
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class SoakClient:
    """One connection; request ids are counted from 1, so that all clients use the same ones.

    Attributes:
        account: the one account that it may see.
        questions: request id -> what was asked, for as long as the connection lives.
        last_id: the request id that was used last.
        orders: order ids that it has used.
        placed: client id and order id of all orders of its strategy, earlier lives included.
        told: a message without a request id has come, by its kind.
    """

    def __init__(
        self,
        strategy: str,
        client_id: int,
        account: str,
        findings: Findings,
        placed: set[tuple[str, str]],
        door: tuple[str, int] | None = None,
    ) -> None:
        self.strategy = strategy
        self.client_id = client_id
        self.account = account
        self.findings = findings
        self.questions: dict[str, Question] = {}
        self.orders: set[int] = set()
        self.placed = placed
        self.told: dict[str, asyncio.Event] = {}
        self.next_order_id = 0
        self.last_id = 0
        self._address = door or ("127.0.0.1", 4002)
        self._link: Any = Connection() if door else Link(lambda: strategy, "soak")  # type: ignore[no-untyped-call]
        self._link.hasData += self._take
        self._buffer = FrameBuffer()
        self._greeting: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._has_left = False
        self._encoder: Any = Client(None)  # type: ignore[no-untyped-call]
        vars(self._encoder).update(
            _serverVersion=SERVER_VERSION,
            isConnected=lambda: True,
            sendMsg=lambda text: self._link.sendMsg(frame(text.encode())),
        )

    async def connect(self) -> None:
        """Connect and do the handshake."""
        await self._link.connectAsync(*self._address)
        self._link.sendMsg(GREETING + frame(b"v157..%d" % SERVER_VERSION))
        await asyncio.wait_for(self._greeting, self.findings.patience_s)
        started = self._expect("9")
        self.say(71, 2, self.client_id, "")
        await asyncio.wait_for(started.wait(), self.findings.patience_s)
        self.findings.lives += 1

    def leave(self) -> None:
        """Say goodbye."""
        self._has_left = True
        self._link.disconnect()

    def vanish(self) -> None:
        """Be gone without a word, as a process that dies."""
        self._has_left = True
        if isinstance(self._link, Link):
            self._link._close_cable()
        elif self._link.transport:
            self._link.transport.abort()

    def say(self, *fields: object) -> None:
        """Send a message."""
        self.findings.asked[str(fields[0])] += 1
        self._link.sendMsg(frame(join_fields(*fields)))

    def new_id(self) -> int:
        """Return a request id."""
        self.last_id += 1
        return self.last_id

    def place(self, contract: Contract, order: Order) -> None:
        """Place an order, in ib_async's own words."""
        self.findings.asked["3"] += 1
        self.orders.add(self.next_order_id)
        self.placed.add((str(self.client_id), str(self.next_order_id)))
        self._encoder.placeOrder(self.next_order_id, contract, order)
        self.next_order_id += 1

    def ask(
        self,
        kind: int,
        req_id: int,
        fields: tuple[object, ...],
        subject: object = "",
        ends: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
    ) -> Question:
        """Ask something under a request id."""
        question = Question(str(kind), str(subject), frozenset(ends), frozenset(tags))
        self.questions[str(req_id)] = question
        self.say(kind, *fields)
        return question

    async def end_of(self, question: Question) -> None:
        """Wait until a question is answered."""
        await self._wait(question.is_over, f"request {question.kind} about {question.subject}")

    async def ask_without_id(self, kind: int, answer: str, *fields: object) -> None:
        """Ask something that has no request id, and wait for the end of its answer."""
        came = self._expect(answer)
        self.say(kind, *fields)
        await self._wait(came, f"request {kind}")

    def _expect(self, kind: str) -> asyncio.Event:
        self.told[kind] = asyncio.Event()
        return self.told[kind]

    async def _wait(self, event: asyncio.Event, what: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), self.findings.patience_s)
        except asyncio.TimeoutError:
            self.findings.find_unanswered(f"{self.strategy}: {what} was not answered to its end")

    # what comes

    def _take(self, data: bytes) -> None:
        for payload in self._buffer.feed(data):
            fields = split_fields(payload)
            if not self._greeting.done():
                self._greeting.set_result(fields)
            elif not self._has_left:
                self.findings.told += 1
                self._check(fields)

    def _check(self, fields: list[str]) -> None:
        kind = fields[0]
        told = _WITH_REQUEST_ID.get(kind)
        if kind == "4":
            self._check_error(fields)
        elif told:
            self._check_answer(fields, told)
        elif kind in ACCOUNTS:
            self._check_account(fields, fields[ACCOUNTS[kind]])
        if kind in CLIENT_IDS:
            self._check_order(fields, fields[CLIENT_IDS[kind]], fields[1])
        elif kind == "9":
            self.next_order_id = int(fields[2])
        elif kind == "15":
            self._check_account(fields, fields[2].rstrip(","))
        if kind in self.told:
            self.told[kind].set()

    def _check_answer(self, fields: list[str], told: Told) -> None:
        question = self.questions.get(fields[told.id_at])
        if question is None:
            self._wrong(fields, "answers what was never asked")
            return
        self.findings.checked += 1
        if not shows(fields, told, question.subject):
            self._wrong(fields, f"is not about {question.subject}, as {question.kind} was")
        if told.account_at is not None:
            self._check_account(fields, fields[told.account_at])
        if question.tags and fields[0] == "63" and fields[4] not in question.tags:
            self._wrong(fields, "has a tag that was not asked for")
        if fields[0] in question.ends:
            question.is_over.set()

    def _check_account(self, fields: list[str], account: str) -> None:
        self.findings.checked += 1
        if account != self.account:
            self._wrong(fields, f"is about account {account}, not {self.account}")

    def _check_order(self, fields: list[str], client_id: str, order_id: str) -> None:
        """Orders of this strategy have its ids; others of the account come in lists, with id 0."""
        self.findings.checked += 1
        if order_id != "0" and (client_id, order_id) not in self.placed:
            self._wrong(fields, "is about an order that this strategy has never placed")

    def _check_error(self, fields: list[str]) -> None:
        for_id, code, text = fields[2], int(fields[3]), fields[4]
        if code in _NOTICES:
            return
        if code in _LIMITS:
            self.findings.refused[code] += 1
        else:
            self.findings.find_wrong(f"{self.strategy}: error {code} for {for_id}: {text}")
        if for_id in self.questions:
            self.questions[for_id].is_over.set()
        elif for_id != "-1" and int(for_id) not in self.orders:
            self._wrong(fields, "is an error for nothing of this client's")

    def _wrong(self, fields: list[str], why: str) -> None:
        self.findings.find_wrong(f"{self.strategy}: {fields[:8]} {why}")
