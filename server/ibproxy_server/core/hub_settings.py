"""What the hub must know before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ibproxy_server.core.kinds import Ports
from ibproxy_server.core.requests import Limits


@dataclass(frozen=True)
class HubSettings:
    """All settings of the hub.

    Attributes:
        gateway: address of the gateway, for people.
        client_id: the proxy's client id at the gateway.
        max_version: highest server version to negotiate.
        messages_per_s: limit of messages to the gateway; 0: none.
        account_turn_s: how long an account keeps the account slot when others want it.
        accounts_of_strategy: strategy -> the accounts that it is bound to; others see all.
        expects_of_strategy: strategy -> "paper", "live", "any" or "port"; see `kinds.judge`.
        ports: which ports ask for paper, and which for live.
        limits: what may run at the gateway at once.
        late_order_s: how old an order may be that a client's broken link has held up; 0: any age.
        resume_s: how long a session is kept whose link is broken.
        takes_over: whether a second live copy of a strategy with one client id ends the first.
        silence_s: how long the gateway may be silent before the link is renewed; 0: for ever.
    """

    gateway: str = "127.0.0.1:4002"
    client_id: int = 100
    max_version: int = 176
    messages_per_s: float = 45.0
    account_turn_s: float = 2.0
    accounts_of_strategy: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expects_of_strategy: Mapping[str, str] = field(default_factory=dict)
    ports: Ports = field(default_factory=Ports)
    limits: Limits = field(default_factory=Limits)
    silence_s: float = 60.0
    late_order_s: float = 10.0
    resume_s: float = 600.0
    takes_over: bool = False
