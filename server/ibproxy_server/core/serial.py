"""Requests without a request id, whose answers cannot be told apart (section 8 of the facts).

At most one of a kind is upstream. Who asks while it waits in the proxy's own queue would still
share it, but nobody can know when the gateway has read it; so who asks later waits for the next.
Kinds that repeat a key in their answer (a market rule's id) have one upstream for each key.
Answers that do not change for a while are kept and given again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ibproxy.wire.messages import Answer, Request, requests_by_id
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import Level
from ibproxy_server.core.requests.memory import Part
from ibproxy_server.core.requests.static_answers import StaticAnswers
from ibproxy_server.core.session import Session, View

CURRENT_TIME, COMPLETED_ORDERS = 49, 99
GIVE_UP_AFTER_S = 30.0
"""After so long without an answer the next who asks may ask again (fact 11.33)."""

_CLOCK_AGE_S = 3600.0
"""How long the gateway's clock is carried on before it is asked again."""

Kind = tuple[bytes, ...]
"""Message id, the key if the answer repeats one, and the request's other fields."""


@dataclass(eq=False)
class _Asked:
    """A question upstream, and who waits for its answer.

    Attributes:
        row: its row in the message table.
        fields: the request.
        asked_at_s: when it was asked.
        askers: who waits for this answer.
        answers: what has come of it, if it is to be kept.
        later: who asked when it was under way, and waits for the next.
        told: what its askers have been told of it.
        told_before: what they were told before the link broke, and are not told again.
    """

    row: Request
    fields: list[bytes]
    asked_at_s: float
    askers: list[Session] = field(default_factory=list)
    answers: list[Part] = field(default_factory=list)
    later: list[Session] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    told_before: frozenset[bytes] = frozenset()


class SerialDesk:
    """Carries SERIAL requests and their answers.

    Args:
        context: shared by all desks.
        patches: message id -> what makes an answer fit to be shown.
        completed_refused: called when the gateway refuses to list completed orders.
    """

    def __init__(
        self,
        context: Context,
        patches: Mapping[int, Callable[[bytes], bytes]] | None = None,
        completed_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._patches = patches or {}
        self._completed_refused = completed_refused
        self._asked: dict[Kind, _Asked] = {}
        self._static = StaticAnswers()
        self._proxy = Session(0, "ibproxy", View((), is_whole=True), 0.0)
        self._waiting: dict[int, list[tuple[Session, Kind, list[bytes]]]] = {}
        self._rows = {
            answer: row
            for row in requests_by_id().values()
            for answer in row.answers
            if row.carry.name == "SERIAL"
        }
        self._clock: tuple[float, int] | None = None

    # from clients

    def receive(self, session: Session, row: Request, fields: list[bytes]) -> None:
        """Carry a request of `session`, now or when its turn comes."""
        if row.msg_id == CURRENT_TIME and self._tell_time(session):
            return
        kind = self._kind(row, fields)
        asked = self._asked.get(kind)
        known = self._static.get(kind, self._context.now_s) if row.static else None
        if known is not None:
            for payload, _ in known:
                session.send(payload)
        elif asked:
            asked.later.append(session)
        elif row.key_at is None and self._is_busy(row):
            # same message, other parameters: the answers could not be told apart
            self._waiting.setdefault(row.msg_id, []).append((session, kind, fields))
        else:
            self._ask(kind, row, fields, [session])

    def ask_for_proxy(self, *fields: object) -> None:
        """Ask as one of the proxy's own clients would; see `patches` for the answer."""
        asked = [str(each).encode() for each in fields]
        self.receive(self._proxy, requests_by_id()[asked[0]], asked)

    def forget(self, session: Session) -> None:
        """The session is over."""
        for asked in self._asked.values():
            asked.askers = [each for each in asked.askers if each is not session]
            asked.later = [each for each in asked.later if each is not session]
        for waiting in self._waiting.values():
            waiting[:] = [each for each in waiting if each[0] is not session]

    def reset(self) -> None:
        """The connection to the gateway is gone; who waits goes on waiting."""
        self.forget(self._proxy)  # it asks again
        for kind, asked in list(self._asked.items()):
            if not asked.askers and not asked.later:
                del self._asked[kind]
        for asked in self._asked.values():
            asked.told_before |= set(asked.told)
        self._static.clear()
        self._clock = None

    def start(self) -> None:
        """The gateway is there: ask again what it has not answered."""
        for asked in self._asked.values():
            asked.asked_at_s = self._context.now_s
            self._context.pacer.push(0, b"\0".join(asked.fields) + b"\0")

    # from the gateway

    def answer(self, row: Answer, payload: bytes) -> None:
        """Hand an answer to all who wait for it."""
        request = self._rows[row.msg_id]
        kind = self._find(request, row, payload)
        if kind is None:
            self._context.counters["late_messages"] += 1  # nobody waits (fact 11.34)
            return
        if row.msg_id == CURRENT_TIME:
            self._clock = (self._context.now_s, int(payload.split(b"\0")[2]))
        asked = self._asked[kind]
        account = (
            payload.split(b"\0", row.account_at + 1)[row.account_at].decode()
            if row.account_at is not None
            else None
        )
        patch = self._patches.get(row.msg_id)
        shown = patch(payload) if patch else payload
        if request.static:
            asked.answers.append((payload, b""))
        elif row.msg_id not in request.ends:
            asked.told.append(payload)
        is_old = payload in asked.told_before
        for session in asked.askers:
            if not is_old and (account is None or session.view.sees(account)):
                session.send(shown)
        if row.msg_id in request.ends:
            if request.static:
                self._static.put(kind, asked.answers, self._context.now_s)
            self._finish(kind)

    def refuse(self, key_text: str, code: int, rest: list[bytes]) -> bool:
        """Hand an error that names its key only in its text to those who wait (fact 8.18)."""
        for kind, asked in list(self._asked.items()):
            if asked.row.key_at is not None and kind[1].decode() == key_text:
                for session in asked.askers:
                    session.send(b"\0".join((b"4", b"2", b"-1", *rest)) + b"\0")
                self._finish(kind)
                self._context.notice(Level.INFO, f"{asked.row.name} {key_text}: error {code}")
                return True
        return False

    def refuse_completed(self, payload: bytes) -> bool:
        """Hand a refusal without an id to those who wait for completed orders (fact 1.45).

        A read-only gateway refuses these, and nothing else of the kind (fact 1.43).

        Returns:
            Whether anybody waited for them.
        """
        for kind, asked in list(self._asked.items()):
            if asked.row.msg_id == COMPLETED_ORDERS:
                for session in asked.askers:
                    session.send(payload)
                self._finish(kind)
                self._completed_refused()
                return True
        return False

    # time

    def advance(self) -> None:
        """Give up on answers that do not come, so that others may ask."""
        now_s = self._context.now_s
        for kind, asked in list(self._asked.items()):
            if now_s - asked.asked_at_s >= GIVE_UP_AFTER_S:
                self._context.counters["timeouts"] += 1
                text = f"the gateway has not answered {asked.row.name} in {GIVE_UP_AFTER_S:.0f} s"
                self._context.notice(Level.WARNING, text)
                self._finish(kind)

    def next_deadline_s(self) -> float | None:
        """Return when `advance` has something to do."""
        return min(
            (asked.asked_at_s + GIVE_UP_AFTER_S for asked in self._asked.values()), default=None
        )

    # inside

    def _tell_time(self, session: Session) -> bool:
        """Carry the gateway's clock on: it leaves a second question in a second unanswered."""
        if self._clock is None or self._context.now_s - self._clock[0] > _CLOCK_AGE_S:
            return False  # fact 6.11 is why it is asked once only
        told_at_s, time_s = self._clock
        session.say(CURRENT_TIME, 1, time_s + int(self._context.now_s - told_at_s))
        return True

    def _kind(self, row: Request, fields: list[bytes]) -> Kind:
        key = fields[row.key_at] if row.key_at is not None else b""
        return (fields[0], key, *fields[1:])

    def _is_busy(self, row: Request) -> bool:
        return any(asked.row is row for asked in self._asked.values())

    def _ask(self, kind: Kind, row: Request, fields: list[bytes], askers: list[Session]) -> None:
        self._asked[kind] = _Asked(row, fields, self._context.now_s, askers)
        self._context.pacer.push(0, b"\0".join(fields) + b"\0")

    def _find(self, request: Request, row: Answer, payload: bytes) -> Kind | None:
        """Return what an answer answers."""
        key = b""
        if row.key_at is not None:
            key = payload.split(b"\0", row.key_at + 1)[row.key_at]
        for kind, asked in self._asked.items():
            if asked.row is request and kind[1] == key:
                return kind
        return None

    def _finish(self, kind: Kind) -> None:
        asked = self._asked.pop(kind)
        self._proxy.out.clear()  # it reads by its patches
        if asked.later:
            self._ask(kind, asked.row, asked.fields, asked.later)
            return
        waiting = self._waiting.get(asked.row.msg_id)
        if waiting:
            session, kind, fields = waiting.pop(0)
            self._ask(kind, asked.row, fields, [session])
