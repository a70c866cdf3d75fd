"""Runs a service until it ends or is told to: what Ctrl-C and SIGTERM do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine
from typing import Any

FATAL_SIGNAL = 128
"""A process that a signal ends has this plus the signal's number as its exit status."""


def run_service(service: Coroutine[Any, Any, None]) -> int:
    """Run `service`; SIGINT and SIGTERM cancel it, a second one ends the process on the spot.

    Returns:
        The exit status: 130 after SIGINT, else 0; SIGTERM is how a service is meant to end.
    """
    received: list[int] = []
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_signal(service, received))
    return FATAL_SIGNAL + signal.SIGINT if signal.SIGINT in received else 0


async def _until_signal(service: Coroutine[Any, Any, None], received: list[int]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(service)

    def stop(number: int) -> None:
        if received:
            os._exit(FATAL_SIGNAL + number)  # it hangs, and somebody is impatient
        received.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stop, number)
    await task
