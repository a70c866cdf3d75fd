"""The stand-in gateway of the soak: it stamps its answers, and keeps a ledger of what runs.

The ledger follows what was asked and cancelled on the wire, and the stand-in's own list of
streams is reported beside it: both must be empty of what clients wanted once they have left.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from ibproxy_sim.build import Simulation, make_simulation
from ibproxy_sim.exchange.universe import ContractQuery, Universe
from ibproxy_sim.server import SimServer
from ibproxy_sim.wire.gateway import Client
from ibproxy_sim.wire.settings import Settings
from tests.soak.subjects import ANSWERS, REQUESTS, SERVER_VERSION, stamp

ACCOUNTS = tuple(f"DU{1000001 + number}" for number in range(8))
LINES = 100
OPTIONS_OF = "AAPL"

CANCELS = {
    "2": "1",
    "11": "10",
    "13": "12",
    "23": "22",
    "25": "20",
    "51": "50",
    "63": "62",
    "64": "61",
    "70": "68",
    "75": "74",
    "77": "76",
    "93": "92",
    "95": "94",
    "98": "97",
}
"""Cancel -> what it ends."""

_WITHOUT_ID = {"12", "61"}
_FLAG_AT = {"1": -3, "20": -2}
"""Streams unless the flag, snapshot, is set; or, of history, only if it is."""

_ID_AT = {"20": 1, "22": 1, "92": 1, "94": 1, "97": 1, "93": 1, "95": 1, "98": 1}
_LEAVES_ALIVE = {"2104", "2106", "2152", "2158", "317", "10167", "10090", "165", "2174"}


class Ledger:
    """What was asked for and not cancelled, by kind and request id."""

    def __init__(self) -> None:
        self.live: set[tuple[str, str]] = set()
        self.most = 0
        self.most_lines = 0

    def asked(self, fields: list[str]) -> None:
        """A message has come from the proxy."""
        kind = fields[0]
        if kind in CANCELS:
            self.live.discard((CANCELS[kind], self._id(fields, CANCELS[kind])))
        elif kind in CANCELS.values() and self._is_stream(fields):
            self.live.add((kind, self._id(fields, kind)))
            self.most = max(self.most, len(self.live))
            lines = sum(kind == "1" for kind, _ in self.live)
            self.most_lines = max(self.most_lines, lines)

    def told(self, fields: list[str]) -> None:
        """A message is going out: most errors end what they are about."""
        if fields[0] == "4" and fields[3] not in _LEAVES_ALIVE and fields[2] != "-1":
            self.live = {each for each in self.live if each[1] != fields[2]}

    @staticmethod
    def _id(fields: list[str], asked: str) -> str:
        return "" if asked in _WITHOUT_ID else fields[_ID_AT.get(fields[0], 2)]

    @staticmethod
    def _is_stream(fields: list[str]) -> bool:
        at = _FLAG_AT.get(fields[0])
        return at is None or (fields[at] == "1") is (fields[0] == "20")

    def counts(self) -> dict[str, int]:
        """Return kind -> how many run."""
        return dict(sorted(Counter(kind for kind, _ in self.live).items()))


class Stamper:
    """Writes into every answer what it is about."""

    def __init__(self, simulation: Simulation) -> None:
        self.ledger = Ledger()
        self._subjects: dict[str, str] = {}
        simulation.gateway.requests.stand(0, self._note)
        simulation.gateway.answers.stand(0, self._stamp)

    def _note(self, client: Client, fields: list[str]) -> bool:
        del client
        self.ledger.asked(fields)
        asked = REQUESTS.get(fields[0])
        if asked:
            self._subjects[fields[asked.id_at]] = fields[asked.subject_at]
        return False

    def _stamp(self, client: Client, fields: list[str]) -> bool:
        del client
        self.ledger.told(fields)
        told = ANSWERS.get(fields[0])
        subject = self._subjects.get(fields[told.id_at]) if told else None
        if told and subject is not None:
            stamp(fields, told, subject)
        return False


def report(simulation: Simulation, stamper: Stamper) -> dict[str, object]:
    """Return what runs at the gateway."""
    return {
        "asked": stamper.ledger.counts(),
        "most": stamper.ledger.most,
        "most_lines": stamper.ledger.most_lines,
        "streams": {name: len(each) for name, each in simulation.gateway.streams.items()},
        "requests": sum(simulation.gateway.statistics.requests.values()),
    }


def _contracts(universe: Universe) -> dict[str, list[list[object]]]:
    """Return the stocks, and as many contracts with quotes as there are lines: conId, name."""
    quoted = [each for each in universe.instruments if each.has_quotes]
    stocks = [each for each in quoted if each.sec_type == "STK" and each.currency == "USD"]
    futures = [each for each in quoted if each.sec_type == "FUT"]
    chain = next(each for each in universe.chains if each.underlying.symbol == OPTIONS_OF)
    options = [
        universe.resolve(ContractQuery(symbol=OPTIONS_OF, sec_type="OPT", expiry=expiry,
                                       strike=strike, right=right, exchange="SMART"))
        for expiry in chain.expiries[:2]
        for strike in chain.strikes
        for right in "CP"
    ]  # fmt: skip
    lines = [*stocks, *futures, *(each for each in options if each)][:LINES]
    return {
        "stocks": [[each.con_id, each.symbol] for each in stocks],
        "options": [[each.con_id, each.exchange] for each in lines if each.sec_type == "OPT"],
        "lines": [[each.con_id, each.exchange] for each in lines],
    }


async def main(seed: int, speed: float) -> None:
    """Serve until the standard input closes; each line on it asks for a report."""
    settings = Settings(
        accounts=ACCOUNTS,
        seed=seed,
        speed=speed,
        max_lines=LINES,
        max_books=LINES,
        max_tick_by_tick=LINES,
        server_version=SERVER_VERSION,
    )
    simulation = make_simulation(settings, time.time())
    stamper = Stamper(simulation)
    server = SimServer(simulation.gateway)
    await server.start()
    about = {"port": server.port, "accounts": ACCOUNTS, **_contracts(simulation.universe)}
    print(json.dumps(about), flush=True)  # noqa: T201 - read by the parent
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(report(simulation, stamper)), flush=True)  # noqa: T201
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
