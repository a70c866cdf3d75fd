"""Who comes in: there must be a gateway, and it must hold what the strategy is meant for."""

from __future__ import annotations

from ibproxy_server.core import events as ev
from ibproxy_server.core.context import Context
from ibproxy_server.core.effects import AcceptClient, DropClient, GiveUp, Level
from ibproxy_server.core.hub_settings import HubSettings
from ibproxy_server.core.kinds import judge
from ibproxy_server.core.session import Session, View
from ibproxy_server.core.upstream import Stage, Upstream


class Reception:
    """Lets clients in, or turns them away with a reason."""

    def __init__(self, context: Context, upstream: Upstream, settings: HubSettings) -> None:
        self._context = context
        self._upstream = upstream
        self._settings = settings
        self._waiting: list[ev.ClientArrived] = []

    def arrived(self, event: ev.ClientArrived) -> None:
        """A client asks for a gateway of its own; while one is about to be there, it waits."""
        if self._upstream.stage is Stage.WAITING:
            self._turn_away(event, self._no_gateway(self._upstream.note or "not tried yet"))
        elif not self._upstream.is_ready:
            self._waiting.append(event)
        else:
            self._admit(event)

    def left(self, session: int) -> None:
        """A client does not wait any more."""
        self._waiting = [each for each in self._waiting if each.session != session]

    def opens(self) -> None:
        """The gateway is there."""
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self._admit(event)

    def closes(self, reason: str) -> None:
        """The gateway has not come, or is gone."""
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self._turn_away(event, self._no_gateway(reason))

    def check_accounts(self) -> None:
        """Give up if a strategy is bound to an account that the gateway does not have."""
        upstream = self._upstream
        for strategy, accounts in self._settings.accounts_of_strategy.items():
            for account in accounts:
                if account not in upstream.accounts:
                    reason = (
                        f"strategy {strategy} is bound to account {account}, but the gateway at "
                        f"{upstream.address} has {', '.join(upstream.accounts)}: correct the "
                        "configuration"
                    )
                    self._context.effects.append(GiveUp(reason))

    def view_of(self, strategy: str) -> View | None:
        """Return which of the gateway's accounts a strategy may see; None if one is not there."""
        all_accounts = self._upstream.accounts
        accounts = self._settings.accounts_of_strategy.get(strategy, all_accounts)
        if not set(accounts) <= set(all_accounts):
            return None
        return View(accounts, is_whole=set(accounts) == set(all_accounts))

    def _admit(self, event: ev.ClientArrived) -> None:
        all_accounts, settings = self._upstream.accounts, self._settings
        expects = settings.expects_of_strategy.get(event.strategy, "port")
        verdict = judge(event.strategy, event.port, expects, settings.ports, all_accounts)
        if verdict.refusal:
            self._turn_away(event, verdict.refusal)
            return
        view = self.view_of(event.strategy)
        if view is None:
            bound = ", ".join(settings.accounts_of_strategy[event.strategy])
            reason = f"it is bound to {bound}, but the gateway has {', '.join(all_accounts)}"
            self._turn_away(event, reason)
            return
        if verdict.warning:
            self._context.notice(Level.WARNING, verdict.warning)
        self._context.sessions[event.session] = Session(
            event.session,
            event.strategy,
            view,
            self._context.now_s,
            program=event.program,
            pid=event.pid,
            machine=event.machine,
        )
        self._context.effects.append(AcceptClient(event.session))

    def _turn_away(self, event: ev.ClientArrived, reason: str) -> None:
        self._context.counters["refusals"] += 1
        self._context.notice(Level.WARNING, f"{event.strategy} was refused: {reason}")
        self._context.effects.append(DropClient(event.session, reason, refused=True))

    def _no_gateway(self, reason: str) -> str:
        return f"no gateway at {self._upstream.address}: {reason}"
