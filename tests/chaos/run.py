"""One run: starts the programs, lets the faults strike, and calls the auditor."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ibproxy_server.core.upstream import LONGEST_PAUSE_S
from tests.chaos.accounts import count_unresolved, read_books, read_journal, read_story, stop_market
from tests.chaos.audit import Case, Finding, audit, refusal
from tests.chaos.guards import GUARDS, MESSAGES_PER_S
from tests.chaos.link import Forwarder
from tests.chaos.plan import MARKET_SPEED, RESUME_S, SILENCE_S, Strike, make_plan
from tests.chaos.programs import GatewayProgram, Program, ProxyProgram, StrategyProgram
from tests.chaos.strikes import Striker

SYMBOLS = ["SPY", "AMD", "AAPL", "MSFT", "TSLA", "NVDA"]
SYMBOLS_EACH = 3
ORDERS_PER_S = 30.0
"""What all strategies together mean to place; the proxy lets 50 messages a second through."""

CALM_S, PATIENCE_S = LONGEST_PAUSE_S + 2.0, 100.0
"""The run has ended when nobody was told anything of orders for so long, in which the proxy has
tried at least once to connect, and the journal knows of none that may be lost; or after the second,
for the proxy looks again after a minute."""

FIRST_ORDERS = 20
"""When so many were placed, things begin to go wrong."""

WRITTEN_S = 1.0
"""After so long what the gateway has said last has been told and written."""

LOOK_S = 0.25


@dataclass
class Verdict:
    """What came of a run.

    Attributes:
        broken: rule -> what breaks it.
        evidence: orderRef -> what the accounts say of it, for the first of each rule.
        figures: counts.
        folder: where the logs are kept; empty if they are not.
    """

    seed: int
    seconds: float
    broken: dict[str, list[Finding]]
    evidence: dict[str, list[str]]
    figures: dict[str, Any]
    folder: str = ""

    @property
    def holds(self) -> bool:
        """Whether every rule does."""
        return not self.broken

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "holds": self.holds,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "broken": self.broken,
            "evidence": self.evidence,
            "logs": self.folder,
            **self.figures,
        }

    def as_text(self) -> str:
        """Return it for people; the last line has the seed and the figures."""
        lines = []
        for rule, findings in self.broken.items():
            lines.append(f"BROKEN: {rule}: {len(findings)} times")
            lines += [f"  {about} {what}" for about, what in findings[:5]]
        for ref, said in self.evidence.items():
            lines += [f"{ref}:", *(f"  {each}" for each in said)]
        if self.folder:
            lines.append(f"logs: {self.folder}")
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        word = "it holds" if self.holds else "it does not hold"
        lines.append(f"{word}: seed {self.seed}, {self.seconds:.0f} s, {figures}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Chaos:
    """What is to be run.

    Attributes:
        orders: how many are placed at least.
        strategies: how many trade.
        plan: what goes wrong.
        without: a guard to switch off, see `guards`; empty: none.
        messages_per_s: what the proxy sends at most.
        keep: whether logs are kept even if all holds.
        tell: takes a line now and then.
    """

    orders: int
    strategies: int
    seed: int
    plan: list[Strike]
    without: str = ""
    messages_per_s: int = MESSAGES_PER_S
    keep: bool = False
    tell: Callable[[str], object] | None = None
    account_of: dict[str, str] = field(init=False, default_factory=dict)

    def run(self) -> Verdict:
        """Run it to its end."""
        for number in range(self.strategies):
            # two to an account: what they must not be told is not all of another account
            self.account_of[f"s{number}"] = f"DU{1000001 + number // 2}"
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        began_s = time.monotonic()
        broken, evidence, figures = asyncio.run(self._run(folder))
        is_kept = bool(broken) or self.keep
        said = {"plan": self.plan, "broken": broken, "evidence": evidence, "figures": figures}
        (folder / "verdict.json").write_bytes(msgspec.json.encode(said))
        if not is_kept:
            shutil.rmtree(folder)
        seconds = time.monotonic() - began_s
        return Verdict(
            self.seed, seconds, broken, evidence, figures, str(folder) if is_kept else ""
        )

    async def _run(
        self, folder: Path
    ) -> tuple[dict[str, list[Finding]], dict[str, list[str]], dict[str, Any]]:
        loop, running = asyncio.get_running_loop(), asyncio.current_task()
        assert running
        async with contextlib.AsyncExitStack() as stack:
            loop.add_signal_handler(signal.SIGTERM, running.cancel)  # so that no program is left
            stack.callback(loop.remove_signal_handler, signal.SIGTERM)
            gateway = GatewayProgram(folder, self._scenario(folder))
            stack.push_async_callback(gateway.kill)
            await gateway.start()
            link = Forwarder(("127.0.0.1", gateway.port), random.Random(f"{self.seed}/link"))
            await link.start()
            stack.push_async_callback(link.stop)
            listen = ("127.0.0.1", _free_port())
            journal = folder / "orders.sqlite"
            config = self._config(folder, link.port, listen)
            proxy = ProxyProgram(folder, config, journal, self.without)
            stack.push_async_callback(proxy.kill)
            await proxy.start()
            strategies: dict[str, StrategyProgram] = {}
            links: dict[str, Forwarder] = {}
            for name in self.account_of:
                links[name] = Forwarder(listen, random.Random(f"{self.seed}/{name}/link"))
                await links[name].start()
                stack.push_async_callback(links[name].stop)
                url = f"tcp://127.0.0.1:{links[name].port}"
                strategies[name] = each = StrategyProgram(
                    name, folder, url, self.seed, *self._trade(name)
                )
                stack.push_async_callback(each.kill)
                await each.start()
            striker = Striker(gateway, link, proxy, strategies, links)
            watch = _Watch(strategies)
            await self._strike(striker, watch)
            for end in (link, *links.values()):
                end.mend()
            for each in strategies.values():
                each.say("quiet")
            settle_s = await watch.settled(journal)
            await asyncio.to_thread(stop_market, gateway.control_url)
            await asyncio.sleep(WRITTEN_S)
            books = await asyncio.to_thread(read_books, gateway.control_url)
            (folder / "books.json").write_bytes(msgspec.json.encode(books))
            rows = read_journal(journal)
            await _end(strategies)
            stories = {n: read_story(n, each.diary) for n, each in strategies.items()}
            case = Case(books, rows, stories, self.account_of)
            broken = audit(case)
            if watch.placed() < self.orders:
                broken["trading goes on"] = [("", f"only {watch.placed()} orders were placed")]
            figures = self._figures(
                case, striker, [link, *links.values()], [proxy, *strategies.values()], settle_s
            )
        shown = {about for found in broken.values() for about, _ in found[:2]}
        return broken, {ref: case.evidence(ref) for ref in sorted(shown) if "-" in ref}, figures

    def _trade(self, name: str) -> tuple[list[str], float]:
        first = int(name[1:]) * 2
        symbols = [SYMBOLS[(first + each) % len(SYMBOLS)] for each in range(SYMBOLS_EACH)]
        return symbols, self.strategies / ORDERS_PER_S / 1.2

    async def _strike(self, striker: Striker, watch: _Watch) -> None:
        """Let the faults strike; there is trading until both they and the orders are done."""
        striking = []
        await watch.until_placed(min(FIRST_ORDERS, self.orders))
        for number, strike in enumerate(self.plan, 1):
            await asyncio.sleep(strike.after_s)
            striking.append(asyncio.ensure_future(striker.strike(strike)))
            self._tell(f"{watch.placed()} orders; {number}/{len(self.plan)} {strike}")
        await asyncio.gather(*striking)
        await watch.until_placed(self.orders)
        self._tell(f"{watch.placed()} orders placed; waiting for the end of it all")

    def _tell(self, text: str) -> None:
        if self.tell:
            self.tell(text)

    def _scenario(self, folder: Path) -> Path:
        accounts = sorted(set(self.account_of.values()))
        path = folder / "gateway.toml"
        path.write_text(
            f'about = "Chaos."\naccounts = {accounts}\n'.replace("'", '"')
            + "cash = 1_000_000_000.0\n"
            f"[market]\nseed = {self.seed % 1000}\nspeed = {MARKET_SPEED}\n"
            "start = 2026-04-13T11:00:00-04:00\n"
            '[[faults]]\nfault = "partial_fills"\nmost_shares = 7\n'
        )
        return path

    def _config(self, folder: Path, port: int, listen: tuple[str, int]) -> Path:
        path = folder / "config.toml"
        bound = [
            f'[strategies.{name}]\naccounts = ["{code}"]\n'
            for name, code in self.account_of.items()
        ]
        path.write_text(
            f'gateway = "127.0.0.1:{port}"\nlisten = ["tcp://{listen[0]}:{listen[1]}"]\n'
            f"max_messages_per_second = {self.messages_per_s}\ngateway_silence_s = {SILENCE_S}\n"
            f"resume_s = {RESUME_S}\n" + "".join(bound)
        )
        return path

    def _figures(
        self,
        case: Case,
        striker: Striker,
        links: list[Forwarder],
        programs: list[Program],
        settle_s: float,
    ) -> dict[str, Any]:
        stories = case.stories.values()
        placed = sum(len(each.placed) for each in stories)
        statuses = [order.status for _, order, _ in case.orders()]
        refused = [
            bool(refusal(story, ref))
            for story, ref, _ in case.placed()
            if ref not in case.books.orders
        ]
        return {
            "orders": placed,
            "in the books": len(statuses),
            "filled": statuses.count("Filled"),
            "executions": sum(map(len, case.books.fills.values())),
            "told unknown": sum(each.codes[2198] for each in stories),
            "refused": refused.count(True),
            "vanished with their connection": refused.count(False),
            "faults": sum(striker.done.values()),
            "strategies": self.strategies,
            "connections": sum(each.connections for each in stories),
            "starts": sum(each.starts for each in programs),
            "link cuts": sum(each.cuts for each in links),
            "settled in s": round(settle_s, 1),
        }


class _Watch:
    """Counts what the strategies write while they write it."""

    def __init__(self, strategies: dict[str, StrategyProgram]) -> None:
        self._diaries = [each.diary for each in strategies.values()]
        self._read = dict.fromkeys(self._diaries, 0)
        self._placed = 0
        self._lines = 0

    def placed(self) -> int:
        """Return how many orders were placed so far."""
        for path in self._diaries:
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(self._read[path])
                data = file.read()
            self._read[path] += len(data)
            self._placed += data.count(b'{"k": "place"')
            self._lines += data.count(b"\n")
        return self._placed

    async def until_placed(self, orders: int) -> None:
        """Wait until so many orders were placed, or none for a long time."""
        count, moved_s = self.placed(), time.monotonic()
        while count < orders and time.monotonic() - moved_s < PATIENCE_S:
            await asyncio.sleep(LOOK_S)
            before, count = count, self.placed()
            if count > before:
                moved_s = time.monotonic()

    async def settled(self, journal: Path) -> float:
        """Wait until nobody has been told anything for a while; return how long it took."""
        began_s = calm_s = time.monotonic()
        lines = -1
        while time.monotonic() - began_s < PATIENCE_S:
            self.placed()
            if self._lines != lines:
                lines, calm_s = self._lines, time.monotonic()
            is_calm = time.monotonic() - calm_s >= CALM_S
            if is_calm and not count_unresolved(journal):
                break
            await asyncio.sleep(LOOK_S)
        return time.monotonic() - began_s


def _free_port() -> int:
    """Return a port that stays the proxy's over its restarts."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def _end(strategies: dict[str, StrategyProgram]) -> None:
    for each in strategies.values():
        each.say("end")
    for each in strategies.values():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(each.ended(), CALM_S * 2)


def make_chaos(
    orders: int,
    faults: int,
    strategies: int,
    seed: int,
    *,
    without: str = "",
    like: str = "",
    kinds: Sequence[str] = (),
    **more: Any,
) -> Chaos:
    """Return a run with a plan drawn from its seed.

    Args:
        orders: how many at least.
        faults: how many.
        strategies: how many.
        seed: where chance comes from.
        without: a guard to switch off; the faults are those that it is there for.
        like: a guard that stays, with the same faults.
        kinds: which kinds of faults; empty: all.
        more: as in `Chaos`.
    """
    if guard := GUARDS.get(without or like):
        kinds = kinds or guard.kinds
        faults = faults if kinds else 0
        more.setdefault("messages_per_s", guard.messages_per_s)
    plan = make_plan(seed, faults, strategies, kinds, orders)
    return Chaos(orders, strategies, seed, plan, without, **more)
