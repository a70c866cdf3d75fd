"""Ways to break a stand-in gateway: each takes a part of it and puts another in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ibproxy_sim.build import Simulation
from ibproxy_sim.wire.gateway import Client

Break = Callable[[Simulation], None]
Fields = list[Any]


# what it says


def errors(change: Callable[[Fields], Fields | None], wanted: int, about: str = "") -> Break:
    """Errors with a code are changed: their id, code and text; None loses them."""

    def break_it(sim: Simulation) -> None:
        error = sim.gateway.error

        def changed(client: Client, for_id: int | str, code: int, text: str) -> None:
            made: Fields | None = [for_id, code, text]
            if code == wanted and about in text:
                made = change([for_id, code, text])
            if made:
                error(client, *made)

        sim.gateway.error = changed  # type: ignore[method-assign] # that is the fault

    return break_it


def other_code(code: int, about: str = "") -> Break:
    """An error comes under another number."""
    return errors(lambda fields: [fields[0], 9999, fields[2]], code, about)


def other_id(code: int, for_id: int, about: str = "") -> Break:
    """An error comes under another id."""
    return errors(lambda fields: [for_id, *fields[1:]], code, about)


def other_text(code: int, text: str, about: str = "") -> Break:
    """An error has another text."""
    return errors(lambda fields: [*fields[:2], text], code, about)


def messages(message_id: int, change: Callable[[Fields], Fields | None]) -> Break:
    """Messages are changed before they are sent; None loses them."""

    def break_it(sim: Simulation) -> None:
        send = sim.gateway.send

        def changed(client: Client, *fields: object) -> None:
            made = change(list(fields)) if fields[0] == message_id else list(fields)
            if made:
                send(client, *made)

        sim.gateway.send = changed  # type: ignore[method-assign] # that is the fault

    return break_it


def lost(message_id: int, second: object = None) -> Break:
    """A message is lost, perhaps only if it has a value behind its id."""
    return messages(
        message_id,
        lambda fields: None if second is None or str(fields[1]) == str(second) else fields,
    )


def field(message_id: int, index: int, value: object, only_if: object = None) -> Break:
    """A field has another value, perhaps only if it had a certain one."""

    def change(fields: Fields) -> Fields:
        if len(fields) > index and (only_if is None or str(fields[index]) == str(only_if)):
            fields[index] = value
        return fields

    return messages(message_id, change)


# what it does


def request(message_id: str, other: Callable[[Simulation, Client, list[str]], bool]) -> Break:
    """A request is looked at first by `other`, which says whether that was all."""

    def break_it(sim: Simulation) -> None:
        handler = sim.gateway.handlers[message_id]

        def handle(client: Client, fields: list[str]) -> None:
            if not other(sim, client, fields):
                handler(client, fields)

        sim.gateway.handlers[message_id] = handle

    return break_it


def ignored(message_id: str) -> Break:
    """A request is not answered."""
    return request(message_id, lambda *_: True)


def afterwards(message_id: str, then: Callable[[Simulation, Client, list[str]], None]) -> Break:
    """Something is done behind a request."""

    def break_it(sim: Simulation) -> None:
        handler = sim.gateway.handlers[message_id]

        def handle(client: Client, fields: list[str]) -> None:
            handler(client, fields)
            then(sim, client, fields)

        sim.gateway.handlers[message_id] = handle

    return break_it


def instead(message_id: str, other: str) -> Break:
    """A request is taken for another."""

    def break_it(sim: Simulation) -> None:
        sim.gateway.handlers[message_id] = sim.gateway.handlers[other]

    return break_it


def only_in(message_ids: set[str], fault: Break) -> Break:
    """Break what is sent while certain requests are answered, and nothing else."""

    def break_it(sim: Simulation) -> None:
        whole = sim.gateway.send
        fault(sim)
        broken = sim.gateway.send
        sim.gateway.send = whole  # type: ignore[method-assign]
        for message_id in message_ids:
            _wrap(sim, message_id, broken)

    return break_it


def _wrap(sim: Simulation, message_id: str, broken: Callable[..., None]) -> None:
    handler = sim.gateway.handlers[message_id]

    def handle(client: Client, fields: list[str]) -> None:
        whole = sim.gateway.send
        sim.gateway.send = broken  # type: ignore[method-assign] # while this one is answered
        try:
            handler(client, fields)
        finally:
            sim.gateway.send = whole  # type: ignore[method-assign]

    sim.gateway.handlers[message_id] = handle


def offer(old: bytes, new: bytes) -> Break:
    """The client's range of versions is read as another."""

    def break_it(sim: Simulation) -> None:
        negotiate = sim.gateway._negotiate

        def misread(client: Client, payload: bytes) -> None:
            negotiate(client, payload.replace(old, new))

        sim.gateway._negotiate = misread  # type: ignore[method-assign] # that is the fault

    return break_it


def greeted(then: Callable[[Simulation, Client], None]) -> Break:
    """Something is done behind the greeting."""

    def break_it(sim: Simulation) -> None:
        negotiate = sim.gateway._negotiate

        def more(client: Client, payload: bytes) -> None:
            negotiate(client, payload)
            then(sim, client)

        sim.gateway._negotiate = more  # type: ignore[method-assign] # that is the fault

    return break_it


def started(then: Callable[[Simulation, Client], None]) -> Break:
    """Something is done before the welcome of a client."""
    return lambda sim: sim.gateway.on_start.insert(0, lambda client: then(sim, client))
