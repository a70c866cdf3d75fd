"""How many ticks a second the stand-in gateway writes, to a reader that only counts them.

    python -m tests.bench.flood [SECONDS]

The reader is a process of its own and splits frames, no more, so the figure is the stand-in's;
a client that decodes its ticks reads them slower, and is then waited for.
"""

from __future__ import annotations

import multiprocessing
import socket
import sys
import time

from ibproxy.wire.framing import FrameBuffer, frame, join_fields
from ibproxy_sim.threaded import ThreadedSim
from ibproxy_sim.wire.settings import Settings

MONDAY_S = 1776092400.0
SYMBOLS = ("AMD", "AAPL", "MSFT", "INTC", "TSLA", "NVDA", "META", "IBM", "KO", "SPY")
TICKS = (b"1\0", b"2\0")
PIECE_BYTES = 1 << 20
SECONDS = 3.0


def read(host: str, port: int, seconds: float, result: multiprocessing.Queue[float]) -> None:
    """Subscribe to some stocks and count the ticks that come in `seconds`."""
    with socket.create_connection((host, port)) as line:
        line.sendall(b"API\0" + frame(b"v157..178"))
        line.sendall(frame(join_fields(71, 2, 1, "")))
        for number, symbol in enumerate(SYMBOLS):
            row = (0, symbol, "STK", "", 0, "", "", "SMART", "", "USD", "", "")
            line.sendall(frame(join_fields(1, 11, number, *row, 0, "", 0, 0, "")))
        buffer, ticks, started_s = FrameBuffer(), 0, time.monotonic()
        while (elapsed_s := time.monotonic() - started_s) < seconds:
            payloads = buffer.feed(line.recv(PIECE_BYTES))
            ticks += sum(payload.startswith(TICKS) for payload in payloads)
    result.put(ticks / elapsed_s)


def ticks_per_s(seconds: float = SECONDS) -> float:
    """The figure."""
    sim = ThreadedSim(Settings(flood=True), MONDAY_S)
    context = multiprocessing.get_context("spawn")
    result: multiprocessing.Queue[float] = context.Queue()
    arguments = (sim.host, sim.port, seconds, result)
    reader = context.Process(target=read, args=arguments)
    reader.start()
    try:
        return result.get(timeout=seconds + 30)
    finally:
        reader.join()
        sim.stop()


if __name__ == "__main__":
    print(f"{ticks_per_s(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS):,.0f} ticks/s")  # noqa: T201
