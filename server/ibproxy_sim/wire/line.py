"""A line on which messages or bytes pass, and where faults can stand.

::

    client ──bytes──► incoming ──► requests ──► handler        each `──►` is a line: whoever
    client ◄──bytes── outgoing ◄── answers  ◄── handler        stands on it may take what passes

Who takes something may let it go on later, from where it stands, or never. With nobody on it a
line is one call.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ibproxy_sim.wire.gateway import Client

T = TypeVar("T")

START = -1
"""Before the first place of a line."""


class Line(Generic[T]):
    """Passes things on, in the order in which they come."""

    def __init__(self, end: Callable[[Client, T], None]) -> None:
        self._end = end
        self._takers: list[tuple[int, Callable[[Client, T], bool]]] = []

    @property
    def is_empty(self) -> bool:
        """Whether nobody stands on it."""
        return not self._takers

    def stand(self, place: int, taker: Callable[[Client, T], bool]) -> Callable[[], None]:
        """Let `taker` look at everything that passes.

        Args:
            place: where; lower places come first.
            taker: returns whether it took the thing, which then goes no further.

        Returns:
            A function that makes it leave.
        """
        entry = (place, taker)
        insort(self._takers, entry, key=itemgetter(0))
        return lambda: self._takers.remove(entry)

    def run(self, client: Client, thing: T, after: int = START) -> None:
        """Pass `thing` on from behind the place `after`."""
        for place, taker in tuple(self._takers):
            if place > after and taker(client, thing):
                return
        self._end(client, thing)
