"""One client on both sides, what it says there, and what it is told."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.differential.callbacks import Callback, Eyes, Names, decoded
from tests.differential.messages import TALKS, Talk
from tests.differential.sides import (
    MARK,
    SERIAL,
    STAMPED,
    Connection,
    Fields,
    Role,
    SharedConnection,
    Sides,
)

PLACE, CANCEL, EXECUTIONS, CANCEL_ALL = "3", "4", "7", "58"
ACCOUNT_UPDATES, IMAGE_END, BULLETINS, NO_BULLETINS = "6", "54", "12", "13"
ACCOUNT_AT, OCA_GROUP_AT, FILTER_CLIENT_AT = 23, 22, 3
SAMPLED = {"p&l", "one p&l"}
"""Streams whose values come once a second: of one that is ended it is chance which was the last."""

CANCELLABLE = {talk.family for talk in TALKS.values() if talk.is_cancel}

ASKS_SERIAL = {"99": "102"}
"""Questions without an id -> their answers."""


class Asked(NamedTuple):
    """Stands in a log where the client has opened a conversation afresh."""

    family: str
    id: str


class Over(NamedTuple):
    """Stands in a log where the connection has ended from the other side."""


class Audit(NamedTuple):
    """Stands in a log where a question of the audit begins; without a name, where it ends."""

    name: str


Entry = Fields | Asked | Over | Audit
Event = Callback | Asked | Over | Audit


@dataclass
class Open:
    """A conversation.

    Attributes:
        number: how often one of its kind was opened under its id.
        whole_at: how many messages have to be delivered until nothing of its answer is on the
            wire; 0 once it has been cancelled, for then it is cut off.
        is_live: whether it is a stream that has not been cancelled.
        delivered: how many messages had been delivered by then.
        told: serial numbers of its answers.
        is_apart: whether the sides take different questions for the live one, since a second one
            came while it was chance whether the first was over; a cancel brings them together.
        is_ended: whether it has been cancelled.
    """

    number: int
    whole_at: int
    is_live: bool = False
    delivered: int = 0
    told: set[int] = field(default_factory=set)
    is_apart: bool = False
    is_ended: bool = False


@dataclass
class Twin:
    """One client of both sides.

    Attributes:
        role: who it is.
        sides: where it is.
        client_id: its client id at present.
        own_log, shared_log: what each side has told it.
        cut_short: conversations that were ended, or begun again, while an answer was on the
            wire: whether it still arrives is chance, on a gateway of one's own as well.
        merged: conversations in which a question came while the answer to another was on the wire.
        hasty: order ids that were named again while what was said of them was on the wire: upstream
            the order may have been refused already, and a higher id been used by another client.
        is_impatient: whether it has turned from account updates before their first image came.
        has_turned_away: whether it has turned from account updates at all.
        has_left: whether it has ever disconnected.
        client_ids: all that it has had.
        wrong: what serial numbers have shown to be wrong.
    """

    role: Role
    sides: Sides
    client_id: int
    own: Connection | None = None
    shared: SharedConnection | None = None
    own_log: list[Entry] = field(default_factory=list)
    shared_log: list[Entry] = field(default_factory=list)
    cut_short: set[tuple[str, str, int]] = field(default_factory=set)
    merged: set[tuple[str, str, int]] = field(default_factory=set)
    hasty: set[str] = field(default_factory=set)
    is_impatient: bool = False
    has_turned_away: bool = False
    has_left: bool = False
    client_ids: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    _sessions: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _open: dict[tuple[str, str], Open] = field(default_factory=dict)
    _bulletins_at: int = 0
    _waits_for_image: bool = False
    _has_updates: bool = False
    _placed: dict[str, int] = field(default_factory=dict)
    _mirrors: dict[tuple[str, ...], Connection] = field(default_factory=dict)
    _asked_serial: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_connected(self) -> bool:
        """Whether it is, on both sides."""
        return self.own is not None

    @property
    def running(self) -> list[tuple[str, str]]:
        """What it has asked for and could cancel: family and request id."""
        return [
            place
            for place, known in self._open.items()
            if known.number
            and not known.is_ended
            and place[0] in CANCELLABLE
            and place[1].isdecimal()
        ]

    # connecting

    def connect(self, client_id: int) -> None:
        """Connect on both sides."""
        self.client_id = client_id
        self.client_ids.add(client_id)
        own_id = self.role.own_id(client_id)
        self.own = Connection(self.sides.own.gateways[self.role.accounts], own_id)
        session = 100 * (1 + self.role.number * 10 + self.role.client_id) + next(self._sessions)
        self.shared = SharedConnection(self.sides.shared, session, self.role, client_id)
        if self.own.is_over or self.shared.is_over:
            self._lose()
            return
        for accounts, sim in self.sides.own.others(self.role):
            self._mirrors[accounts] = Connection(sim, own_id)

    def leave(self) -> None:
        """Disconnect on both sides."""
        if self.own and self.shared:
            self.collect()
            self.own.leave()
            self.shared.leave()
            self._forget()

    def _lose(self) -> None:
        """A gateway has ended the connection."""
        assert self.own is not None
        assert self.shared is not None
        self.collect()
        for connection, log in ((self.own, self.own_log), (self.shared, self.shared_log)):
            if connection.is_over:
                log.append(Over())
            connection.leave()
        self._forget()

    def _forget(self) -> None:
        self.has_left = True
        self.has_turned_away = self.has_turned_away or self._has_updates
        self.is_impatient = self.is_impatient or self._waits_for_image
        self._waits_for_image = self._has_updates = False
        for mirror in self._mirrors.values():
            mirror.leave()
        self.own = self.shared = None
        self._mirrors.clear()
        self._asked_serial.clear()
        for place, each in self._open.items():
            self._end(place, each)

    def _end(self, place: tuple[str, str], known: Open) -> None:
        """A conversation has ended on this side."""
        is_sampled = known.is_live and place[0] in SAMPLED
        if known.whole_at > self.sides.shared.delivered or is_sampled:
            self.cut_short.add((*place, known.number))
        known.whole_at, known.is_live, known.is_apart = 0, False, False
        known.is_ended = True

    # talking

    def say(self, fields: Sequence[str]) -> None:
        """Say the same on both sides."""
        if self.own is None or self.shared is None:
            return
        self.collect()
        if fields[0] == ACCOUNT_UPDATES:
            self.is_impatient = self.is_impatient or self._waits_for_image
            self.has_turned_away = self.has_turned_away or self._has_updates
            self._waits_for_image = self._has_updates = fields[2] == "1"
        if fields[0] == NO_BULLETINS and self._bulletins_at > self.sides.shared.delivered:
            self.cut_short.add(("bulletins", "", 0))
        talk = TALKS.get(fields[0])
        opened = self._note(talk, fields[talk.id_at]) if talk and len(fields) > talk.id_at else None
        if fields[0] in ASKS_SERIAL:
            kind = ASKS_SERIAL[fields[0]]
            self._asked_serial.setdefault(kind, []).append(self.sides.shared.made)
        self._say_on_own_side(list(fields))
        self.shared.say(fields)
        if opened:
            opened.whole_at = self.sides.shared.made
        if fields[0] == PLACE:
            self._note_order(fields[1])
        elif fields[0] == BULLETINS:
            self._bulletins_at = self.sides.shared.made
        self.collect()
        if self.own.is_over or self.shared.is_over:
            self._lose()

    def is_open(self, family: str, request_id: str) -> bool:
        """Whether it has asked for something and not cancelled it."""
        known = self._open.get((family, request_id))
        return known is not None and known.number > 0 and not known.is_ended

    def _note_order(self, order_id: str) -> None:
        shared = self.sides.shared
        if self._placed.get(order_id, 0) > shared.delivered:
            self.hasty.add(order_id)
        self._placed[order_id] = shared.made

    def _note(self, talk: Talk, request_id: str) -> Open | None:
        """Note what a message does to its conversation; return the one that it opens."""
        place = talk.family, request_id
        known = self._open.setdefault(place, Open(0, 0))
        if talk.is_cancel:
            self._end(place, known)
            return None
        if known.whole_at > self.sides.shared.delivered:
            if talk.can_cancel:
                self.cut_short.add((*place, known.number))
                known.is_apart = True
            else:
                self.merged.add((*place, known.number))
            return known
        if known.is_live:
            return None
        known.number += 1
        known.is_ended = False
        if known.is_apart:
            self.cut_short.add((*place, known.number))
        known.is_live = talk.is_stream
        known.delivered = self.sides.shared.delivered
        self.own_log.append(Asked(*place))
        self.shared_log.append(Asked(*place))
        return known

    def _say_on_own_side(self, fields: Fields) -> None:
        assert self.own is not None
        kind = fields[0]
        if kind == CANCEL_ALL:
            self._cancel_mine()
            return
        if kind == EXECUTIONS and fields[FILTER_CLIENT_AT] not in {"", "0"}:
            fields[FILTER_CLIENT_AT] = str(self.role.own_id(int(fields[FILTER_CLIENT_AT])))
        if kind == PLACE and fields[OCA_GROUP_AT]:
            # its names are its own, which two clients of one gateway have to see to themselves
            fields[OCA_GROUP_AT] += f"@{self.role.own_id(self.client_id)}"
        self.own.say(fields)
        if kind not in {PLACE, CANCEL} or (kind == PLACE and not self._has_order(fields[1])):
            return
        only = self.role.accounts[0] if len(self.role.accounts) == 1 else ""
        for accounts, mirror in self._mirrors.items():
            if kind == PLACE:
                fields[ACCOUNT_AT] = fields[ACCOUNT_AT] or only
                if fields[ACCOUNT_AT] not in accounts:
                    continue
            mirror.say(fields)

    def _has_order(self, order_id: str) -> bool:
        """Whether its own gateway has taken an order, and so others with its account have."""
        own_id = self.role.own_id(self.client_id)
        orders = self.sides.own.gateways[self.role.accounts].trading.books.orders
        return any((own_id, int(order_id)) == (each.client_id, each.order_id) for each in orders)

    def _cancel_mine(self) -> None:
        """What reqGlobalCancel means behind the proxy (docs/limits.md, Orders)."""
        own_id = self.role.own_id(self.client_id)
        for sim in self.sides.own.gateways.values():
            for order in sim.trading.books.orders:
                if order.client_id == own_id and not order.is_done:
                    sim.trading.engine.ask_cancel(order)

    # hearing

    def collect(self) -> None:
        """Take what both sides have said."""
        if self.own and self.shared:
            self.own_log += self.own.read()
            self.shared_log += map(self._without_mark, self.shared.read())

    def _without_mark(self, fields: Fields) -> Fields:
        """Take a serial number off, and look whether the message may have it."""
        if fields[0] == IMAGE_END:
            self._waits_for_image = False
        if not fields[-1].startswith(MARK):
            return fields
        number = int(fields[-1].removeprefix(MARK))
        if fields[0] in SERIAL:
            asked = self._asked_serial.get(fields[0])
            made = asked.pop(0) if asked else None
            is_wrong = made is None or made >= number
        else:
            family, id_at = STAMPED[fields[0]]
            known = self._open.get((family, fields[id_at]))
            is_wrong = known is None or number <= known.delivered or number in known.told
            if known:
                known.told.add(number)
        if is_wrong:
            self.wrong.append(f"answer {fields[:3]} is told twice, or older than its question")
        return fields[:-1]

    def callbacks(self) -> tuple[list[Event], list[Event]]:
        """Return what the client has seen, on its own side and on the shared one."""
        own_names = Names(self.sides.own.gateways[self.role.accounts])
        own = Eyes(own_names, self.role.own_id(0))
        shared = Eyes(Names(self.sides.shared.sim))
        return _seen(own, self.own_log), _seen(shared, self.shared_log)

    def note(self, name: str) -> None:
        """A question of the audit begins, or ends."""
        self.collect()
        self.own_log.append(Audit(name))
        self.shared_log.append(Audit(name))


def _seen(eyes: Eyes, log: list[Entry]) -> list[Event]:
    seen: list[Event] = []
    for entry in log:
        if isinstance(entry, list):
            seen += decoded(eyes.see(entry))
        else:
            seen.append(entry)
    return seen
