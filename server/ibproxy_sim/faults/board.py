"""Which faults are on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ibproxy.errors import ConfigError
from ibproxy_sim.faults.catalogue import FAULTS
from ibproxy_sim.faults.fault import Fault, Site

if TYPE_CHECKING:
    from ibproxy_sim.build import Simulation

PLACES = {kind: place for place, kind in enumerate(FAULTS.values())}
"""Where each kind stands on the gateway's lines: the table's order."""


def make_fault(name: str, parameters: Mapping[str, Any]) -> Fault:
    """Return the fault of that name with these parameters.

    Args:
        name: as in the catalogue.
        parameters: value by name; text is understood as the number or list that is meant.

    Raises:
        ConfigError: there is no such fault, or a parameter does not fit.
    """
    kind = FAULTS.get(name)
    if kind is None:
        raise ConfigError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    try:
        return msgspec.convert(dict(parameters), kind, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_fields__) or "none"
        raise ConfigError(f"fault {name}: {error} (its parameters: {known})") from None


class Faults:
    """Switches faults on and off; of each kind there is at most one."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._on: dict[str, tuple[Fault, Site]] = {}

    @property
    def active(self) -> dict[str, Fault]:
        """What is on, by name."""
        return {name: fault for name, (fault, _) in self._on.items()}

    def start(self, fault: Fault, for_s: float | None = None) -> None:
        """Switch a fault on; one of the same kind that is on ends first.

        Args:
            fault: what.
            for_s: market seconds after which it ends by itself.
        """
        name = fault.NAME
        self.end(name)
        site = Site(self._sim, PLACES[type(fault)], lambda: self._forget(name))
        self._on[name] = fault, site
        fault.start(site)
        if for_s is not None:
            site.later(for_s, site.end)

    def end(self, name: str) -> bool:
        """Switch a fault off.

        Returns:
            Whether it was on.

        Raises:
            ConfigError: there is no such fault.
        """
        if name not in FAULTS:
            raise ConfigError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        known = self._on.get(name)
        if known:
            known[1].end()
        return known is not None

    def end_all(self) -> None:
        """Switch everything off."""
        for name in list(self._on):
            self.end(name)

    def _forget(self, name: str) -> None:
        self._on.pop(name, None)
