"""Runs the proxy: feeds the hub, carries out its effects, and is its clock."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ibproxy.config import Config
from ibproxy.errors import ConfigError
from ibproxy.wire.lane import PROBE_INTERVAL_S
from ibproxy_server.core import effects as ef
from ibproxy_server.core import events as ev
from ibproxy_server.core.hub import Hub, HubSettings
from ibproxy_server.core.kinds import Ports
from ibproxy_server.core.requests import Limits
from ibproxy_server.core.status import status
from ibproxy_server.shells.journal import Journal
from ibproxy_server.shells.tcp_lane import TcpLane
from ibproxy_server.shells.upstream_link import UpstreamLink
from ibproxy_server.shells.zmq_lane import ZmqLane
from ibproxy_server.version import __version__

_logger = logging.getLogger("ibproxy.server")


async def serve(config: Config, on_ready: Callable[[list[str]], None]) -> None:
    """Serve until cancelled; nothing is left behind then.

    Args:
        config: all settings.
        on_ready: called once with the URLs that are listened on.

    Raises:
        BusyError: an address or the journal is in use.
        ConfigError: an address, a strategy's account or the journal is not what the configuration
            says.
    """
    runner = Runner(config)
    try:
        urls = [runner.lane.bind(address) for address in config.listen_addresses()]
        if path := config.journal_path():
            runner.open_journal(path)
        for door in config.doors:
            await runner.doors.listen(door)
        runner.start()
        on_ready(urls)
        await runner.finished
    finally:
        runner.stop()


class Runner:
    """One run of the proxy.

    Attributes:
        hub: the pure core.
        lane: where strategies come in.
        doors: where programs come in that speak TWS's own protocol.
        finished: ends, with an error, when the proxy cannot go on.
    """

    def __init__(self, config: Config) -> None:
        host, port = config.gateway_address
        self.hub = Hub(
            HubSettings(
                gateway=config.gateway,
                client_id=config.client_id,
                max_version=config.server_version,
                messages_per_s=config.max_messages_per_second,
                account_turn_s=config.account_turn_s,
                accounts_of_strategy={
                    name: strategy.accounts
                    for name, strategy in config.strategies.items()
                    if strategy.accounts
                },
                expects_of_strategy={
                    name: strategy.expects for name, strategy in config.strategies.items()
                },
                ports=Ports(config.paper_ports, config.live_ports),
                resume_s=config.resume_s,
                late_order_s=config.late_order_s,
                silence_s=config.gateway_silence_s,
                takes_over=config.on_duplicate == "take-over",
                limits=Limits(**msgspec.structs.asdict(config.limits)),
            )
        )
        self._run = secrets.token_hex(8)
        self._loop = asyncio.get_running_loop()
        self._started_at_s = time.monotonic()
        numbers = itertools.count(1)
        self.lane = ZmqLane(self._run, self.feed, self.status, numbers.__next__, config.resume_s)
        self.doors = TcpLane(self.feed, numbers.__next__)
        self.finished: asyncio.Future[None] = self._loop.create_future()
        self._journal: Journal | None = None
        self._unwritten: list[ef.Record] = []
        self._link = UpstreamLink(host, port, self.feed)
        self._events: deque[ev.Event] = deque()
        self._is_feeding = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_s = 0.0
        self._probe: asyncio.TimerHandle | None = None

    def open_journal(self, path: Path) -> None:
        """Begin where the journal ends; must come before `start`.

        Raises:
            BusyError, ConfigError: as `ibproxy_server.shells.journal.Journal`.
        """
        self._journal = Journal(path, self.hub.settings.client_id)
        self.hub = Hub(self.hub.settings, self._journal.entries())

    def start(self) -> None:
        """Begin to serve."""
        self.lane.start(self._loop)
        self._probe_clients()
        self.feed(ev.Tick())

    def stop(self) -> None:
        """End everything."""
        for timer in (self._timer, self._probe):
            if timer:
                timer.cancel()
        if self._probe and not self._is_feeding:
            self.feed(ev.Stopping())
            self._write_journal()
        self._is_feeding = True  # nobody is left to hear of what happens now
        self._link.close("the proxy has stopped")
        self.lane.close("the proxy has stopped")
        self.doors.close("the proxy has stopped")
        if self._journal:
            self._journal.close()

    def feed(self, event: ev.Event) -> None:
        """Give the hub an event, and carry out its effects without a pause in between."""
        self._events.append(event)
        if self._is_feeding:
            return  # an effect has brought this about: it comes after the others
        self._is_feeding = True
        try:
            while self._events:
                for effect in self.hub.handle(time.monotonic(), self._events.popleft()):
                    self._carry_out(effect)
        finally:
            self._is_feeding = False
        self._set_timer()

    def status(self) -> dict[str, Any]:
        """Return what the proxy is doing."""
        now_s = time.monotonic()
        uptime_s = round(now_s - self._started_at_s, 3)
        about = {"run": self._run, "version": __version__, "uptime_s": uptime_s}
        journal = {
            "file": str(self._journal.path) if self._journal else "",
            "failure": self.hub.orders.recorder.failure,
        }
        return {**about, **status(self.hub, now_s), "journal": journal}

    def _carry_out(self, effect: ef.Effect) -> None:
        match effect:
            case ef.SendToClient():
                self._lane_of(effect.session).send(effect.session, effect.data)
            case ef.SendUpstream():
                self._link.send(effect.data)
            case ef.Record():
                self._record(effect)
            case ef.Notice():
                _logger.log(effect.level.value, "%s", effect.text)
            case ef.AcceptClient():
                self._lane_of(effect.session).accept(effect.session)
            case ef.DropClient():
                lane = self._lane_of(effect.session)
                lane.drop(effect.session, effect.reason, refused=effect.refused)
            case ef.OpenUpstream():
                self._link.open()
            case ef.CloseUpstream():
                self._link.close(effect.reason)
            case _:
                self._give_up(effect)

    def _record(self, effect: ef.Record) -> None:
        """Write with all that comes meanwhile: the slower the disk, the more share a sync."""
        if self._journal is None:
            self.feed(ev.Recorded(effect.number))
            return
        if not self._unwritten:
            self._loop.call_soon(self._write_journal)
        self._unwritten.append(effect)

    def _write_journal(self) -> None:
        effects, self._unwritten = self._unwritten, []
        if not effects or self._journal is None:
            return
        entries = [entry for effect in effects for entry in effect.entries]
        is_urgent = any(effect.is_urgent for effect in effects)
        reason = self._journal.write(entries, is_urgent=is_urgent)
        for effect in effects:
            number = effect.number
            self.feed(ev.NotRecorded(number, reason) if reason else ev.Recorded(number))

    def _give_up(self, effect: ef.GiveUp) -> None:
        if not self.finished.done():
            self.finished.set_exception(ConfigError(effect.reason))

    def _lane_of(self, session: int) -> ZmqLane | TcpLane:
        return self.doors if session in self.doors else self.lane

    def _set_timer(self) -> None:
        deadline_s = self.hub.next_deadline_s()
        if self._timer:
            if deadline_s == self._timer_at_s:
                return
            self._timer.cancel()
            self._timer = None
        if deadline_s is not None:
            self._timer_at_s = deadline_s
            delay_s = max(0.0, deadline_s - time.monotonic())
            self._timer = self._loop.call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.feed(ev.Tick())

    def _probe_clients(self) -> None:
        self._probe = self._loop.call_later(PROBE_INTERVAL_S, self._probe_clients)
        self.lane.probe()
