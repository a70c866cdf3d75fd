"""The proxy of the soak: without pacing, and it tells what it holds on to."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections import Counter

from ibproxy.config import Config, DoorConfig, LimitsConfig, StrategyConfig
from ibproxy_server.shells.runner import Runner
from tests.soak.census import memory, tables
from tests.soak.plants import plant
from tests.soak.subjects import SERVER_VERSION

RESUME_S = 2.0
"""All clients of the crowd are one process, so one that vanishes seems to be alive."""


class Complaints(logging.Handler):
    """Counts what the proxy logs as errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        self.texts[record.getMessage()[:200]] += 1


def report(runner: Runner, complaints: Complaints) -> dict[str, object]:
    """Return what the proxy holds, and what it has counted."""
    status = runner.status()
    return {
        "tables": tables(runner),
        "memory": memory(),
        "status": {"counters": status["counters"], "upstream": status["upstream"]},
        "sessions": len(status["sessions"]),
        "complaints": dict(complaints.texts),
    }


async def main(
    port: str, strategies: dict[str, list[str]], at_doors: list[str], planted: str
) -> None:
    """Serve until the standard input closes; each line on it asks for a report."""
    complaints = Complaints()
    logging.getLogger("ibproxy").addHandler(complaints)
    logging.getLogger("ibproxy").propagate = False
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            gateway=f"127.0.0.1:{port}",
            server_version=SERVER_VERSION,
            max_messages_per_second=0,
            limits=LimitsConfig(history=0),
            resume_s=RESUME_S,
            listen=(f"ipc://{folder}/p.sock",),
            doors=tuple(DoorConfig("127.0.0.1:0", name) for name in at_doors),
            strategies={name: StrategyConfig(tuple(codes)) for name, codes in strategies.items()},
        )
        runner = Runner(config)
        urls = [runner.lane.bind(each) for each in config.listen_addresses()]
        doors = {each.strategy: await runner.doors.listen(each) for each in config.doors}
        if planted:
            plant(planted, runner.hub)
        runner.start()
        print(json.dumps({"url": urls[0], "doors": doors}), flush=True)  # noqa: T201 - read by the parent
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(report(runner, complaints)), flush=True)  # noqa: T201
        runner.stop()
        await asyncio.sleep(0)


if __name__ == "__main__":
    os.environ.setdefault("IBPROXY_CONFIG", os.devnull)
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]))
