"""All faults: the one table.

The order is that in which they stand on the gateway's lines: first what decides whether a
request comes through, then what changes answers, their order, their time, and last their bytes.
"""

from __future__ import annotations

from ibproxy_sim.faults.access import ReadOnly
from ibproxy_sim.faults.accounts import AccountEndFirst, AccountReset, AccountSummaries
from ibproxy_sim.faults.answers import Language, LateRegistration, UnknownContracts
from ibproxy_sim.faults.deaths import BookReset, Bust
from ibproxy_sim.faults.delays import Interleave, Say, Silence, Slow
from ibproxy_sim.faults.doors import Burst, Garbled, PortChanged, ShownOut
from ibproxy_sim.faults.farms import Farm, FarmIdle
from ibproxy_sim.faults.fault import Fault
from ibproxy_sim.faults.limits import CompetingSession, Lines, NoPermission
from ibproxy_sim.faults.links import Crumbs, Cut, Freeze
from ibproxy_sim.faults.losses import (
    AdvisorDialog,
    Corrections,
    LostOrders,
    Strays,
    WhatIfTwice,
)
from ibproxy_sim.faults.orders import CancelRace, PartialFills, Refuse, Reject, Warn
from ibproxy_sim.faults.outage import Outage
from ibproxy_sim.faults.pacing import HistoricalLimit, HistoricalPacing
from ibproxy_sim.faults.rates import CurrentTime, MessageRate
from ibproxy_sim.faults.restart import Restart
from ibproxy_sim.faults.slots import AccountSlot, ClientIdHeld, CompletedOrders
from ibproxy_sim.faults.statuses import Duplicates, OutOfOrder, PermIdLate

_KINDS: tuple[type[Fault], ...] = (
    Burst,
    MessageRate,
    ShownOut,
    ReadOnly,
    CurrentTime,
    HistoricalPacing,
    AccountSlot,
    CompletedOrders,
    AccountReset,
    AccountSummaries,
    ClientIdHeld,
    UnknownContracts,
    LateRegistration,
    Lines,
    NoPermission,
    CompetingSession,
    AdvisorDialog,
    LostOrders,
    Refuse,
    Warn,
    Reject,
    PartialFills,
    CancelRace,
    WhatIfTwice,
    Outage,
    Farm,
    FarmIdle,
    Bust,
    BookReset,
    PortChanged,
    Say,
    Silence,
    Language,
    Strays,
    Corrections,
    PermIdLate,
    Duplicates,
    OutOfOrder,
    AccountEndFirst,
    Interleave,
    Slow,
    HistoricalLimit,
    Garbled,
    Crumbs,
    Cut,
    Freeze,
    Restart,
)

FAULTS: dict[str, type[Fault]] = {kind.NAME: kind for kind in _KINDS}
"""Name -> fault."""
